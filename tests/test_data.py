"""The data: decoded once from the Hub's parquet, balanced subsets, batches that equal albumentations'."""

import io
import subprocess
import sys
from collections import Counter

import cv2
import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hub_server import FakeHub, closed_port, run_with_hub, serve, silent_server
from sklearn.datasets import load_sample_images

from lpwd.config import ConfigError, RunConfig
from lpwd.facts import DATASETS
from lpwd.training.data import batches, images

CPU = torch.device("cpu")
CIFAR = DATASETS["cifar10"].hub
SECONDS_TO_NOTICE = 10
READ = """
import time
from lpwd.training.data import images
from lpwd.config import ConfigError
decoded, decode = [], images.decode
images.decode = lambda *arguments: decoded.append(1) or decode(*arguments)
begun = time.perf_counter()
try:
    train, test = images.read("cifar10")
    result = {"mean": float(train.images.mean()), "labels": train.labels.tolist()}
    result["sizes"] = images.cached_sizes("cifar10")
except ConfigError as error:
    result = {"error": str(error), "kind": type(error).__name__}
result |= {"seconds": time.perf_counter() - begun, "decoded": len(decoded)}
"""


def photographs(count):
    """Real 32x32 RGB images: patches of scikit-learn's two photographs."""
    patches = [
        photo[y : y + 32, x : x + 32]
        for photo in load_sample_images().images
        for y in range(0, 384, 32)
        for x in range(0, 640, 32)
    ]
    return np.stack(patches[:count])


def encode(image, extension=".png"):
    return cv2.imencode(extension, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes()


def parquet(encoded, labels, label_column="label", image_column="img"):
    """A parquet file of the Hub's layout, as bytes."""
    img = pa.array(
        [{"bytes": one, "path": None} for one in encoded], pa.struct({"bytes": pa.binary(), "path": pa.string()})
    )
    buffer = io.BytesIO()
    pq.write_table(pa.table({image_column: img, label_column: pa.array(labels, pa.int64())}), buffer)
    return buffer.getvalue()


def cifar_files(count=100):
    """Both files of a small CIFAR-10 of photographs."""
    encoded, labels = [encode(image) for image in photographs(count)], [index % 10 for index in range(count)]
    return {CIFAR.train_file: parquet(encoded, labels), CIFAR.test_file: parquet(encoded[:50], labels[:50])}


@pytest.fixture
def hub():
    hub = FakeHub()
    hub.put(f"datasets/{CIFAR.repo}", cifar_files())
    return hub


# ---- reading


def test_digits_need_no_network_and_are_balanced():
    train, test = images.read("digits")
    assert (len(train.labels), len(test.labels)) == images.cached_sizes("digits") == (1297, 500)
    assert set(Counter(test.labels.tolist()).values()) == {50}
    assert train.images.shape == (1297, 8, 8, 3)
    assert train.images.max() == 255


@pytest.mark.parametrize("extension", [".png", ".webp"])
def test_decoded_images_are_the_encoded_ones(tmp_path, extension):
    originals = photographs(50)
    path = tmp_path / "set.parquet"
    path.write_bytes(parquet([encode(image, extension) for image in originals], range(50), "fine_label"))
    split = images.decode(path, DATASETS["cifar100"].hub, class_count=100)
    assert split.labels.tolist() == list(range(50))
    if extension == ".png":  # OpenCV's WebP is lossy by default
        np.testing.assert_array_equal(split.images, originals)
    assert np.abs(split.images.astype(int) - originals).mean() < 5


@pytest.mark.parametrize(("extension", "quality"), [(".png", []), (".jpg", [cv2.IMWRITE_JPEG_QUALITY, 95])])
def test_tiny_imagenet_is_decoded_in_its_own_size_and_colour_and_resized_once(tmp_path, extension, quality):
    source = DATASETS["tinyimagenet"].hub
    large = [cv2.resize(image, (64, 64), interpolation=cv2.INTER_CUBIC) for image in photographs(20)]
    grey = cv2.cvtColor(large[7], cv2.COLOR_RGB2GRAY)  # some of its images have one channel
    encoded = [cv2.imencode(extension, cv2.cvtColor(image, cv2.COLOR_RGB2BGR), quality)[1].tobytes() for image in large]
    encoded[7] = cv2.imencode(extension, grey, quality)[1].tobytes()
    path = tmp_path / "set.parquet"
    path.write_bytes(parquet(encoded, range(180, 200), image_column=source.image_column))
    split = images.decode(path, source, DATASETS["tinyimagenet"].classes)
    assert split.images.shape == (20, 64, 64, 3)
    assert np.abs(split.images[7].astype(int) - grey[..., None]).mean() < 3
    assert np.abs(split.images.astype(int)[:7] - large[:7]).mean() < 3
    halved = split.images.reshape(20, 32, 2, 32, 2, 3).mean((2, 4))
    assert np.abs(images.resize(split.images, 32) - halved).max() <= 1


def test_a_broken_file_is_one_sentence(tmp_path):
    good = [encode(image) for image in photographs(3)]
    small = encode(cv2.resize(photographs(1)[0], (28, 28)))
    for content, said in [
        (b"garbage", "is not a parquet file"),
        (parquet(good, [0, 1, 2])[:-100], "is not a parquet file"),
        (parquet(good, [0, 1, 2], "other"), "columns img and label"),
        (parquet([good[0], good[1][:200], good[2]], [0, 1, 2]), "image 1 cannot be decoded"),
        (parquet([good[0], None, good[2]], [0, 1, 2]), "image 1 cannot be decoded"),
        (parquet([*good[:2], small], [0, 1, 2]), "image 2 has shape"),
        (parquet(good, [0, 1, 10]), "labels from 0 to 10: allowed are 0 to 9"),
        (parquet(good, [0, 1, None]), "labels from -1 to 1"),
        (parquet([], []), "contains no images"),
    ]:
        path = tmp_path / "set.parquet"
        path.write_bytes(content)
        with pytest.raises(ConfigError, match=said) as caught:
            images.decode(path, CIFAR, class_count=10)
        assert "\n" not in str(caught.value)


# ---- from the Hub


def test_a_set_is_decoded_once_and_then_needs_no_hub(hub, tmp_path):
    with serve(hub) as endpoint:
        first = run_with_hub(READ, endpoint, tmp_path)
        again = run_with_hub(READ, endpoint, tmp_path)
    away = run_with_hub(READ, closed_port(), tmp_path)
    offline = run_with_hub(READ, closed_port(), tmp_path, HF_HUB_OFFLINE="1")
    assert first["decoded"] == 2
    assert first["sizes"] == [100, 50]
    for later in (again, away, offline):
        assert later["decoded"] == 0
        assert later["seconds"] < 3  # benchmarks/data.py measures it; under 0.1 s where nothing else runs
        assert {**later, "seconds": 0, "decoded": 0} == {**first, "seconds": 0, "decoded": 0}
    with silent_server() as endpoint:
        assert run_with_hub(READ, endpoint, tmp_path)["mean"] == first["mean"]


def test_a_changed_file_and_a_damaged_cache_are_decoded_again(hub, tmp_path):
    with serve(hub) as endpoint:
        first = run_with_hub(READ, endpoint, tmp_path)
        hub.put(f"datasets/{CIFAR.repo}", {CIFAR.train_file: cifar_files(60)[CIFAR.train_file]})
        changed = run_with_hub(READ, endpoint, tmp_path)
        for path in (tmp_path / "lpwd").glob("*/images.npy"):
            path.write_bytes(path.read_bytes()[:1000])
        repaired = run_with_hub(READ, endpoint, tmp_path)
    assert len(first["labels"]) == 100
    assert (len(changed["labels"]), changed["decoded"], changed["sizes"]) == (60, 1, [60, 50])
    assert (repaired["mean"], repaired["decoded"]) == (changed["mean"], 2)


def test_two_processes_may_start_at_once(hub, tmp_path):
    code = "from lpwd.training.data import images; images.read('cifar10')"
    with serve(hub) as endpoint:
        environment = {"HF_ENDPOINT": endpoint, "HF_HOME": str(tmp_path), "PATH": "", "PYTHONPATH": "."}
        started = [
            subprocess.Popen([sys.executable, "-c", code], env=environment, stderr=subprocess.PIPE) for _ in range(2)
        ]
        for process in started:
            assert process.wait(60) == 0, process.stderr.read()
            process.stderr.close()
    folders = list((tmp_path / "lpwd").iterdir())
    assert (
        sorted(path.name for folder in folders for path in folder.iterdir()) == ["images.npy"] * 2 + ["labels.npy"] * 2
    )


def test_an_unwritable_cache_folder_is_replaced_by_a_temporary_one(hub, tmp_path):
    (tmp_path / "lpwd").write_text("a file, so that no folder can be made")
    (tmp_path / "tmp").mkdir()
    with serve(hub) as endpoint:
        found = [run_with_hub(READ, endpoint, tmp_path, TMPDIR=str(tmp_path / "tmp"))["decoded"] for _ in range(2)]
    assert found == [2, 0]


def test_a_hub_that_is_not_there_is_noticed(tmp_path):
    with silent_server() as silent:
        for endpoint, environment in [(closed_port(), {}), (silent, {}), (silent, {"HF_HUB_OFFLINE": "1"})]:
            found = run_with_hub(READ, endpoint, tmp_path, **environment)
            assert found["kind"] == "HubUnreachable"
            assert found["error"].count("\n") == 0
            assert found["seconds"] < SECONDS_TO_NOTICE


def test_a_hub_that_falls_silent_after_its_first_answer_is_noticed(hub, tmp_path):
    hub.silent_paths = "/resolve/"
    with serve(hub) as endpoint:
        found = run_with_hub(READ, endpoint, tmp_path)
    assert found["kind"] == "HubUnreachable"
    assert found["seconds"] < SECONDS_TO_NOTICE


@pytest.mark.parametrize("status", [401, 503])
def test_a_hub_that_refuses_is_one_sentence(hub, tmp_path, status):
    hub.status = status
    with serve(hub) as endpoint:
        found = run_with_hub(READ, endpoint, tmp_path)
    assert found["kind"] == "HubRefused"
    assert str(status) in found["error"]


def test_a_missing_repository_or_file_is_one_sentence(hub, tmp_path):
    with serve(FakeHub()) as endpoint:
        assert "does not exist" in run_with_hub(READ, endpoint, tmp_path)["error"]
    del hub.repos[f"datasets/{CIFAR.repo}"][CIFAR.test_file]
    with serve(hub) as endpoint:
        assert "not found in its repository" in run_with_hub(READ, endpoint, tmp_path)["error"]


# ---- subsets


def test_subsets_are_balanced_nested_and_seeded():
    labels = np.repeat(np.arange(7), [5, 50, 50, 50, 50, 50, 50])
    large, small = images.balanced_subset(labels, 103, seed=3), images.balanced_subset(labels, 40, seed=3)
    counts = Counter(labels[large].tolist())
    assert counts[0] == 5  # all there are
    assert {counts[c] for c in range(1, 7)} <= {16, 17}
    assert set(small) <= set(large)
    assert list(small) == sorted(set(small))
    assert not np.array_equal(small, images.balanced_subset(labels, 40, seed=4))


def test_validation_is_taken_out_of_the_training_subset():
    config = RunConfig(dataset="digits", train_samples=500, validation_samples=100, seed=5)
    labels = images.read("digits")[0].labels
    train, validation = batches.split_indices(labels, config)
    assert len(train) == 400
    assert set(Counter(labels[validation].tolist()).values()) == {10}
    assert not set(train) & set(validation)


def test_all_seeds_are_evaluated_on_the_same_test_images():
    configs = [RunConfig(dataset="digits", train_samples=100, test_samples=70, seed=seed) for seed in (0, 1)]
    first, second = (batches.load(config, CPU) for config in configs)
    assert torch.equal(first.test_images, second.test_images)
    assert not torch.equal(first.train_images, second.train_images)


def test_the_loaded_set_is_what_training_needs():
    loaded = batches.load(RunConfig(dataset="digits", validation_samples=97, image_size=16), CPU)
    assert loaded.train_images.shape == (1200, 16, 16, 3)
    assert loaded.train_images.dtype == torch.uint8
    assert loaded.train_labels.dtype == torch.int64
    assert loaded.class_count == 10
    assert len(loaded.validation_labels) == 97


def test_more_images_than_there_are_is_one_sentence(monkeypatch):
    for changes, said in [
        ({"train_samples": 60000}, "train_samples is 60000: digits has 1297 training images here."),
        ({"test_samples": 501}, "test_samples is 501: digits has 500 test images here."),
        (
            {"validation_samples": 1297},
            "validation_samples is 1297: it must be less than 1297, the number of training images",
        ),
    ]:
        with pytest.raises(ConfigError, match=said):
            batches.load(RunConfig(dataset="digits", **changes), CPU)
    memory = psutil.virtual_memory()._replace(available=10**6)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    with pytest.raises(ConfigError, match=r"1797 images of this size need 5\.7 GB"):
        batches.load(RunConfig(dataset="digits", image_size=1024), CPU)


# ---- batches


def test_the_order_of_an_epoch_is_a_function_of_seed_and_epoch_alone():
    order, flips = batches.epoch_order(1000, 3, 7), batches.epoch_flips(1000, 3, 7)
    torch.manual_seed(1)
    assert torch.equal(order, batches.epoch_order(1000, 3, 7))
    assert torch.equal(flips, batches.epoch_flips(1000, 3, 7))
    assert torch.equal(order.sort().values, torch.arange(1000))
    assert not torch.equal(order, batches.epoch_order(1000, 3, 8))
    assert not torch.equal(order, batches.epoch_order(1000, 7, 3))
    assert 400 < flips.sum() < 600
    assert not batches.epoch_flips(1000, 3, 7, probability=0.0).any()


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_the_batch_on_the_device_has_albumentations_pixels(memory_format):
    patches = photographs(64)
    flips = batches.epoch_flips(64, 0, 1)
    mean, std = torch.tensor(batches.IMAGENET_MEAN), torch.tensor(batches.IMAGENET_STD)
    ours = batches.augment(torch.from_numpy(patches), flips, mean, std, memory_format)
    assert ours.is_contiguous(memory_format=memory_format)
    transforms = {flip: batches.reference_transform(float(flip)) for flip in (False, True)}
    for image, flip, found in zip(patches, flips.tolist(), ours, strict=True):
        expected = transforms[flip](image=image)["image"]
        np.testing.assert_allclose(found.permute(1, 2, 0).numpy(), expected, rtol=0, atol=1e-6)  # 2 ulp of the maximum
    unflipped = batches.augment(torch.from_numpy(patches), None, mean, std, memory_format)
    assert torch.equal(unflipped[~flips], ours[~flips])


def test_shifted_images_are_the_crops_of_images_padded_by_reflection():
    patches, shifts = photographs(64), batches.epoch_shifts(64, 0, 1, 32)
    assert torch.equal(shifts, batches.epoch_shifts(64, 0, 1, 32))
    assert not torch.equal(shifts, batches.epoch_shifts(64, 0, 2, 32))
    assert (shifts.min(), shifts.max()) == (-4, 4)
    found = batches.shift(torch.from_numpy(patches), shifts)
    for image, (down, right), ours in zip(patches, shifts.tolist(), found, strict=True):
        padded = np.pad(image, ((4, 4), (4, 4), (0, 0)), mode="reflect")
        np.testing.assert_array_equal(ours.numpy(), padded[4 - down : 36 - down, 4 - right : 36 - right])


def test_images_are_resized_once_at_load():
    patches = photographs(4)
    assert images.resize(patches, 32) is patches
    assert images.resize(patches, 64).shape == (4, 64, 64, 3)
    halved = images.resize(patches, 16)
    by_hand = patches.reshape(4, 16, 2, 16, 2, 3).mean(axis=(2, 4))
    assert np.abs(halved - by_hand).max() <= 1


def test_reading_the_images_imports_no_torch(tmp_path):
    code = "import sys\nfrom lpwd.training.data import images\nimages.read('digits')\nresult = 'torch' in sys.modules"
    assert run_with_hub(code, closed_port(), tmp_path) is False
