"""CycleGAN: translates images from one palette into another, learnt from unpaired examples.

    python experiments/methods/cyclegan.py --seeds 0:3

    On 2 cores of an Intel Xeon, shared; jax 0.10.2, 2026-11-30. After 800 steps, mean and standard deviation
    of seeds 0 to 2: l1 0.0451 +- 0.0015, cycle_error 0.052 +- 0.002. Shapes as they are have an l1 of 0.0464,
    with the other palette's mean colours 0.0369: a small gain over changing nothing, and less than from
    means. By eye most colours change into one of the palette, not each into its own, and outlines are
    blurred.

Two generators, each against a patch D of its own palette, half of whose fakes come from a pool of earlier
ones; a cycle loss on images translated there and back, and an identity loss on images that have the target
palette already (Zhu et al., 2017). Changed: shapes of 16 px, batches of 8, two residual blocks of few
channels, a D that sees 16 px, a constant rate without `--decay-after`; BatchNorm in G and spectral norm in D,
since instance norm would remove a shape's colour.
"""

from dataclasses import dataclass
from typing import Any

import two_domains

import jaxgan as jg


@dataclass(frozen=True)
class Config(two_domains.Config):
    cycle: jg.NonNegative = 10.0
    """Weight of the cycle loss."""
    identity: jg.NonNegative = 5.0
    """Weight of the identity loss; 0 for domains of different shapes."""
    decay_after: jg.Natural = 0
    """Steps before the rate falls, to 0 in as many again, as in the paper; 0 leaves it as it is."""
    history_size: jg.Count = 50
    """Size of each D's pool of earlier fakes."""


def data(config: Config) -> "jg.Source":
    return two_domains.data(config)


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    import optax

    shapes = {name: source.leaves[name].shape for name in two_domains.INPUTS}
    if config.identity and shapes["x"] != shapes["other"]:
        raise jg.Refused(f"the identity loss needs domains of one shape, not {shapes}: give --identity 0")

    def play(call: Any, z: Any, batch: "jg.Batch", turn: jg.Turn) -> tuple:
        fakes, rebuilt = two_domains.round_trip(call, batch)
        losses = {"cycle": config.cycle * two_domains.both(two_domains.l1, rebuilt, batch)}
        if config.identity:
            same = {name: call(name, batch[name]) for name in two_domains.INPUTS}
            losses["identity"] = config.identity * two_domains.both(two_domains.l1, same, batch)
        return two_domains.meetings(batch, fakes), losses

    critic = jg.adversary(
        two_domains.patch(config),
        jg.objectives.least_squares(),
        weight=2.0,  # only D's loss is halved
        history_size=config.history_size,
        lowering=config.lowering,
    )
    game = two_domains.game(config, critic, two_domains.translators(config, source), play)
    after = config.decay_after
    rate = optax.linear_schedule(config.lr, 0.0, after, after) if after else config.lr
    rule = jg.alternating(game, *[optax.adam(rate, b1=0.5, b2=0.999)] * 2)
    return two_domains.experiment(config, source, rule)


if __name__ == "__main__":
    jg.main(Config, build, data)
