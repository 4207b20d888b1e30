"""Constraints from the tables of a recipe."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from ...errors import StepError
from .base import Constraint
from .closure import Closure
from .curves import Monotonic, Unimodal
from .hard import HardModel
from .known import AtMost, EqualConcentration, EqualSpectrum
from .places import Presence, Window
from .smooth import Smooth
from .trilinear import Trilinear

__all__ = ["KINDS", "from_table", "from_tables"]

KINDS: Mapping[str, type[Constraint]] = {
    one.kind: one
    for one in (
        AtMost,
        Closure,
        EqualConcentration,
        EqualSpectrum,
        HardModel,
        Monotonic,
        Presence,
        Smooth,
        Trilinear,
        Unimodal,
        Window,
    )
}
"""Every constraint by the name it has in a table."""


def from_table(table: Mapping[str, Any]) -> Constraint:
    """Return the constraint that a table describes, ``{kind = "unimodal", components = ["film"]}``.

    Raises
    ------
    StepError
        If the kind is not known, a setting is missing or unknown, or its value is not allowed.
    """
    settings = dict(table)
    kind = settings.pop("kind", None)
    if kind not in KINDS:
        raise StepError(f"constraint: kind {kind!r} is not known; possible: {', '.join(sorted(KINDS))}")
    fields = dataclasses.fields(KINDS[kind])
    possible = [one.name for one in fields]
    for name in settings:
        if name not in possible:
            raise StepError(f"{kind}: has no setting {name!r}; it has: {', '.join(possible)}")
    for one in fields:
        needed = one.default is dataclasses.MISSING and one.default_factory is dataclasses.MISSING
        if needed and one.name not in settings:
            raise StepError(f"{kind}: needs {one.name}, but the table has: {', '.join(settings) or 'nothing'}")
        if one.name in settings and str(one.type).startswith("str"):
            value = settings[one.name]
            if not isinstance(value, str):
                raise StepError(f"{kind}: {one.name} needs a text, but {value!r} was given")
    return KINDS[kind](**settings)


def from_tables(tables: Iterable[Mapping[str, Any]]) -> tuple[Constraint, ...]:
    """Return all constraints of a recipe, in order."""
    return tuple(from_table(table) for table in tables)
