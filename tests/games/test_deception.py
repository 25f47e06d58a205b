"""Fakes shown as real (APA): which, before what, in whose loss, without a gradient, and how often."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan as jg
from jaxgan.games.adversary import Meeting, Turn, adversary
from jaxgan.parts.augmentations import Adaptive
from jaxgan.parts.network import Network
from jaxgan.parts.rng import each

B = 64
REAL, FAKE = jax.random.normal(jax.random.key(0), (2, B, 3))
KEYS = each(jax.random.key(1), jnp.arange(B))
W = jnp.array([1.0, 0.5, 3.0])


def critic(say=lambda w, x: x @ w, **parts):
    def apply(w, stats, x, *conditions, key=None, train=False):
        return say(w, x), stats

    return adversary(Network(lambda key, *inputs: (W, {}), apply), jg.objectives.hinge(), **parts)


def met(one, who="d", memory=None, update=0, fake=FAKE, rows=slice(None)):
    meeting = Meeting(REAL[rows], fake[rows])
    fresh = one.init(jax.random.key(2), meeting, KEYS[rows])[1]
    turn = Turn(KEYS[rows], jnp.int32(update), jnp.int32(update))
    view, _, memory = one.meet(who, W, {}, memory or fresh, meeting, turn)
    loss, metrics, memory = (one.d_loss if who == "d" else one.g_loss)(view, memory)
    return view, loss, metrics, memory


def test_some_reals_of_d_are_the_fakes_of_the_same_number_before_augmentation():
    view, loss, _, _ = met(critic(deceive=0.5, augment=lambda key, x: 2 * x))
    replaced = np.asarray((view.real_plain == FAKE).all(1))
    assert 0.25 < replaced.mean() < 0.75
    mixed = np.where(replaced[:, None], FAKE, REAL)
    np.testing.assert_array_equal(view.real_plain, mixed)
    np.testing.assert_array_equal(view.real, 2 * mixed)
    hinge = np.maximum(1 - 2 * mixed @ np.asarray(W), 0) + np.maximum(1 + 2 * FAKE @ W, 0)
    np.testing.assert_allclose(loss, hinge.mean(), rtol=1e-5)
    # a device that has other examples of the batch replaces the same ones
    half = met(critic(deceive=0.5), rows=slice(B // 2, None))[0]
    np.testing.assert_array_equal(half.real_plain, mixed[B // 2 :])


def test_g_sees_the_examples_themselves():
    view, loss, _, _ = met(critic(deceive=1.0), "g")
    np.testing.assert_array_equal(view.real, REAL)
    assert loss == met(critic(), "g")[1]


def test_no_gradient_flows_through_what_is_shown_as_real():
    slope = jax.grad(lambda fake: met(critic(deceive=1.0), fake=fake)[1])(FAKE)
    as_fake = (1 + FAKE @ W > 0)[:, None] * W / B
    np.testing.assert_allclose(slope, as_fake, rtol=1e-5)


@pytest.mark.parametrize("deceive", [0.0, lambda step: 0.0, jg.augmentations.apa()])
def test_with_probability_0_the_loss_is_the_same_bit_for_bit(deceive):
    assert met(critic(deceive=deceive))[1] == met(critic())[1]


def test_the_probability_follows_the_signs_of_d():
    sure = critic(lambda w, x: x[:, 0] * 0 + 1, deceive=jg.augmentations.apa(steps=8, every=2))
    memory, numbers = None, []
    for update in range(5):
        _, _, metrics, memory = met(sure, memory=memory, update=update)
        numbers.append(float(metrics["d/deceived"]))
    assert numbers == [0, 0.25, 0.25, 0.5, 0.5]
    assert met(sure, "g", memory=memory)[3]["deceive"] == memory["deceive"]  # G's loss changes nothing
    lost = critic(lambda w, x: x[:, 0] * 0 - 1, deceive=jg.augmentations.apa(steps=8, every=2))
    memory = {**memory, "deceive": Adaptive(jnp.float32(0.1), jnp.float32(-1), jnp.int32(1))}
    assert met(lost, memory=memory)[3]["deceive"].probability == 0


def test_both_controllers_have_memories_of_their_own():
    """The augmentation's is far above its target, APA's below: one rises, the other stays at 0."""
    both = critic(
        augment=jg.augmentations.adaptive(lambda p: lambda key, x: x, steps=4, every=1, target=-1.1),
        deceive=jg.augmentations.apa(steps=4, every=1, target=1.1),
    )
    memory = met(both)[3]
    assert (memory["augment"].probability, memory["deceive"].probability) == (0.25, 0)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: critic(deceive=1.5), "deceive must be between 0 and 1, not 1.5"),
        (lambda: jg.augmentations.apa(steps=2), "apa needs 1 <= every <= steps, not every=4 and steps=2"),
        (lambda: met(critic(deceive=0.5), fake=FAKE[:, :2]), "both need one shape and dtype, not"),
    ],
)
def test_unfit_parts_are_refused(make, words):
    with pytest.raises(jg.Refused, match=words) as refused:
        make()
    assert "\n" not in str(refused.value)
