"""ADA: a GAN trained on a hundred images, with an augmentation whose probability adapts to overfitting.

    python experiments/methods/ada.py --seeds 0:8

    Eight seeds one after another: 30 min on 2 cores of an AMD EPYC (Zen 5) with ten other programs on them, 9
    CPU minutes of its own; jax 0.10.2, 2026-11-29. energy at the last step, mean and standard deviation of
    seeds 0 to 7: 0.0178 +- 0.0012. In `few.py` no augmentation scores 0.0217 +- 0.0016, translation of every
    image 0.0175 +- 0.0026, and copies of the hundred 0.0247: p adapts to about as good a value as a chosen
    constant, with a smaller spread. It rises to 0.58 in 900 steps and stays near 0.5.

The GAN of `experiments/few.py`, but each of D's inputs, real or fake, is translated by a pixel only with
probability p (Karras et al., 2020). p starts at 0, rises while D ranks more than 80 % of real images above
the fake ones they are paired with, which shows that it memorises the hundred, and falls otherwise. Changed:
instead of the sign of D's logit that of its difference to the paired fake's, since the relativistic loss has
no fixed threshold; one augmentation instead of the paper's eighteen; p can go from 0 to 1 in 1,000 steps
instead of 8,000 of this batch size.

`energy` is the energy distance between 1,500 samples and the held-out digits, in pixel space, unbiased;
`energy_copies` that of copies of the hundred. `d/augment` is p.
"""

from dataclasses import dataclass

import jaxgan as jg


@dataclass(frozen=True)
class Config(jg.Settings):
    steps: int = 4000
    examples: jg.Count = 100
    """Images to train on."""
    target: jg.Share = 0.6
    """Target of E sign(D(real) - D(fake)); 0.6 is 80 % of pairs."""
    rise: jg.Count = 1000
    """Steps in which p can go from 0 to 1."""
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
    everything = jg.load(config.data, config.size)
    few = jg.data.arrays.arrays(**jg.data.source.labelled(everything, config.examples))
    if few.classes < everything.classes:
        raise jg.Refused(
            f"--examples {config.examples} show only {few.classes} of {everything.classes} classes: take more"
        )
    return few._replace(note=everything.note, held_out=everything.held_out)


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    from functools import cache, partial

    import jax.numpy as jnp
    import numpy as np
    import optax
    from jax.nn import leaky_relu

    energy_distance, examples = jg.metrics.energy.energy_distance, jg.data.source.examples
    classes, widths = source.classes, (config.width, config.width)
    leaky = partial(leaky_relu, negative_slope=0.2)
    translation = jg.augmentations.translation()
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
        augment=jg.augmentations.adaptive(
            lambda p: jg.augmentations.sometimes(translation, p),
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
        """Returns the held-out digits, and the energy distance of copies of the training images to them."""
        assert source.held_out is not None
        digits = examples(source.held_out(), 1500)
        copies = np.resize(examples(source, config.examples), (1500, *source.shape))
        return digits, energy_distance(copies, digits)

    def measure(moment: jg.Moment) -> dict[str, float]:
        digits, energy_copies = held_out()
        samples = moment.sample(moment.state.generator, 1500)
        return {"energy": energy_distance(samples, digits), "energy_copies": energy_copies}

    hooks = [jg.Hook(config.measure_every, measure)]
    return jg.Experiment(rule, source, hooks, best=lambda measured: -measured["energy"], grid=100)


if __name__ == "__main__":
    jg.main(Config, build, data=data)
