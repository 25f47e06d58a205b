"""A run for several processes: what their count could change, SGD, and pictures that are read from files."""

from dataclasses import dataclass

import jaxgan as jg


@dataclass(frozen=True)
class Config(jg.Settings):
    steps: int = 20
    batch_size: int = 16
    micro_batches: int = 2
    memory: int = 0
    log_every: int = 5
    save_every: int = 10
    sample_every: int = 0
    pause: float = 0.0
    """Seconds a hook sleeps at every step."""
    stop_at: int = -1
    raise_at: int = -1
    noted: str = ""
    """A file for each process, of this name and its number, of the examples that it reads."""


def data(config: Config) -> "jg.Source":
    import jax

    from jaxgan.data import load

    source = load(config.data)

    def read(number):
        if config.noted:
            with open(f"{config.noted}-{jax.process_index()}", "a") as file:
                print(*number.tolist(), file=file)
        return source.read(number)

    return source._replace(read=read)


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    import time

    import jax
    import optax

    from jaxgan.models import mlp

    low = config.lowering
    game = jg.gan(
        jg.from_linen(mlp.Generator(source.shape, (8,), norm="batch", axis=low.axis)),
        jg.from_linen(mlp.Discriminator((8,), norm="spectral", dropout=0.3, classes=source.classes)),
        latent=jg.latents.normal(4),
        objective=jg.objectives.hinge(),
        d_terms=[jg.terms.r1(1.0)],
        conditioning=jg.conditioning.projection(source.classes),
        label_noise=0.05,
        lowering=low,
    )
    rule = jg.alternating(game, optax.sgd(0.05), optax.sgd(0.05), average=jg.ema(0.9))

    def watch(moment):
        time.sleep(config.pause)
        if moment.step == config.raise_at:
            raise RuntimeError("as ordered")
        if moment.step == config.stop_at:
            raise jg.Stop("good enough")
        return {"asked": jax.process_index()}

    watching = config.pause or max(config.stop_at, config.raise_at) >= 0
    return jg.Experiment(rule, source, [jg.Hook(1, watch)] if watching else [])


if __name__ == "__main__":
    jg.main(Config, build, data)
