"""A ring on two tiny networks, with accidents on request."""

from dataclasses import dataclass

import jaxgan as jg


@dataclass(frozen=True)
class Config(jg.Settings):
    data: str = "ring"
    steps: int = 8
    batch_size: int = 16
    log_every: int = 2
    save_every: int = 2
    sample_every: int = 0
    lr: jg.NonNegative = 1e-3
    width: jg.Count = 8
    nan_at: int = -1
    """The update of this step gives NaN, unless the root key was changed."""
    nan_always: bool = False
    """... whatever the key."""
    raise_at: int = -1
    stop_at: int = -1
    pause: float = 0.0
    """Seconds a hook sleeps at every step."""
    best_at: int = -1
    """The step that scores best; the others score less, the last NaN."""
    keep_best: bool = True
    near: float = 0.0
    """If above 0, a hook measures how far the rate of a lane is from it."""
    ballast: int = 1
    """Numbers in the memory of a term: millions make a save take its time."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    import time

    import jax
    import jax.numpy as jnp
    import optax

    from jaxgan.models import mlp

    def remember(view, memory):
        return jnp.zeros_like(view.fake_out), 0.9 * memory + view.fake_out.mean()

    def ballast():  # nothing that could be compressed
        return jax.random.normal(jax.random.key(7), (config.ballast,))

    game = jg.gan(
        jg.from_linen(
            mlp.Generator(
                shape=(2,),
                widths=(config.width,),
                final=mlp.identity,
                norm="batch",
                axis=config.lowering.axis,
            )
        ),
        jg.from_linen(mlp.Discriminator(widths=(config.width,), norm="spectral")),
        latent=jg.latents.normal(4),
        objective=jg.objectives.non_saturating(),
        d_terms=[jg.Term("ballast", ballast, remember)],
        lowering=config.lowering,
    )
    rule = jg.alternating(game, optax.adam(config.lr), optax.adam(config.lr), average=jg.ema(0.9))

    def update(state, batches):
        new, metrics = rule.update(state, batches)
        untouched = (jax.random.key_data(state.key) == jax.random.key_data(jax.random.key(config.seed))).all()
        bad = (state.step == config.nan_at) & (untouched | config.nan_always)
        poisoned = jax.tree.map(lambda x: jnp.where(bad, jnp.nan, x), new.g.params)
        metrics = {**metrics, "d/adv": jnp.where(bad, jnp.nan, metrics["d/adv"])}
        return new.replace(g=new.g.replace(params=poisoned)), metrics

    def accident(moment):
        time.sleep(config.pause)
        if moment.step == config.raise_at:
            raise RuntimeError("as ordered")
        if moment.step == config.stop_at:
            raise jg.Stop("good enough")

    def score(moment):
        last = moment.step == config.steps
        return {"score": float("nan") if last else -abs(moment.step - config.best_at)}

    def distance(moment):
        rate = float(moment.lane.partition("lr=")[2].partition(",")[0])
        return {"distance": abs(rate - config.near) / moment.step if moment.step else 0.0}

    hooks = [jg.Hook(2, score)] if config.best_at >= 0 else []
    if config.near:
        hooks.append(jg.Hook(2, distance))
    if config.pause or max(config.raise_at, config.stop_at) >= 0:
        hooks.append(jg.Hook(1, accident))
    best = (lambda measured: measured["score"]) if config.keep_best and config.best_at >= 0 else None
    return jg.Experiment(rule._replace(update=update), source, hooks, best)


if __name__ == "__main__":
    jg.main(Config, build)
