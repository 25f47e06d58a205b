"""The path angle, which shows whether the end of a training path is an attractor or a centre of rotation."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from jaxgan.errors import Refused
from jaxgan.games.game import Game, State
from jaxgan.instruments.field import field
from jaxgan.instruments.spectrum import finite_float64
from jaxgan.parts.types import Batch, Key


class PathAngle(NamedTuple):
    """The field along a straight line, at positions `place` [N]: 0 is the start, 1 the end."""

    place: np.ndarray
    cosine: np.ndarray  # of the angle between the field and the direction from start to end
    norm: np.ndarray  # of the field


def path_angle(
    game: Game,
    start: State,
    end: State,
    batch: Batch,
    key: Key | None = None,
    place: np.ndarray = np.linspace(-0.2, 1.4, 81),  # noqa: B008 - never changed
) -> PathAngle:
    """Returns cos(v(θ_a), θ_1 - θ_0) and |v(θ_a)| at θ_a = θ_0 + a (θ_1 - θ_0), for both players together.

    Berard et al., 2020. If the end attracts, the cosine falls from 1 to -1 as the line passes it; if the
    field rotates around the end it has a bump of one sign there, and a mixture shows both. Here v is the
    direction of descent; with gradients instead the signs are reversed. Statistics, step and key are those of
    the end.

    >>> import jax, optax
    >>> from jaxgan.games.toy import bilinear
    >>> from jaxgan.rules.simultaneous import simultaneous
    >>> rule = simultaneous(bilinear(), optax.sgd(0.1), optax.sgd(0.1))
    >>> start = rule.init(jax.random.key(0), {"x": jnp.zeros((1, 1, 1))})
    >>> end = start.replace(d=start.d.replace(params=jnp.float32(3.0)))  # D's field is g, wherever D is
    >>> half = path_angle(bilinear(), start, end, {"x": jnp.zeros((1, 1))}, place=np.array([0.5]))
    >>> half.cosine.round(3).tolist(), half.norm.round(3).tolist()  # of (-2, 1) and (0, 1)
    ([0.447], [2.236])
    """
    at_end = field(game, end, batch, key)
    theta = ravel_pytree((start.g.params, start.d.params))[0]
    line = at_end.at - theta
    if not jnp.any(line):
        raise Refused("the path has no length: start and end have the same parameters")
    v = np.stack([finite_float64(at_end.velocity(theta + a * line)) for a in place.astype(theta.dtype)])
    norm = np.linalg.norm(v, axis=1)
    along = v @ (finite_float64(line) / np.linalg.norm(finite_float64(line)))
    return PathAngle(place, np.divide(along, norm, out=np.zeros_like(norm), where=norm > 0), norm)
