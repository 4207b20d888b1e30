"""Calibrations as text: TOML or JSON, versioned, written whole or not at all."""

from __future__ import annotations

import dataclasses
import json
import math
import tomllib
import types
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from .._atomic import atomic_file
from ..errors import SpectrodeError
from .model import Calibration

__all__ = ["SCHEMA", "calibration_from_text", "calibration_to_text", "load_calibration", "save_calibration"]

SCHEMA = 1
_UPGRADES: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}
"""From each older version to the next; a file of version k passes through _UPGRADES[k], _UPGRADES[k + 1] …"""
_LARGEST_BYTES = 20_000_000


def calibration_to_text(calibration: Calibration, kind: Literal["toml", "json"] = "toml") -> str:
    """Return a calibration as text; every number comes back exactly."""
    import tomli_w

    data = {"schema": SCHEMA, "kind": "spectrode calibration", **_plain(calibration)}
    if kind == "json":
        return json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    return tomli_w.dumps(data)


def calibration_from_text(text: str, kind: Literal["toml", "json"] = "toml", *, name: str = "text") -> Calibration:
    """Return the calibration that a text holds.

    Raises
    ------
    SpectrodeError
        If the text is damaged, no calibration, or of a version newer than this program knows.
    """
    try:
        data = json.loads(text) if kind == "json" else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise SpectrodeError(f"{name} is not a calibration: {' '.join(str(error).split())}") from None
    if not isinstance(data, dict) or data.pop("kind", None) != "spectrode calibration":
        raise SpectrodeError(f"{name} is not a calibration made by Spectrode")
    version = data.pop("schema", None)
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise SpectrodeError(f"{name} is a calibration without a readable version ({version!r})")
    if version > SCHEMA:
        raise SpectrodeError(
            f"{name} is a calibration of version {version}, but this program knows versions up to {SCHEMA}; "
            "use a newer Spectrode"
        )
    for step in range(version, SCHEMA):
        data = _UPGRADES[step](data)
    try:
        return typing.cast(Calibration, _built(Calibration, data))
    except (TypeError, ValueError, KeyError) as error:
        raise SpectrodeError(f"{name} is a damaged calibration: {' '.join(str(error).split())}") from None


def save_calibration(calibration: Calibration, path: str | Path) -> None:
    """Write a calibration to a ``.toml`` or ``.json`` file, whole or not at all."""
    path = Path(path)
    text = calibration_to_text(calibration, _kind(path))
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def load_calibration(path: str | Path) -> Calibration:
    """Read a calibration from a ``.toml`` or ``.json`` file.

    Raises
    ------
    SpectrodeError
        If it is missing, damaged, or of an unknown newer version.
    """
    path = Path(path)
    kind = _kind(path)
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise SpectrodeError(f"{path} is too large for a calibration ({path.stat().st_size} bytes)")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SpectrodeError(f"the calibration {path} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise SpectrodeError(f"{path} is not a calibration: it is not text") from None
    return calibration_from_text(text, kind, name=str(path))


def _kind(path: Path) -> Literal["toml", "json"]:
    suffix = path.suffix.lower()
    if suffix not in (".toml", ".json"):
        raise SpectrodeError(f"a calibration is a .toml or .json file, but {path.name!r} was given")
    return "json" if suffix == ".json" else "toml"


def _plain(value: Any) -> Any:
    """Dataclasses become tables, tuples lists, and what is None is left out (TOML has no null)."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        pairs = ((f.name, getattr(value, f.name)) for f in dataclasses.fields(value))
        return {name: _plain(v) for name, v in pairs if v is not None}
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    return value


def _built(kind: Any, value: Any) -> Any:
    """Build a declared type from plain data, refusing anything that is not of that type."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return _built(next(a for a in arguments if a is not type(None)), value)
    if dataclasses.is_dataclass(kind):
        return _built_record(kind, value)
    if origin is tuple:
        if not isinstance(value, list):
            raise TypeError(f"a list was expected, but {value!r} stands there")
        if arguments[-1] is Ellipsis:
            return tuple(_built(arguments[0], v) for v in value)
        if len(value) != len(arguments):
            raise ValueError(f"{len(arguments)} values were expected, but there are {len(value)}")
        return tuple(_built(a, v) for a, v in zip(arguments, value, strict=True))
    if kind is float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise TypeError(f"a finite number was expected, but {value!r} stands there")
        return float(value)
    if not isinstance(value, kind):
        raise TypeError(f"{kind.__name__} was expected, but {value!r} stands there")
    return value


def _built_record(kind: Any, value: Any) -> Any:
    if not isinstance(value, Mapping):
        raise TypeError(f"a table was expected for {kind.__name__}, but {value!r} stands there")
    hints = typing.get_type_hints(kind)
    unknown = set(value) - set(hints)
    if unknown:
        raise KeyError(f"unknown entries {', '.join(sorted(unknown))}")
    # Fields that may be None were left out when the file was written.
    optional = {n: None for n, hint in hints.items() if type(None) in typing.get_args(hint)}
    return kind(**{**optional, **{name: _built(hints[name], entry) for name, entry in value.items()}})
