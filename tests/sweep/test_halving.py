"""What a search decides, on functions that cost nothing: rungs by hand, a known optimum, an end halfway."""

import math

import pytest

from jaxgan.errors import Refused
from jaxgan.sweep import halving, optuna
from jaxgan.sweep.cells import draws, log, uniform
from jaxgan.sweep.plan import Pack, surviving


def test_rungs_are_those_of_a_computation_by_hand():
    """Ten settings; a and b look good early, and c fails."""
    early = dict(zip("abcdefghij", [0.1, 0.2, math.nan, 0.3, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4], strict=True))
    late = {"a": 5.0, "b": 1.0, "d": 0.5}
    asked = []

    def measure(settings, steps):
        asked.append((steps, "".join(setting["x"] for setting in settings)))
        return [(early if steps == 10 else late)[setting["x"]] for setting in settings]

    rungs = halving.halving([{"x": x} for x in "abcdefghij"], (10, 30, 90), measure)
    assert asked == [(10, "abcdefghij"), (30, "abd"), (90, "d")]
    assert rungs[1].scores == (5.0, 1.0, 0.5)
    assert halving.cost(10, (10, 30, 90)) == 10 * 10 + 3 * 20 + 1 * 60


def test_more_that_failed_than_are_left_out_leave_fewer():
    assert halving.best([math.nan, 2.0, math.inf, math.nan, math.nan, math.nan]) == [1]
    with pytest.raises(Refused, match="no setting was measured"):
        halving.best([math.nan, math.nan])


def test_lanes_of_what_survives_are_packed_again():
    rates = [{"lr": float(n)} for n in range(8)]
    packs = [Pack({"loss": loss}, tuple(part), (0, 1)) for loss in "ab" for part in (rates[:4], rates[4:])]
    kept = [{"loss": "a", "lr": lr} for lr in (1.0, 6.0, 7.0)]
    (pack,) = surviving(packs, kept, workers=0)
    assert pack == Pack({"loss": "a"}, ({"lr": 1.0}, {"lr": 6.0}, {"lr": 7.0}), (0, 1))
    assert [len(pack.cells) for pack in surviving(packs, kept, workers=1)] == [2, 4]
    assert [len(pack.cells) for pack in surviving(packs, kept, workers=0, lanes=2)] == [2, 2, 2]


SPACE = {"lr": log(1e-5, 1e-1), "b1": uniform(0.0, 1.0), "loss": ["hinge", "other"]}


def bowl(setting):
    """Has its least value, 0, at lr 1e-3, b1 0.3 and hinge."""
    return math.log10(setting["lr"] / 1e-3) ** 2 + (setting["b1"] - 0.3) ** 2 + (setting["loss"] == "other")


def test_optuna_finds_a_known_optimum(tmp_path):
    pytest.importorskip("optuna")
    trials = optuna.search(SPACE, 60, lambda some: list(map(bowl, some)), tmp_path / "journal")
    best = min(trials, key=lambda trial: trial.score)
    assert len({trial.setting["lr"] for trial in trials}) == 60
    assert best.setting["loss"] == "hinge"
    assert best.score == bowl(best.setting) < 0.05
    drawn = draws(60, 0, lr=SPACE["lr"], b1=SPACE["b1"])  # on hinge alone
    close = sum(bowl({**setting, "loss": "hinge"}) < 0.2 for setting in drawn)
    assert sum(trial.score < 0.2 for trial in trials) > close


def test_a_search_that_was_killed_asks_nothing_again_and_ends_alike(tmp_path):
    pytest.importorskip("optuna")
    whole = optuna.search(SPACE, 20, lambda some: list(map(bowl, some)), tmp_path / "whole", seed=3)
    measured = []

    def killed(settings):
        if len(measured) == 8:
            raise KeyboardInterrupt
        measured.extend(settings)
        return list(map(bowl, settings))

    with pytest.raises(KeyboardInterrupt):
        optuna.search(SPACE, 20, killed, tmp_path / "journal", seed=3)
    asked = []

    def measure(settings):
        asked.extend(settings)
        return list(map(bowl, settings))

    trials = optuna.search(SPACE, 20, measure, tmp_path / "journal", seed=3)
    assert trials == whole
    assert measured + asked == [trial.setting for trial in whole]
    assert optuna.search(SPACE, 20, None, tmp_path / "journal", seed=3) == whole


def test_a_setting_that_failed_is_told_so_and_another_goal_refused(tmp_path):
    pytest.importorskip("optuna")

    def measure(settings):
        return [math.nan if setting["loss"] == "other" else bowl(setting) for setting in settings]

    trials = optuna.search(SPACE, 12, measure, tmp_path / "journal", about="lower fid")
    failed = [trial for trial in trials if math.isnan(trial.score)]
    assert {trial.setting["loss"] for trial in failed} == {"other"}
    with pytest.raises(Refused, match="is of a search for lower fid, not for higher modes"):
        optuna.search(SPACE, 12, measure, tmp_path / "journal", about="higher modes")
