"""What a script builds, and what a hook sees."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:  # scripts name these types, and their --help does not wait for JAX
    from jaxgan.data.source import Source
    from jaxgan.games.game import Game, State
    from jaxgan.rules.rule import Rule
    from jaxgan.run.sample import Sampler
    from jaxgan.run.stop import StopRule


class Stop(Exception):
    """A hook raises it to end the run in good order; the message says why."""


class Moment(NamedTuple):
    """A run at one step, as a hook is shown it.

    `note(name, facts)` keeps in the manifest what must be known of the hook's numbers; `facts["warnings"]`
    are said as well.
    """

    step: int
    state: State
    game: Game  # of a lane its own, with the values that it has
    sample: Sampler  # sample(state.generator, n, seed=0) -> [n, ...]
    lane: str = ""  # which of the runs that are trained as one, as in "seed=3"
    last: bool = False  # whether the run is about to end
    note: Callable[[str, Mapping[str, Any]], None] = lambda name, facts: None


class Hook(NamedTuple):
    """`call(moment)` at every n-th step and the last. The numbers it returns are logged under their names.

    No two hooks measure anything by the same name. Of a run with lanes each is called for every lane in turn.
    """

    every: int
    call: Callable[[Moment], Mapping[str, float] | None]


class Experiment(NamedTuple):
    """A rule with the game that it plays, and the examples: everything that `train` needs.

    `best` scores what hooks measured at a step, higher is better: that step is saved, and the one with the
    highest score is kept, of each lane its own; the last step of a session is scored as well. `stops` end
    the run, or its lane, once one of them says why. `grid` is how many samples a picture shows.
    """

    rule: Rule
    source: Source
    hooks: Sequence[Hook] = ()
    best: Callable[[Mapping[str, float]], float] | None = None
    stops: Sequence[StopRule] = ()
    grid: int = 64

    @property
    def game(self) -> Game:
        """What the rule plays."""
        return self.rule.game
