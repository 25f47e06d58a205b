"""One small run in which everything that can remember something does."""

from dataclasses import dataclass
from typing import Literal

import jaxgan as jg


@dataclass(frozen=True)
class Config(jg.Settings):
    steps: int = 10
    batch_size: int = 8
    micro_batches: int = 2
    log_every: int = 1
    save_every: int = 5
    sample_every: int = 5
    rule: Literal["alternating", "simultaneous"] = "alternating"


def data(config: Config) -> "jg.Source":
    """50 examples: an epoch never ends where a batch does."""
    import numpy as np

    from jaxgan.data.arrays import arrays

    return arrays(np.random.RandomState(0).normal(size=(50, 2)).astype(np.float32), np.arange(50) % 3)


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    import jax.numpy as jnp
    import optax

    from jaxgan.models import mlp

    def memory():
        return jnp.zeros(()), jnp.zeros((), jnp.int32)

    def remember(view, memory):
        mean, times = memory
        mean = mean + 0.1 * (view.fake_out.mean() - mean)
        return 1e-2 * jnp.square(view.fake_out - mean), (mean, times + 1)

    game = jg.gan(
        jg.from_linen(
            mlp.Generator(shape=source.shape, widths=(16,), norm="batch", axis=config.lowering.axis)
        ),
        jg.from_linen(mlp.Discriminator(widths=(16,), norm="spectral", dropout=0.3, classes=source.classes)),
        latent=jg.latents.normal(8),
        objective=jg.objectives.hinge(),
        d_terms=[
            jg.terms.lazily(jg.terms.r1(lambda step: 0.99**step), 3),
            jg.Term("memory", memory, remember),
        ],
        g_terms=[jg.Term("memory", memory, remember)],
        conditioning=jg.conditioning.projection(source.classes),
        lowering=config.lowering,
    )
    g_rate = optax.linear_schedule(1e-3, 1e-4, 8)
    g_tx = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(g_rate, b1=0.5))
    d_tx = optax.chain(optax.rmsprop(optax.cosine_decay_schedule(1e-3, 20)), jg.clip_weights(0.5))
    average = {"short": jg.ema(0.99, ramp=4.0), "long": jg.ema(0.999)}
    if config.rule == "alternating":
        rule = jg.alternating(game, g_tx, d_tx, d_steps=2, average=average)
    else:
        rule = jg.simultaneous(game, g_tx, d_tx, average=average)
    return jg.Experiment(rule, source, [jg.Hook(3, lambda moment: {"step_again": moment.step})])


if __name__ == "__main__":
    jg.main(Config, build, data)
