"""R3GAN: two mirrored ResNeXts without normalisation; the relativistic loss, R1 and R2, all on schedules.

    python experiments/r3gan.py --size 16 --width 32 --blocks 1

    The first 1,000 of its 4,000 steps, without augmentation: 588 s on 2 cores of an AMD EPYC (Zen 5), shared
    with other work; jax 0.10.2, 2026-11-20. Blurred spots of many colours near the middle, no shapes yet;
    seed 0, by eye. The rest was not run.

    jaxgan prepare cifar10
    python experiments/r3gan.py --data mirrored:tfds:cifar10 --width 768 --batch-size 512 \\
        --steps 488000 --horizon 39000 --half-life 9800 --precision bfloat16

    The second pair is nearest to the paper, for GPUs; it has not been run.

Original: Huang et al., 2024. Kept: the networks, the relativistic pairing loss, R1 and R2 at every step,
Adam with b1 0, and the schedules, each a cosine from start to end over `horizon` steps and level after that:
learning rate 2e-4 to 5e-5, b2 0.9 to 0.99, weight of R1 and R2 0.05 to 0.005, half-life of G's average 0 to
`half_life`, probability of augmentation 0 to 0.55; R1 and R2 are taken in the pictures before augmentation.
Changed: a twelfth of the width, batches of 64 and short schedules by default; DiffAugment's five changes
instead of the pipeline of ADA; bfloat16 instead of float16, and only as an option; a label enters G as a
learned vector of z's length, and D by projection (Miyato & Koyama, 2018).

`shapes` are drawn: measurements on them are not comparable with published numbers.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import jaxgan as jg

if TYPE_CHECKING:
    from collections.abc import Callable

    import jax


@dataclass(frozen=True)
class Config(jg.Settings):
    steps: int = 4000
    data: str = "shapes"
    lr: jg.NonNegative = 2e-4
    """Adam's learning rate at the start, for both players."""
    lr_end: jg.NonNegative = 5e-5
    """And after `horizon` steps."""
    b2: jg.Share = 0.9
    """Adam's decay of the mean square, for both players, at the start."""
    b2_end: jg.Share = 0.99
    """And after `horizon` steps."""
    gamma: jg.NonNegative = 0.05
    """Weight of R1 and R2 at the start."""
    gamma_end: jg.NonNegative = 0.005
    """And after `horizon` steps."""
    half_life: jg.Positive = 500.0
    """Half-life of G's average in steps, after `horizon` steps; at the start it is 0."""
    augment: jg.Share = 0.55
    """Probability of each of DiffAugment's changes after `horizon` steps; at the start it is 0."""
    horizon: jg.Count = 4000
    """Steps over which all these change."""
    conditional: bool = True
    """Use the labels, if the data have any."""
    width: jg.Count = 64
    """Channels between blocks, a multiple of 8, at every side; 768 in the paper."""
    blocks: jg.Natural = 2
    """Residual blocks at every side."""
    z_size: jg.Count = 64
    """Numbers per latent, each normal."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """What the networks compute in; parameters, losses and images are float32."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    import jax.numpy as jnp
    import optax

    def cosine(start: float, end: float) -> "Callable[[jax.Array], jax.Array]":
        def value(step: "jax.Array") -> "jax.Array":
            done = jnp.minimum(step / config.horizon, 1.0)
            return end + (start - end) * (1 + jnp.cos(jnp.pi * done)) / 2

        return value

    classes = source.classes if config.conditional else 0
    widths = (config.width,) * jg.models.r3gan.stages(source.shape[0])
    options: dict[str, Any] = {"widths": widths, "blocks": config.blocks, "classes": classes}
    generator = jg.from_linen(jg.models.r3gan.Generator(source.shape, **options))
    discriminator = jg.from_linen(jg.models.r3gan.Discriminator(**options))
    if config.precision == "bfloat16":
        generator, discriminator = jg.bfloat16(generator), jg.bfloat16(discriminator)

    gamma = cosine(config.gamma, config.gamma_end)
    some = jg.augmentations
    changes = [some.brightness(), some.saturation(), some.contrast(), some.translation(), some.cutout()]
    augment = some.scheduled(
        lambda p: some.chain(*(some.sometimes(change, p) for change in changes)), cosine(0.0, config.augment)
    )
    game = jg.gan(
        generator,
        discriminator,
        latent=jg.latents.normal(config.z_size),
        objective=jg.objectives.relativistic(),
        d_terms=[jg.terms.r1(gamma, plain=True), jg.terms.r2(gamma, plain=True)],
        augment=augment,
        conditioning=jg.conditioning.labels(classes) if classes else jg.conditioning.unconditional(),
        lowering=config.lowering,
    )
    lr, b2 = cosine(config.lr, config.lr_end), cosine(config.b2, config.b2_end)
    adam = optax.inject_hyperparams(optax.adam)(lr, b1=0.0, b2=b2)
    half_life = cosine(0.0, config.half_life)
    average = jg.ema(lambda step: jnp.exp2(-1 / half_life(step)), ramp=1.0)
    return jg.Experiment(jg.alternating(game, adam, adam, average=average), source, grid=100)


if __name__ == "__main__":
    jg.main(Config, build)
