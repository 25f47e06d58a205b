"""StarGAN (Choi et al., 2018): one translator for many domains, told the attributes that it shall give.

    python experiments/methods/stargan.py

Kept: the attributes asked for as planes beside the picture, drawn from those of the data; a D with a head of
attributes, learnt on real pictures alone; the absolute error of pictures that are given their own attributes
again; the critic's loss on patches, with a gradient penalty; five steps of D per step of G; the paper's
weights. Changed: shapes of 16 px whose attributes are which of red, green and blue are bright, BatchNorm in
G, since instance norm would remove the planes, a smaller D, a larger rate for fewer steps. Data with a leaf
"attributes" have their own.

On 500 held-out pictures that are asked for another's attributes: `right`, the share whose attributes are all
those asked for, read from the nearest training picture; `right_identity` of the pictures as they are.
`kept` is the mean absolute difference of the brightest channel from the picture's: the outline stays;
`kept_other` that of two unrelated pictures.

After 800 steps, mean and standard deviation of seeds 0 to 2: right 0.953 +- 0.051, right_identity 0.184, kept
0.098 +- 0.003, kept_other 0.149. So it does as it is asked, and keeps the outline in part.
"""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import two_domains

import jaxgan as jg

if TYPE_CHECKING:
    import jax
    import numpy as np


@dataclass(frozen=True)
class Config(two_domains.Config):
    d_steps: jg.Count = 5
    classify: jg.NonNegative = 1.0
    """Weight of the cross-entropy of attributes."""
    reconstruction: jg.NonNegative = 10.0
    """Weight of the absolute error of pictures given their own attributes again."""
    penalty: jg.NonNegative = 10.0
    """Weight of the gradient penalty."""


def data(config: Config) -> "jg.Source":
    """Loads pictures with "attributes", and an unrelated picture, "other", that samples are made from."""
    from jaxgan.data import load, pairs

    source = load(config.data, config.size)
    if "attributes" not in source.leaves:
        source = pairs.paired(source, bright, "attributes")
    return unasked(pairs.unpaired(source, load(config.other or config.data, config.size)))


def bright(x: "jax.Array") -> "jax.Array":
    """Which channels are bright in the ink, the pixels that are bright in any channel: 0 or 1 each."""
    import jax.numpy as jnp

    ink = jnp.maximum(x.max(axis=-1, keepdims=True), 0)
    colour = (ink * x).sum(axis=(0, 1)) / (ink.sum() + 1e-6)
    return (colour > -0.1).astype(jnp.float32)


def unasked(source: "jg.Source") -> "jg.Source":
    """The source without a true answer: no picture is another one with other attributes."""
    held_out = source.held_out
    return source._replace(asks=(), held_out=None if held_out is None else lambda: unasked(held_out()))


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    import numpy as np
    import optax

    from jaxgan.models import patch, translator

    count, axis = source.leaves["attributes"].shape[0], config.lowering.axis
    g = translator.Generator(source.shape, config.width, config.blocks, "batch", axis)

    def entropy(logits: "jax.Array", attributes: "jax.Array") -> "jax.Array":
        return config.classify * optax.sigmoid_binary_cross_entropy(logits, attributes).sum(axis=1)

    def on_real(view: "jg.View") -> "jax.Array":
        return entropy(view.real_heads["attributes"], view.given["attributes"])

    def on_fake(view: "jg.View") -> "jax.Array":
        return entropy(view.fake_heads["attributes"], view.given["asked"])

    critic = jg.adversary(
        jg.from_linen(patch.Discriminator(2 * config.width, 2, "none", heads=(("attributes", count),))),
        jg.objectives.wasserstein(),
        d_terms=[jg.terms.wgan_gp(config.penalty), jg.terms.stateless("attributes", on_real)],
        g_terms=[jg.terms.stateless("attributes", on_fake)],
        lowering=config.lowering,
    )

    def play(call: Any, asked: "jax.Array", batch: "jg.Batch", turn: jg.Turn) -> tuple:
        x, own = batch["x"], batch["attributes"]
        fake = call("g", x, asked)
        error = config.reconstruction * two_domains.l1(call("g", fake, own), x)
        return jg.Meeting(x, fake, {"attributes": own, "asked": asked}), {"reconstruction": error}

    game = jg.networks_game(
        critic,
        {"g": jg.from_linen(g)},
        latent=jg.latents.table(jg.data.labelled(source, 1000)["attributes"]),
        play=play,
        decode=lambda call, asked, given: call("g", given["other"], given["attributes"]),
        given=("other", "attributes"),
        lowering=config.lowering,
    )

    @cache
    def compared() -> "tuple[Any, Any]":
        held_out = source.held_out() if source.held_out else source
        return jg.data.labelled(source, 2000), jg.data.labelled(held_out, 500)

    def measure(moment: jg.Moment) -> dict[str, float]:
        training, rest = compared()
        known, other = training["x"].reshape(len(training["x"]), -1), rest["other"]

        def right(x: "np.ndarray") -> float:
            nearest = jg.metrics.nearest.nearest(x.reshape(len(x), -1), known)[0][:, 0]
            return float((training["attributes"][nearest] == rest["attributes"]).all(axis=1).mean())

        def kept(x: "np.ndarray") -> float:
            return float(np.abs(x.max(axis=-1) - other.max(axis=-1)).mean())

        samples = moment.sample(moment.state.generator, len(other))
        rights = {"right": right(samples), "right_identity": right(other)}
        return {**rights, "kept": kept(samples), "kept_other": kept(rest["x"])}

    rule = jg.alternating(game, *[optax.adam(config.lr, b1=0.5, b2=0.999)] * 2, d_steps=config.d_steps)
    return jg.Experiment(rule, source, [jg.Hook(config.measure_every, measure)])


if __name__ == "__main__":
    jg.main(Config, build, data)
