"""A run that was interrupted and gone on with is the run that never was, in every bit."""

import shutil

import pytest
from support import SCRIPTS, ended, final, rows, same, start, steps

EVERYTHING = SCRIPTS / "everything.py"
TINY = SCRIPTS / "tiny.py"


def test_alternating(tmp_path):
    whole, command, option = tmp_path / "whole", tmp_path / "command", tmp_path / "option"
    at_once = start(EVERYTHING, "--out", whole, "--save-every", 10)
    ended(start(EVERYTHING, "--out", command, "--steps", 5))
    shutil.copytree(command, option)
    ended(at_once)
    by_command = start("-m", "jaxgan.cli", "resume", command, "--steps", 10)
    by_option = start(EVERYTHING, "--resume", option, "--steps", 10)
    ended(by_command)
    ended(by_option)

    state = final(whole)
    assert int(state.step) == 10
    same(state, final(command))
    same(state, final(option))
    # a run logs and measures at its last step: the shorter one did at 5, where the whole one measures nothing
    extra = {"step": 5, "step_again": 5, "scheduled": False}
    assert [row for row in rows(command) if row != extra] == rows(whole)
    assert rows(option) == rows(command)
    for name in ("step_000000.png", "step_000005.png", "step_000010.png"):
        assert (command / "samples" / name).read_bytes() == (whole / "samples" / name).read_bytes()


def test_simultaneous_with_the_update_guarded_by_skipping(tmp_path):
    whole, half = tmp_path / "whole", tmp_path / "half"
    ended(start(EVERYTHING, "--rule", "simultaneous", "--on-nan", "skip", "--out", whole))
    shutil.copytree(whole, half)
    shutil.rmtree(half / "checkpoints" / "10")
    assert steps(half)[-1] == 5
    ended(start(EVERYTHING, "--resume", half))
    same(final(whole), final(half))
    assert rows(whole) == rows(half)


@pytest.mark.parametrize(
    "name", ["batch_stats", "spectral", "opt_state", "ema", "averages", "extra", "skipped"]
)
def test_what_is_compared_holds_every_memory(name, tmp_path):
    """The comparison above is only as good as the state is full."""
    import jax
    import jax.numpy as jnp
    from support import built, script

    from jaxgan.run.program import make_init

    module = script("everything")
    experiment = built(module, module.Config())
    init = make_init(experiment, module.Config())
    state = jax.eval_shape(init, jax.random.key(0), experiment.source.arrays)
    paths = [jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_flatten_with_path(state)[0]]
    assert any(name in path for path in paths)
    assert jnp.issubdtype(state.key.dtype, jax.dtypes.prng_key)
