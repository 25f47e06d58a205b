"""Everything that the training loop needs, as one value."""

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
    """An experiment with its options and its run folder; without a folder nothing is written.

    Lanes are trained together: `rule_of` maps the values of a lane to its rule, and `games` are the games of
    the lanes if these values change them. `record_changes` records the script and data of a forced resume,
    once every check has passed. `bar=False` shows no progress.

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
    record_changes: Callable[[], Mapping[str, tuple[Any, Any]]] = dict
    bar: bool = True

    @property
    def names(self) -> list[str]:
        """The names of the lanes; empty without lanes."""
        return [lane.name for lane in self.lanes]

    def rule(self, values: dict[str, Any]) -> Rule:
        """Returns the rule of the lane with these values."""
        return self.rule_of(values) if self.rule_of else self.experiment.rule

    def game(self, number: int) -> Game:
        """Returns the game of the lane with this number."""
        return self.games[number] if self.games else self.experiment.game
