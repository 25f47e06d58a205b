"""Data sets of TensorFlow Datasets (TFDS): prepared once as array_record, then read without TensorFlow."""

import importlib.util
import os
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache
from types import ModuleType
from typing import Any, Literal

import numpy as np

from jaxgan.data import image, kind
from jaxgan.data.source import Source, check_split
from jaxgan.errors import Refused, Unreadable
from jaxgan.parts.types import PyTree


def tfds(name: str, size: int = 0, split: Literal["train", "test"] = "train") -> Source:
    """Returns a source of a prepared image data set: "mnist", "cifar10", "imagenet_resized/32x32", ...

    The square in the middle of each image is scaled to `size` px, by default the shorter side, of the first
    image if sizes differ. The held-out split is "test", else "validation", else the last tenth of "train".
    Downloads nothing; see `prepare`.

    >>> tfds("no_such_set")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    jaxgan.errors.Refused: no_such_set is not prepared in ...: run `jaxgan prepare no_such_set` once
    """
    check_split(split)
    builder = _builder(name)
    chosen = builder.info.splits[_split_name(name, builder.info.splits, split)]
    for file in chosen.filepaths:
        if not file.exists():
            raise Refused(f"{name} has lost {file}: remove its folder and run `jaxgan prepare {name}`")
    image_key, label_key, classes = _feature_keys(name, builder.info)
    read = _Reader(name, str(builder.data_path), chosen.name, image_key, label_key)
    height, width, channels = builder.info.features[image_key].shape
    side, channels = size or min(height or 0, width or 0), channels and (1 if channels == 1 else 3)
    if not (side and channels):  # sizes differ: the first training image decides, for both splits
        train = replace(read, split=_split_name(name, builder.info.splits, "train"))
        natural, _, channels = image.natural_shape(train.records([0])[0][image_key])
        side = side or natural
    return Source(
        leaves=kind.with_label(kind.image(side, side, channels), classes),
        size=chosen.num_examples,
        arrays=(),
        take=image.from_bytes,
        read=replace(read, shape=(side, side, channels)),
        fingerprint=f"{builder.info.full_name} {chosen.name} {chosen.num_examples} {chosen.num_bytes}",
    )


def prepare(name: str) -> None:
    """Downloads a data set and writes it as array_record, unless it has been written already.

    The folder is TFDS_DATA_DIR, by default ~/tensorflow_datasets.

    >>> prepare("no_such_set")
    Traceback (most recent call last):
    jaxgan.errors.Refused: TFDS has no data set 'no_such_set'
    """
    tensorflow_datasets = _import_tfds()
    try:
        builder = tensorflow_datasets.builder(name, data_dir=_data_dir(), file_format="array_record")
    except tensorflow_datasets.core.registered.DatasetNotFoundError as error:
        known = [line[3:] for line in str(error).splitlines() if line.startswith("\t- ")]
        suggestion = "".join(f"; did you mean {near}?" for near in get_close_matches(name, known, n=1))
        raise Refused(f"TFDS has no data set {name!r}{suggestion}") from None
    except ValueError as error:
        if "File format is already set" in str(error):
            raise Refused(
                f"{name} is in {_data_dir()} in another format than array_record: remove it there, or set "
                "TFDS_DATA_DIR to another folder"
            ) from None
        raise Refused(f"TFDS does not understand {name!r}: {_first_line(error)}") from None
    if not builder.is_prepared():
        packaged = type(builder).__module__.startswith("tensorflow_datasets.")
        if packaged and importlib.util.find_spec("tensorflow") is None:
            raise Refused("TFDS needs TensorFlow to write this data set: install jaxgan[prepare]")
        size = sum(int(url.size or 0) for url in builder.url_infos.values()) if packaged else 0
        print(f"downloading {name} (about {size / 2**20:,.0f} MB) to {builder.data_path}")
        try:
            builder.download_and_prepare()
        except Exception as error:  # from the network, the disk, or the code of the data set
            raise Refused(f"{name} could not be prepared: {_first_line(error)}") from error
    source = tfds(name)
    assert source.read is not None
    source.read(np.zeros(1, np.uint32))
    print(f"{name}: {source.size:,} examples of {source.shape}, {source.classes or 'no'} classes")
    print(f"train on it with --data tfds:{name}")


@dataclass(frozen=True)
class _Reader:
    """Reads records by number. It contains no open file, so it is picklable."""

    name: str
    folder: str
    split: str
    image_key: str
    label_key: str | None
    shape: tuple[int, int, int] = (0, 0, 0)

    def __call__(self, number: np.ndarray) -> PyTree:
        records = self.records([int(i) for i in number])
        leaves = {"x": np.stack([self._image(record, i) for record, i in zip(records, number, strict=True)])}
        if self.label_key is None:
            return leaves
        return {**leaves, "label": np.array([record[self.label_key] for record in records], np.int32)}

    def records(self, numbers: list[int]) -> list[Any]:
        """Returns these records, with images that are not decoded."""
        records = _records(self.folder, self.split, self.image_key)
        try:
            return records.__getitems__(numbers)
        except Exception as error:
            for i in numbers:  # finds the damaged record
                try:
                    records[i]
                except Exception as record_error:
                    raise self._unreadable(i, record_error) from record_error
            raise self._unreadable(numbers[0], error) from error

    def _image(self, record: Any, i: int) -> np.ndarray:
        if record[self.image_key] is None:  # TFDS returns None if the file is cut off at a block of 64 KB
            raise self._unreadable(i, "its file is truncated")
        try:
            return image.read_square(record[self.image_key], self.shape)
        except image.Broken as error:
            raise self._unreadable(i, error) from error

    def _unreadable(self, i: int, reason: Exception | str) -> Unreadable:
        where = f"example {i} of {self.name}'s split {self.split} in {self.folder}"
        return Unreadable(f"{where} cannot be read: {_first_line(reason)}")


@cache
def _records(folder: str, split: str, image_key: str) -> Any:
    tensorflow_datasets = _import_tfds()
    # `image.read_square` decodes 3 times faster, and scales
    decoders = {image_key: tensorflow_datasets.decode.SkipDecoding()}
    return tensorflow_datasets.builder_from_directory(folder).as_data_source(split, decoders=decoders)


def _import_tfds() -> ModuleType:
    try:
        import tensorflow_datasets
    except ImportError:
        raise Refused("tfds:NAME needs tensorflow_datasets: install jaxgan[data]") from None
    return tensorflow_datasets


def _data_dir() -> str:
    return os.environ.get("TFDS_DATA_DIR") or _import_tfds().core.constants.DATA_DIR


def _first_line(reason: Exception | str) -> str:
    return next(iter(str(reason).strip().splitlines()), type(reason).__name__)[:160]


def _builder(name: str) -> Any:
    """Returns the builder of a prepared data set. `tfds.builder` would try the network first, for minutes."""
    tensorflow_datasets = _import_tfds()
    from tensorflow_datasets.core import read_only_builder

    command = f"`jaxgan prepare {name}`"
    try:
        builder = read_only_builder.builder_from_files(name, data_dir=_data_dir())
    except tensorflow_datasets.core.registered.DatasetNotFoundError:
        raise Refused(f"{name} is not prepared in {_data_dir()}: run {command} once") from None
    except ValueError as error:
        raise Refused(f"TFDS does not understand {name!r}: {_first_line(error)}") from None
    if builder.info.file_format.value != "array_record":
        raise Refused(
            f"{name} is prepared as {builder.info.file_format.value}, which needs TensorFlow to read: "
            f"{command} says how to get it as array_record"
        )
    return builder


def _split_name(name: str, splits: Any, split: str) -> str:
    """Returns the TFDS name of our split "train" or "test"."""
    if "train" not in splits:
        raise Refused(f'{name} has no split "train", only {", ".join(splits)}')
    held_out = next((name for name in ("test", "validation") if name in splits), None)
    if held_out is None:
        return "train[:90%]" if split == "train" else "train[90%:]"
    return "train" if split == "train" else held_out


def _feature_keys(name: str, info: Any) -> tuple[str, str | None, int]:
    """Returns the keys of the image and of the label, and the number of classes."""
    types = {key: type(feature).__name__ for key, feature in info.features.items()}
    image_key = next((key for key in ("image", *types) if types.get(key) == "Image"), None)
    if image_key is None:
        raise Refused(f"{name} has no images, only {', '.join(types)}")
    label_key = next((key for key in ("label", *types) if types.get(key) == "ClassLabel"), None)
    return image_key, label_key, info.features[label_key].num_classes if label_key else 0
