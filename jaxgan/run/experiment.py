"""The experiment that a script builds, its hooks, and what a hook is called with."""

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
    """Raised by a hook to end the run, or its lane, without an error; the message says why."""


class Moment(NamedTuple):
    """A run at one step, which a hook is called with.

    `note(name, facts)` writes facts about the hook's numbers into the manifest, and logs `facts["warnings"]`.
    """

    step: int
    state: State
    game: Game  # in a run with lanes that of the lane, with its own values
    sample: Sampler  # sample(state.generator, n, seed=0) -> [n, ...]
    lane: str = ""  # the name of the lane, such as "seed=3"
    last: bool = False  # whether the run is about to end
    note: Callable[[str, Mapping[str, Any]], None] = lambda name, facts: None


class Hook(NamedTuple):
    """Calls `call(moment)` at every n-th step and the last, and logs the numbers it returns by name.

    Two hooks may not return the same name. In a run with lanes a hook is called for each lane in turn.
    """

    every: int
    call: Callable[[Moment], Mapping[str, float] | None]


class Experiment(NamedTuple):
    """A rule with its game, and the examples: everything that `train` needs.

    `best` scores what hooks measured at a step, higher is better: that step is saved, and the one with the
    highest score is kept, for each lane separately; the last step of a session is scored as well. `stops` end
    the run, or a lane, once one of them returns a reason. `grid` is the number of samples in a picture.
    """

    rule: Rule
    source: Source
    hooks: Sequence[Hook] = ()
    best: Callable[[Mapping[str, float]], float] | None = None
    stops: Sequence[StopRule] = ()
    grid: int = 64

    @property
    def game(self) -> Game:
        """The game of the rule."""
        return self.rule.game
