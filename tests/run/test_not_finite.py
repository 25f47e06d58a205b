"""A number that is not finite: the run stops, skips the update or goes back; it is never saved, nor best."""

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
from jaxgan.games.toy import bilinear
from jaxgan.rules.alternating import alternating
from jaxgan.rules.guard import guarded
from jaxgan.run.reopen import reopen
from jaxgan.run.trouble import attempted

TINY = script("tiny")


def finite(run):
    return all(
        np.isfinite(x).all() for x in jax.tree.leaves(final(run)) if jnp.issubdtype(x.dtype, jnp.floating)
    )


def test_stop_names_the_loss_and_the_step_and_saves_what_was_before(tmp_path, capsys):
    run, whole = tmp_path / "run", tmp_path / "whole"
    assert play(TINY, "--out", run, "--nan-at", 5, "--log-every", 4, "--save-every", 4) == 1
    said = capsys.readouterr().err.splitlines()
    assert said[-1] == "error: step 5: d/adv is nan"
    assert f"`jaxgan resume {run} -- --on-nan skip`, or restore in its place, goes on" in said[-2]
    assert steps(run)[-1] == 5
    assert finite(run)
    assert all(row["step"] <= 5 for row in rows(run))
    assert '"ended": "NotFinite: step 5: d/adv is nan"' in (run / "manifest.json").read_text()

    # the checkpoint is that of an untroubled run, whatever the logging
    assert play(TINY, "--out", whole, "--steps", 5) == 0
    same(final(run), final(whole))

    assert play(TINY, "--resume", run) == 1  # it fails again
    assert play(TINY, "--resume", run, "--on-nan", "skip") == 0
    assert int(final(run).step) == 8
    assert int(final(run).rule.skipped) == 1
    assert finite(run)


def test_skip_leaves_everything_but_the_step(tmp_path):
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


def test_restore_goes_back_with_other_numbers_and_remembers_the_attempt(tmp_path, capsys):
    run = tmp_path / "run"
    assert play(TINY, "--out", run, "--nan-at", 5, "--on-nan", "restore", "--best-at", 6) == 0
    said = "step 5: d/adv is nan; back to step 4 with other random numbers, attempt 1"
    assert said in capsys.readouterr().err
    with Checkpoints(run / "checkpoints") as checkpoints:
        found = checkpoints.newest(reopen(run).state)
    assert (found.step, found.attempt) == (8, 1)
    assert finite(run)
    assert [row["step"] for row in rows(run) if "d/adv" in row] == [2, 4, 6, 8]
    assert [row["step"] for row in rows(run) if "score" in row] == [0, 2, 4, 6, 8]  # step 4 is measured once
    root = jax.random.key_data(jax.random.key(0))
    assert not (jax.random.key_data(found.state.key) == root).all()


def test_every_attempt_has_numbers_of_its_own():
    state = SimpleNamespace(replace=lambda key: key)
    there = SimpleNamespace(newest=lambda like: Restored(4, state, 0, []))
    one, two = (attempted(nth, there, None, 0).state for nth in (1, 2))
    assert one != two


def test_restore_at_most_so_many_times(tmp_path, capsys):
    options = ("--nan-at", 5, "--nan-always", "--on-nan", "restore", "--retries", 2)
    assert play(TINY, "--out", tmp_path / "run", *options) == 1
    said = capsys.readouterr().err
    assert said.count("back to step 4") == 2
    assert said.splitlines()[-1] == "error: step 5: d/adv is nan, after 2 other attempts"
    assert finite(tmp_path / "run")


def test_restore_before_the_first_checkpoint_starts_over_without_doubling_rows(tmp_path):
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


def test_the_guard_by_itself():
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
    one, _ = stopping.update(state, batches)
    still = one
    for _ in range(3):
        still, _ = stopping.update(still, batches)
    assert (int(still.step), int(still.rule.failed), int(still.rule.skipped)) == (4, 1, 0)
    same((still.g, still.d), (one.g, one.d))

    over, _ = skipping.update(one, batches)
    assert (int(over.step), int(over.rule.failed), int(over.rule.skipped)) == (2, -1, 1)
    same((over.g, over.d), (one.g, one.d))
    on, _ = skipping.update(over, batches)
    assert float(on.g.params) != float(over.g.params)
