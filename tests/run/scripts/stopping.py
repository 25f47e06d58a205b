"""A ring whose generator can be made to collapse, and rules that stop the run."""

from dataclasses import dataclass

import jaxgan as jg


@dataclass(frozen=True)
class Config(jg.Settings):
    data: str = "ring"
    steps: int = 60
    batch_size: int = 32
    log_every: int = 5
    save_every: int = 20
    sample_every: int = 0
    collapse_at: int = -1
    """From this step on G makes one example only ..."""
    collapse_seed: int = -1
    """... in the run of this seed, or in all of them."""
    patience: int = 0
    """Stop where diversity has not been higher for so many steps."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    import jax
    import jax.numpy as jnp
    import optax

    from jaxgan.evaluate.health import health
    from jaxgan.models import mlp
    from jaxgan.run.stop import collapsed, stalled

    game = jg.gan(
        jg.from_linen(mlp.Generator((2,), (16,), final=mlp.identity)),
        jg.from_linen(mlp.Discriminator((16,))),
        latent=jg.latents.normal(2),
        objective=jg.objectives.non_saturating(),
        lowering=config.lowering,
    )
    adam = optax.adam(1e-3)
    rule = jg.alternating(game, adam, adam, average=jg.ema(0.5))

    def update(state, batches):
        new, metrics = rule.update(state, batches)
        own = jax.random.key_data(state.key) == jax.random.key_data(
            jax.random.key(max(config.collapse_seed, 0))
        )
        now = (config.collapse_at >= 0) & (state.step >= config.collapse_at)
        now &= (config.collapse_seed < 0) | own.all()
        params = jax.tree.map(lambda x: jnp.where(now, 0.0, x), new.g.params)
        return new.replace(g=new.g.replace(params=params)), metrics

    stops = [collapsed("diversity")]
    if config.patience:
        stops.append(stalled("diversity", config.patience, "higher"))
    return jg.Experiment(
        rule._replace(update=update),
        source,
        [jg.Hook(5, health(source))],
        best=lambda measured: measured["diversity"],
        stops=stops,
    )


if __name__ == "__main__":
    jg.main(Config, build)
