"""Settings proposed by Optuna's TPE sampler (extra `search`), asked for and scored in batches."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from jaxgan.errors import Refused
from jaxgan.sweep.cells import Range
from jaxgan.sweep.halving import Setting

if TYPE_CHECKING:
    import optuna

Space = Mapping[str, Range | Sequence[Any]]
"""Of each option, the range to draw from, or the values to choose from."""
NAME = "search"
"""The name of the study in its journal."""


class Trial(NamedTuple):
    """A setting and its score, lower is better; nan if it failed."""

    setting: Setting
    score: float


def search(
    space: Space,
    count: int,
    measure: Callable[[Sequence[Setting]], Sequence[float]],
    journal: Path,
    *,
    at_once: int = 4,
    seed: int = 0,
    about: str = "",
) -> list[Trial]:
    """Asks for `count` settings, `at_once` at a time, by TPE (Bergstra et al., 2011).

    The first third, at most ten, are drawn at random.

    `measure(settings)` returns their scores, nan for those that failed. The journal is a file, by which a
    search that was killed goes on: what was asked is measured, not asked again. `about` says what is
    measured; a journal about something else is refused.
    """
    study = _study(journal, about)
    while True:
        waiting = _waiting(study, space)
        known = len(_complete(study, space))
        for _ in range(min(at_once - len(waiting), count - known)):
            waiting.append(_ask(study, space, count, seed))
        if not waiting:
            break
        scores = measure([_setting(trial) for trial in waiting])
        for trial, score in zip(waiting, scores, strict=True):
            if math.isfinite(score):
                study.tell(trial.number, score)
            else:
                study.tell(trial.number, state=_optuna().trial.TrialState.FAIL)
    ended = _complete(study, space)
    return [Trial(_setting(x), math.nan if x.value is None else x.value) for x in ended]


def check() -> None:
    """Refuses a search where Optuna is not installed."""
    _optuna()


def _optuna() -> Any:
    try:
        import optuna
    except ImportError:
        raise Refused("--search optuna needs Optuna: install jaxgan[search]") from None
    return optuna


def _study(journal: Path, about: str) -> "optuna.Study":
    optuna = _optuna()
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = JournalStorage(JournalFileBackend(str(journal)))
    study = optuna.create_study(storage=storage, study_name=NAME, load_if_exists=True, direction="minimize")
    if (before := study.user_attrs.get("about", about)) != about:
        raise Refused(f"{journal} is of a search for {before}, not for {about}: choose another --out")
    study.set_user_attr("about", about)
    return study


def _complete(study: "optuna.Study", space: Space) -> list[Any]:
    """Returns the trials without those whose asking was killed halfway."""
    return [trial for trial in study.trials if trial.params.keys() == space.keys()]


def _waiting(study: "optuna.Study", space: Space) -> list[Any]:
    """Returns the trials that were asked for and have no score."""
    running = _optuna().trial.TrialState.RUNNING
    return [trial for trial in _complete(study, space) if trial.state == running]


def _ask(study: "optuna.Study", space: Space, count: int, seed: int) -> Any:
    """Returns a new trial; what it proposes depends on the seed, its number and the journal alone."""
    optuna = _optuna()
    number = len(study.trials)
    study.sampler = optuna.samplers.TPESampler(
        seed=(seed * 1_000_003 + number) % 2**32, n_startup_trials=max(min(10, count // 3), 1)
    )
    return study.ask({name: _distribution(axis) for name, axis in space.items()})


def _distribution(axis: Range | Sequence[Any]) -> "optuna.distributions.BaseDistribution":
    optuna = _optuna()
    if isinstance(axis, Range):
        return optuna.distributions.FloatDistribution(axis.low, axis.high, log=axis.in_logarithms)
    return optuna.distributions.CategoricalDistribution(list(axis))


def _setting(trial: Any) -> dict[str, Any]:
    """Returns the options of a trial, numbers with six digits."""
    return {n: float(f"{x:.6g}") if isinstance(x, float) else x for n, x in trial.params.items()}
