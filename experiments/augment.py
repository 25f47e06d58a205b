"""A GAN of few images of each class, whose samples `jaxgan augment` gives to a classifier.

    python experiments/augment.py --data digits --per-class 20 --seeds 0:3 --out runs/augment
    jaxgan augment runs/augment --seeds 3 --steps 300

    On 2 cores of an AMD EPYC (Zen 5) with twenty other programs on them, 2026-11-30, stopped at step 1,974 of
    3,000. Right of 297 held-out digits, seeds 0 to 2 with 3 classifiers each: 91.8 % of the 200 alone, 91.1 %
    of these augmented, 91.7 % with generated ones (-0.1 points [-0.7, +0.6]), 90.4 % with both (-0.7 [-1.5,
    +0.1]), 90.4 % of generated ones alone, 94.8 % of all 1,500. So beside the 200 generation
    helps by 0.6 points at most, if at all; copies of the 200 do not explain it: 0.2 % of what is generated,
    or fewer.

    On 2 cores of an Intel Xeon, 2026-12-01, 1,000 steps: 20 of each of six classes of MedNIST, 32 px; right
    of 1,174 held-out pictures, seeds 0 to 2 with 2 classifiers each: 96.6 % of the 120 alone, 96.9 % with
    generated ones (+0.3 points [-0.0, +0.6]), 98.0 % augmented, 97.8 % with both (-0.2 [-0.6, +0.2]), 96.4 %
    of generated ones alone, 98.9 % of all. So generation helps the few by 0.6 points at most, less than
    ordinary augmentation does, and no gain on top of it can be told; no sign of copies. 20 of each digit of
    MNIST, 28 px, in the same way: 82.7 % of the 200 alone, 82.9 % with generated ones (+0.2 [-3.8, +4.1]),
    83.1 % augmented, 80.0 % with both (-3.1 [-10.6, +4.3]), 79.7 % of generated ones alone, 85.7 % of all.

The few are the same in every run, and all that the GAN is ever shown; the other images of `--data` are for
the oracle of `jaxgan augment` alone. `--data` may be an .npz with labels, or a folder with a subfolder per
class; `--size 32` makes large images small enough for a computer without a GPU.

A projection D (Miyato & Koyama, 2018), the relativistic loss with R1 and R2 (Jolicoeur-Martineau, 2019; Huang
et al., 2024), and an augmentation of D's inputs whose probability adapts to how far D overfits (Karras et
al., 2020): shifts by up to an eighth of the side and a cut-out quarter of it, which keep the class of digits
and letters too. Networks are dense up to 16 px, and small ones of DCGAN (Radford et al., 2016) above.

`energy` is the energy distance between samples and held-out images, in pixel space; `energy_copies` that of
copies of the few. `d/augment` is the probability.
"""

from dataclasses import dataclass

import jaxgan as jg


@dataclass(frozen=True)
class Config(jg.Settings):
    steps: int = 3000
    data: str = "digits"
    batch_size: int = 64
    per_class: jg.Count = 20
    """Images of each class to train on."""
    lr: jg.NonNegative = 1e-3
    """Adam's learning rate, for both players."""
    gamma: jg.NonNegative = 1.0
    """Weight of R1 and R2."""
    average: jg.Share = 0.99
    """Decay of the average of G's parameters, from which samples are taken."""
    target: jg.Share = 0.6
    """Target of E sign(D(real) - D(fake)), above which images are augmented more."""
    rise: jg.Count = 1000
    """Steps in which the probability of augmentation can go from 0 to 1."""
    width: jg.Count = 256
    """Units of each hidden layer; of DCGAN, channels of the widest images are a sixteenth."""
    z_size: jg.Count = 64
    """Numbers per latent, each normal."""
    log_every: int = 100
    sample_every: int = 500
    measure_every: jg.Natural = 500
    """Steps between measurements."""


def data(config: Config) -> "jg.Source":
    """Loads `config.per_class` images of each class."""
    return jg.data.few(jg.load(config.data, config.size), config.per_class)


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    from functools import cache, partial

    import jax.numpy as jnp
    import numpy as np
    import optax
    from jax.nn import leaky_relu

    from jaxgan.models import dcgan, mlp

    shape, classes, axis = source.shape, source.classes, config.lowering.axis
    if shape[0] <= 16:
        leaky, widths = partial(leaky_relu, negative_slope=0.2), (config.width, config.width)
        generator = jg.from_linen(mlp.Generator(shape, widths, activation=leaky, norm="batch", axis=axis))
        discriminator = jg.from_linen(mlp.Discriminator(widths, activation=leaky, classes=classes))
    else:
        width = max(config.width // 16, 1)
        generator = jg.from_linen(dcgan.Generator(shape, width, axis=axis))
        discriminator = jg.from_linen(dcgan.Discriminator(width, norm="none", classes=classes, axis=axis))
    moved = jg.augmentations.chain(jg.augmentations.shift(), jg.augmentations.cutout(1 / 4))
    game = jg.gan(
        generator,
        discriminator,
        latent=jg.latents.normal(config.z_size),
        objective=jg.objectives.relativistic(),
        d_terms=[jg.terms.r1(config.gamma), jg.terms.r2(config.gamma)],
        conditioning=jg.conditioning.projection(classes),
        augment=jg.augmentations.adaptive(
            lambda p: jg.augmentations.sometimes(moved, p),
            target=config.target,
            steps=config.rise,
            sign=lambda view: jnp.sign(view.real_out - view.fake_out),
        ),
        lowering=config.lowering,
    )
    adam = optax.adam(config.lr, b1=0.0, b2=0.99)
    rule = jg.alternating(game, adam, adam, average=jg.ema(config.average))

    @cache
    def held_out() -> "tuple[np.ndarray, float]":
        """Returns held-out images, and the energy distance of copies of the few to them."""
        assert source.held_out is not None
        images = jg.data.examples(source.held_out(), 1000)
        copies = np.resize(jg.data.examples(source, 1000), (1000, *source.shape))
        return images, jg.metrics.energy.energy_distance(copies, images)

    def measure(moment: jg.Moment) -> dict[str, float]:
        images, energy_copies = held_out()
        samples = moment.sample(moment.state.generator, 1000)
        energy = jg.metrics.energy.energy_distance(samples, images)
        return {"energy": energy, "energy_copies": energy_copies}

    return jg.Experiment(rule, source, [jg.Hook(config.measure_every, measure)], grid=10 * classes)


if __name__ == "__main__":
    jg.main(Config, build, data)
