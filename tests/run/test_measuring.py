"""What is made of what hooks measured."""

from types import SimpleNamespace

from support import experiment

from jaxgan.run.measuring import scores_of, stopped_by
from jaxgan.run.stop import reached


def test_a_mean_over_lanes_is_one_of_all() -> None:
    """Or else the step at which a bad lane stops would be the best."""
    best = experiment()._replace(best=lambda numbers: numbers["score"])
    both = {"seed=0": {"score": 1.0}, "seed=1": {"score": 5.0}}
    assert scores_of(best, 10, both) == {**{lane: own["score"] for lane, own in both.items()}, "": 3.0}
    assert scores_of(best, 20, {**both, "seed=0": {}}) == {"seed=1": 5.0}


def test_what_stops_a_run_says_the_newest_of_its_other_numbers() -> None:
    rows = [{"step": 0, "x": 1.0, "y": 1.0}, {"step": 5, "y": 3.0}, {"step": 5, "x": 2.0}]
    log = SimpleNamespace(history=lambda lane: rows)
    assert stopped_by([reached("x", at_least=2)], log, 0, {}) == {0: "x has reached 2 (beside it: y 3)"}
