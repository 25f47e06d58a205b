"""The random keys of a run: of one seed, or of one each for initialisation, data and noise."""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import jax

from jaxgan.folder.settings import Settings
from jaxgan.games.game import SplitState, State
from jaxgan.parts.types import Key


class Seeds(NamedTuple):
    """The seeds of a run by what they are of."""

    init: int
    data: int
    noise: int


class Keys(NamedTuple):
    """The root keys of a run; `data` is None if it is that of the noise, as where the seed is not split."""

    init: Key
    noise: Key
    data: Key | None

    @property
    def of_data(self) -> Key:
        """The root key of the order of the data."""
        return self.noise if self.data is None else self.data

    def put(self, state: State) -> State:
        """Returns the state with the keys that its updates use."""
        return with_data_key(state.replace(key=self.noise), self.data)


def with_data_key(state: State, key: Key | None) -> State:
    """Returns the state with a separate root key of the data, or with `State.key` for them if it is None."""
    fields = {field.name: getattr(state, field.name) for field in dataclasses.fields(State)}
    return State(**fields) if key is None else SplitState(**fields, own_data_key=key)


def seeds_of(settings: Settings) -> Seeds:
    """Returns the seeds of a single run.

    >>> seeds_of(Settings(seed=3, seed_data=5))
    Seeds(init=3, data=5, noise=3)
    """
    parts = settings.seed_init, settings.seed_data, settings.seed_noise
    return Seeds(*(settings.seed if part is None else part for part in parts))


def root_keys(runs: Sequence[Settings]) -> list[Keys]:
    """Returns the keys of runs that are trained together: all have a key of the data alone, or none has."""
    seeds = [seeds_of(run) for run in runs]
    separate = any(run.data != run.noise for run in seeds)
    key = jax.random.key
    return [Keys(key(run.init), key(run.noise), key(run.data) if separate else None) for run in seeds]
