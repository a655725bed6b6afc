"""One's own data: folders of images, parquet shards and Hub repositories, whatever their images are like."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from hub_server import FakeHub, client, closed_port, serve
from own_images import encoded, pixels, write_folder, write_parquet
from PIL import Image, ImageOps

from lpwd.config import ConfigError, RunConfig
from lpwd.runs import batches as paired
from lpwd.training.data import batches, own
from lpwd.training.data.decoding import decode
from lpwd.training.data.tables import open_contents

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def caches(tmp_path, monkeypatch):
    """Caches of this test alone."""
    import datasets.config

    monkeypatch.setattr("huggingface_hub.constants.HF_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "home" / "datasets")
    monkeypatch.delenv("LPWD_DATA_DIRS", raising=False)


def rotated():
    image = Image.fromarray(pixels(6, 9, 3))
    exif = image.getexif()
    exif[0x0112] = 6  # turned by 90 degrees
    return encoded(image, exif=exif)


KINDS = {
    "rgb.png": lambda: encoded(Image.fromarray(pixels(8, 8, 3))),
    "grey.png": lambda: encoded(Image.fromarray(pixels(8, 10))),
    "grey_alpha.png": lambda: encoded(Image.fromarray(pixels(8, 8, 2), "LA")),
    "rgba.png": lambda: encoded(Image.fromarray(pixels(8, 8, 4))),
    "palette.png": lambda: encoded(Image.fromarray(pixels(8, 8, 3)).quantize(16)),
    "palette.gif": lambda: encoded(Image.fromarray(pixels(8, 8, 3)).quantize(16), "GIF"),
    "one_bit.png": lambda: encoded(Image.fromarray(pixels(8, 8)).convert("1")),
    "cmyk.jpg": lambda: encoded(Image.fromarray(pixels(8, 8, 4), "CMYK"), "JPEG"),
    "sixteen.png": lambda: encoded(Image.fromarray(pixels(8, 8, high=2**16, kind=np.uint16))),
    "sixteen.tif": lambda: encoded(Image.fromarray(pixels(8, 8, high=2**16, kind=np.uint16)), "TIFF"),
    "rotated.png": rotated,
    "webp.webp": lambda: encoded(Image.fromarray(pixels(8, 8, 3)), "WEBP", lossless=True),
}


def by_pillow(content):
    """What Pillow alone makes of an image; of 16-bit grey the documented rule is the high byte."""
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image).astype(np.int64) // 256).astype(np.uint8))
    return np.asarray(image.convert("RGB"))


def of(dataset, **fields):
    return RunConfig(**{"dataset": str(dataset), "image_size": 8, "model": "test_convnext", **fields})


def load(config):
    (config,) = own.pin([config])
    return config, batches.load(config, CPU)


def test_odd_images_in_a_folder_are_decoded_as_pillow_does(tmp_path):
    contents = {name: make() for name, make in KINDS.items()}
    for name, content in contents.items():
        for kind in ("a", "b"):
            path = tmp_path / "data" / kind / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    items = open_contents(f"folder:{tmp_path / 'data'}", {}).train
    assert len(items) == 2 * len(KINDS)
    for item in items:
        expected = by_pillow(contents[Path(item.name).name])
        np.testing.assert_array_equal(decode(item.read(), item.name), expected, err_msg=item.name)


def test_odd_images_in_parquet_shards_are_decoded_as_pillow_does(tmp_path):
    contents = [make() for make in KINDS.values()]
    half = len(contents) // 2
    for number, shard in enumerate((contents[:half], contents[half:])):
        write_parquet(tmp_path / "data" / f"train-{number:05}-of-00002.parquet", shard, ["x", "y"] * (len(shard) // 2))
    read = open_contents(f"folder:{tmp_path / 'data'}", {})
    assert read.classes == ("x", "y")
    assert [item.label for item in read.train] == [0, 1] * half
    for item, content in zip(read.train, contents, strict=True):
        np.testing.assert_array_equal(decode(item.read(), item.name), by_pillow(content))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"some text", "is not an image that Pillow can read"),
        (encoded(Image.fromarray(pixels(64, 64, 3)))[:900], "cannot be decoded"),
        (encoded(Image.fromarray(np.ones((4, 4), np.float32)), "TIFF"), "has floating-point pixels"),
        (encoded(Image.fromarray(np.full((4, 4), 2**20, np.int32)), "TIFF"), "16 bits are allowed"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_sentence_that_names_the_file(tmp_path, content, reason):
    bad = write_folder(tmp_path / "data") / "dog" / "bad.tif"
    bad.write_bytes(content)
    with pytest.raises(ConfigError, match=f"{bad}.*{reason}") as refusal:
        load(of(f"folder:{tmp_path / 'data'}"))
    assert "\n" not in str(refusal.value)


def test_images_of_mixed_sizes_are_resized_and_normalised_by_the_training_images(tmp_path):
    root = write_folder(tmp_path / "data" / "train", size=(16, 12))
    write_folder(root, count=4, size=(8, 8))
    write_folder(tmp_path / "data" / "test", count=3)
    _, data = load(of(f"folder:{tmp_path / 'data'}"))
    assert (data.class_count, len(data.train_labels), len(data.test_labels)) == (2, 20, 6)
    assert data.train_images.shape[1:] == (8, 8, 3)
    whole = data.train_images.double().div(255).flatten(0, 2)
    torch.testing.assert_close(data.mean.double(), whole.mean(0), rtol=1e-6, atol=0)
    torch.testing.assert_close(data.std.double(), whole.std(0, correction=0), rtol=1e-6, atol=0)


def test_a_missing_test_split_is_balanced_and_the_same_for_every_seed(tmp_path):
    write_folder(tmp_path / "data", count=20)
    first, second = (load(of(f"folder:{tmp_path / 'data'}", seed=seed))[1] for seed in (0, 1))
    assert torch.bincount(first.test_labels).tolist() == [4, 4]
    assert torch.equal(first.test_images, second.test_images)
    rows = {bytes(image) for image in first.train_images.numpy().reshape(32, -1)}
    assert not rows & {bytes(image) for image in first.test_images.numpy().reshape(8, -1)}


def test_a_second_run_reads_no_image_again(tmp_path, monkeypatch):
    root = write_folder(tmp_path / "data")
    config, first = load(of(f"folder:{root}"))
    monkeypatch.setattr("lpwd.training.data.own.open_contents", None)  # a call would fail
    assert torch.equal(batches.load(config, CPU).train_images, first.train_images)


def test_runs_on_other_content_have_other_ids_and_are_never_paired(tmp_path):
    root = write_folder(tmp_path / "data")
    (before,) = own.pin([of(f"folder:{root}")])
    (root / "cat" / "0.png").write_bytes((root / "dog" / "0.png").read_bytes())
    (after,) = own.pin([of(f"folder:{root}")])
    assert before.run_id != after.run_id
    assert paired(before.model_dump(mode="json")) != paired(after.model_dump(mode="json"))
    with pytest.raises(ConfigError, match="have changed since this run was created"):
        batches.load(before, CPU)


def test_the_digest_is_of_the_content_and_not_of_the_place(tmp_path):
    one, two = (write_folder(tmp_path / name, count=2) for name in ("one", "two"))
    for path in one.rglob("*.png"):
        (two / path.relative_to(one)).write_bytes(path.read_bytes())
    first, second = own.pin([of(f"folder:{one}"), of(f"folder:{two}")])
    assert first.data_digest == second.data_digest


def test_a_folder_outside_what_the_owner_allowed_is_refused_whether_it_is_there_or_not(tmp_path, monkeypatch):
    write_folder(tmp_path / "allowed")
    secret = write_folder(tmp_path / "secret")
    monkeypatch.setenv("LPWD_DATA_DIRS", str(tmp_path / "allowed"))
    (tmp_path / "allowed" / "link").symlink_to(secret)
    for path in (secret, tmp_path / "nothing", tmp_path / "allowed" / "link", tmp_path / "allowed" / ".." / "secret"):
        with pytest.raises(ConfigError) as refusal:
            own.pin([of(f"folder:{path}")])
        said = str(refusal.value).replace(os.path.abspath(path), "PATH")
        assert said == "dataset is folder:PATH: it is outside the folders allowed by LPWD_DATA_DIRS"
    (tmp_path / "allowed" / "link").unlink()
    assert own.pin([of(f"folder:{tmp_path / 'allowed'}")])[0].data_digest


def test_a_linked_file_outside_what_the_owner_allowed_is_refused(tmp_path, monkeypatch):
    root = write_folder(tmp_path / "allowed")
    (tmp_path / "secret.png").write_bytes(b"secret")
    (root / "cat" / "link.png").symlink_to(tmp_path / "secret.png")
    monkeypatch.setenv("LPWD_DATA_DIRS", str(root))
    with pytest.raises(ConfigError, match="outside the folders"):
        own.pin([of(f"folder:{root}")])


def test_a_row_that_names_a_file_of_this_machine_does_not_read_it(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    (tmp_path / "secret").write_bytes(encoded(Image.fromarray(pixels(8, 8, 3))))
    (tmp_path / "data").mkdir()
    rows = [{"bytes": None, "path": str(tmp_path / "secret")}] * 8
    pq.write_table(pa.table({"image": rows, "label": [0, 1] * 4}), tmp_path / "data" / "train.parquet")
    with pytest.raises(ConfigError, match="row 0 has no image"):
        own.pin([of(f"folder:{tmp_path / 'data'}")])


def test_columns_that_are_not_clear_are_named_by_options(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    images = [{"bytes": encoded(Image.fromarray(pixels(8, 8, 3))), "path": None} for _ in range(8)]
    table = pa.table({"img": images, "coarse": [0, 1] * 4, "fine": list("abcdabcd")})
    (tmp_path / "data").mkdir()
    pq.write_table(table, tmp_path / "data" / "train.parquet")
    dataset = f"folder:{tmp_path / 'data'}"
    with pytest.raises(ConfigError, match=r"must name the column label: in .* it could be coarse or fine"):
        open_contents(dataset, {})
    assert open_contents(dataset, {"label": "fine"}).classes == ("a", "b", "c", "d")
    with pytest.raises(ConfigError, match=r"has label 'nope': .* has img, coarse, fine"):
        open_contents(dataset, {"label": "nope"})
    with pytest.raises(ConfigError, match="has an unknown key 'colour': allowed are image"):
        open_contents(dataset, {"colour": "fine"})


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (lambda root: root, "folder not found"),
        (lambda root: write_folder(root, classes=("only",)), "must have one folder of images per class"),
        (lambda root: (write_folder(root) / "bird").mkdir(), "class 'bird' has no training image"),
    ],
)
def test_a_folder_without_classes_is_refused(tmp_path, build, reason):
    build(tmp_path / "data")
    with pytest.raises(ConfigError, match=reason):
        own.pin([of(f"folder:{tmp_path / 'data'}")])


# ---- repositories on the Hub

README = b"""---
configs:
- config_name: two
  data_files:
  - {split: train, path: two/train-*.parquet}
  - {split: test, path: two/test.parquet}
- config_name: one
  data_files: one/*.parquet
---
"""
LOOK = """
from lpwd.config import ConfigError
from lpwd.training.data.tables import open_contents
def look(dataset):
    try:
        found = open_contents(dataset, {})
        return [found.classes, len(found.train), len(found.test), found.digest()]
    except ConfigError as error:
        return str(error)
"""


def shard(tmp_path, labels):
    write_parquet(tmp_path / "shard.parquet", [encoded(Image.fromarray(pixels(8, 8, 3))) for _ in labels], labels)
    return (tmp_path / "shard.parquet").read_bytes()


def test_a_data_set_on_the_hub_is_found_by_its_features_and_read_again_without_the_hub(tmp_path):
    hub = FakeHub()
    files = {f"two/train-{number}.parquet": shard(tmp_path, ["b", "a"] * 4) for number in (0, 1)}
    files |= {"two/test.parquet": shard(tmp_path, ["a", "b"]), "one/all.parquet": shard(tmp_path, [3, 7] * 3)}
    hub.put("datasets/owner/name", files | {"README.md": README})
    with serve(hub) as endpoint, client(endpoint, tmp_path / "home") as ask:
        two = ask(f"{LOOK}result = look('hf:owner/name:two')")
        assert two[:3] == [["a", "b"], 16, 2]
        assert ask("result = look('hf:owner/name:one')")[:3] == [["3", "7"], 6, 0]
        refused = ask("result = look('hf:owner/name:three')")
        assert "three" in refused
        assert "two" in refused
        assert "hf:owner/none" in ask("result = look('hf:owner/none')")
    with client(endpoint, tmp_path / "home", HF_HUB_OFFLINE="1") as ask:
        assert ask(f"{LOOK}result = look('hf:owner/name:two')") == two


def test_a_hub_that_does_not_answer_is_named_in_one_sentence(tmp_path):
    with client(closed_port(), tmp_path / "home") as ask:
        sentence = ask(f"{LOOK}result = look('hf:owner/name')")
    assert isinstance(sentence, str)
    assert "owner/name" in sentence
    assert "\n" not in sentence
