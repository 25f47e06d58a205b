"""The path-angle plot: is there a minimum at the end of the way, or a rotation around it?"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from jaxgan.errors import Refused
from jaxgan.games.game import Game, State
from jaxgan.instruments.field import field
from jaxgan.instruments.spectrum import finite
from jaxgan.parts.types import Batch, Key


class PathAngle(NamedTuple):
    """What the field does along a straight line, at each of the places [N]: 0 is the start, 1 the end."""

    place: np.ndarray
    cosine: np.ndarray  # of the angle between the field and the way from start to end
    norm: np.ndarray  # of the field


def path_angle(
    game: Game,
    start: State,
    end: State,
    batch: Batch,
    key: Key | None = None,
    place: np.ndarray = np.linspace(-0.2, 1.4, 81),  # noqa: B008 - never changed
) -> PathAngle:
    """cos(v(θ_a), θ_1 - θ_0) and |v(θ_a)| at θ_a = θ_0 + a (θ_1 - θ_0), both players' parameters together.

    Berard et al., 2020. Where the end attracts, the cosine falls from 1 to -1 as the line passes it; where
    the field turns around the end there is a bump of one sign there, and a mixture shows both. Here v is
    where the players are pushed; with gradients in its place the signs are the other way round. Statistics,
    step and key are those of the end.

    >>> import jax, optax
    >>> from jaxgan.games.toy import bilinear
    >>> from jaxgan.rules.simultaneous import simultaneous
    >>> rule = simultaneous(bilinear(), optax.sgd(0.1), optax.sgd(0.1))
    >>> start = rule.init(jax.random.key(0), {"x": jnp.zeros((1, 1, 1))})
    >>> end = start.replace(d=start.d.replace(params=jnp.float32(3.0)))  # D is pushed by g, wherever it is
    >>> half = path_angle(bilinear(), start, end, {"x": jnp.zeros((1, 1))}, place=np.array([0.5]))
    >>> half.cosine.round(3).tolist(), half.norm.round(3).tolist()  # of (-2, 1) and (0, 1)
    ([0.447], [2.236])
    """
    along = field(game, end, batch, key)
    first = ravel_pytree((start.g.params, start.d.params))[0]
    way = along.at - first
    if not jnp.any(way):
        raise Refused("the path leads nowhere: start and end have the same parameters")
    v = np.stack([finite(along.velocity(first + a * way)) for a in place.astype(first.dtype)])
    norm = np.linalg.norm(v, axis=1)
    towards = v @ (finite(way) / np.linalg.norm(finite(way)))
    return PathAngle(place, np.divide(towards, norm, out=np.zeros_like(norm), where=norm > 0), norm)
