"""SNGAN: residual networks, spectral norm, hinge loss, a projection discriminator.

    python experiments/sngan.py --size 16 --width 16 --steps 2000

    523 s on 2 cores of an AMD EPYC (Zen 5), shared with other work; jax 0.10.2, 2026-11-20. One object on a
    dark background in every image, in all colours, sizes and positions; its shape is seldom recognisable so
    early. Seed 0, by eye.

    jaxgan prepare cifar10
    python experiments/sngan.py --data tfds:cifar10

    The second pair is the papers' setting, for a GPU; it has not been run.

Originals: Miyato et al., 2018, and Miyato & Koyama, 2018, for the classes. Kept: the networks (256 channels
in G, 128 in D, at 32 px), five steps of D per step of G, batches of 64, Adam 2e-4 with b1 0 and b2 0.9,
learning rates that fall linearly to 0 over 100,000 steps of G, 128 normal latents, no average of G.
Changed: initial weights of D are divided by their spectral norm, its logit has a bias, and G's last
normalisation is by class as well; both steps share a batch of 64, where the authors' G learns from 128.
`--attention 16` is self-attention in both networks (Zhang et al., 2019).

`shapes` are drawn: measurements on them are not comparable with published numbers.
"""

from dataclasses import dataclass
from typing import Any, Literal

import jaxgan as jg


@dataclass(frozen=True)
class Config(jg.Settings):
    steps: int = 100_000
    data: str = "shapes"
    lr: jg.NonNegative = 2e-4
    """Adam's learning rate at the start, for both players."""
    decay_steps: jg.Count = 100_000
    """Steps over which it falls to 0."""
    d_steps: jg.Count = 5
    """Steps of D per step of G."""
    conditional: bool = True
    """Use the labels, if the data have any."""
    attention: jg.Natural = 0
    """Side, in pixels, of the feature maps with self-attention, in both networks; 0 for none."""
    average: jg.Share = 0.0
    """Decay of an average of G's parameters, from which samples are taken; 0 for none."""
    width: jg.Count = 128
    """Channels of D's widest images; of G's twice as many up to 32 px, and as many above."""
    z_size: jg.Count = 128
    """Numbers per latent, each normal."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """What the networks compute in; parameters, losses and images are float32."""
    remat: bool = False
    """Recompute blocks in the backward pass: less memory, more time."""
    log_every: int = 100
    save_every: int = 1000
    sample_every: int = 1000


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    import optax

    classes = source.classes if config.conditional else 0
    options: dict[str, Any] = {"classes": classes, "attention": config.attention, "remat": config.remat}
    g_width = config.width if source.shape[0] > jg.models.layers.MAX_FLAT_SIDE else 2 * config.width
    generator = jg.from_linen(
        jg.models.sngan.Generator(source.shape, g_width, axis=config.lowering.axis, **options)
    )
    discriminator = jg.from_linen(jg.models.sngan.Discriminator(config.width, **options))
    if config.precision == "bfloat16":
        generator, discriminator = jg.bfloat16(generator), jg.bfloat16(discriminator)

    game = jg.gan(
        generator,
        discriminator,
        latent=jg.latents.normal(config.z_size),
        objective=jg.objectives.hinge(),
        conditioning=jg.conditioning.labels(classes) if classes else jg.conditioning.unconditional(),
        lowering=config.lowering,
    )

    def adam(player_steps: int) -> optax.GradientTransformation:
        return optax.adam(optax.linear_schedule(config.lr, 0.0, player_steps), b1=0.0, b2=0.9)

    rule = jg.alternating(
        game,
        adam(config.decay_steps),
        adam(config.decay_steps * config.d_steps),
        d_steps=config.d_steps,
        average=jg.ema(config.average) if config.average else None,
    )
    return jg.Experiment(rule, source, grid=100)


if __name__ == "__main__":
    jg.main(Config, build)
