"""What a script's functions make, the examples and the experiment; the usual slips, each in one line."""

from collections.abc import Callable
from typing import Any

from jaxgan.data import load
from jaxgan.data.source import Source
from jaxgan.errors import Refused
from jaxgan.folder.settings import Settings
from jaxgan.games.game import Game
from jaxgan.rules.rule import Rule
from jaxgan.run.experiment import Experiment, Hook
from jaxgan.run.stop import StopRule


def source_of(config: Settings, data: Callable[[Any], Source] | None = None) -> Source:
    """The examples of a run: those of --data, or what the script's own function `data` makes of its options.

    >>> source_of(Settings(data="ring")).shape
    (2,)
    """
    if data is None:
        return load(config.data, config.size)
    source: Any = data(config)
    if not isinstance(source, Source):
        raise Refused(f"`data` must return a source of examples, not {_named(source)}")
    return source


def experiment_of(config: Any, build: Callable[[Any, Source], Experiment], source: Source) -> Experiment:
    """What `build` makes of options and examples, refused where it or a part of it is something else.

    >>> experiment_of(Settings(), lambda config, source: None, load("ring"))
    Traceback (most recent call last):
    jaxgan.errors.Refused: `build` must return a jg.Experiment, not None
    """
    made: Any = build(config, source)
    if not isinstance(made, Experiment):
        raise Refused(f"`build` must return a jg.Experiment, not {_named(made)}")
    checked(made)
    if made.source is not source:
        raise Refused(
            "the experiment has other examples than `build` was given: make them in a function of the "
            "script, given by jg.main(Config, build, data=data)"
        )
    return made


def checked(made: Any) -> Experiment:
    """The experiment, refused where it or a part of it is something else."""
    if not isinstance(made, Experiment):
        raise Refused(f"a jg.Experiment is trained, jg.Experiment(rule, source), not {_named(made)}")
    if isinstance(made.rule, Game):
        raise Refused("an experiment needs a Rule where it has Game: jg.Experiment(rule, source)")
    for part, kind in ((made.rule, Rule), (made.source, Source)):
        if not isinstance(part, kind):
            raise Refused(f"an experiment needs a {kind.__name__} where it has {_named(part)}")
    if not isinstance(made.game, Game):
        raise Refused(
            f"a rule begins with its game, jg.Rule(game, init, update), not with {_named(made.game)}"
        )
    _all_are(made.hooks, Hook, "jg.Hook(100, call)")
    for hook in made.hooks:
        if type(hook.every) is not int or hook.every < 0 or not callable(hook.call):
            raise Refused(f"a hook is jg.Hook(steps, function), not jg.Hook({hook.every!r}, {hook.call!r})")
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
