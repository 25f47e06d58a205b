"""A run that was interrupted and resumed equals an uninterrupted one, bit for bit."""

import shutil

import pytest
from support import SCRIPTS, ended, final, rows, same, start, steps

EVERYTHING = SCRIPTS / "everything.py"
TINY = SCRIPTS / "tiny.py"


def test_a_resumed_run_of_the_alternating_rule_equals_an_uninterrupted_one(tmp_path):
    uninterrupted, command, option = tmp_path / "uninterrupted", tmp_path / "command", tmp_path / "option"
    reference = start(EVERYTHING, "--out", uninterrupted, "--save-every", 10)
    ended(start(EVERYTHING, "--out", command, "--steps", 5))
    shutil.copytree(command, option)
    ended(reference)
    by_command = start("-m", "jaxgan.cli", "resume", command, "--steps", 10)
    by_option = start(EVERYTHING, "--resume", option, "--steps", 10)
    ended(by_command)
    ended(by_option)

    state = final(uninterrupted)
    assert int(state.step) == 10
    same(state, final(command))
    same(state, final(option))
    # a run logs and measures at its last step: the shorter one did at 5, where the other measures nothing
    extra = {"step": 5, "step_again": 5, "scheduled": False}
    assert [row for row in rows(command) if row != extra] == rows(uninterrupted)
    assert rows(option) == rows(command)
    for name in ("step_000000.png", "step_000005.png", "step_000010.png"):
        assert (command / "samples" / name).read_bytes() == (uninterrupted / "samples" / name).read_bytes()


def test_a_resumed_run_of_the_simultaneous_rule_that_skips_updates_equals_an_uninterrupted_one(tmp_path):
    uninterrupted, half = tmp_path / "uninterrupted", tmp_path / "half"
    ended(start(EVERYTHING, "--rule", "simultaneous", "--on-nan", "skip", "--out", uninterrupted))
    shutil.copytree(uninterrupted, half)
    shutil.rmtree(half / "checkpoints" / "10")
    assert steps(half)[-1] == 5
    ended(start(EVERYTHING, "--resume", half))
    same(final(uninterrupted), final(half))
    assert rows(uninterrupted) == rows(half)


@pytest.mark.parametrize(
    "name", ["batch_stats", "spectral", "opt_state", "ema", "averages", "extra", "skipped"]
)
def test_the_compared_state_has_every_kind_of_memory(name, tmp_path):
    """Otherwise the comparisons above would prove less."""
    import jax
    import jax.numpy as jnp
    from support import built, script

    from jaxgan.run.program import make_init
    from jaxgan.run.seeds import root_keys

    module = script("everything")
    experiment = built(module, module.Config())
    init = make_init(experiment, module.Config())
    (keys,) = root_keys([module.Config()])
    state = jax.eval_shape(init, keys, experiment.source.arrays)
    paths = [jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_flatten_with_path(state)[0]]
    assert any(name in path for path in paths)
    assert jnp.issubdtype(state.key.dtype, jax.dtypes.prng_key)
