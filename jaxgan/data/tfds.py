"""Data sets of TensorFlow Datasets: prepared once as array_record, from then on read without TensorFlow."""

import difflib
import importlib.util
import os
from dataclasses import dataclass, replace
from functools import cache
from types import ModuleType
from typing import Any, Literal

import numpy as np

from jaxgan.data import image, kind
from jaxgan.data.source import Source, check_split
from jaxgan.errors import Refused, Unreadable
from jaxgan.parts.types import PyTree


def tfds(name: str, size: int = 0, split: Literal["train", "test"] = "train") -> Source:
    """A prepared set of pictures, such as "mnist", "cifar10", "celeb_a" or "imagenet_resized/32x32".

    Of each the square in the middle is scaled to `size` px, by default its shorter side, or the first one's
    where they are of many sizes. Held out is the split "test", else "validation", else the last tenth of
    "train". Nothing is downloaded: `prepare` does.

    >>> tfds("no_such_set")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    jaxgan.errors.Refused: no_such_set is not prepared in ...: `jaxgan prepare no_such_set` does that, once
    """
    check_split(split)
    builder = _builder(name)
    chosen = builder.info.splits[_split(name, builder.info.splits, split)]
    for file in chosen.filepaths:
        if not file.exists():
            raise Refused(f"{name} has lost {file}: remove its folder and run `jaxgan prepare {name}`")
    picture, label, classes = _features(name, builder.info)
    read = _Reader(name, str(builder.data_path), chosen.name, picture, label)
    height, width, channels = builder.info.features[picture].shape
    side, channels = size or min(height or 0, width or 0), channels and (1 if channels == 1 else 3)
    if not (side and channels):  # pictures of many sizes: the first to train on speaks for both splits
        first = replace(read, split=_split(name, builder.info.splits, "train"))
        natural, _, channels = first.natural_shape()
        side = side or natural
    return Source(
        leaves=kind.with_label(kind.image(side, side, channels), classes),
        size=chosen.num_examples,
        arrays=(),
        take=image.shown,
        read=replace(read, shape=(side, side, channels)),
        fingerprint=f"{builder.info.full_name} {chosen.name} {chosen.num_examples} {chosen.num_bytes}",
    )


def prepare(name: str) -> None:
    """Downloads a data set and writes it as array_record, unless that has been done.

    TFDS keeps its data where TFDS_DATA_DIR says, or else in ~/tensorflow_datasets.

    >>> prepare("no_such_set")
    Traceback (most recent call last):
    jaxgan.errors.Refused: TFDS has no data set 'no_such_set'
    """
    library = _library()
    try:
        builder = library.builder(name, data_dir=_home(), file_format="array_record")
    except library.core.registered.DatasetNotFoundError as error:
        known = [line[3:] for line in str(error).splitlines() if line.startswith("\t- ")]
        near = "".join(f"; did you mean {n}?" for n in difflib.get_close_matches(name, known, n=1))
        raise Refused(f"TFDS has no data set {name!r}{near}") from None
    except ValueError as error:
        if "File format is already set" in str(error):
            raise Refused(
                f"{name} lies in {_home()} in another format than array_record: remove it there, or set "
                "TFDS_DATA_DIR to another place"
            ) from None
        raise Refused(f"TFDS does not understand {name!r}: {_first_line(error)}") from None
    if not builder.is_prepared():
        packaged = type(builder).__module__.startswith("tensorflow_datasets.")
        if packaged and importlib.util.find_spec("tensorflow") is None:
            raise Refused(
                "TFDS needs TensorFlow to write this, of the extra `prepare`: install jaxgan[prepare]"
            )
        size = sum(int(url.size or 0) for url in builder.url_infos.values()) if packaged else 0
        print(f"downloading {name} ({size / 2**20:,.0f} MB as far as TFDS knows) to {builder.data_path}")
        try:
            builder.download_and_prepare()
        except Exception as error:  # of the network, the disk, or the data set's own code
            raise Refused(f"{name} could not be prepared: {_first_line(error)}") from error
    source = tfds(name)
    assert source.read is not None
    source.read(np.zeros(1, np.uint32))
    print(f"{name}: {source.size:,} examples of {source.shape}, {source.classes or 'no'} classes")
    print(f"train on it by --data tfds:{name}")


@dataclass(frozen=True)
class _Reader:
    """Records by number. What is open is not part of it, so that it can be sent to another process."""

    name: str
    folder: str
    split: str
    picture: str
    label: str | None
    shape: tuple[int, int, int] = (0, 0, 0)

    def __call__(self, number: np.ndarray) -> PyTree:
        records = self._records([int(i) for i in number])
        x = [self._square(record, i) for record, i in zip(records, number, strict=True)]
        read = {"x": np.stack(x)}
        if self.label is None:
            return read
        return {**read, "label": np.array([record[self.label] for record in records], np.int32)}

    def natural_shape(self) -> tuple[int, int, int]:
        """Of the first picture."""
        return image.natural_shape(self._records([0])[0][self.picture])

    def _records(self, numbers: list[int]) -> list[Any]:
        records = _records(self.folder, self.split, self.picture)
        try:
            return records.__getitems__(numbers)
        except Exception as error:
            for i in numbers:  # which one?
                try:
                    records[i]
                except Exception as at_it:
                    raise self._unreadable(i, at_it) from at_it
            raise self._unreadable(numbers[0], error) from error

    def _square(self, record: Any, i: int) -> np.ndarray:
        if record[self.picture] is None:  # what TFDS makes of a file cut off at a block of 64 KB
            raise self._unreadable(i, "its file is truncated")
        try:
            return image.square(record[self.picture], self.shape)
        except image.Broken as error:
            raise self._unreadable(i, error) from error

    def _unreadable(self, i: int, why: Exception | str) -> Unreadable:
        where = f"example {i} of {self.name}'s split {self.split} in {self.folder}"
        return Unreadable(f"{where} cannot be read: {_first_line(why)}")


@cache
def _records(folder: str, split: str, picture: str) -> Any:
    library = _library()
    skip = {picture: library.decode.SkipDecoding()}  # our own decoding is 3 times faster, and scales
    return library.builder_from_directory(folder).as_data_source(split, decoders=skip)


def _library() -> ModuleType:
    try:
        import tensorflow_datasets
    except ImportError:
        raise Refused("tfds:NAME needs the extra `data`: install jaxgan[data]") from None
    return tensorflow_datasets


def _home() -> str:
    return os.environ.get("TFDS_DATA_DIR") or _library().core.constants.DATA_DIR


def _first_line(said: Exception | str) -> str:
    return next(iter(str(said).strip().splitlines()), type(said).__name__)[:160]


def _builder(name: str) -> Any:
    """The data set as it lies on disk. TFDS's own door would try the network first, for minutes."""
    library = _library()
    from tensorflow_datasets.core import read_only_builder

    command = f"`jaxgan prepare {name}`"
    try:
        builder = read_only_builder.builder_from_files(name, data_dir=_home())
    except library.core.registered.DatasetNotFoundError:
        raise Refused(f"{name} is not prepared in {_home()}: {command} does that, once") from None
    except ValueError as error:
        raise Refused(f"TFDS does not understand {name!r}: {_first_line(error)}") from None
    if builder.info.file_format.value != "array_record":
        raise Refused(
            f"{name} is prepared as {builder.info.file_format.value}, which needs TensorFlow to read: "
            f"{command} tells how to have it as array_record"
        )
    return builder


def _split(name: str, splits: Any, asked: str) -> str:
    if "train" not in splits:
        raise Refused(f'{name} has no split "train", only {", ".join(splits)}')
    held_out = next((split for split in ("test", "validation") if split in splits), None)
    if held_out is None:
        return "train[:90%]" if asked == "train" else "train[90%:]"
    return "train" if asked == "train" else held_out


def _features(name: str, info: Any) -> tuple[str, str | None, int]:
    """The names of the picture and of the label, and how many classes there are."""
    kinds = {key: type(feature).__name__ for key, feature in info.features.items()}
    picture = next((key for key in ("image", *kinds) if kinds.get(key) == "Image"), None)
    if picture is None:
        raise Refused(f"{name} has no pictures, only {', '.join(kinds)}")
    label = next((key for key in ("label", *kinds) if kinds.get(key) == "ClassLabel"), None)
    return picture, label, info.features[label].num_classes if label else 0
