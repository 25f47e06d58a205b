"""LOGAN's latent step: its matrix form, gradients through it, its cost, and what stays without it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from linear import BATCH, B, make, start

import jaxgan as jg
from jaxgan.parts import latent_steps
from jaxgan.parts.rng import each, fold

KEYS = each(jax.random.key(1), jnp.arange(500))


def drawn(context):
    """The latents of both losses before the step."""
    keys = fold(each(context.key, context.batch["index"]), "z")
    return jax.vmap(jg.latents.normal(4).draw)(keys)


def test_the_step_is_the_damped_natural_gradient():
    """(g g^T + b I)^-1 g, solved as a linear system for each latent."""
    z, g = jax.random.normal(jax.random.key(0), (2, 7, 5))
    step = latent_steps.natural(0.9, 0.3, share=1.0, bound=None)
    moved = np.asarray(step.move(KEYS[:7], z, g))
    for before, slope, after in zip(*map(np.asarray, (z, g, moved)), strict=True):
        direction = np.linalg.solve(np.outer(slope, slope) + 0.3 * np.eye(5), slope)
        np.testing.assert_allclose(after, before + 0.9 * direction, rtol=1e-4)


def test_a_share_of_latents_moves_and_stays_in_its_box():
    z, g = jnp.full((500, 2), 0.8), jnp.array([1.0, -1.0]) * jnp.ones((500, 2))
    moved = np.asarray(latent_steps.natural(1.0, 1.0, share=0.7).move(KEYS, z, g))
    still = (moved == 0.8).all(1)
    assert abs(still.mean() - 0.3) < 0.08
    np.testing.assert_allclose(moved[~still], [[1.0, 0.8 - 1 / 3]] * (~still).sum(), rtol=1e-6)


def linear_losses(w, v, z, damping, rate, cost):
    """Both losses of linear networks by hand: D's slope in every latent is w v, a function of both."""
    slope = w @ v
    moved = z + rate * slope / (damping + slope @ slope)
    fake, real = moved @ w @ v, BATCH["x"] @ v
    length = cost * ((moved - z) ** 2).sum(1).mean()
    d_loss = (jax.nn.softplus(-real) + jax.nn.softplus(fake)).mean() + length
    return d_loss, jax.nn.softplus(-fake).mean() + length


def test_both_losses_and_their_gradients_go_through_the_step():
    step = latent_steps.natural(0.9, 0.5, share=1.0, bound=None, cost=0.2)
    game = make(latent_step=step)
    w, v, context = start(game)
    z = drawn(context)
    for which, loss in enumerate((game.d_loss, game.g_loss)):
        grads = jax.grad(loss, argnums=(0, 1), has_aux=True)(w, v, context)[0]
        by_hand = jax.grad(lambda w, v: linear_losses(w, v, z, 0.5, 0.9, 0.2)[which], (0, 1))(w, v)  # noqa: B023
        for grad, expected in zip(grads, by_hand, strict=True):
            np.testing.assert_allclose(grad, expected, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(
            loss(w, v, context)[0], linear_losses(w, v, z, 0.5, 0.9, 0.2)[which], rtol=1e-5
        )


def test_the_gradient_through_the_step_is_not_cut():
    """Public code that detaches the step has another gradient: it is the point of the method."""
    game = make(latent_step=latent_steps.natural(0.9, 0.5, share=1.0, bound=None, cost=0.0))
    w, v, context = start(game)
    z = drawn(context)
    slope = w @ v
    fixed = z + 0.9 * slope / (0.5 + slope @ slope)
    detached = jax.grad(lambda w: jax.nn.softplus(-(fixed @ w @ v)).mean())(w)
    grad = jax.grad(game.g_loss, has_aux=True)(w, v, context)[0]
    assert np.abs(grad - detached).max() > 0.02


def test_terms_see_moved_and_drawn_latents():
    seen = []
    step = latent_steps.natural(share=1.0, bound=None)
    term = jg.terms.stateless("seen", lambda view: seen.append(view) or jnp.zeros(B))
    game = make(latent_step=step, g_terms=[term])
    w, v, context = start(game)
    _, aux = game.g_loss(w, v, context)
    view = seen[-1]
    np.testing.assert_array_equal(view.z_drawn, drawn(context))
    np.testing.assert_allclose(view.fake_plain, view.z @ w, rtol=1e-5)
    assert (view.z != view.z_drawn).all()
    lengths = jnp.square(view.z - view.z_drawn).sum(axis=1).mean()
    np.testing.assert_allclose(aux.metrics["g/latent_step"], 0.1 * lengths, rtol=1e-6)


@pytest.mark.parametrize("off", [{"rate": 0.0}, {"share": 0.0}])
def test_no_step_is_the_game_without_it_bit_for_bit(off):
    plain, still = make(), make(latent_step=latent_steps.natural(**off, bound=None, cost=0.0))
    w, v, context = start(plain)
    for name in ("d_loss", "g_loss"):
        of_plain, of_still = (getattr(game, name)(w, v, context) for game in (plain, still))
        assert of_plain[0] == of_still[0]
        assert of_plain[1].metrics == of_still[1].metrics


def test_packs_and_augmentations_go_with_it():
    parts = {"packing": 2, "augment": lambda key, x: 2 * x, "instance_noise": 0.1}
    game = make(latent_step=latent_steps.natural(bound=None), **parts)
    w, v, context = start(game)
    for loss in (game.d_loss, game.g_loss):
        assert jnp.isfinite(loss(w, v, context)[0])


@pytest.mark.parametrize(
    ("make_part", "words"),
    [
        (lambda: latent_steps.natural(damping=0.0), "the damping of a latent step must be above 0, not 0"),
        (lambda: latent_steps.natural(share=2), "the share of a latent step must be between 0 and 1, not 2"),
        (
            lambda: latent_steps.natural().move(KEYS, {"code": jnp.zeros((500, 1))}, {}),
            "latent_step moves a latent of one array",
        ),
    ],
)
def test_unfit_parts_are_refused(make_part, words):
    with pytest.raises(jg.Refused, match=words):
        make_part()
