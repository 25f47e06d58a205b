"""Configurations to JSON and exactly back."""

import dataclasses
import difflib
import json
from pathlib import PurePath
from typing import Any, TypeVar

import msgspec

from jaxgan.errors import Refused

C = TypeVar("C")


def dumps(config: Any) -> str:
    """A dataclass as JSON text; floats keep every bit."""
    return json.dumps(dataclasses.asdict(config), indent=2, default=_plain) + "\n"


def loads(text: str | bytes, config_type: type[C], where: str = "config.json") -> C:
    """The dataclass back again. What does not fit is refused by name.

    >>> from jaxgan.folder.settings import Settings
    >>> loads(dumps(Settings(seed=3)), Settings) == Settings(seed=3)
    True
    """
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Refused(f"{where} is not JSON: {error}") from None
    if not isinstance(values, dict):
        raise Refused(f"{where} must hold an object of options")
    known = [field.name for field in dataclasses.fields(config_type)]  # type: ignore[arg-type]
    for name in sorted(values.keys() - set(known)):
        near = difflib.get_close_matches(name, known, 1)
        raise Refused(
            f"{where}: there is no option {name!r}" + (f"; did you mean {near[0]!r}?" if near else "")
        )
    try:
        return msgspec.convert(values, config_type, dec_hook=_of_type)
    except msgspec.ValidationError as error:
        raise Refused(f"{where}: {error}") from None


def _plain(value: Any) -> str:
    if isinstance(value, PurePath):
        return str(value)
    raise Refused(
        f"the Config holds {value!r}, of which config.json has no like: take numbers, texts and paths"
    )


def _of_type(wanted: type, value: Any) -> Any:
    if issubclass(wanted, PurePath) and isinstance(value, str):
        return wanted(value)
    raise ValueError(f"no {wanted.__name__} can be read")


def differences(new: Any, old: Any) -> dict[str, tuple[Any, Any]]:
    """The fields in which two configurations differ: name -> (new, old)."""
    new_values, old_values = dataclasses.asdict(new), dataclasses.asdict(old)
    return {
        name: (value, old_values.get(name))
        for name, value in new_values.items()
        if not same(value, old_values.get(name))
    }


def same(a: Any, b: Any) -> bool:
    """Whether two options are equal, as NaN is to itself here.

    >>> same(float("nan"), float("nan")), same(0.1, 0.2)
    (True, False)
    """
    return bool(a == b or (a != a and b != b))
