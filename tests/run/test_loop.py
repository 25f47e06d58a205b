"""The loop is the update, on the batch of its own step, and nothing else."""

import jax
import numpy as np
from support import play, script

from jaxgan.data.source import batch
from jaxgan.rules.guard import guarded
from jaxgan.run.program import layout
from jaxgan.run.reopen import reopened


def test_a_run_is_the_updates_written_out(tmp_path):
    assert play(script("tiny"), "--out", tmp_path, "--steps", 3, "--log-every", 1) == 0
    config, experiment, ran, _ = reopened(tmp_path)
    rule, source, lay = guarded(experiment.rule), experiment.source, layout(experiment, config)
    key = jax.random.key(config.seed)
    state = jax.jit(rule.init)(key, batch(source, lay, source.arrays, key, 0))
    update = jax.jit(rule.update)
    for step in range(3):
        state, _ = update(state, batch(source, lay, source.arrays, key, step))
    assert int(ran.step) == 3
    for mine, run in zip(jax.tree.leaves(state.d.params), jax.tree.leaves(ran.d.params), strict=True):
        np.testing.assert_allclose(mine, run, atol=1e-5)
