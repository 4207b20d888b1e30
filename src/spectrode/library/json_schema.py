"""The schema of ``entry.toml`` as JSON Schema, made from the records themselves, for editors and other programs."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import itertools
import json
import textwrap
import types
import typing
from typing import Any, Literal, get_args, get_origin

from .entry import SCHEMA_VERSION, Entry

__all__ = ["entry_schema", "entry_schema_text"]

_SIMPLE = {str: "string", float: "number", int: "integer", bool: "boolean"}


def entry_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of the present version of an entry."""
    definitions: dict[str, Any] = {}
    root = _record(Entry, definitions)
    root["properties"]["schema_version"] = {"const": SCHEMA_VERSION}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Spectrode reference entry",
        **root,
        "$defs": dict(sorted(definitions.items())),
    }


def entry_schema_text() -> str:
    """Return the text of ``entry.schema.json``."""
    return json.dumps(entry_schema(), indent=2, ensure_ascii=False) + "\n"


def _record(cls: type[Any], definitions: dict[str, Any]) -> dict[str, Any]:
    hints, told = typing.get_type_hints(cls), _descriptions(cls)
    properties: dict[str, Any] = {}
    required = []
    for field in dataclasses.fields(cls):
        properties[field.name] = _type(hints[field.name], definitions)
        if field.name in told:
            properties[field.name]["description"] = told[field.name]
        if field.default is dataclasses.MISSING:
            required.append(field.name)
    return {
        "description": inspect.getdoc(cls),
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _type(hint: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    origin = get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return _type(next(a for a in get_args(hint) if a is not type(None)), definitions)
    if origin is tuple:
        return {"type": "array", "items": _type(get_args(hint)[0], definitions)}
    if origin is Literal:
        return {"enum": list(get_args(hint))}
    if dataclasses.is_dataclass(hint):
        name = typing.cast(type[Any], hint).__name__
        if name not in definitions:
            definitions[name] = {}
            definitions[name] = _record(typing.cast(type[Any], hint), definitions)
        return {"$ref": f"#/$defs/{name}"}
    return {"type": _SIMPLE[hint]}


def _descriptions(cls: type[Any]) -> dict[str, str]:
    """Return the text that stands below each field in the source, which is where the fields are explained."""
    body = typing.cast(ast.ClassDef, ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0]).body
    told = {}
    for field, text in itertools.pairwise(body):
        is_field = isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if is_field and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            name = typing.cast(ast.Name, typing.cast(ast.AnnAssign, field).target).id
            told[name] = " ".join(str(text.value.value).split())
    return told
