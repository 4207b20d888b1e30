"""Metadata and history as plain dictionaries (for JSON inside the native file), and back."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np

from .history import StepRecord
from .metadata import Cell, Instrument, Laser, Metadata, Sample, SourceFile

__all__ = ["metadata_from_dict", "metadata_to_dict", "plain", "record_from_dict", "record_to_dict", "to_json"]

_RECORDS: dict[str, Any] = {"laser": Laser, "instrument": Instrument, "sample": Sample, "cell": Cell}


def plain(value: Any) -> Any:
    """Return a value made of JSON's own types only."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(v) for v in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)


def to_json(value: Any) -> str:
    """Return JSON with sorted keys, so that equal values give equal text."""
    return json.dumps(plain(value), sort_keys=True, ensure_ascii=False)


def metadata_to_dict(metadata: Metadata) -> dict[str, Any]:
    """Return everything but the images."""
    found: dict[str, Any] = {}
    for item in dataclasses.fields(Metadata):
        if item.name == "images":
            continue
        value = getattr(metadata, item.name)
        if item.name in _RECORDS:
            value = dataclasses.asdict(value)
        elif item.name == "sources":
            value = [{f.name: getattr(s, f.name) for f in dataclasses.fields(SourceFile)} for s in value]
        found[item.name] = plain(value)
    return found


def metadata_from_dict(found: Mapping[str, Any]) -> Metadata:
    """Invert :func:`metadata_to_dict`; fields this version does not know are dropped."""
    known = {f.name for f in dataclasses.fields(Metadata)}
    values = {k: v for k, v in found.items() if k in known}
    for name, kind in _RECORDS.items():
        if name in values:
            names = {f.name for f in dataclasses.fields(kind)}
            values[name] = kind(**{k: v for k, v in values[name].items() if k in names})
    for name in ("started_at", "local_start"):
        if values.get(name) is not None:
            values[name] = datetime.fromisoformat(values[name])
    values["sources"] = tuple(SourceFile(**s) for s in values.get("sources", ()))
    values["warnings"] = tuple(values.get("warnings", ()))
    return Metadata(**values)


def record_to_dict(record: StepRecord) -> dict[str, Any]:
    """Return a step record as a plain dictionary."""
    return {f.name: plain(getattr(record, f.name)) for f in dataclasses.fields(StepRecord)}


def record_from_dict(found: Mapping[str, Any]) -> StepRecord:
    """Invert :func:`record_to_dict`."""
    values = dict(found)
    for name in ("cite", "notes"):
        values[name] = tuple(values.get(name, ()))
    return StepRecord(**values)
