"""How well samples cover a mixture whose modes are known."""

from math import exp, log

import numpy as np

from jaxgan.errors import Refused

WITHIN = 1 - exp(-4.5)  # what 3 sigma hold in two dimensions


def mode_coverage(
    samples: np.ndarray, centres: np.ndarray, sigma: float, dimensions: int | None = None
) -> dict[str, float]:
    """Modes found, share of samples near one, and how unevenly: samples [N, D], centres [K, D].

    A sample is of high quality within 3 sigma of its nearest centre, and a mode counts with one such sample
    (Srivastava et al., 2017). "reverse_kl" is KL(q || uniform) of the high-quality samples' modes, log K if
    there are none. A perfect sampler in the plane scores 98.89 % (1 - e^-4.5); more means shrunken modes.
    Its KL is about (K - 1) / 2N, not 0.

    In `dimensions` other than 2 (D as it stands; less where the noise fills a subspace only) the radius is
    sigma times the 98.89 % quantile of a chi variable, so that a perfect sampler scores the same.

    >>> centres = np.array([[0.0, 0.0], [9.0, 0.0]])
    >>> mode_coverage(np.array([[0.0, 2.9], [0.0, 3.1]]), centres, sigma=1.0)["high_quality"]
    0.5
    """
    samples, centres = np.asarray(samples, np.float64), np.asarray(centres, np.float64)
    if samples.ndim != 2 or len(samples) == 0 or samples.shape[1:] != centres.shape[1:]:
        raise Refused(
            f"samples of shape {samples.shape} cannot be held against centres of shape {centres.shape}: "
            "give [N, D] and [K, D]"
        )
    distance = np.stack([np.linalg.norm(samples - centre, axis=1) for centre in centres], axis=1)
    near = distance.min(axis=1) <= sigma * _radius(dimensions or samples.shape[1])
    count = np.bincount(distance[near].argmin(axis=1), minlength=len(centres))
    q = count[count > 0] / max(int(count.sum()), 1)
    return {
        "modes": float((count > 0).sum()),
        "high_quality": float(near.mean()),
        "reverse_kl": float((q * np.log(q * len(centres))).sum()) if near.any() else log(len(centres)),
    }


def _radius(dimensions: int) -> float:
    if dimensions == 2:
        return 3.0
    from scipy.stats import chi  # type: ignore[import-untyped]

    return float(chi(dimensions).ppf(WITHIN))
