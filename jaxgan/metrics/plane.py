"""How far samples would have to be moved to lie as real ones do: in few dimensions, where it can be told."""

from collections.abc import Mapping

import numpy as np

from jaxgan.errors import Refused
from jaxgan.metrics.metric import Estimate, Metric, kept, of_parts

MOST = (
    2500  # on either side: the assignment takes seconds for them, and eight times as long for twice as many
)
PARTS = 10


def wasserstein(x: np.ndarray, y: np.ndarray) -> float:
    """W1: the mean distance between x [N, D] and y [N, D], paired so that it is smallest; exact.

    Two samples of one distribution are some way apart too: hold it against that.

    >>> wasserstein(np.array([[0.0, 0.0], [5.0, 0.0]]), np.array([[5.0, 1.0], [0.0, 2.0]]))  # (2 + 1) / 2
    1.5
    """
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if x.ndim != 2 or x.shape != y.shape or not 0 < len(x) <= MOST:
        raise Refused(
            f"samples of shapes {x.shape} and {y.shape} cannot be paired: give [N, D] twice, N at most {MOST}"
        )
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise Refused("samples that are not finite cannot be paired with others")
    distance = cdist(x, y)
    return float(distance[linear_sum_assignment(distance)].mean())


def transport(real: np.ndarray) -> Metric:
    """`wasserstein` of samples to as many real ones [M, D], the first of them, as a metric "wasserstein".

    Its interval is of other samples and other real ones: from how it differs between parts of both, over the
    root of their number (Student's t). Parts pair less closely than the whole, but that moves all of them
    alike.

    >>> from jaxgan.metrics.metric import measured
    >>> real = np.random.RandomState(0).normal(size=(50, 2))
    >>> round(measured(transport(real), [real[:20] + 1.0, real[20:] + 1.0])["wasserstein"].value, 4)
    1.4142
    """

    def compute(samples: np.ndarray) -> Mapping[str, Estimate]:
        if not 2 * PARTS <= len(samples) <= len(real):
            raise Refused(
                f"{len(samples)} samples cannot be paired with {len(real)} real ones: give at most as many, "
                f"and at least {2 * PARTS}"
            )
        held = real[: len(samples)]
        parts = [wasserstein(samples[i::PARTS], held[i::PARTS]) for i in range(PARTS)]
        return {"wasserstein": of_parts(wasserstein(samples, held), np.array(parts), least=0.0)}

    return kept(compute)
