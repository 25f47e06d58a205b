"""What the short scripts of this folder share: options, small networks, the optimisers and the measurements.

No experiment of its own. A script's method is what it adds: an objective, terms, heads, a conditioning, a
latent, an augmentation or a game. Equal networks and budgets make the scripts comparable with each other, on
`--data ring`, `grid`, `digits`, `glyphs` or a file or folder of images; published numbers are of other
networks.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jaxgan as jg

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import jax
    import numpy as np

    Measure = Callable[[jg.Moment], Mapping[str, float] | None]


@dataclass(frozen=True)
class Config(jg.Settings):
    steps: int = 3000
    data: str = "ring"
    batch_size: int = 128
    lr: jg.NonNegative = 1e-3
    """Adam's learning rate, for both players."""
    b1: jg.Share = 0.5
    """Adam's decay of its mean gradient."""
    d_steps: jg.Count = 1
    """Steps of D per step of G."""
    average: jg.Share = 0.99
    """Decay of the average of G's parameters, from which samples are taken."""
    width: jg.Count = 128
    """Units of each hidden layer; of convolutional networks, channels of the widest images are a quarter."""
    z_size: jg.Natural = 0
    """Numbers per latent, each normal; 0 for 2 on points and 32 on images."""
    log_every: int = 100
    save_every: int = 1000
    sample_every: int = 1000
    measure_every: jg.Natural = 1000
    """Steps between measurements."""


def latent(config: Config, source: "jg.Source") -> "jg.Latent":
    """A normal latent of `z_size` numbers: on narrow modes of points few do better than many."""
    return jg.latents.normal(z_size(config, source))


def z_size(config: Config, source: "jg.Source") -> int:
    """The size of `latent`, and of the codes of an encoder."""
    return config.z_size or (2 if len(source.shape) == 1 else 32)


def generator(config: Config, source: "jg.Source", before: int = 0) -> "jg.Network":
    """Dense networks for points and images of at most 16 px, else transposed convolutions as in DCGAN.

    Dense ones have three or, for images, two hidden layers, less the `before` that are elsewhere.
    """
    from jaxgan.models import dcgan, mlp

    shape, axis = source.shape, config.lowering.axis
    if len(shape) == 1:
        return jg.from_linen(mlp.Generator(shape, (config.width,) * (3 - before), final=mlp.identity))
    if shape[0] <= 16:
        widths = (config.width,) * (2 - before)
        return jg.from_linen(mlp.Generator(shape, widths, norm="batch", axis=axis))
    return jg.from_linen(dcgan.Generator(shape, max(config.width // 4, 1), axis=axis))


def discriminator(config: Config, source: "jg.Source", **options: Any) -> "jg.Network":
    """As `generator`; options are those of `mlp.Discriminator` and `dcgan.Discriminator`, such as `heads`."""
    from functools import partial

    from jax.nn import leaky_relu

    from jaxgan.models import dcgan, mlp

    if len(source.shape) == 3 and source.shape[0] > 16:
        options = {"norm": "none", "axis": config.lowering.axis, **options}
        return jg.from_linen(dcgan.Discriminator(max(config.width // 4, 1), **options))
    widths = (config.width,) * (3 if len(source.shape) == 1 else 2)
    return jg.from_linen(mlp.Discriminator(widths, partial(leaky_relu, negative_slope=0.2), **options))


def autoencoder(config: Config, source: "jg.Source", **options: Any) -> "jg.Network":
    """A D whose logit is minus the error of an autoencoder; options are those of `autoencoder.Dense`."""
    from jaxgan.models import autoencoder

    if len(source.shape) == 3 and source.shape[0] > 16:
        options = {"axis": config.lowering.axis, **options}
        return jg.from_linen(autoencoder.Convolutional(max(config.width // 4, 1), **options))
    return jg.from_linen(autoencoder.Dense((config.width,), **options))


def moved(source: "jg.Source", deviation: float) -> "jg.Augment":
    """An augmentation for consistency: images by up to an eighth of their side, points by normal noise."""
    import jax

    if len(source.shape) > 1:
        return jg.augmentations.shift()

    def jitter(key: jg.Key, x: jax.Array) -> jax.Array:
        return x + deviation * jax.random.normal(key, x.shape)

    return jitter


def classes(config: Config, source: "jg.Source") -> int:
    """The number of classes of the data; refuses data without labels."""
    if not source.classes:
        raise jg.Refused(f"this method is conditional on the class, and --data {config.data} has no labels")
    return source.classes


def of_task(config: Config, source: "jg.Source", task: "jg.heads.Task", *d_terms: "jg.Term") -> "jg.Game":
    """A GAN whose G is told the class, and whose D has the heads and losses of a task instead."""
    return jg.gan(
        generator(config, source),
        discriminator(config, source, heads=task.heads),
        latent=latent(config, source),
        objective=jg.objectives.hinge(),
        d_terms=[*d_terms, *task.d_terms],
        g_terms=task.g_terms,
        conditioning=jg.conditioning.auxiliary(classes(config, source)),
        lowering=config.lowering,
    )


def encoder(config: Config, size: int) -> "jg.Network":
    """A dense network of two hidden layers from x [B, ...] to [B, size]: codes, logits, a shared trunk."""
    import flax.linen as nn

    from jaxgan.models import mlp

    dense = mlp.Generator((size,), (config.width,) * 2, final=mlp.identity)
    return jg.from_linen(nn.Sequential([lambda x: x.reshape(x.shape[0], -1), dense]))


def row_discriminator(config: Config) -> "jg.Network":
    """D of rows of numbers whatever the data: codes, or examples joined with their codes."""
    from functools import partial

    from jax.nn import leaky_relu

    from jaxgan.models import mlp

    return jg.from_linen(mlp.Discriminator((config.width,) * 3, partial(leaky_relu, negative_slope=0.2)))


def rule(config: Config, game: "jg.Game") -> "jg.Rule":
    """Alternating steps of Adam, and an average of G."""
    import optax

    adam = optax.adam(config.lr, b1=config.b1, b2=0.99)
    return jg.alternating(game, adam, adam, d_steps=config.d_steps, average=jg.ema(config.average))


def rebuilt(config: Config, source: "jg.Source", networks: "Mapping[str, jg.Network]") -> "Measure":
    """Measures `rebuilt`: the mean squared error of 1,000 held-out examples, decoded by "g" from "e"'s codes.

    Codes are the first `z_size` numbers of E's output, such as the means of a normal q(z | x).
    """
    from functools import cache

    import jax
    import jax.numpy as jnp

    size = z_size(config, source)

    @cache
    def held_out() -> "np.ndarray":
        return jg.data.examples(source.held_out() if source.held_out else source, 1000)

    @jax.jit
    def error(g: jg.Side, x: "jax.Array") -> "jax.Array":
        call = jg.caller(networks, g)
        return jnp.square(call("g", call("e", x)[:, :size]) - x).mean()

    return lambda moment: {"rebuilt": float(error(moment.state.generator, jnp.asarray(held_out())))}


def experiment(config: Config, source: "jg.Source", rule: "jg.Rule", *measures: "Measure") -> jg.Experiment:
    """The rule on the data, measured: modes for a mixture, else the energy distance to held-out examples.

    `measures` are further ones: (moment) -> numbers by name.

    Conditional samples of images are also read by their nearest training example: `named_right` is the share
    whose class is the one asked for.
    """
    measured = _modes(source) if source.modes else _images(source, "label" in rule.game.given)

    def measure(moment: jg.Moment) -> "Mapping[str, float]":
        return measured(moment.sample(moment.state.generator, 2000))

    hooks = [jg.Hook(config.measure_every, call) for call in (measure, *measures)]
    return jg.Experiment(rule, source, hooks, grid=100)


def _modes(source: "jg.Source") -> "Callable[[np.ndarray], Mapping[str, float]]":
    def measured(samples: "np.ndarray") -> "Mapping[str, float]":
        assert source.modes is not None
        coverage = jg.metrics.mixture.mode_coverage(samples, *source.modes)
        return {name: coverage[name] for name in ("modes", "high_quality", "reverse_kl")}

    return measured


def _images(source: "jg.Source", by_class: bool) -> "Callable[[np.ndarray], Mapping[str, float]]":
    from functools import cache

    import numpy as np

    @cache
    def examples() -> "tuple[Mapping[str, np.ndarray], np.ndarray]":
        held_out = source.held_out() if source.held_out else source
        return jg.data.labelled(source, 2000), jg.data.examples(held_out, 2000)

    def measured(samples: "np.ndarray") -> "Mapping[str, float]":
        training, held_out = examples()
        numbers = {"energy": jg.metrics.energy.energy_distance(samples, held_out)}
        if by_class:
            flat = [x.reshape(len(x), -1) for x in (samples, training["x"])]
            nearest = jg.metrics.nearest.nearest(flat[0], flat[1])[0][:, 0]
            asked = np.arange(len(samples)) % source.classes  # classes in turn
            numbers["named_right"] = float((training["label"][nearest] == asked).mean())
        return numbers

    return measured
