"""The training loop applies the update to the batch of each step, and nothing else."""

import sys
from types import ModuleType

import jax
import numpy as np
from support import play, rows, script

from jaxgan.data.source import batch
from jaxgan.folder.script import hashes, read_script
from jaxgan.rules.guard import guarded
from jaxgan.run.program import layout
from jaxgan.run.reopen import reopen


def test_a_run_equals_its_updates_written_out(tmp_path):
    assert play(script("tiny"), "--out", tmp_path, "--steps", 3, "--log-every", 1) == 0
    config, experiment, final, _ = reopen(tmp_path)
    rule, source, shape = guarded(experiment.rule), experiment.source, layout(experiment, config)
    key = jax.random.key(config.seed)
    state = jax.jit(rule.init)(key, batch(source, shape, source.arrays, key, 0))
    update = jax.jit(rule.update)
    for step in range(3):
        state, _ = update(state, batch(source, shape, source.arrays, key, step))
    assert int(final.step) == 3
    for expected, run in zip(jax.tree.leaves(state.d.params), jax.tree.leaves(final.d.params), strict=True):
        np.testing.assert_allclose(expected, run, atol=1e-5)


def test_update_norms_are_logged_only_at_steps_where_they_were_computed(tmp_path):
    """Not in the last row, which is off the schedule of the norms: they are left out, not 0."""
    assert play(script("tiny"), "--out", tmp_path, "--steps", 5, "--log-every", 2) == 0
    norms = {row["step"]: row.get("g/update") for row in rows(tmp_path) if "g/adv" in row}
    assert norms.keys() == {2, 4, 5}
    assert norms[2] > 0
    assert norms[4] > 0
    assert norms[5] is None


def test_a_loaded_module_whose_file_is_missing_is_not_part_of_a_run(tmp_path, monkeypatch):
    """Such as one that was loaded by a relative path, from another folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("x = 1\n")
    ghost = ModuleType("ghost")
    ghost.__file__ = "ghost.py"
    monkeypatch.setitem(sys.modules, "ghost", ghost)
    assert "ghost.py" not in hashes(read_script(tmp_path / "mine.py"))
