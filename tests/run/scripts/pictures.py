"""Conditional digits, normalised and averaged, for what is done with a trained generator."""

from dataclasses import dataclass

import jaxgan as jg


@dataclass(frozen=True)
class Config(jg.Settings):
    steps: int = 6
    batch_size: int = 16
    log_every: int = 2
    save_every: int = 3
    sample_every: int = 0
    lr: float = 1e-3
    width: int = 16


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    import optax

    from jaxgan.models import mlp

    game = jg.gan(
        jg.from_linen(
            mlp.Generator(source.shape, widths=(config.width,), norm="batch", axis=config.lowering.axis)
        ),
        jg.from_linen(
            mlp.Discriminator(widths=(config.width,), norm="spectral", classes=source.classes),
        ),
        latent=jg.latents.normal(8),
        objective=jg.objectives.hinge(),
        conditioning=jg.conditioning.projection(source.classes),
        lowering=config.lowering,
    )
    adam = optax.adam(config.lr)
    average = {"short": jg.ema(0.9), "long": jg.ema(0.99, ramp=1.0)}
    rule = jg.alternating(game, adam, adam, average=average)
    hook = jg.Hook(4, lambda moment: {"mean": float(moment.sample(moment.state.generator, 50).mean())})
    return jg.Experiment(rule, source, [hook], best=lambda measured: measured["mean"], grid=16)


if __name__ == "__main__":
    jg.main(Config, build)
