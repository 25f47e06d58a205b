"""CycleGAN: translates images from one palette into another, learnt from unpaired examples.

    python experiments/methods/cyclegan.py --seeds 0:3

    Three seeds in 5 minutes on 2 cores of an AMD EPYC (Zen 5), shared; jax 0.10.2, 2026-11-29. l1 at the last
    step, mean and standard deviation of seeds 0 to 2: 0.240 +- 0.019. Shapes as they are score 0.270, with
    the other palette's means 0.268: a small gain, but on every seed. By eye most colours change into one of
    the palette, not each into its own, and outlines are blurred.

Two generators, each against a patch D of its own palette, half of whose fakes come from a pool of earlier
ones; a cycle loss on images translated there and back, and an identity loss on images that have the target
palette already (Zhu et al., 2017). Changed: shapes of 16 px, batches of 8, two residual blocks of few
channels, a D that sees 16 px, a constant rate without `--decay-after`; BatchNorm in G and spectral norm in D,
since instance norm would remove a shape's colour.

`l1` is the mean absolute difference from the true recolouring, in pixels of 500 held-out shapes. Without a
GAN: `l1_of_input`, of the shapes as they are, and `l1_of_means`, with the other palette's means.
`cycle_error` is that of shapes translated there and back, 0 for a G that changes nothing.
"""

from dataclasses import dataclass
from typing import Any

from two_domains import INPUTS, PALETTE, l1

import jaxgan as jg


@dataclass(frozen=True)
class Config(jg.Settings):
    steps: int = 1000
    data: str = "shapes"
    size: int = 16
    batch_size: int = 8
    cycle: jg.NonNegative = 10.0
    """Weight of the cycle loss."""
    identity: jg.NonNegative = 5.0
    """Weight of the identity loss."""
    lr: jg.NonNegative = 1e-3
    """Adam's learning rate, for all players."""
    decay_after: jg.Natural = 0
    """Steps before the rate falls, to 0 in as many again, as in the paper; 0 leaves it as it is."""
    width: jg.Count = 8
    """Channels of each network's first layer."""
    blocks: jg.Natural = 2
    """Residual blocks of either generator."""
    history_size: jg.Count = 50
    """Size of each D's pool of earlier fakes."""
    measure_every: jg.Natural = 500
    """Steps between measurements."""


def data(config: Config) -> "jg.Source":
    """Loads recoloured shapes, each with another shape that is not, "other"; or pairs, taken apart."""
    from jaxgan.data import load, pairs

    plain = load(config.data, config.size)
    if "source" in plain.leaves:
        return pairs.unmatched(plain)
    return pairs.unpaired(pairs.recoloured(plain, PALETTE), plain)


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    import jax
    import jax.numpy as jnp
    import numpy as np
    import optax

    from jaxgan.models import patch, translator

    lowering, axis = config.lowering, config.lowering.axis
    net = jg.from_linen(translator.Generator(source.shape, config.width, config.blocks, "batch", axis))
    d = jg.from_linen(patch.Discriminator(config.width, depth=1, norm="spectral"))
    loss, pool, after = jg.objectives.least_squares(), config.history_size, config.decay_after
    critic = jg.adversary(d, loss, weight=2.0, history_size=pool, lowering=lowering)  # only D's is halved

    def init(key: "jax.Array", batch: Any, keys: "jax.Array") -> jg.Side:
        inits = {name: net.init(jg.fold(key, name), batch[of]) for name, of in INPUTS.items()}
        return jg.Side(*({name: side[i] for name, side in inits.items()} for i in range(2)))

    def play(params: Any, stats: Any, batch: Any, turn: jg.Turn) -> jg.Play:
        def translate(name: str, x: "jax.Array") -> tuple["jax.Array", Any]:
            return net.train(params[name], stats[name], x, key=turn.keys, step=turn.update)

        outputs = {name: translate(name, batch[of]) for name, of in INPUTS.items()}
        fakes, new_stats = ({name: output[i] for name, output in outputs.items()} for i in range(2))
        cycles = [l1(translate(of, fakes[name])[0], batch[of]) for name, of in INPUTS.items()]
        same = [l1(translate(name, batch[name])[0], batch[name]) for name in INPUTS]
        losses = {"cycle": config.cycle * jnp.add(*cycles), "identity": config.identity * jnp.add(*same)}
        return jg.Play({name: jg.Meeting(batch[name], fakes[name]) for name in fakes}, new_stats, losses)

    def sample(g: jg.Side, key: "jax.Array", index: "jax.Array", given: Any) -> "jax.Array":
        return net.apply(g.params["x"], g.stats["x"], given["other"])[0]

    looks = jg.Looks(back=lambda g, x, given: net.apply(g.params["other"], g.stats["other"], x)[0])
    critics = jg.several(dict.fromkeys(INPUTS, critic))
    game = jg.adversarial(
        critics, init=init, play=play, sample=sample, given=("other",), looks=looks, lowering=lowering
    )
    rate = optax.linear_schedule(config.lr, 0.0, after, after) if after else config.lr
    rule = jg.alternating(game, *[optax.adam(rate, b1=0.5, b2=0.999)] * 2)

    rest = jg.data.labelled(source.held_out() if source.held_out else source, 500)
    plain, goal = rest["other"], jg.data.labelled(source, 500)["x"]  # sample i is made of plain[i]
    true = rest["x"] if source.asks else plain @ np.asarray(PALETTE, np.float32)
    shift = goal.mean((0, 1, 2)) - plain.mean((0, 1, 2))
    shape = np.abs(plain - plain[:, :1, :1]).max(axis=-1) > 0.5  # without the background

    def measure(moment: jg.Moment) -> dict[str, float]:
        made = moment.sample(moment.state.generator, len(plain))
        rows = {"l1": made, "l1_of_input": plain, "l1_of_means": (plain + shift).clip(-1, 1)}
        return {name: float(np.abs(x - true)[shape].mean()) for name, x in rows.items()}

    hooks = [jg.Hook(config.measure_every, call) for call in (measure, jg.answered(source, distances={}))]
    return jg.Experiment(rule, source, hooks, best=lambda m: -m["l1"])


if __name__ == "__main__":
    jg.main(Config, build, data)
