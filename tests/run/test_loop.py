"""The loop is the update, on the batch of its own step, and nothing else."""

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


def test_a_run_is_the_updates_written_out(tmp_path):
    assert play(script("tiny"), "--out", tmp_path, "--steps", 3, "--log-every", 1) == 0
    config, experiment, ran, _ = reopen(tmp_path)
    rule, source, lay = guarded(experiment.rule), experiment.source, layout(experiment, config)
    key = jax.random.key(config.seed)
    state = jax.jit(rule.init)(key, batch(source, lay, source.arrays, key, 0))
    update = jax.jit(rule.update)
    for step in range(3):
        state, _ = update(state, batch(source, lay, source.arrays, key, step))
    assert int(ran.step) == 3
    for mine, run in zip(jax.tree.leaves(state.d.params), jax.tree.leaves(ran.d.params), strict=True):
        np.testing.assert_allclose(mine, run, atol=1e-5)


def test_how_far_players_move_is_logged_where_it_was_measured_and_nowhere_else(tmp_path):
    """The last row stands off the schedule, and the norms are taken on it only: they are left out, not 0."""
    assert play(script("tiny"), "--out", tmp_path, "--steps", 5, "--log-every", 2) == 0
    moved = {row["step"]: row.get("g/update") for row in rows(tmp_path) if "g/adv" in row}
    assert moved.keys() == {2, 4, 5}
    assert moved[2] > 0
    assert moved[4] > 0
    assert moved[5] is None


def test_a_loaded_module_whose_file_is_gone_is_no_part_of_a_run(tmp_path, monkeypatch):
    """As one that was loaded by a relative path, from another folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("x = 1\n")
    ghost = ModuleType("ghost")
    ghost.__file__ = "ghost.py"
    monkeypatch.setitem(sys.modules, "ghost", ghost)
    assert "ghost.py" not in hashes(read_script(tmp_path / "mine.py"))
