"""Whether what a script builds is an experiment: the usual slips, each in one line."""

from typing import Any

from jaxgan.data.source import Source
from jaxgan.errors import Refused
from jaxgan.games.game import Game
from jaxgan.rules.rule import Rule
from jaxgan.run.experiment import Experiment, Hook
from jaxgan.run.stop import StopRule


def built(made: Any) -> Experiment:
    """What `build` has returned, refused where it or a part of it is something else.

    >>> built(None)
    Traceback (most recent call last):
    jaxgan.errors.Refused: `build` must return a jg.Experiment, not None
    """
    if not isinstance(made, Experiment):
        raise Refused(f"`build` must return a jg.Experiment, not {_named(made)}")
    for part, kind in ((made.game, Game), (made.rule, Rule), (made.source, Source)):
        if not isinstance(part, kind):
            raise Refused(f"an experiment needs a {kind.__name__} where it has {_named(part)}")
    _all_are(made.hooks, Hook, "jg.Hook(100, call)")
    _all_are(made.stops, StopRule, "jg.saturated()")
    if made.best is not None and not made.hooks:
        raise Refused("`best` scores what hooks measure, and the experiment has no hooks")
    return made


def _all_are(many: Any, kind: type, such: str) -> None:
    if isinstance(many, kind) or not isinstance(many, list | tuple):
        raise Refused(f"hooks and stops come as lists, [{such}], not {_named(many)}")
    for one in many:
        if not isinstance(one, kind):
            raise Refused(f"{_named(one)} is no {kind.__name__}: give one such as {such}")


def _named(x: Any) -> str:
    return getattr(x, "__name__", None) or (repr(x) if x is None or isinstance(x, str) else type(x).__name__)
