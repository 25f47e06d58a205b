"""The policy of DiffAugment."""

from jaxgan.parts.augmentations.augmentation import chain
from jaxgan.parts.augmentations.colours import brightness, contrast, saturation
from jaxgan.parts.augmentations.places import cutout, translation
from jaxgan.parts.types import Augment


def diffaugment() -> Augment:
    """Colour, translation and cutout, as in DiffAugment (Zhao et al., 2020).

    >>> import jax
    >>> import jax.numpy as jnp
    >>> diffaugment()(jax.random.key(0), jnp.ones((32, 32, 3))).shape
    (32, 32, 3)
    """
    return chain(brightness(), saturation(), contrast(), translation(), cutout())
