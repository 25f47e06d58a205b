"""What is made of what hooks measured."""

from support import experiment

from jaxgan.run.measuring import scores_of


def test_a_mean_over_lanes_is_one_of_all() -> None:
    """Or else the step at which a bad lane stops would be the best."""
    best = experiment()._replace(best=lambda numbers: numbers["score"])
    both = {"seed=0": {"score": 1.0}, "seed=1": {"score": 5.0}}
    assert scores_of(best, 10, both) == {**{lane: own["score"] for lane, own in both.items()}, "": 3.0}
    assert scores_of(best, 20, {**both, "seed=0": {}}) == {"seed=1": 5.0}
