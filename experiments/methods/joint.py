"""Pictures and words drawn together: one latent makes both, and one D judges the pair.

    python experiments/methods/joint.py

No published method of this form: D judges pairs, as that of ALI judges pictures with codes (Dumoulin et
al., 2017), and the generators of both modalities share latent and first layer, as CoGAN's of two domains (Liu
& Tuzel, 2016). Words are a relaxation, a row of probabilities for each place of the text; real ones are
one-hot.

`agreement` is the share of drawn pairs whose words name the colour and the shape that the picture shows,
and `apart` the same for pictures with the words of other drawn pairs: what drawing both independently would
score, the baseline that needs no joint D. `r_precision` asks a matcher trained on real pairs, of any data;
`valid` is the share of drawn texts that the data have word for word.

After 800 steps, mean and standard deviation of seeds 0 to 2: agreement 0.034 +- 0.005, apart 0.018 +- 0.003,
valid 0.73 +- 0.02, r_precision 0.041 +- 0.012. It beats drawing both independently, by little.
"""

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import describing

import jaxgan as jg

if TYPE_CHECKING:
    import jax
    import numpy as np


@dataclass(frozen=True)
class Config(describing.Config):
    pass


def discriminator(config: Config, source: "jg.Source") -> "jg.Network":
    """D of rows of numbers: the pixels of a picture, and then a probability for each word at each place."""
    import flax.linen as nn
    import jax.numpy as jnp

    from jaxgan.models import layers

    class Discriminator(nn.Module):
        @nn.compact
        def __call__(self, pair: "jax.Array") -> "jax.Array":
            x, words = jnp.split(pair, [prod(source.shape)], axis=1)
            x = x.reshape(-1, *source.shape)
            for i in range(2):
                x = nn.leaky_relu(layers.Conv(config.width << i)(x), 0.2)
            words = nn.leaky_relu(nn.Dense(4 * config.width)(words), 0.2)
            h = jnp.concatenate([x.reshape(len(x), -1), words], axis=1)
            return nn.Dense(1)(nn.leaky_relu(nn.Dense(8 * config.width)(h), 0.2))[:, 0]

    return jg.from_linen(Discriminator())


def data(config: Config) -> "jg.Source":
    """Loads pictures with words."""
    return describing.with_words(config)


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    from functools import cache

    import flax.linen as nn
    import jax
    import jax.numpy as jnp
    import numpy as np

    from jaxgan.models import dcgan, mlp

    places, count = source.leaves["text"].shape[0], describing.vocabulary(source)
    networks = {
        "first": jg.from_linen(nn.Dense(8 * config.width)),
        "picture": jg.from_linen(dcgan.Generator(source.shape, config.width, axis=config.lowering.axis)),
        "words": jg.from_linen(mlp.Generator((places, count), (8 * config.width,), final=mlp.identity)),
    }
    latent, pair = jg.latents.normal(config.z_size), jg.conditioning.flatten_latent

    def draw(call: Any, z: "jax.Array") -> "tuple[jax.Array, jax.Array]":
        h = nn.relu(call("first", z))
        return call("picture", h), nn.softmax(call("words", h))

    def play(call: Any, z: "jax.Array", batch: Any, turn: jg.Turn) -> tuple:
        real = batch["x"], jax.nn.one_hot(batch["text"], count)
        return jg.Meeting(pair(real), pair(draw(call, z))), {}

    game = jg.networks_game(
        jg.adversary(
            discriminator(config, source),
            jg.objectives.non_saturating(),
            d_terms=[jg.terms.r1(config.gamma)],
            lowering=config.lowering,
        ),
        networks,
        latent=latent,
        play=play,
        decode=lambda call, z, given: draw(call, z)[0],
        lowering=config.lowering,
    )

    @jax.jit
    def pairs(g: jg.Side) -> "tuple[jax.Array, jax.Array]":
        z = jax.vmap(latent.draw)(jax.random.split(jax.random.key(0), describing.MEASURED))
        x, words = draw(jg.caller(networks, g), z)
        return x, words.argmax(axis=-1).astype(jnp.int32)

    @cache
    def real() -> "tuple[np.ndarray, list[str]]":
        held_out = source.held_out() if source.held_out else source
        texts = jg.data.labelled(source, 20_000)["text"]
        return jg.data.examples(held_out, describing.MEASURED), describing.spelled(source, texts)

    def measure(moment: jg.Moment) -> dict[str, float]:
        x, text = jax.device_get(pairs(moment.state.generator))
        said, (pictures, texts) = describing.spelled(source, text), real()
        numbers = {"valid": float(np.isin(said, texts).mean())}
        if config.data == "described_shapes":
            shown = describing.read(x)
            numbers["agreement"] = describing.named(said, shown)
            numbers["apart"] = describing.named(said[1:] + said[:1], shown)
        numbers["energy"] = jg.metrics.energy.energy_distance(x, pictures)
        if (candidates := min(100, len(np.unique(text, axis=0)))) > 1:
            match = jg.matcher(source)
            features = match.images(x), match.texts(text)
            precision = jg.metrics.retrieval.r_precision(*features, text, candidates)
            numbers["r_precision"] = precision.value
        return numbers

    hooks = [jg.Hook(config.measure_every, measure)]
    return jg.Experiment(describing.rule(config, game), source, hooks, grid=100)


if __name__ == "__main__":
    jg.main(Config, build, data)
