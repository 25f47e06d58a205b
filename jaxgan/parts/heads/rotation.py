"""A head that tells by how many quarter turns an image was rotated, which needs no labels."""

import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.parts.classes import cross_entropy
from jaxgan.parts.heads.task import Task
from jaxgan.parts.output import read_head
from jaxgan.parts.terms.term import Term, stateless
from jaxgan.parts.types import Array, Schedule, View, at


def rotation(weight: Schedule = 1.0, g_weight: Schedule = 0.2) -> Task:
    """D: CE(R(turned x), turns), G: CE(R(turned G), turns), the self-supervised GAN (Chen et al., 2019).

    Every input of D is rotated by 0, 1, 2 or 3 quarter turns, drawn by its key, and judged once more; the
    adversarial loss is of upright ones only, and D learns R, the head "rotation", from real images only.
    Images must be square. The paper turns a quarter of the batch by each angle, and has these weights.

    >>> rotation().heads
    (('rotation', 4),)
    """

    def term(weight: Schedule, real: bool) -> Term:
        def loss(view: View) -> Array:
            turns = jax.vmap(lambda key: jax.random.randint(key, (), 0, 4))(view.keys)
            turned = turn(view.real if real else view.fake, turns)
            logits = read_head(view.judge(turned).heads, "rotation", "the loss of rotations")
            return at(weight, view.step) * cross_entropy(logits, turns)

        return stateless("rotation", loss)

    return Task((("rotation", 4),), (term(weight, True),), (term(g_weight, False),))


def turn(x: Array, turns: Array) -> Array:
    """Rotates images x [B, s, s, C] by quarter turns [B], from 0 to 3.

    >>> turn(jnp.array([[[[1], [2]], [[3], [4]]]]), jnp.array([1])).ravel().tolist()
    [2, 4, 1, 3]
    """
    if x.ndim != 4 or x.shape[1] != x.shape[2]:
        raise Refused(f"only square images [side, side, channels] can be rotated, not {list(x.shape[1:])}")
    turned = jnp.stack([jnp.rot90(x, k, axes=(1, 2)) for k in range(4)])
    return turned[turns, jnp.arange(len(x))]
