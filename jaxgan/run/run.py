"""What the loop plays, as one value."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from jaxgan.folder.folder import Folder
from jaxgan.folder.settings import Settings
from jaxgan.games.game import Game
from jaxgan.rules.rule import Rule
from jaxgan.run.experiment import Experiment
from jaxgan.run.lane import Lane
from jaxgan.run.program import RuleOf


class Run(NamedTuple):
    """An experiment under its options, and the folder that keeps it; None keeps nothing.

    With lanes all of them are played as one: `rule_of` is the rule of a lane by the values that it has of its
    own, and `games` are the lanes' own where these values make them others. `adopted` writes down what else
    has changed by force, once nothing refuses to go on. `bar` says how far the run is, without a folder too.

    >>> from jaxgan.data import load
    >>> from jaxgan.games.toy import bilinear
    >>> from jaxgan.rules.alternating import alternating
    >>> import optax
    >>> rule = alternating(bilinear(), optax.sgd(0.1), optax.sgd(0.1))
    >>> Run(Experiment(rule, load("ring")), Settings(steps=5)).names
    []
    """

    experiment: Experiment
    settings: Settings
    folder: Folder | None = None
    lanes: tuple[Lane, ...] = ()
    rule_of: RuleOf | None = None
    games: Sequence[Game] = ()
    adopted: Callable[[], Mapping[str, tuple[Any, Any]]] = dict
    bar: bool = True

    @property
    def names(self) -> list[str]:
        """The lanes by name, none of a single run."""
        return [lane.name for lane in self.lanes]

    def rule(self, values: dict[str, Any]) -> Rule:
        """The rule of the lane with these values."""
        return self.rule_of(values) if self.rule_of else self.experiment.rule

    def game(self, number: int) -> Game:
        """The game of the lane of this number."""
        return self.games[number] if self.games else self.experiment.game
