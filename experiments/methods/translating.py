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
    return with_source(config, jg.load(config.data, config.size))


def with_source(config: Config, images: "jg.Source") -> "jg.Source":
    """Makes the "source" of each image, unless it has one."""
    from jaxgan.data import pairs

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


def game(
    config: Config,
    g: "jg.Network",
    d: "jg.Network",
    objective: "jg.Objective",
    *g_terms: "jg.Term",
    weight: "float | Callable[[Any], Any]" = 1.0,
    d_sees_source: bool = True,
) -> "jg.Game":
    """The game of G(source) against D; `weight`, a number or a schedule, is that of G's adversarial loss."""
    given = jg.conditioning.leaves("source", latent=False)
    seen = given if d_sees_source else given._replace(d=lambda x, given: (x,))
    lowering = config.lowering
    critic = jg.adversary(d, objective, weight=weight, g_terms=g_terms, conditioning=seen, lowering=lowering)
    return jg.generator_game(critic, g, latent=jg.latents.nothing(), conditioning=given, lowering=lowering)


def l1(weight: float) -> "jg.Term":
    """weight mean |x - G(source)|, over pixels and channels."""
    return jg.terms.stateless(
        "l1", lambda view: weight * abs(view.real_plain - view.fake_plain).mean((1, 2, 3))
    )


def in_hole(source: "jg.Source") -> "Measure":
    """Measures `hole_l1`: the mean absolute error in the holes of 500 held-out examples, or of all.

    At step 0 also `hole_l1_of_nearest_pair`, of the training example that is nearest around the hole.
    """
    from functools import cache

    import numpy as np

    from jaxgan.data import labelled

    if "mask" not in source.leaves:
        raise jg.Refused('what is in a hole is measured by the leaf "mask", which these data do not have')

    @cache
    def examples() -> "tuple[Mapping[str, np.ndarray], ...]":
        return labelled(source, 5000), labelled(source.held_out() if source.held_out else source, 500)

    def error(x: "np.ndarray") -> float:
        truth = examples()[1]
        shares = truth["mask"] / truth["mask"].mean((1, 2, 3), keepdims=True)
        return float((np.abs(x - truth["x"]) * shares).mean())

    def measure(moment: jg.Moment) -> dict[str, float]:
        train, known = examples()
        numbers = {"hole_l1": error(moment.sample(moment.state.generator, len(known["x"])))}
        if moment.step == 0:
            around = (1 - known["mask"]) * np.ones_like(known["x"])  # of each hole, its own
            rows = [x.reshape(len(x), -1) for x in (train["x"], around, around * known["x"])]
            squares = np.square(rows[0]) @ rows[1].T - 2 * rows[0] @ rows[2].T  # up to a constant
            numbers["hole_l1_of_nearest_pair"] = error(train["x"][squares.argmin(axis=0)])
        return numbers

    return measure
