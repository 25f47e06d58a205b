"""What the scripts of two domains without pairs share: options, data, networks, critics and measurements.

No experiment of its own. "x" is what is generated, and "other" an unrelated example of the domain that it is
generated from. By default the domains are shapes in two palettes, so that the true answer is known.
`--data FOLDER --other FOLDER` are two others; an example of `--data` with a picture called "source" is read
as unpaired. Measured on held-out examples, whose "other" is the true x's own if that is known.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jaxgan as jg

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import jax
    import numpy as np

    Measure = Callable[[jg.Moment], Mapping[str, float] | None]

PALETTE = ((0.6, 0.4, 0.0), (0.0, 0.6, 0.4), (0.4, 0.0, 0.6))
"""The palette of x: each channel gives two fifths to the next."""
INPUTS = {"x": "other", "other": "x"}
"""Each domain's own translator, and the domain of its input."""


@dataclass(frozen=True)
class Config(jg.Settings):
    steps: int = 1000
    data: str = "shapes"
    other: str = ""
    """The data that are translated; without it, those of --data before they are recoloured."""
    size: int = 16
    batch_size: int = 8
    lr: jg.NonNegative = 1e-3
    """Learning rate of all players."""
    width: jg.Count = 8
    """Channels of each network's first layer."""
    blocks: jg.Natural = 2
    """Residual blocks of either translator."""
    log_every: int = 100
    measure_every: jg.Natural = 500
    """Steps between measurements."""


def data(config: Config) -> "jg.Source":
    """Loads each example with an unrelated one of the other domain: "other"."""
    from jaxgan.data import load, pairs

    source = load(config.data, config.size)
    if config.other:
        return pairs.unpaired(source, load(config.other, config.size))
    if "source" not in source.leaves:
        source = pairs.recoloured(pairs.paired(source, lambda x: x), PALETTE)
    return pairs.unmatched(source)


def translators(config: Config, source: "jg.Source") -> "dict[str, jg.Network]":
    """CycleGAN's network for each domain, named by the domain that it makes, with BatchNorm.

    Instance norm would remove a shape's colour.
    """
    from jaxgan.models import translator

    def network(shape: tuple[int, ...]) -> "jg.Network":
        axis = config.lowering.axis
        return jg.from_linen(translator.Generator(shape, config.width, config.blocks, "batch", axis))

    return {name: network(source.leaves[name].shape) for name in INPUTS}


def patch(config: Config, **options: Any) -> "jg.Network":
    """D of patches of 16 px, with spectral norm; options are those of `patch.Discriminator`."""
    from jaxgan.models import patch

    return jg.from_linen(patch.Discriminator(config.width, **{"depth": 1, "norm": "spectral", **options}))


def round_trip(call: Any, batch: "jg.Batch") -> "tuple[dict[str, jax.Array], dict[str, jax.Array]]":
    """Translates each domain into the other, and back: the fakes and the rebuilt examples by their domain."""
    fakes = {name: call(name, batch[of]) for name, of in INPUTS.items()}
    return fakes, {of: call(of, fakes[name]) for name, of in INPUTS.items()}


def l1(x: "jax.Array", y: "jax.Array") -> "jax.Array":
    """The mean absolute difference [B] of examples."""
    import jax.numpy as jnp

    return jnp.abs(x - y).mean(axis=tuple(range(1, x.ndim)))


def squared(x: "jax.Array", y: "jax.Array") -> "jax.Array":
    """The mean squared difference [B] of examples."""
    import jax.numpy as jnp

    return jnp.square(x - y).mean(axis=tuple(range(1, x.ndim)))


def both(distance: "Callable[..., jax.Array]", a: "Mapping[str, Any]", b: "Mapping[str, Any]") -> "jax.Array":
    """The sum of a distance over what both have under the same name."""
    import jax
    import jax.numpy as jnp

    return jax.tree.reduce(jnp.add, [distance(a[name], b[name]) for name in sorted(a)])


def meetings(batch: "jg.Batch", fakes: "Mapping[str, Any]") -> "dict[str, jg.Meeting]":
    """Each domain's examples against its fakes."""
    return {name: jg.Meeting(batch[name], fakes[name]) for name in INPUTS}


def game(
    config: Config, critic: "jg.Adversary", networks: "Mapping[str, jg.Network]", play: Any, **options: Any
) -> "jg.Game":
    """The game of networks against a critic of each domain, sampled by the translator to x."""

    def decode(call: Any, z: Any, given: "jg.Given") -> "jax.Array":
        return call("x", given["other"])

    def back(call: Any, x: Any, given: "jg.Given") -> "jax.Array":
        return call("other", x)

    return jg.networks_game(
        jg.several(dict.fromkeys(INPUTS, critic)),
        networks,
        play=play,
        lowering=config.lowering,
        **{"latent": jg.latents.nothing(), "decode": decode, "back": back, "given": ("other",), **options},
    )


def rule(config: Config, game: "jg.Game") -> "jg.Rule":
    """Alternating steps of Adam."""
    import optax

    return jg.alternating(game, *[optax.adam(config.lr, b1=0.5, b2=0.999)] * 2)


def experiment(config: Config, source: "jg.Source", rule: "jg.Rule", *measures: "Measure") -> jg.Experiment:
    """The rule on the data, measured on 500 held-out examples; `measures` are further ones.

    See `jg.answered`: `l1`, `psnr` and `ssim` beside the true x, and the `cycle_error` of pictures there and
    back. Where the true x is not known, there is `energy` instead.
    """
    first = () if "other" in source.asks else (energy(source),)
    calls = (jg.answered(source), *first, *measures)
    return jg.Experiment(rule, source, [jg.Hook(config.measure_every, call) for call in calls])


def energy(source: "jg.Source") -> "Measure":
    """Measures `energy`, the energy distance of 500 samples from held-out x.

    And `energy_of_input`, that of the pictures that they are made from, as they are.
    """
    from functools import cache

    @cache
    def held_out() -> "dict[str, np.ndarray]":
        return jg.data.labelled(source.held_out() if source.held_out else source, 500)

    def measure(moment: jg.Moment) -> dict[str, float]:
        x, other = held_out()["x"], held_out()["other"]
        made = {"energy": moment.sample(moment.state.generator, len(x)), "energy_of_input": other}
        return {
            name: jg.metrics.energy.energy_distance(y, x) for name, y in made.items() if y.shape == x.shape
        }

    return measure
