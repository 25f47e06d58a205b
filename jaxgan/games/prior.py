"""Latents of a side whose prior may have parameters, which are then trained with G's."""

import jax

from jaxgan.parts.latents import Latent
from jaxgan.parts.rng import fold
from jaxgan.parts.types import Key, Params, PyTree, check_range


def draw(latent: Latent, params: Params, keys: Key) -> PyTree:
    """Draws one latent per key, and transforms it by params["latent"] if the prior has parameters."""
    drawn = jax.vmap(latent.draw)(keys)
    if latent.init is None:
        return drawn
    return jax.vmap(latent.transform, (None, 0))(params["latent"], drawn)


def truncated(latent: Latent, bound: float) -> Latent:
    """Returns the prior under the condition that no entry is beyond the bound; it needs `latent.truncate`."""
    check_range("the bound of truncated latents", bound, above=True)
    truncate = latent.truncate
    assert truncate is not None
    return latent._replace(draw=lambda key: truncate(latent.draw(key), bound))


def init(latent: Latent, key: Key) -> dict[str, Params]:
    """Returns the prior's parameters as "latent", nothing if it has none."""
    return {} if latent.init is None else {"latent": latent.init(fold(key, "latent"))}
