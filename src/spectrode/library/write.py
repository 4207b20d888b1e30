"""Write an entry as the one canonical text of ``entry.toml``: fields in the order of the schema, defaults left out."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from .entry import Entry

__all__ = ["dump_entry"]

_ALWAYS = ("aliases", "discriminating_notes", "interferents")  # empty lists that say "looked at, none"


def dump_entry(entry: Entry) -> str:
    """Return the text of ``entry.toml``. Reading it gives an equal entry; dumping that gives the same text."""
    lines: list[str] = []
    tables: list[str] = []
    for field in dataclasses.fields(entry):
        value = getattr(entry, field.name)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            tables.append(f"\n[{field.name}]\n" + "\n".join(_lines(value)))
        elif isinstance(value, tuple) and value and dataclasses.is_dataclass(value[0]):
            tables += [f"\n[[{field.name}]]\n" + "\n".join(_lines(item)) for item in value]
        elif field.name in _ALWAYS or not _left_out(field, value):
            lines.append(f"{field.name} = {_text(value)}")
    return "\n".join([*lines, *tables]) + "\n"


def _lines(record: Any) -> list[str]:
    pairs = ((f, getattr(record, f.name)) for f in dataclasses.fields(record))
    return [f"{f.name} = {_text(v)}" for f, v in pairs if not _left_out(f, v)]


def _left_out(field: dataclasses.Field[Any], value: Any) -> bool:
    return field.default is not dataclasses.MISSING and value == field.default


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)  # JSON strings are TOML basic strings
    if dataclasses.is_dataclass(value):
        pairs = ((f, getattr(value, f.name)) for f in dataclasses.fields(value))
        return "{ " + ", ".join(f"{f.name} = {_text(v)}" for f, v in pairs if not _left_out(f, v)) + " }"
    return "[" + ", ".join(_text(item) for item in value) + "]"
