"""The six works, GANs that every contestant trains. Loads neither JAX nor PyTorch."""

from typing import NamedTuple

import numpy as np


class Work(NamedTuple):
    """One GAN and how it is trained. The networks are in `ours.py` and, for PyTorch, in `twin_networks.py`.

    >>> work("W4").batch
    512
    """

    name: str
    what: str
    shape: tuple[int, ...]  # of an example
    batch: int
    latent: int
    rate: float  # Adam's, for both players
    b1: float = 0.5
    b2: float = 0.999
    width: int = 64  # channels of the widest images
    d_steps: int = 1

    @property
    def images(self) -> int:
        """The number of real examples in one update."""
        return self.batch * self.d_steps


WORKS = (
    Work("W1", "MLP GAN, 28x28 grey", (28, 28, 1), 128, 100, 2e-4),
    Work("W2", "DCGAN 32x32, upsample + 3x3", (32, 32, 3), 64, 128, 2e-4),
    Work("W3", "DCGAN 64x64, transposed 4x4", (64, 64, 3), 64, 100, 2e-4),
    Work("W4", "ring GAN, MLP 2-128-128", (2,), 512, 2, 1e-3),
    # 32 channels are those of experiments/wgan_gp.py; with 64 an update takes seconds on a small CPU
    Work("W5", "WGAN-GP 32x32, 5 critic steps", (32, 32, 3), 64, 128, 1e-4, 0.0, 0.9, width=32, d_steps=5),
    Work("W6", "SNGAN ResNet 32x32, 5 steps of D", (32, 32, 3), 64, 128, 2e-4, 0.0, 0.9, d_steps=5),
)
EXAMPLES = 2048


def work(name: str) -> Work:
    """Returns the work of this name."""
    return next(work for work in WORKS if work.name == name)


def noise(shape: tuple[int, ...]) -> np.ndarray:
    """Returns fixed images [EXAMPLES, ...] of uniform bytes: speed does not depend on the content.

    >>> noise((2, 2, 1)).shape
    (2048, 2, 2, 1)
    """
    return np.random.RandomState(0).randint(0, 256, (EXAMPLES, *shape), np.uint8)
