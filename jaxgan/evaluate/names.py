"""The names of numbers, and whether higher or lower is better."""

from typing import Literal

from jaxgan.evaluate.extractor import Extractor

Way = Literal["higher", "lower"]

HIGHER = frozenset(
    {"modes", "high_quality", "precision", "recall", "density", "coverage", "psnr", "ssim", "class_kept"}
    | {"r_precision"}
)
LOWER = frozenset(
    {"fid", "kid", "intra_fid", "reverse_kl", "imbalance", "energy", "wasserstein", "sliced_wasserstein"}
    | {"copies", "repeats", "l1", "cycle_error"}
)


def better(name: str) -> Way | None:
    """Returns whether higher or lower is better, or None for numbers without a direction.

    Those are numbers that are best in between, and those of real examples or of answers that are no GAN's.

    >>> better("fd_local"), better("inception_score_whole"), better("train_share"), better("width_min")
    ('lower', 'higher', None, None)
    >>> better("lpips_vgg16"), better("answer_diversity_lpips_vgg16")
    ('lower', None)
    >>> better("modes_10_sigma"), better("fd_local_real"), better("psnr"), better("psnr_of_bicubic")
    ('higher', None, 'higher', None)
    """
    if name.endswith("_real"):
        return None
    name = name.removesuffix("_10_sigma")
    if name in HIGHER or name.startswith(("score_", "inception_score")):
        return "higher"
    if name in LOWER or name.startswith(("fd_", "kd_", "intra_fd_", "lpips")):
        return "lower"
    return None


def of_guess(name: str, guess: str) -> str:
    """Returns the name of a number of answers that are no GAN's, where it stands beside that of samples.

    >>> of_guess("l1", "nearest_pair")
    'l1_of_nearest_pair'
    """
    return f"{name}_of_{guess}"


def metric_name(extractor: Extractor, inception: str, other: str) -> str:
    """Returns the name of a number: the published one, as "fid", for Inception only.

    >>> from jaxgan.evaluate.extractor import raw
    >>> metric_name(raw(), "fid", "fd")
    'fd_raw'
    """
    return inception if extractor.name == "inception" else f"{other}_{extractor.name.replace(' ', '_')}"
