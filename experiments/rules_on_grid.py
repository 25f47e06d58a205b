"""Which rules are worth their cost? All rules on a ring and a grid of Gaussians, at equal arithmetic.

    python experiments/rules_on_grid.py --sweep every_rule --out runs/rules_on_grid
    jaxgan table runs/rules_on_grid --metric modes --by data,loss,penalty,rule

    35 min of processor time on 2 cores of an AMD EPYC (Zen 5), shared; jax 0.10.2, 2026-11-21; five
    seeds, all finite. With the non-saturating loss none of the costlier rules is worth its cost: on the ring
    with R1 alternating has 73 +- 11 % of high quality, simultaneous 79 +- 6, optimistic 76 +- 5, consensus 45
    +- 10, extragradient 36 +- 26, competitive 27 +- 6, symplectic 13 +- 10. With the Wasserstein loss, where
    only the rule keeps the players from diverging, some are: without R1 alternating finds 4.8 +- 5.4 modes of
    8 and 1.8 +- 1.6 of 25, consensus 8.0 and 20.8 +- 2.0, competitive 8.0 and 19.4 +- 3.4, and lookahead,
    which costs nothing, 8.0 and 16.8 +- 6.2; with R1 lookahead finds 20.6 +- 2.3 of 25, alternating 9.6 +-
    8.2. look_through loses modes with the non-saturating loss (4.4 +- 2.4 of 25). This is early in training:
    4,000 updates of alternating, where `ring.py` takes 15,000 larger ones.

Every rule is run with the non-saturating and the Wasserstein loss, without a penalty and with R1, on 8
Gaussians on a ring and 25 on a grid, with Adam if it takes optimisers. The rules have equal arithmetic, not
equal updates or gradients: each makes as many updates as cost what 4,000 of alternating cost, counted in the
compiled programs, which takes some minutes before the first run. Measured on 2,500 samples of the averaged G
at the end, as in `ring.py`: modes found, high quality, and reverse KL. `results/rules_on_grid.md` has the
mean and 95 % interval over seeds (Student's t); `failed` is the number of runs that did not stay finite,
which count there with their last finite state.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import jaxgan as jg

UPDATES = 4000  # of alternating; the other rules make as many as cost the same
Name = Literal[
    "alternating", "simultaneous", "extragradient", "past_extragradient", "optimistic", "consensus",
    "symplectic", "look_through", "unrolled", "competitive", "lookahead",
]  # fmt: skip


@dataclass(frozen=True)
class Config(jg.Settings):
    steps: int = UPDATES
    data: Literal["ring", "grid"] = "ring"
    loss: Literal["non_saturating", "wasserstein"] = "non_saturating"
    penalty: Literal["none", "r1"] = "r1"
    rule: Name = "alternating"
    batch_size: int = 256
    lr: jg.NonNegative = 1e-3
    """Of Adam and of adaptive competitive gradient descent, for both players."""
    gamma: jg.NonNegative = 0.1
    """Weight of R1."""
    average: jg.Share = 0.999
    """Decay of the average of G's parameters; of a rule that costs more, over as much arithmetic."""
    width: jg.Count = 64
    """Units of each hidden layer, two in either network."""
    log_every: int = 500
    save_every: int = 4000
    sample_every: int = 4000
    measure_every: jg.Natural = 4000
    """Steps between measurements; the last step is measured too."""


def rule_of(config: Config, game: "jg.Game") -> "jg.Rule":
    """Returns the rule with the weights of its paper."""
    import optax

    adam = optax.adam(config.lr, b1=0.5, b2=0.99, eps_root=1e-8)
    ema = jg.ema(config.average)
    rules: Mapping[str, Callable[[], jg.Rule]] = {
        "alternating": lambda: jg.alternating(game, adam, adam, average=ema),
        "simultaneous": lambda: jg.simultaneous(game, adam, adam, average=ema),
        "extragradient": lambda: jg.extragradient(game, adam, adam, average=ema),
        "past_extragradient": lambda: jg.past_extragradient(game, adam, adam, average=ema),
        "optimistic": lambda: jg.optimistic(game, adam, adam, average=ema),
        "consensus": lambda: jg.consensus(game, adam, adam, weight=0.1, average=ema),
        "symplectic": lambda: jg.symplectic(game, adam, adam, average=ema),
        "look_through": lambda: jg.look_through(game, adam, adam, rate=0.01, average=ema),
        "unrolled": lambda: jg.unrolled(game, adam, adam, steps=5, average=ema),
        "competitive": lambda: jg.adaptive_competitive(game, config.lr, config.lr, products=3, average=ema),
        "lookahead": lambda: jg.lookahead(jg.alternating(game, adam, adam, average=ema)),
    }
    return rules[config.rule]()


def game_of(config: Config) -> "jg.Game":
    match config.loss:
        case "non_saturating":
            objective = jg.objectives.non_saturating()
        case "wasserstein":
            objective = jg.objectives.wasserstein()
    widths = (config.width,) * 2
    return jg.gan(
        jg.from_linen(jg.models.mlp.Generator((2,), widths, final=jg.models.mlp.identity)),
        jg.from_linen(jg.models.mlp.Discriminator(widths)),
        latent=jg.latents.normal(2),
        objective=objective,
        d_terms=[jg.terms.r1(config.gamma)] if config.penalty == "r1" else [],
        lowering=config.lowering,
    )


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    assert source.modes is not None
    centres, sigma = source.modes.centres, source.modes.sigma

    def measure(moment: jg.Moment) -> dict[str, float]:
        samples = moment.sample(moment.state.generator, 2500)
        return jg.metrics.mixture.mode_coverage(samples, centres, sigma)

    hooks = [jg.Hook(config.measure_every, measure)]
    return jg.Experiment(rule_of(config, game_of(config)), source, hooks)


def arithmetic(config: Config) -> float:
    """Returns the floating-point operations of one compiled update."""
    import jax
    import jax.numpy as jnp

    layout = (1, 1, config.batch_size)
    batches = {"x": jnp.zeros((*layout, 2)), "index": jnp.zeros(layout, jnp.uint32)}
    rule = rule_of(config, game_of(config))
    state = jax.eval_shape(rule.init, jax.random.key(0), batches)
    analysis = jax.jit(rule.update).lower(state, batches).compile().cost_analysis()
    assert analysis is not None
    return analysis["flops"]


def every_rule() -> Iterator[Mapping[str, Any]]:
    """All rules on all games, at the arithmetic of 4,000 updates of alternating, five seeds."""
    for game in jg.sweep.product(loss=["non_saturating", "wasserstein"], penalty=["r1", "none"]):
        unit = arithmetic(Config(**game))
        for name in get_args(Name):
            cost = arithmetic(Config(**game, rule=name)) / unit
            of_rule = {"rule": name, "steps": max(1, round(UPDATES / cost)), "average": 0.999**cost}
            yield from jg.sweep.product([{**game, **of_rule}], data=["ring", "grid"], seed=range(5))


if __name__ == "__main__":
    jg.main(Config, build)
