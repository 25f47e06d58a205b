"""GAN-CLS: D's loss with real examples whose text is another's, against sums by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

import jaxgan as jg

X = jnp.array([[0.5], [-1.0], [2.0], [0.25]])
TEXT = jnp.array([[2, 3], [4, 0], [5, 5], [5, 5]], jnp.int32)  # the last two say the same


class Reader(nn.Module):
    """x w + sum of the text v, an input of D; packs are summed, each text by its place."""

    @nn.compact
    def __call__(self, x, text):
        w, v = self.param("w", nn.initializers.ones, ()), self.param("v", nn.initializers.ones, ())
        places = jnp.arange(1, 1 + text[0].size).reshape(text.shape[1:])
        return w * x.sum(-1) + v * 0.1 * (places * text).reshape(len(x), -1).sum(axis=1)


def losses(objective, packing=1, x=X, text=TEXT):
    critic = jg.adversary(
        jg.from_linen(Reader()), objective, conditioning=jg.conditioning.leaves("text"), packing=packing
    )
    meeting = jg.Meeting(x, 2 * x + 1, {"text": text})

    @jax.jit
    def both(meeting):
        keys = jax.random.split(jax.random.key(0), len(x))
        side, memory = critic.init(jax.random.key(1), meeting, keys)
        turn = jg.Turn(keys, jnp.int32(0), jnp.int32(0))
        (d_view, _, d_memory), (g_view, _, g_memory) = (
            critic.meet(who, *side, memory, meeting, turn) for who in ("d", "g")
        )
        return critic.d_loss(d_view, d_memory)[:2], critic.g_loss(g_view, g_memory)[:2]

    return both(meeting)


def softplus(x):
    return np.log1p(np.exp(x))


def by_hand(weight=0.5):
    places = np.array([1, 2])
    real, fake = (np.asarray(x)[:, 0] + 0.1 * (places * np.asarray(TEXT)).sum(1) for x in (X, 2 * X + 1))
    swapped = np.asarray(TEXT)[[1, 0, 3, 2]]
    wrong = np.asarray(X)[:, 0] + 0.1 * (places * swapped).sum(1)
    total = 0.0
    for i in range(4):
        rejected = softplus(fake[i])
        if i < 2:  # else the text is the same
            rejected = (1 - weight) * softplus(fake[i]) + weight * softplus(wrong[i])
        total += softplus(-real[i]) + rejected
    return total / 4


def test_the_loss_of_reed_et_al_by_hand():
    (loss, metrics), (g_loss, _) = losses(jg.objectives.matching_aware(jg.objectives.minimax()))
    np.testing.assert_allclose(loss, by_hand(), rtol=1e-6)
    assert "d/matching_aware" in metrics
    plain, g_plain = losses(jg.objectives.minimax())
    assert g_loss == g_plain[0]
    assert loss != plain[0]


def test_without_weight_it_is_the_objective():
    objective = jg.objectives.hinge()
    (loss, _), _ = losses(jg.objectives.matching_aware(objective, weight=0.0))
    (plain, _), _ = losses(objective)
    assert loss == plain


def test_equal_texts_are_no_mismatch():
    same = jnp.broadcast_to(TEXT[:1], TEXT.shape)
    (loss, metrics), _ = losses(jg.objectives.matching_aware(jg.objectives.hinge()), text=same)
    (plain, _), _ = losses(jg.objectives.hinge(), text=same)
    assert metrics["d/matching_aware"] == 0
    assert loss == plain


def test_whole_packs_swap_their_texts():
    """A pack that only swapped its own two texts would look no different to a D that adds them up."""
    objective = jg.objectives.matching_aware(jg.objectives.minimax())
    (_, metrics), _ = losses(objective, packing=2)
    real, fake = (np.asarray(x)[:, 0].reshape(2, 2).sum(1) for x in (X, 2 * X + 1))
    packs = np.asarray(TEXT).reshape(2, 4)  # as D gets them
    score = 0.1 * (np.arange(1, 5) * packs).sum(1)
    excess = softplus(real + score[::-1]) - softplus(fake + score)
    np.testing.assert_allclose(metrics["d/matching_aware"], excess.mean() / 2, rtol=1e-5)


def test_refusals():
    with pytest.raises(jg.Refused, match="has no d_told_fake"):
        jg.objectives.matching_aware(jg.objectives.relativistic())
    with pytest.raises(jg.Refused, match="exchanges the condition words, but D is given text"):
        losses(jg.objectives.matching_aware(jg.objectives.hinge(), "words"))
    with pytest.raises(jg.Refused, match="even batch"):
        losses(jg.objectives.matching_aware(jg.objectives.hinge()), x=X[:3], text=TEXT[:3])
