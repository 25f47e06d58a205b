"""What the scripts of translation share: options, data, small networks, the optimiser and the measurements.

No experiment of its own; `small.py` serves scripts that generate from noise or classes. A script's method is
its game: "x" is what is generated, and "source" what it is generated from.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import jaxgan as jg

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import jax

    Measure = Callable[[jg.Moment], Mapping[str, float] | None]

VARIANTS = 64  # inputs that are drawn for each training image


@dataclass(frozen=True)
class Config(jg.Settings):
    steps: int = 2000
    data: str = "glyphs"
    size: int = 16
    source: Literal["edges", "grey", "low_resolution", "noisy", "centre_hole", "boxes", "strokes"] = "edges"
    """What "source" is made of each image; data that have a "source" keep it."""
    batch_size: int = 16
    lr: jg.NonNegative = 1e-3
    """Adam's learning rate, for both players."""
    width: jg.Count = 16
    """Channels of each network's first layer."""
    depth: jg.Count = 3
    """Number of times that the U-Net halves the image."""
    log_every: int = 50
    measure_every: jg.Natural = 500
    """Steps between measurements."""


def data(config: Config) -> "jg.Source":
    """Loads each image "x" with what it is generated from, "source"; a hole comes with its "mask"."""
    from jaxgan.data import load, pairs

    images = load(config.data, config.size)
    if "source" in images.leaves:
        return images
    if config.source in ("centre_hole", "boxes", "strokes"):
        variants = 1 if config.source == "centre_hole" else VARIANTS
        return pairs.masked(images, getattr(pairs, config.source)(), variants)
    if config.source == "noisy":
        return pairs.paired(images, pairs.noisy(0.5), variants=VARIANTS)
    return pairs.paired(
        images, blurred if config.source == "low_resolution" else getattr(pairs, config.source)
    )


def blurred(x: "jax.Array") -> "jax.Array":
    """A quarter of the resolution, enlarged to x's size again, so that it fits any network."""
    import jax

    from jaxgan.data import pairs

    return jax.image.resize(pairs.low_resolution(4)(x), x.shape, "linear")


def unet(config: Config, source: "jg.Source", **options: Any) -> "jg.Network":
    """The generator of pix2pix; options are those of `unet.Generator`."""
    from jaxgan.models import unet

    options = {"axis": config.lowering.axis, **options}
    return jg.from_linen(unet.Generator(source.shape, config.width, config.depth, **options))


def patch(config: Config, **options: Any) -> "jg.Network":
    """D of patches of 16 px; options are those of `patch.Discriminator`."""
    from jaxgan.models import patch

    options = {"depth": 1, "axis": config.lowering.axis, **options}
    return jg.from_linen(patch.Discriminator(config.width, **options))


def rule(config: Config, game: "jg.Game") -> "jg.Rule":
    """Alternating steps of Adam."""
    import optax

    adam = optax.adam(config.lr, b1=0.5, b2=0.999)
    return jg.alternating(game, adam, adam)


def experiment(config: Config, source: "jg.Source", rule: "jg.Rule", *measures: "Measure") -> jg.Experiment:
    """The rule on the data, measured on 500 held-out pairs: `l1`, `psnr` in dB and `ssim`.

    See `jg.answered`: sample i is made from the source of the i-th held-out example, and what needs no GAN is
    measured at step 0, as `l1_of_nearest_pair`. `measures` are further ones; they alone are left where what
    is translated has no true answer.
    """
    calls = (jg.answered(source), *measures)
    return jg.Experiment(rule, source, [jg.Hook(config.measure_every, call) for call in calls])
