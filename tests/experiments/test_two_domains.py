"""The games of the scripts of two domains, with networks of one matrix each, against formulas in NumPy."""

import importlib
import sys
from pathlib import Path

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import built

import jaxgan as jg
from jaxgan.games.game import Context
from jaxgan.models import classifier, munit, patch, translator, unet
from jaxgan.parts.output import Output
from jaxgan.parts.rng import each, fold

sys.path.append(str(Path(__file__).parents[2] / "experiments" / "methods"))
two_domains = importlib.import_module("two_domains")

B, KEY = 4, jax.random.key(0)
TINY = {"size": 8, "batch_size": B, "width": 2}


class Pixels(nn.Module):
    """x @ w at each pixel, with the mean of other inputs added."""

    channels: int
    start: float | None = None  # w = start I, else random

    @nn.compact
    def __call__(self, x, *others, train=False):
        def init(key, shape):
            return jax.random.normal(key, shape) if self.start is None else self.start * jnp.eye(*shape)

        y = x @ self.param("w", init, (x.shape[-1], self.channels))
        return y + sum(other.mean(axis=-1).reshape(-1, *(1,) * (x.ndim - 1)) for other in others)


class Judge(nn.Module):
    """The logit <v, mean of x>, and a head of attributes if asked for."""

    heads: tuple = ()

    @nn.compact
    def __call__(self, x, train=False):
        h = x.mean(axis=(1, 2))
        logit = h @ self.param("v", nn.initializers.normal(1.0), (h.shape[-1],))
        heads = {name: nn.Dense(size, name=name)(h) for name, size in self.heads}
        return Output(logit, heads) if heads else logit


@pytest.fixture
def small(monkeypatch):
    """Puts these networks in place of those that the scripts take from `jaxgan.models`."""

    def use(start=None):
        def pixels(channels):
            return Pixels(channels, start)

        for room in (translator, unet):
            monkeypatch.setattr(room, "Generator", lambda shape, *args, **options: pixels(shape[2]))
        monkeypatch.setattr(munit, "ContentEncoder", lambda *args, **options: pixels(3))
        monkeypatch.setattr(munit, "Residual", lambda *args, **options: pixels(3))
        monkeypatch.setattr(munit, "Decoder", lambda channels, *args, **options: pixels(channels))
        monkeypatch.setattr(munit, "StyleEncoder", lambda size, width: Style(size))
        monkeypatch.setattr(classifier, "Classifier", lambda classes, width: Named(classes))
        for name in ("Discriminator", "MultiScale"):
            monkeypatch.setattr(patch, name, lambda *args, heads=(), **options: Judge(heads))

    return use


class Style(nn.Module):
    size: int

    @nn.compact
    def __call__(self, x):
        return x.mean(axis=(1, 2)) @ self.param("w", nn.initializers.normal(1.0), (x.shape[-1], self.size))


class Named(nn.Module):
    classes: int

    @nn.compact
    def __call__(self, x):
        h = x.mean(axis=(1, 2))
        return h, nn.Dense(self.classes)(h)


def evaluated(name, **options):
    """A script's experiment, both players' metrics on one batch, and what they were computed from."""
    script = importlib.import_module(name)
    experiment = built(script, script.Config(**{**TINY, **options}))
    game, source = experiment.rule.game, experiment.source
    batch = {key: jnp.asarray(leaf) for key, leaf in jg.data.labelled(source, B).items()}
    batch["index"] = jnp.arange(B)

    @jax.jit
    def both(batch):
        g, d, extra = game.init(KEY, batch)
        context = Context(g.stats, d.stats, extra, jnp.int32(0), batch, jax.random.key(5), jnp.int32(0))
        of_d, of_g = (loss(g.params, d.params, context)[1].metrics for loss in (game.d_loss, game.g_loss))
        slopes = [
            jax.grad(loss, player, has_aux=True)(g.params, d.params, context)[0]
            for player, loss in ((0, game.g_loss), (1, game.d_loss))
        ]
        return {**of_d, **of_g}, g.params, d.params, slopes

    metrics, g, d, slopes = both(batch)
    keys = each(jax.random.key(5), batch["index"])
    return metrics, jax.tree.map(np.float64, (g, d)), batch, keys, slopes


def l1(x, y):
    return np.abs(np.float64(x) - np.float64(y)).mean()


def test_the_data_of_two_domains_are_pairs_only_where_they_are_measured():
    source = two_domains.data(two_domains.Config(size=8))
    apart, pairs = jg.data.labelled(source, 8), jg.data.labelled(source.held_out(), 8)
    palette = np.float32(two_domains.PALETTE)
    np.testing.assert_allclose(pairs["x"], pairs["other"] @ palette, atol=1e-6)
    assert np.abs(apart["x"] - apart["other"] @ palette).mean(axis=(1, 2, 3)).min() > 0.01
    assert source.asks == source.held_out().asks == ("other",)


@pytest.mark.parametrize("name", ["cyclegan", "discogan", "dualgan"])
def test_translators_that_change_nothing_rebuild_everything(name, small):
    small(start=1.0)
    metrics, *_ = evaluated(name)
    own = {key: float(value) for key, value in metrics.items() if key.count("/") == 1 and key[0] == "g"}
    assert own.keys() == {"cyclegan": {"g/cycle", "g/identity"}}.get(name, {"g/reconstruction"})
    assert set(own.values()) == {0.0}


@pytest.mark.parametrize(("name", "power", "weight"), [("discogan", 2, 10.0), ("dualgan", 1, 20.0)])
def test_a_round_trip_by_hand(name, power, weight, small):
    """The trap of public code: an L1 between a fake and its input, which would be a second loss here."""
    small()
    metrics, (g, d), batch, _, slopes = evaluated(name)
    a, b = g["x"]["w"], g["other"]["w"]
    x, other = np.float64(batch["x"]), np.float64(batch["other"])
    expected = weight * sum((np.abs(y @ m - y) ** power).mean() for y, m in ((x, b @ a), (other, a @ b)))
    np.testing.assert_allclose(metrics["g/reconstruction"], expected, rtol=1e-4)
    assert {key for key in metrics if key[:2] == "g/"} == {"g/reconstruction", "g/x/adv", "g/other/adv"}
    logits = np.einsum("bhwc,c->b", other @ a, d["x"]["v"]) / 64
    adv = np.logaddexp(0, -logits).mean() if name == "discogan" else -logits.mean()
    np.testing.assert_allclose(metrics["g/x/adv"], adv, rtol=1e-4, atol=1e-6)
    assert all(jnp.any(slope) for slope in jax.tree.leaves(slopes))


def test_cyclegan_by_hand(small):
    small()
    metrics, (g, d), batch, *_ = evaluated("cyclegan")
    a, b = g["x"]["w"], g["other"]["w"]
    x, other = np.float64(batch["x"]), np.float64(batch["other"])
    expected = {
        "g/cycle": 10 * (l1(x @ b @ a, x) + l1(other @ a @ b, other)),
        "g/identity": 5 * (l1(x @ a, x) + l1(other @ b, other)),
        "g/x/adv": (((other @ a).mean(axis=(1, 2)) @ d["x"]["v"] - 1) ** 2).mean(),
    }
    for key, value in expected.items():
        np.testing.assert_allclose(metrics[key], value, rtol=1e-4)


def test_an_identity_loss_needs_domains_of_one_shape():
    script = importlib.import_module("cyclegan")
    source = script.data(script.Config(**TINY))
    grey = {**source.leaves, "other": source.leaves["other"]._replace(shape=(8, 8, 1))}
    with pytest.raises(jg.Refused, match="needs domains of one shape"):
        script.build(script.Config(**TINY), source._replace(leaves=grey))


def test_unit_by_hand_and_one_set_of_shared_parameters(small):
    small()
    metrics, (g, _), batch, keys, _ = evaluated("unit")
    assert sorted(g) == ["decode_other", "decode_x", "encode_other", "encode_x", "from_shared", "to_shared"]
    w = {name: part["w"] for name, part in g.items()}
    into = {name: w[f"encode_{name}"] @ w["to_shared"] for name in ("x", "other")}
    out = {name: w["from_shared"] @ w[f"decode_{name}"] for name in ("x", "other")}

    def noise(what):
        return np.float64(jax.vmap(lambda key: jax.random.normal(key, (8, 8, 3)))(fold(keys, what)))

    expected = dict.fromkeys(("kl", "reconstruction", "cycle_kl", "cycle"), 0.0)
    for name, of in (("x", "other"), ("other", "x")):
        x = np.float64(batch[name])
        code = x @ into[name]
        drawn = code + noise(name)
        there = drawn @ out[of] @ into[of]
        expected["kl"] += 0.1 * (code**2).mean()
        expected["reconstruction"] += 100 * l1(drawn @ out[name], x)
        expected["cycle_kl"] += 0.1 * (there**2).mean()
        expected["cycle"] += 100 * l1((there + noise(f"{name} again")) @ out[name], x)
    for key, value in expected.items():
        np.testing.assert_allclose(metrics[f"g/{key}"], value, rtol=1e-4)


def test_munit_by_hand(small):
    small()
    metrics, (g, _), batch, keys, _ = evaluated("munit")
    z = jax.vmap(jg.latents.parts(x=jg.latents.normal(8), other=jg.latents.normal(8)).draw)(fold(keys, "z"))

    def decode(name, content, style):
        return content @ g[f"decode_{name}"]["w"] + np.float64(style).mean(axis=1)[:, None, None, None]

    def style_of(name, x):
        return x.mean(axis=(1, 2)) @ g[f"style_{name}"]["w"]

    expected = dict.fromkeys(("reconstruction", "content", "style"), 0.0)
    for name, of in (("x", "other"), ("other", "x")):
        x, source = np.float64(batch[name]), np.float64(batch[of])
        content = source @ g[f"content_{of}"]["w"]
        fake, own = decode(name, content, z[name]), x @ g[f"content_{name}"]["w"]
        expected["reconstruction"] += 10 * l1(decode(name, own, style_of(name, x)), x)
        expected["content"] += l1(fake @ g[f"content_{name}"]["w"], content)
        expected["style"] += l1(style_of(name, fake), z[name])
    for key, value in expected.items():
        np.testing.assert_allclose(metrics[f"g/{key}"], value, rtol=1e-4)


def test_munit_takes_a_style_from_a_picture(small):
    small()
    script = importlib.import_module("munit")
    experiment = built(script, script.Config(**TINY, styled=True))
    game, source = experiment.rule.game, experiment.source
    assert game.given == ("other", "style")
    rest = jg.data.labelled(source.held_out(), 6)
    np.testing.assert_allclose(rest["x"], rest["other"] @ np.float32(two_domains.PALETTE), atol=1e-6)
    assert np.abs(rest["style"] - rest["x"]).mean(axis=(1, 2, 3)).min() > 0.01
    g, *_ = game.init(KEY, {**jg.data.labelled(source, B), "index": jnp.arange(B)})
    given = {name: jnp.asarray(rest[name]) for name in game.given}
    plain = game.sample(g, KEY, jnp.arange(6), given)
    other_key = game.sample(g, jax.random.key(9), jnp.arange(6), given)
    np.testing.assert_array_equal(plain, other_key)  # nothing is drawn
    brighter = game.sample(g, KEY, jnp.arange(6), {**given, "style": given["style"] + 1})
    step = jnp.ones(3) @ g.params["style_x"]["w"]
    np.testing.assert_allclose(brighter - plain, jnp.full_like(plain, step.mean()), rtol=1e-3, atol=1e-4)


def entropy(logits, attributes):
    return np.mean(np.sum(np.logaddexp(0, logits) - attributes * logits, axis=1))


def test_stargan_teaches_its_head_on_reals_and_its_translator_by_the_attributes_asked_for(small):
    small()
    metrics, (g, d), batch, keys, _ = evaluated("stargan")
    script = importlib.import_module("stargan")
    source = script.data(script.Config(**TINY))
    table = jg.latents.table(jg.data.labelled(source, 1000)["attributes"])
    asked = np.float64(jax.vmap(table.draw)(fold(keys, "z")))
    assert set(np.unique(asked)) <= {0.0, 1.0}

    def head(x):
        return x.mean(axis=(1, 2)) @ d["attributes"]["kernel"] + d["attributes"]["bias"]

    def translated(x, attributes):
        return x @ g["g"]["w"] + attributes.mean(axis=1)[:, None, None, None]

    x, own = np.float64(batch["x"]), np.float64(batch["attributes"])
    fake = translated(x, asked)
    np.testing.assert_allclose(metrics["d/attributes"], entropy(head(x), own), rtol=1e-4)
    np.testing.assert_allclose(metrics["g/attributes"], entropy(head(fake), asked), rtol=1e-4)
    np.testing.assert_allclose(metrics["g/reconstruction"], 10 * l1(translated(fake, own), x), rtol=1e-4)
    slope = np.linalg.norm(d["v"]) / 8  # of the mean over 64 pixels
    np.testing.assert_allclose(metrics["d/gp"], 10 * (slope - 1) ** 2, rtol=1e-4)


def test_pixelda_reads_logits_and_no_label_of_its_target(small):
    """The trap of public code: a softmax before the cross-entropy, which is then log(1 + 9/e) or more."""
    small()
    metrics, (g, _), batch, keys, slopes = evaluated("pixelda")
    layer, label = g["classify"]["Dense_0"], np.asarray(batch["label"])
    z = np.float64(jax.vmap(jg.latents.normal(8).draw)(fold(keys, "z")))
    other = np.float64(batch["other"])
    made = other @ g["g"]["w"] + z.mean(axis=1)[:, None, None, None]
    for name, x in (("made", made), ("source", other)):
        logits = x.mean(axis=(1, 2)) @ layer["kernel"] + layer["bias"]
        nll = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(B), label]
        np.testing.assert_allclose(metrics[f"g/{name}"], 0.05 * nll.mean() / 2, rtol=1e-4)
    assert set(batch) == {"x", "other", "label", "index"}
    assert jnp.any(slopes[0]["classify"]["Dense_0"]["kernel"])
    glyphs = jg.data.labelled(jg.load("glyphs", 8), 2000)
    nearest = jg.metrics.nearest.nearest(other.reshape(B, -1), glyphs["x"].reshape(2000, -1))[0][:, 0]
    assert (glyphs["label"][nearest] == label).mean() > 0.5  # the labels are those of the glyphs


def test_the_rate_of_cyclegan_falls_in_the_second_half(small):
    small(start=1.0)
    script = importlib.import_module("cyclegan")
    experiment = built(script, script.Config(**TINY, decay_after=2, lr=1.0))
    batch = {**jg.data.labelled(experiment.source, B), "index": np.arange(B)}
    batches = jax.tree.map(lambda x: jnp.asarray(x)[None, None], batch)
    state, update, lengths = experiment.rule.init(KEY, batches), jax.jit(experiment.rule.update), []
    for _ in range(5):
        new, _ = update(state, batches)
        moved = jax.tree.map(lambda a, b: jnp.abs(a - b).max(), new.d.params, state.d.params)
        lengths.append(float(jax.tree.reduce(jnp.maximum, moved)))
        state = new
    assert lengths[0] == pytest.approx(1.0, rel=1e-3)  # Adam's first step is the rate
    assert lengths[4] == 0.0 < lengths[3] < lengths[0]
