"""What is made of what hooks measured."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from support import experiment

from jaxgan.errors import Refused
from jaxgan.folder.rows import Row, read
from jaxgan.pictures import images, png
from jaxgan.pictures.points import bars
from jaxgan.run.experiment import Hook
from jaxgan.run.hooks import measured_by, scores_of, stopped_by
from jaxgan.run.log import Log
from jaxgan.run.stop import reached


def test_every_lane_that_was_measured_has_a_score_of_its_own() -> None:
    best = experiment()._replace(best=lambda numbers: numbers["score"])
    both = {"seed=0": {"score": 1.0}, "seed=1": {"score": 5.0}}
    assert scores_of(best, 10, both) == {"seed=0": 1.0, "seed=1": 5.0}
    assert scores_of(best, 20, {**both, "seed=0": {}}) == {"seed=1": 5.0}


def test_what_stops_a_run_says_the_newest_of_its_other_numbers() -> None:
    found = [(0, {"x": 1.0, "y": 1.0}), (5, {"y": 3.0}), (5, {"x": 2.0})]
    rows = [Row(step, "measured", numbers) for step, numbers in found]
    log = SimpleNamespace(history=lambda lane: rows)
    assert stopped_by([reached("x", at_least=2)], log, 0, {}) == {0: "x has reached 2 (beside it: y 3)"}


@pytest.mark.parametrize(
    ("gives", "said"),
    [
        (0.5, "gives numbers by their names, or None, and not 0.5"),
        ({"x": None}, "measured x as None, which is no number"),
        ({"x": np.ones(2)}, r"measured x as array.*, which is no number"),
        ({"x": "high"}, "measured x as 'high', which is no number"),
    ],
)
def test_what_a_hook_cannot_give(gives: object, said: str) -> None:
    log = SimpleNamespace(measured=lambda *told: pytest.fail("it was logged"))
    with pytest.raises(Refused, match=f"a hook {said}"):
        measured_by([Hook(1, lambda moment: gives)], lambda number: None, 5, [], set(), log)


def test_what_best_cannot_give() -> None:
    best = experiment()._replace(best=lambda numbers: None)
    with pytest.raises(Refused, match="`best` gives a number, the higher the better, and not None"):
        scores_of(best, 0, {"": {"x": 1.0}})


def test_two_hooks_measure_nothing_by_the_same_name() -> None:
    """Or the report, stop rules and `best` would take the one for the other."""
    hooks = [Hook(1, lambda moment: {"x": 1.0, "y": 2.0}), Hook(1, lambda moment: {"y": 3.0})]
    log = SimpleNamespace(measured=lambda step, numbers, every: None)
    with pytest.raises(Refused, match="two hooks call what they measure y: rename"):
        measured_by(hooks, lambda number: None, 5, [], set(), log)


@pytest.mark.parametrize("name", ["step", "images_per_s", "kind", "scheduled"])
def test_a_hook_may_measure_by_any_name(name: str, tmp_path: Path) -> None:
    log = Log(tmp_path / "metrics.jsonl", 0, 9, 1, -1, silent=True)
    measured_by([Hook(5, lambda moment: {name: 2.0})], lambda number: None, 5, [], set(), log)
    log.write(5, {"d/adv": 1.0}, 5)
    log.close()
    [own, trained] = read(tmp_path / "metrics.jsonl")
    assert own == Row(5, "measured", {name: 2.0})
    assert (trained.kind, trained.numbers["d/adv"]) == ("train", 1.0)


@pytest.mark.parametrize("values", [[np.nan, 1.0, 2.0, 9.0], [1.0, 9.0, np.nan, 2.0]])
def test_of_lanes_a_line_says_the_same_in_any_order(
    values: list[float], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lanes = ["broken" if np.isnan(x) else f"of {x:g}" for x in values]
    log = Log(tmp_path / "metrics.jsonl", 0, 9, 1, -1, lanes=lanes)
    log.measured(5, {"x": values}, 5)
    log.close()
    assert "step 5  x 2 (broken: nan)\n" in capsys.readouterr().err


def test_rules_are_shown_numbers_also_where_a_file_holds_words(tmp_path: Path) -> None:
    for last in (-1, 5):  # of a run that begins, and of one that goes on
        log = Log(tmp_path / "metrics.jsonl", 0, 9, 1, last, lanes=["a", "b"])
        if last < 0:
            log.measured(5, {"x": [np.inf, np.nan]}, 5)
        assert log.history(0) == [Row(5, "measured", {"x": np.inf})]
        assert np.isnan(log.history(1)[0].numbers["x"])
        log.close()


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (2, "L"), (3, "RGB"), (4, "RGB"), (5, "RGB")])
def test_no_channel_is_taken_for_opacity(channels: int, mode: str, tmp_path: Path) -> None:
    png.save(images.grid(np.zeros((4, 8, 8, channels))), tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.mode == mode


def test_numbers_are_drawn_as_bars(tmp_path: Path) -> None:
    """Blue where samples lie, grey where they do not."""
    numbers = np.random.RandomState(0).normal(size=(2000, 1))
    png.save(bars(np.abs(numbers), numbers), tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as picture:
        pixels = np.asarray(picture)
    blue, grey = ((pixels == colour).all(axis=2) for colour in ((31, 81, 180), (190, 190, 190)))
    assert not blue[:, :256].any()
    assert grey[:, :256].sum() > 10_000
    assert blue[:, 256:].sum() > 10_000
    assert blue.any(axis=0)[256:320].sum() == 32  # within the grey bars
