"""Encoded images in folders and parquet files, as people have them."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

RNG = np.random.default_rng(0)


def pixels(*shape, high=256, kind=np.uint8):
    return RNG.integers(0, high, shape).astype(kind)


def encoded(image, form="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def write_folder(root: Path, count=10, classes=("cat", "dog"), size=(8, 8)):
    """`count` images per class, the classes of different brightness."""
    for place, name in enumerate(classes):
        (root / name).mkdir(parents=True, exist_ok=True)
        for i in range(count):
            image = pixels(*size, 3, high=100) + 100 * place
            (root / name / f"{i}.png").write_bytes(encoded(Image.fromarray(image.astype(np.uint8))))
    return root


def write_parquet(path: Path, images, labels, label="label"):
    import pyarrow as pa
    import pyarrow.parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    column = pa.array([{"bytes": content, "path": None} for content in images])
    pq.write_table(pa.table({"image": column, label: pa.array(labels)}), path)
