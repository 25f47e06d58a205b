"""How fast pictures in files are fed, with nothing else to do: images per second, by how they are read.

    python -m benchmarks.streaming

    folder  threads         9,880 +- 566 images/s
    folder  2 processes    22,905 +- 301 images/s
    tfds    threads         9,206 +- 279 images/s
    tfds    2 processes    14,894 +- 374 images/s

    2 cores of an AMD EPYC (Zen 5) with nothing else to do; Python 3.11, jax 0.10.2, grain 0.2.18, TFDS
    4.9.10, Pillow 13.0, 2026-11-28. A minute later, with grain's own processes in the place of ours:
    10,131 +- 583 and 7,930 +- 110.

20,000 pictures of 32x32 px as PNG files of 2.2 KB, about what CIFAR-10's are: in a folder, and as TFDS writes
them (array_record). Batches of 64 are read in the order of an epoch, decoded, and put on the device. Each way
is measured in every one of five rounds, in turn; the mean and standard deviation of the rounds.
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
    """A PNG file of soft colours and some noise, which compresses as photographs do."""
    draw = np.random.RandomState(i)
    soft = np.asarray(Image.fromarray(draw.randint(0, 256, (4, 4, 3), np.uint8)).resize((32, 32)))
    noisy = np.clip(soft + draw.normal(0, 6, soft.shape), 0, 255).astype(np.uint8)
    Image.fromarray(noisy).save(file := io.BytesIO(), "PNG")
    return file.getvalue()


def in_folder(home: Path) -> Source:
    """Ten classes, a file for each picture."""
    for i in tqdm.trange(PICTURES, desc="writing files"):
        place = home / str(i % 10)
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{i:05d}.png").write_bytes(picture(i))
    return folder(home)


def in_tfds(home: Path) -> Source:
    """The same as a TFDS data set."""
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
    """Images per second from the second batch on: processes take seconds to start, once a run."""
    under_way = prefetch(Steps.of(source, BATCH, jax.random.key(round), 0, STEPS + 1), workers)
    device = jax.devices()[0]
    jax.block_until_ready(jax.device_put(next(under_way), device))
    clock = time.perf_counter()
    for arrays in under_way:
        jax.block_until_ready(jax.device_put(arrays, device))
    return STEPS * BATCH / (time.perf_counter() - clock)


def main() -> None:
    """Makes the data, measures, prints."""
    with tempfile.TemporaryDirectory() as home:
        sources = {"folder": in_folder(Path(home) / "folder"), "tfds": in_tfds(Path(home) / "tfds")}
        ways = [(name, workers) for name in sources for workers in (0, 2)]
        found: dict[tuple[str, int], list[float]] = {way: [] for way in ways}
        for round in range(ROUNDS):
            for way in ways:
                found[way].append(speed(sources[way[0]], way[1], round))
    for (name, workers), speeds in found.items():
        how = f"{workers} processes" if workers else "threads"
        print(
            f"{name:6}  {how:11}  {statistics.mean(speeds):8,.0f} +- {statistics.stdev(speeds):,.0f} images/s"
        )


if __name__ == "__main__":
    main()
