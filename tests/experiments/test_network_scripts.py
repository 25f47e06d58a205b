"""Scripts of games of several networks: which loss reaches which network."""

import jax
import jax.numpy as jnp
import numpy as np
from experiments.test_methods import TINY, import_script
from jax.interpreters.partial_eval import dce_jaxpr
from support import built

import jaxgan as jg
from jaxgan.games.game import Context


def reached(name):
    """The networks that the gradient of each of G's losses reaches, read from the program, not run."""
    script = import_script(name)
    config = script.Config(**TINY)
    experiment = built(script, config)
    game, source = experiment.game, experiment.source
    number = jnp.arange(TINY["batch_size"])
    taken = jax.eval_shape(source.take, source.arrays, jax.random.key(3), number)
    batch = {**taken, "index": number}
    g, d, extra = jax.eval_shape(game.init, jax.random.key(0), batch)

    def change(change_of_g, g, d, extra, batch):
        """The change of the losses with that of G's parameters."""
        context = Context(g.stats, d.stats, extra, 0, batch, jax.random.key(5), 0)
        metrics = jax.jvp(lambda p: game.g_loss(p, d.params, context)[1].metrics, (g.params,), (change_of_g,))
        return metrics[1]

    program, shapes = jax.make_jaxpr(change, return_shape=True)(g.params, g, d, extra, batch)
    changes = jax.tree_util.tree_leaves_with_path(g.params)
    found = {}
    for i, metric in enumerate(sorted(shapes)):
        used = dce_jaxpr(program.jaxpr, [n == i for n in range(len(shapes))])[1]
        found[metric] = {path[0].key for (path, _), is_used in zip(changes, used, strict=False) if is_used}
    return found


def test_alpha_gan_cuts_the_encoder_from_d_and_g_from_the_d_of_codes():
    assert reached("alpha_gan") == {
        "g/error": {"e", "g"},
        "g/x/drawn/adv": {"g"},
        "g/x/rebuilt/adv": {"g"},
        "g/code/adv": {"e"},
    }


def test_the_inverse_of_veegan_learns_from_its_error_alone_and_the_encoder_of_bigan_from_d():
    assert reached("veegan") == {"g/adv": {"g"}, "g/error": {"f", "g"}}
    assert reached("bigan") == {"g/adv": {"e", "g"}}


def test_the_second_stage_of_stackgan_teaches_the_first():
    first = {"words", "code", "first"}
    assert reached("stackgan") == {
        "g/first/adv": first,
        "g/second/adv": first | {"second_code", "second"},
        "g/kl": {"words", "code", "second_code"},
    }


def test_the_first_stage_of_stackgan_is_compared_with_means_of_squares(monkeypatch):
    script = import_script("stackgan")
    met = {}

    def keep(of):
        def several(critics):
            made = of(critics)
            return made._replace(meet=lambda *args: met.update(args[4]) or made.meet(*args))

        return several

    monkeypatch.setattr(jg, "several", keep(jg.several))
    experiment = built(script, script.Config(**{**TINY, "words": 4, "blocks": 0}))
    source = experiment.source
    batch = {**source.take(source.arrays, jax.random.key(3), jnp.arange(8)), "index": jnp.arange(8)}

    def play(batch):
        g, d, extra = experiment.game.init(jax.random.key(0), batch)
        context = Context(g.stats, d.stats, extra, 0, batch, jax.random.key(5), 0)
        experiment.game.g_loss(g.params, d.params, context)
        return met["first"].real, met["first"].fake, met["second"].real

    small, fake, large = jax.jit(play)(batch)
    np.testing.assert_allclose(small, batch["x"].reshape(8, 8, 2, 8, 2, 3).mean((2, 4)), atol=1e-6)
    assert fake.shape == small.shape
    np.testing.assert_array_equal(large, batch["x"])
