"""A run over pictures in files, slow enough on request for accidents to happen to it."""

from dataclasses import dataclass

import jaxgan as jg


@dataclass(frozen=True)
class Config(jg.Settings):
    steps: int = 8
    batch_size: int = 16
    memory: int = 0
    log_every: int = 2
    save_every: int = 4
    sample_every: int = 0
    pause: float = 0.0
    """Seconds a hook sleeps at every step."""
    nan_at: int = -1
    """The update of this step gives NaN, unless the root key was changed."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    import time

    import jax
    import jax.numpy as jnp
    import optax

    from jaxgan.models import mlp

    game = jg.gan(
        jg.from_linen(mlp.Generator(source.shape, (8,), norm="batch", axis=config.lowering.axis)),
        jg.from_linen(mlp.Discriminator((8,), classes=source.classes)),
        latent=jg.latents.normal(4),
        objective=jg.objectives.hinge(),
        conditioning=jg.conditioning.projection(source.classes),
        lowering=config.lowering,
    )
    rule = jg.alternating(game, optax.adam(1e-3), optax.adam(1e-3), d_steps=2)

    def update(state, batches):
        new, metrics = rule.update(state, batches)
        untouched = (jax.random.key_data(state.key) == jax.random.key_data(jax.random.key(config.seed))).all()
        bad = (state.step == config.nan_at) & untouched
        return new, {**metrics, "d/adv": jnp.where(bad, jnp.nan, metrics["d/adv"])}

    hooks = [jg.Hook(1, lambda moment: time.sleep(config.pause))] if config.pause else []
    return jg.Experiment(rule._replace(update=update), source, hooks)


if __name__ == "__main__":
    jg.main(Config, build)
