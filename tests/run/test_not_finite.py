"""A number that is not finite: the run stops, skips the update or goes back, and never saves it as best."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from support import final, play, rows, same, script, steps

from jaxgan.data import load
from jaxgan.data.source import batch
from jaxgan.folder.checkpoint import Checkpoints, Restored
from jaxgan.folder.settings import Settings
from jaxgan.games.toy import bilinear
from jaxgan.rules.alternating import alternating
from jaxgan.rules.guard import guarded
from jaxgan.run.reopen import reopen
from jaxgan.run.trouble import load_attempt

TINY = script("tiny")


def finite(run):
    return all(
        np.isfinite(x).all() for x in jax.tree.leaves(final(run)) if jnp.issubdtype(x.dtype, jnp.floating)
    )


def test_stop_names_the_loss_and_the_step_and_saves_the_state_before(tmp_path, capsys):
    run, untroubled = tmp_path / "run", tmp_path / "untroubled"
    assert play(TINY, "--out", run, "--nan-at", 5, "--log-every", 4, "--save-every", 4) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1] == "error: step 5: d/adv is nan"
    assert lines[-2] == f"go on with `jaxgan resume {run} -- --on-nan skip`, or with --on-nan restore"
    assert steps(run)[-1] == 5
    assert finite(run)
    assert all(row["step"] <= 5 for row in rows(run))
    assert '"ended": "NotFinite: step 5: d/adv is nan"' in (run / "manifest.json").read_text()

    # the checkpoint is that of an untroubled run, whatever the logging
    assert play(TINY, "--out", untroubled, "--steps", 5) == 0
    same(final(run), final(untroubled))

    assert play(TINY, "--resume", run) == 1  # it fails again
    assert play(TINY, "--resume", run, "--on-nan", "skip") == 0
    assert int(final(run).step) == 8
    assert int(final(run).rule.skipped) == 1
    assert finite(run)


def test_skip_changes_nothing_but_the_step(tmp_path):
    run = tmp_path / "run"
    assert play(TINY, "--out", run, "--nan-at", 5, "--on-nan", "skip", "--save-every", 1, "--keep", 9) == 0
    with Checkpoints(run / "checkpoints") as checkpoints:
        like = reopen(run).state
        before, after, later = (checkpoints.at(step, like) for step in (5, 6, 7))
    assert int(after.step) == 6
    assert int(after.rule.skipped) == 1
    same(after.replace(step=before.step, rule=before.rule), before)
    with pytest.raises(AssertionError):
        same(later.g, after.g)
    assert rows(run)[-1]["skipped"] == 1
    assert finite(run)


def test_restore_goes_back_with_other_random_numbers_and_records_the_attempt(tmp_path, capsys):
    run = tmp_path / "run"
    assert play(TINY, "--out", run, "--nan-at", 5, "--on-nan", "restore", "--best-at", 6) == 0
    expected = "step 5: d/adv is nan; back to step 4 with other random numbers, attempt 1"
    assert expected in capsys.readouterr().err
    with Checkpoints(run / "checkpoints") as checkpoints:
        newest = checkpoints.newest(reopen(run).state)
    assert (newest.step, newest.attempt) == (8, 1)
    assert finite(run)
    assert [row["step"] for row in rows(run) if "d/adv" in row] == [2, 4, 6, 8]
    assert [row["step"] for row in rows(run) if "score" in row] == [0, 2, 4, 6, 8]  # step 4 is measured once
    root = jax.random.key_data(jax.random.key(0))
    assert not (jax.random.key_data(newest.state.key) == root).all()


def test_every_attempt_has_its_own_random_key():
    rule = alternating(bilinear(), optax.sgd(0.1), optax.sgd(0.1))
    state = rule.init(jax.random.key(0), {"x": jnp.zeros((1, 1, 1))})
    checkpoints = SimpleNamespace(newest=lambda like: Restored(4, state, 0, []))
    for settings in (Settings(), Settings(seed_data=3)):
        first, second = (load_attempt(attempt, checkpoints, None, settings).state for attempt in (1, 2))
        assert first.key != second.key
        assert first.data_key != second.data_key


def test_restore_at_most_retries_times(tmp_path, capsys):
    options = ("--nan-at", 5, "--nan-always", "--on-nan", "restore", "--retries", 2)
    assert play(TINY, "--out", tmp_path / "run", *options) == 1
    err = capsys.readouterr().err
    assert err.count("back to step 4") == 2
    assert err.splitlines()[-1] == "error: step 5: d/adv is nan, after 2 other attempts"
    assert finite(tmp_path / "run")


def test_restore_before_the_first_checkpoint_starts_over_without_duplicate_rows(tmp_path):
    run = tmp_path / "run"
    options = ("--nan-at", 1, "--on-nan", "restore", "--save-every", 0, "--best-at", 4, "--no-keep-best")
    assert play(TINY, "--out", run, *options) == 0
    measured = [row["step"] for row in rows(run) if "score" in row]
    assert measured == [0, 2, 4, 6, 8]


def test_nan_is_never_the_best(tmp_path):
    run = tmp_path / "run"
    assert play(TINY, "--out", run, "--best-at", 4, "--keep", 1, "--save-every", 3) == 0
    assert steps(run) == [4, 8]
    assert int(reopen(run, "best").state.step) == 4
    assert rows(run)[-1]["score"] == "nan"


def test_the_guard_without_a_run():
    def poisoned(at):
        rule = alternating(bilinear(), optax.adam(0.1), optax.adam(0.1))

        def update(state, batches):
            new, metrics = rule.update(state, batches)
            params = jnp.where(state.step == at, jnp.inf, new.g.params)
            return new.replace(g=new.g.replace(params=params)), metrics

        return rule._replace(update=update)

    source = load("ring")
    batches = batch(source, (1, 1, 4), source.arrays, jax.random.key(0), 0)
    stopping, skipping = guarded(poisoned(1)), guarded(poisoned(1), skip=True)
    state = stopping.init(jax.random.key(0), batches)
    before, _ = stopping.update(state, batches)
    failed = before
    for _ in range(3):
        failed, _ = stopping.update(failed, batches)
    assert (int(failed.step), int(failed.rule.failed), int(failed.rule.skipped)) == (4, 1, 0)
    same((failed.g, failed.d), (before.g, before.d))

    skipped, _ = skipping.update(before, batches)
    assert (int(skipped.step), int(skipped.rule.failed), int(skipped.rule.skipped)) == (2, -1, 1)
    same((skipped.g, skipped.d), (before.g, before.d))
    after, _ = skipping.update(skipped, batches)
    assert float(after.g.params) != float(skipped.g.params)
