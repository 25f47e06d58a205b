"""What numbers are called, and which way they are better."""

from typing import Literal

from jaxgan.evaluate.extractor import Extractor

Way = Literal["higher", "lower"]

HIGHER = frozenset({"modes", "high_quality", "precision", "recall", "density", "coverage"})
LOWER = frozenset(
    {"fid", "kid", "intra_fid", "reverse_kl", "imbalance", "energy", "wasserstein", "sliced_wasserstein"}
    | {"copies", "repeats"}
)


def better(name: str) -> Way | None:
    """Which way a number is better, None where that cannot be said of it, as of one that is best half-way, or
    of what real examples score.

    >>> better("fd_local"), better("inception_score_whole"), better("train_share"), better("width_min")
    ('lower', 'higher', None, None)
    >>> better("modes_10_sigma"), better("fd_local_real")
    ('higher', None)
    """
    if name.endswith("_real"):
        return None
    name = name.removesuffix("_10_sigma")
    if name in HIGHER or name.startswith(("score_", "inception_score")):
        return "higher"
    if name in LOWER or name.startswith(("fd_", "kd_", "intra_fd_")):
        return "lower"
    return None


def frechet_name(extractor: Extractor) -> str:
    """A Frechet distance is the FID by Inception alone.

    >>> from jaxgan.evaluate.extractor import raw
    >>> frechet_name(raw())
    'fd_raw'
    """
    return _named(extractor, "fid", "fd")


def kernel_name(extractor: Extractor) -> str:
    """As for the kernel distance, the KID."""
    return _named(extractor, "kid", "kd")


def score_name(extractor: Extractor) -> str:
    """As for the Inception score."""
    return _named(extractor, "inception_score", "score")


def _named(extractor: Extractor, inception: str, other: str) -> str:
    return inception if extractor.name == "inception" else f"{other}_{extractor.name.replace(' ', '_')}"
