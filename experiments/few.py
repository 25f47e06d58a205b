"""A GAN trained on a hundred images, with and without augmentation.

    python experiments/few.py --augment translation --seeds 0:8

    22 s a seed on a core of an AMD EPYC (Zen 5), shared with other work; jax 0.10.2, 2026-11-28. energy at
    the last step, mean and standard deviation of seeds 0 to 7: 0.0217 +- 0.0016 with no augmentation, 0.0175
    +- 0.0026 by translation, and lower on every seed; 0.0219 +- 0.0048 by all of DiffAugment, which gains
    nothing here. Copies of the hundred score 0.0247, all 1,500 training digits -0.0105.

The GAN of `digits.py`, trained on a hundred of the 1,500 digits, few enough for D to memorise. Translation by
a pixel, of real and generated images alike, makes nine times as many of them (Zhao et al., 2020). `energy` is
the energy distance between 1,500 samples and the held-out digits, in pixel space, unbiased; `energy_real` is
that of the training digits, `energy_copies` that of equally many copies of each of the hundred.
"""

from dataclasses import dataclass
from typing import Literal

import jaxgan as jg


@dataclass(frozen=True)
class Config(jg.Settings):
    steps: int = 4000
    examples: jg.Count = 100
    """Images to train on."""
    augment: Literal["none", "translation", "diffaugment"] = "translation"
    """The augmentation of D's inputs: none, by a pixel's translation, or with cutout and colours as well."""
    lr: jg.NonNegative = 1e-3
    """Adam's learning rate, for both players."""
    gamma: jg.NonNegative = 1.0
    """Weight of R1 and R2."""
    average: jg.Share = 0.99
    """Decay of the average of G's parameters."""
    width: jg.Count = 256
    """Units of each hidden layer, two in either network."""
    z_size: jg.Count = 64
    """Numbers per latent, each normal."""
    log_every: int = 100
    measure_every: jg.Natural = 500
    """Steps between measurements."""


def data(config: Config) -> "jg.Source":
    """Loads the first `config.examples` examples, in which every class must occur."""
    import numpy as np

    everything = jg.load(config.data, config.size)
    few = jg.data.labelled(everything, config.examples)
    classes, seen = everything.classes, len(np.unique(few.get("label", ())))
    if seen < classes:
        raise jg.Refused(f"--examples {config.examples} show only {seen} of {classes} classes: take more")
    return jg.data.arrays.arrays(**few)._replace(note=everything.note, held_out=everything.held_out)


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    from functools import cache, partial

    import numpy as np
    import optax
    from jax.nn import leaky_relu

    classes = source.classes
    augment: jg.Augment = jg.augmentations.unchanged
    match config.augment:
        case "translation":
            augment = jg.augmentations.translation()
        case "diffaugment":
            augment = jg.augmentations.diffaugment()

    leaky = partial(leaky_relu, negative_slope=0.2)
    widths = (config.width, config.width)
    game = jg.gan(
        jg.from_linen(
            jg.models.mlp.Generator(
                source.shape, widths, activation=leaky, norm="batch", axis=config.lowering.axis
            )
        ),
        jg.from_linen(jg.models.mlp.Discriminator(widths, activation=leaky, classes=classes)),
        latent=jg.latents.normal(config.z_size),
        objective=jg.objectives.relativistic(),
        d_terms=[jg.terms.r1(config.gamma), jg.terms.r2(config.gamma)],
        conditioning=jg.conditioning.projection(classes) if classes else jg.conditioning.unconditional(),
        augment=augment,
        lowering=config.lowering,
    )
    adam = optax.adam(config.lr, b1=0.0, b2=0.99)
    rule = jg.alternating(game, adam, adam, average=jg.ema(config.average))

    @cache
    def held_out() -> "tuple[np.ndarray, float, float]":
        """Returns the held-out digits, and the energy distances of training digits and copies to them."""
        digits = jg.data.examples(jg.load(config.data, config.size, split="test"), 1500)
        everything = jg.data.examples(jg.load(config.data, config.size), 1500)
        copies = np.resize(jg.data.examples(source, config.examples), (1500, *source.shape))
        return (
            digits,
            jg.metrics.energy.energy_distance(everything, digits),
            jg.metrics.energy.energy_distance(copies, digits),
        )

    def measure(moment: jg.Moment) -> dict[str, float]:
        digits, energy_real, energy_copies = held_out()
        samples = moment.sample(moment.state.generator, 1500)
        energy = jg.metrics.energy.energy_distance(samples, digits)
        return {"energy": energy, "energy_real": energy_real, "energy_copies": energy_copies}

    hooks = [jg.Hook(config.measure_every, measure)]
    return jg.Experiment(rule, source, hooks, best=lambda measured: -measured["energy"], grid=100)


if __name__ == "__main__":
    jg.main(Config, build, data)
