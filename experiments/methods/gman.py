"""GMAN (Durugkar et al., 2017): several critics, of which the harsher have more weight in G's loss.

    python experiments/methods/gman.py
    python experiments/methods/gman.py --learnt True

Kept: G minimises sum w_i V_i with w = softmax(strictness V), V_i its loss against critic i; the critics
differ by their initial weights and, on points and small images, by dropout. `--learnt` is GMAN*: G learns
the strictness l = softplus(parameter) as well, minimising the sum minus 0.001 l. Changed: the non-saturating
loss for V, networks and optimisers of `small.py`, an average of G.
On `ring` four of five seeds find no mode in 800 steps.
"""

from dataclasses import dataclass
from typing import Any

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    critics: jg.Count = 3
    """How many there are."""
    strictness: jg.NonNegative = 1.0
    """0 is the mean of the critics' losses, large the harshest alone; where it is learnt, its start."""
    learnt: bool = False
    """Whether G learns the strictness."""
    dropout: jg.Share = 0.2
    """Of the critics' dense layers."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    import jax
    import jax.numpy as jnp

    dense = len(source.shape) == 1 or source.shape[0] <= 16
    d = small.discriminator(config, source, **({"dropout": config.dropout} if dense else {}))
    critic = jg.adversary(d, jg.objectives.non_saturating(), lowering=config.lowering)
    critics = {f"d{i}": critic for i in range(config.critics)}
    generator = small.generator(config, source)
    options: dict[str, Any] = {"latent": small.latent(config, source), "lowering": config.lowering}

    def play(call: Any, z: "jax.Array", batch: Any, turn: jg.Turn) -> tuple:
        strictness = jnp.full(len(batch["x"]), jax.nn.softplus(call("strictness")))
        meeting = jg.Meeting(batch["x"], call("g", z), {"strictness": strictness}, z)
        return meeting, {"strictness": -0.001 * strictness}

    if config.learnt:
        start = float(jnp.log(jnp.expm1(max(config.strictness, 1e-3))))
        learnt = jg.harsher(lambda views: views["d0"].given["strictness"].mean())
        game = jg.networks_game(
            jg.several(critics, learnt),
            {"g": generator, "strictness": jg.parameter(start)},
            play=play,
            decode=lambda call, z, given: call("g", z),
            **options,
        )
    else:
        game = jg.generator_game(jg.several(critics, jg.harsher(config.strictness)), generator, **options)
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
