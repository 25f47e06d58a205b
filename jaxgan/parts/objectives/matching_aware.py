"""D also rejects real examples with a condition that is not theirs, such as another picture's text."""

import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.parts.objectives.objective import Objective
from jaxgan.parts.output import per_example
from jaxgan.parts.terms.moves import neighbours
from jaxgan.parts.terms.term import stateless
from jaxgan.parts.types import Array, Schedule, View, at


def matching_aware(objective: Objective, *leaves: str, weight: Schedule = 0.5) -> Objective:
    """D's loss with a share of its fakes replaced by real examples that have another example's condition.

    real(r) + (1 - weight) fake(f) + weight fake(w), with the logits r of (x, c), f of (G(z, c), c) and w of
    (x, c'); GAN-CLS has a half of each (Reed et al., 2016). c are these `leaves` of the batch, by default
    "text", and c' those of the neighbour: 0 and 1 swap theirs, 2 and 3, whole packs with packing. Where both
    are equal (x, c') is no mismatch, and the fake has all the weight. G's loss is the objective's.

    >>> from jaxgan.parts.objectives.classical import non_saturating
    >>> [term.name for term in matching_aware(non_saturating()).d_terms]
    ['matching_aware']
    """
    names, told_fake = leaves or ("text",), objective.d_told_fake
    if told_fake is None:
        raise Refused(
            "matching_aware tells D that a mismatch is fake, and this objective compares real with fake and "
            "has no d_told_fake: take another, such as non_saturating or hinge"
        )

    def loss(view: View) -> Array:
        inputs = view.keys.shape[0]
        missing = [name for name in names if name not in view.given]
        if missing:
            has = ", ".join(sorted(view.given)) or "no conditions"
            raise Refused(f"matching_aware exchanges the condition {missing[0]}, but D is given {has}")
        own = {name: _packs(view.given[name], inputs) for name in names}
        other = neighbours("matching_aware", own)
        differs = jnp.zeros(inputs, bool)
        for name in names:
            differs |= (own[name] != other[name]).reshape(inputs, -1).any(axis=1)
        swapped = {name: x.reshape(view.given[name].shape) for name, x in other.items()}
        wrong = view.judge(view.real, {**view.given, **swapped}).logit
        excess = [per_example(jax.tree.map(told_fake, logits)) for logits in (wrong, view.fake_out)]
        return jnp.where(differs, at(weight, view.step) * (excess[0] - excess[1]), 0)

    return objective._replace(
        d_terms=(*objective.d_terms, stateless("matching_aware", loss)),
    )


def _packs(x: Array, inputs: int) -> Array:
    """[N, ...] -> [B, m, ...]: the m examples of each input of D."""
    return x.reshape(inputs, -1, *x.shape[1:])
