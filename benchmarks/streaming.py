"""Throughput of image files without training: images per second, by format and number of processes.

    python -m benchmarks.streaming

    folder  threads         9,880 +- 566 images/s
    folder  2 processes    22,905 +- 301 images/s
    tfds    threads         9,206 +- 279 images/s
    tfds    2 processes    14,894 +- 374 images/s

    2 idle cores of an AMD EPYC (Zen 5); Python 3.11, jax 0.10.2, grain 0.2.18, TFDS 4.9.10, Pillow 13.0,
    2026-11-28. A minute later, with grain's own processes instead of ours: 10,131 +- 583 and 7,930 +- 110.

20,000 images of 32x32 px as PNG files of 2.2 KB, about the size of CIFAR-10's: in a folder, and in TFDS's
format (array_record). Batches of 64 are read in the order of an epoch, decoded, and put on the device. Each
case is measured in every one of five rounds, in turn; mean and standard deviation over the rounds.
"""

import io
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import jax
import numpy as np
import tqdm
from PIL import Image

from jaxgan.data.ahead import prefetch
from jaxgan.data.folder import folder
from jaxgan.data.source import Source
from jaxgan.data.stream import Steps

PICTURES, BATCH, STEPS, ROUNDS = 20_000, 64, 250, 5


def picture(i: int) -> bytes:
    """Returns a PNG file of soft colours and some noise, which compresses about as well as photographs."""
    draw = np.random.RandomState(i)
    soft = np.asarray(Image.fromarray(draw.randint(0, 256, (4, 4, 3), np.uint8)).resize((32, 32)))
    noisy = np.clip(soft + draw.normal(0, 6, soft.shape), 0, 255).astype(np.uint8)
    Image.fromarray(noisy).save(file := io.BytesIO(), "PNG")
    return file.getvalue()


def in_folder(home: Path) -> Source:
    """Writes a folder of ten classes, one file per image."""
    for i in tqdm.trange(PICTURES, desc="writing files"):
        place = home / str(i % 10)
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{i:05d}.png").write_bytes(picture(i))
    return folder(home)


def in_tfds(home: Path) -> Source:
    """Writes the same images as a TFDS data set."""
    import os

    import tensorflow_datasets as library

    from jaxgan.data.tfds import tfds

    class Pictures(library.core.GeneratorBasedBuilder):
        VERSION = library.core.Version("1.0.0")
        pkg_dir_path = home

        def _info(self) -> library.core.DatasetInfo:
            features = {
                "image": library.features.Image(shape=(32, 32, 3)),
                "label": library.features.ClassLabel(num_classes=10),
            }
            return library.core.DatasetInfo(builder=self, features=library.features.FeaturesDict(features))

        def _split_generators(self, downloads: object) -> dict[str, Iterator]:
            return {"train": self._generate_examples(), "test": self._generate_examples(10)}

        def _generate_examples(self, count: int = PICTURES) -> Iterator[tuple[int, dict]]:
            for i in range(count):
                yield i, {"image": picture(i), "label": i % 10}

    os.environ["TFDS_DATA_DIR"] = str(home)
    Pictures(data_dir=str(home), file_format="array_record").download_and_prepare()
    return tfds("pictures")


def speed(source: Source, workers: int, round: int) -> float:
    """Measures images per second from the second batch on, without the seconds in which processes start."""
    batches = prefetch(Steps.of(source, BATCH, jax.random.key(round), 0, STEPS + 1), workers)
    device = jax.devices()[0]
    jax.block_until_ready(jax.device_put(next(batches), device))
    clock = time.perf_counter()
    for arrays in batches:
        jax.block_until_ready(jax.device_put(arrays, device))
    return STEPS * BATCH / (time.perf_counter() - clock)


def main() -> None:
    """Writes the data, measures, and prints the table."""
    with tempfile.TemporaryDirectory() as home:
        sources = {"folder": in_folder(Path(home) / "folder"), "tfds": in_tfds(Path(home) / "tfds")}
        results: dict[tuple[str, int], list[float]] = {(name, n): [] for name in sources for n in (0, 2)}
        for round in range(ROUNDS):
            for (name, workers), speeds in results.items():
                speeds.append(speed(sources[name], workers, round))
    for (name, workers), speeds in results.items():
        readers = f"{workers} processes" if workers else "threads"
        mean, deviation = statistics.mean(speeds), statistics.stdev(speeds)
        print(f"{name:6}  {readers:11}  {mean:8,.0f} +- {deviation:,.0f} images/s")


if __name__ == "__main__":
    main()
