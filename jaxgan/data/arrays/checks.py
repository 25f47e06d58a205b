"""Checks of arrays of examples."""

import numpy as np

from jaxgan.errors import Refused

MAX_PIXEL = 10  # above the absolute values of images in [-1, 1] and of images standardised to mean 0


def check_examples(x: np.ndarray, name: str) -> np.ndarray:
    if x.size == 0:
        raise Refused(f"there are no examples: {name} has the shape {x.shape}")
    if x.ndim == 4 and x.shape[1] in (1, 3) and x.shape[3] > 4:
        raise Refused(
            f"{name} {x.shape} has its channels first: move the channels last, by x.transpose(0, 2, 3, 1)"
        )
    if x.dtype == np.uint8:
        if x.ndim not in (3, 4):
            raise Refused(
                f"{name} {x.shape} is uint8, which is for images [N, H, W] or [N, H, W, C]: give other data "
                "as floats"
            )
        return x if x.ndim == 4 else x[..., None]
    if not np.issubdtype(x.dtype, np.floating):
        raise Refused(f"{name} is {x.dtype}: give images as uint8 (0 to 255) or any data as float32")
    if x.ndim < 2:
        raise Refused(f"{name} needs an axis of examples and at least one more, not the shape {x.shape}")
    with np.errstate(over="ignore"):
        x = x.astype(np.float32)
    bad = ~np.isfinite(x.reshape(len(x), -1)).all(axis=1)
    if bad.any():
        raise Refused(
            f"{bad.sum()} of {len(x)} examples contain NaN or infinity (as float32), the first is "
            f"{name}[{int(np.argmax(bad))}]: remove or repair them"
        )
    low, high = float(x.min()), float(x.max())
    if x.ndim == 4 and max(-low, high) > MAX_PIXEL:
        raise Refused(
            f"{name} has images from {low:g} to {high:g}, far outside [-1, 1]: scale them; for values from 0 "
            "to 255 use x / 127.5 - 1, or give them as uint8"
        )
    return x


def check_scale(x: np.ndarray, name: str = "x") -> None:
    """Raises Refused for images in [0, 1]. Needs both splits: the few held-out images may all be bright."""
    low, high = float(x.min()), float(x.max())
    if x.dtype != np.uint8 and x.ndim == 4 and 0 <= low < high <= 1:
        raise Refused(f"{name} has images from {low:g} to {high:g}, not in [-1, 1]: scale them, by 2 * x - 1")


def check_labels(label: np.ndarray, examples: int, name: str) -> np.ndarray:
    if label.shape != (examples,):
        raise Refused(
            f"the labels of {name} have the shape {label.shape}, not ({examples},): give one integer each"
        )
    if not np.issubdtype(label.dtype, np.integer):
        raise Refused(f"the labels of {name} are {label.dtype}: give integers 0, 1, 2, ...")
    return label.astype(np.int64)


def count_classes(label: np.ndarray) -> int:
    present = np.unique(label)
    if present[0] < 0:
        raise Refused(f"a label is {present[0]}: number the classes from 0")
    gaps = np.flatnonzero(present != np.arange(len(present)))
    if len(gaps):
        raise Refused(
            f"no example has the label {gaps[0]} but one has {present[-1]}: number the classes 0 to "
            f"{len(present) - 1} without gaps"
        )
    return len(present)
