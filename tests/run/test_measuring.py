"""What hooks measure: checked, logged, scored and drawn."""

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
from jaxgan.run.hooks import find_stops, measure_lanes, scores_of
from jaxgan.run.log import Log
from jaxgan.run.stop import reached


def test_each_lane_that_was_measured_has_its_own_score() -> None:
    best = experiment()._replace(best=lambda numbers: numbers["score"])
    both = {"seed=0": {"score": 1.0}, "seed=1": {"score": 5.0}}
    assert scores_of(best, 10, both) == {"seed=0": 1.0, "seed=1": 5.0}
    assert scores_of(best, 20, {**both, "seed=0": {}}) == {"seed=1": 5.0}


def test_the_reason_of_a_stop_includes_the_newest_other_numbers() -> None:
    measured = [(0, {"x": 1.0, "y": 1.0}), (5, {"y": 3.0}), (5, {"x": 2.0})]
    rows = [Row(step, "measured", numbers) for step, numbers in measured]
    log = SimpleNamespace(history=lambda lane: rows)
    assert find_stops([reached("x", at_least=2)], log, 0, {}) == {0: "x has reached 2 (beside it: y 3)"}


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (0.5, "must return a dict of numbers by name, or None, not 0.5"),
        ({"x": None}, "measured x as None, which is not a number"),
        ({"x": np.ones(2)}, r"measured x as array.*, which is not a number"),
        ({"x": "high"}, "measured x as 'high', which is not a number"),
    ],
)
def test_hooks_that_return_no_numbers_are_refused(returned: object, message: str) -> None:
    log = SimpleNamespace(write_measured=lambda *args: pytest.fail("it was logged"))
    with pytest.raises(Refused, match=f"a hook {message}"):
        measure_lanes([Hook(1, lambda moment: returned)], lambda number: None, 5, [], set(), log)


def test_a_best_that_returns_no_number_is_refused() -> None:
    best = experiment()._replace(best=lambda numbers: None)
    with pytest.raises(Refused, match="`best` must return a number, the higher the better, not None"):
        scores_of(best, 0, {"": {"x": 1.0}})


def test_two_hooks_that_measure_the_same_name_are_refused() -> None:
    """Otherwise the report, stop rules and `best` would confuse them."""
    hooks = [Hook(1, lambda moment: {"x": 1.0, "y": 2.0}), Hook(1, lambda moment: {"y": 3.0})]
    log = SimpleNamespace(write_measured=lambda step, numbers, every: None)
    with pytest.raises(Refused, match="two hooks measure y: rename"):
        measure_lanes(hooks, lambda number: None, 5, [], set(), log)


@pytest.mark.parametrize("name", ["step", "images_per_s", "kind", "scheduled"])
def test_a_hook_may_use_any_name(name: str, tmp_path: Path) -> None:
    log = Log(tmp_path / "metrics.jsonl", 0, 9, 1, -1, silent=True)
    measure_lanes([Hook(5, lambda moment: {name: 2.0})], lambda number: None, 5, [], set(), log)
    log.write(5, {"d/adv": 1.0}, 5)
    log.close()
    [measured, trained] = read(tmp_path / "metrics.jsonl")
    assert measured == Row(5, "measured", {name: 2.0})
    assert (trained.kind, trained.numbers["d/adv"]) == ("train", 1.0)


@pytest.mark.parametrize("values", [[np.nan, 1.0, 2.0, 9.0], [1.0, 9.0, np.nan, 2.0]])
def test_the_line_of_several_lanes_does_not_depend_on_their_order(
    values: list[float], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lanes = ["broken" if np.isnan(x) else f"of {x:g}" for x in values]
    log = Log(tmp_path / "metrics.jsonl", 0, 9, 1, -1, lanes=lanes)
    log.write_measured(5, {"x": values}, 5)
    log.close()
    assert "step 5  x 2 (broken: nan)\n" in capsys.readouterr().err


def test_rules_get_numbers_where_the_file_has_inf_and_nan_as_strings(tmp_path: Path) -> None:
    for last in (-1, 5):  # a new run, and a resumed one
        log = Log(tmp_path / "metrics.jsonl", 0, 9, 1, last, lanes=["a", "b"])
        if last < 0:
            log.write_measured(5, {"x": [np.inf, np.nan]}, 5)
        assert log.history(0) == [Row(5, "measured", {"x": np.inf})]
        assert np.isnan(log.history(1)[0].numbers["x"])
        log.close()


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (2, "L"), (3, "RGB"), (4, "RGB"), (5, "RGB")])
def test_no_channel_is_used_as_opacity(channels: int, mode: str, tmp_path: Path) -> None:
    png.save(images.grid(np.zeros((4, 8, 8, channels))), tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.mode == mode


def test_numbers_are_drawn_as_bars(tmp_path: Path) -> None:
    """Blue for samples, grey for real examples."""
    numbers = np.random.RandomState(0).normal(size=(2000, 1))
    png.save(bars(np.abs(numbers), numbers), tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as picture:
        pixels = np.asarray(picture)
    blue, grey = ((pixels == colour).all(axis=2) for colour in ((31, 81, 180), (190, 190, 190)))
    assert not blue[:, :256].any()
    assert grey[:, :256].sum() > 10_000
    assert blue[:, 256:].sum() > 10_000
    assert blue.any(axis=0)[256:320].sum() == 32  # within the grey bars
