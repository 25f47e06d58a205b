"""Rules whose hyperparameters are part of the state: one program for all their values."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax.numpy as jnp

from jaxgan.games.game import State
from jaxgan.parts.types import Array, Batch, Key, PyTree
from jaxgan.rules.rule import Metrics, Rule

Hyperparameters = Mapping[str, float | Array]


class Tuned(NamedTuple):
    """The memory of a rule over hyperparameters, around that of the rule itself."""

    inner: PyTree
    hyperparameters: Mapping[str, Array]


def over_hparams(build: Callable[[Hyperparameters], Rule]) -> Callable[[Hyperparameters], Rule]:
    """Makes rules that store their hyperparameters in the state, and read them there in every update.

    `build` is called with tracers while a program is compiled, so it may compute with the hyperparameters
    but not branch on them: rates, betas, weights, decays, not widths. As arrays of the state they have a lane
    axis if the state has one: N learning rates and M seeds are N M lanes of one program.

    >>> import jax, optax
    >>> from jaxgan.games.toy import bilinear
    >>> from jaxgan.rules.alternating import alternating
    >>> def build(hparams):
    ...     sgd = optax.sgd(hparams["lr"])
    ...     return alternating(bilinear(), sgd, sgd)
    >>> rule, batches = over_hparams(build)({"lr": 0.1}), {"x": jnp.zeros((1, 1, 1))}
    >>> state = rule.init(jax.random.key(0), batches)
    >>> slow = state.replace(rule=state.rule._replace(hyperparameters={"lr": jnp.float32(0.0)}))
    >>> [float(rule.update(s, batches)[0].d.params - s.d.params) != 0 for s in (state, slow)]
    [True, False]
    """

    def rule_of(hyperparameters: Hyperparameters) -> Rule:
        rule = build(hyperparameters)

        def init(key: Key, batches: Batch) -> State:
            state = rule.init(key, batches)
            # not weakly typed, so that values restored from a checkpoint do not recompile the program
            arrays = {name: jnp.asarray(x, jnp.result_type(x)) for name, x in hyperparameters.items()}
            return state.replace(rule=Tuned(state.rule, arrays))

        def update(state: State, batches: Batch) -> tuple[State, Metrics]:
            memory: Tuned = state.rule
            new, metrics = build(memory.hyperparameters).update(state.replace(rule=memory.inner), batches)
            return new.replace(rule=memory._replace(inner=new.rule)), metrics

        return rule._replace(init=init, update=update)

    return rule_of
