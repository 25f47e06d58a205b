"""Configurations as JSON, without loss."""

import dataclasses
import difflib
import json
from pathlib import PurePath
from typing import Any, TypeVar

import msgspec

from jaxgan.errors import Refused

C = TypeVar("C")


def dumps(config: Any) -> str:
    """Returns a dataclass as JSON text; floats keep every bit."""
    return json.dumps(dataclasses.asdict(config), indent=2, default=_encode) + "\n"


def loads(text: str | bytes, config_type: type[C], where: str = "config.json") -> C:
    """Returns the dataclass of JSON text; raises `Refused` naming the option that is unknown or invalid.

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
        return msgspec.convert(values, config_type, dec_hook=_decode)
    except msgspec.ValidationError as error:
        raise Refused(f"{where}: {error}") from None


def _encode(value: Any) -> str:
    if isinstance(value, PurePath):
        return str(value)
    raise Refused(f"the Config holds {value!r}, which JSON cannot hold: use numbers, texts and paths")


def _decode(field_type: type, value: Any) -> Any:
    if issubclass(field_type, PurePath) and isinstance(value, str):
        return field_type(value)
    raise ValueError(f"no {field_type.__name__} can be read")


def differences(new: Any, old: Any) -> dict[str, tuple[Any, Any]]:
    """Returns the fields in which two configurations differ: name -> (new, old)."""
    old_values = dataclasses.asdict(old)
    pairs = {name: (value, old_values.get(name)) for name, value in dataclasses.asdict(new).items()}
    return {name: pair for name, pair in pairs.items() if not same(*pair)}


def same(a: Any, b: Any) -> bool:
    """Returns whether two options are equal; NaN equals itself.

    >>> same(float("nan"), float("nan")), same(0.1, 0.2)
    (True, False)
    """
    return bool(a == b or (a != a and b != b))
