"""Calls a script's functions and checks what they return; common mistakes are refused in one line."""

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
    """Returns the examples of a run: those of --data, or those that the script's function `data` returns.

    >>> source_of(Settings(data="ring")).shape
    (2,)
    """
    if data is None:
        return load(config.data, config.size)
    source: Any = data(config)
    if not isinstance(source, Source):
        raise Refused(f"`data` must return a source of examples, not {_name(source)}")
    return source


def experiment_of(config: Any, build: Callable[[Any, Source], Experiment], source: Source) -> Experiment:
    """Returns the experiment that `build` makes; refuses anything else, or one with a part of another type.

    >>> experiment_of(Settings(), lambda config, source: None, load("ring"))
    Traceback (most recent call last):
    jaxgan.errors.Refused: `build` must return a jg.Experiment, not None
    """
    experiment: Any = build(config, source)
    if not isinstance(experiment, Experiment):
        raise Refused(f"`build` must return a jg.Experiment, not {_name(experiment)}")
    check_experiment(experiment)
    if experiment.source is not source:
        raise Refused(
            "the experiment has other examples than `build` was given: make them in a function of the "
            "script, given by jg.main(Config, build, data=data)"
        )
    return experiment


def check_experiment(experiment: Any) -> None:
    """Refuses what is no experiment, or one with a part of another type."""
    if not isinstance(experiment, Experiment):
        raise Refused(f"expected a jg.Experiment(rule, source), not {_name(experiment)}")
    if isinstance(experiment.rule, Game):
        raise Refused("an experiment needs a Rule where it has a Game: jg.Experiment(rule, source)")
    for part, kind in ((experiment.rule, Rule), (experiment.source, Source)):
        if not isinstance(part, kind):
            raise Refused(f"an experiment needs a {kind.__name__} where it has {_name(part)}")
    if not isinstance(experiment.game, Game):
        raise Refused(
            "the first part of a rule must be its game, jg.Rule(game, init, update), not "
            f"{_name(experiment.game)}"
        )
    _check_list(experiment.hooks, Hook, "jg.Hook(100, call)")
    for hook in experiment.hooks:
        if type(hook.every) is not int or hook.every < 0 or not callable(hook.call):
            raise Refused(f"a hook is jg.Hook(steps, function), not jg.Hook({hook.every!r}, {hook.call!r})")
    _check_list(experiment.stops, StopRule, "jg.saturated()")
    if experiment.best is not None and not experiment.hooks:
        raise Refused("`best` scores what hooks measure, but the experiment has no hooks")


def _check_list(items: Any, kind: type, example: str) -> None:
    if isinstance(items, kind) or not isinstance(items, list | tuple):
        raise Refused(f"hooks and stops must be lists, such as [{example}], not {_name(items)}")
    for item in items:
        if not isinstance(item, kind):
            raise Refused(f"{_name(item)} is not a {kind.__name__}: give one such as {example}")


def _name(x: Any) -> str:
    return getattr(x, "__name__", None) or (repr(x) if x is None or isinstance(x, str) else type(x).__name__)
