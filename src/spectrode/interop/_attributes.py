"""What a dataset is besides its arrays, as one JSON text, for stores that hold arrays with attributes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..dataset import OperandoDataset
from ..errors import InvalidDataset
from ..serialise import metadata_from_dict, metadata_to_dict, plain, record_from_dict, record_to_dict

__all__ = ["ATTRIBUTE", "VERSION", "fields_of", "pair", "parse", "variable_name", "words_of"]

ATTRIBUTE = "spectrode"
VERSION = 1
_TAKEN = ("spectrum", "shift", "intensity", "mask", "variance")
_HEX = "column_"


def variable_name(column: str) -> str:
    """Return a name for a column that every store allows and no other variable has."""
    free = column not in _TAKEN and not column.startswith(("image_", "_", _HEX))
    return column if column.isidentifier() and column.isascii() and free else _HEX + column.encode("utf-8").hex()


def words_of(dataset: OperandoDataset) -> str:
    """Return the JSON text; the images' pixels and all other arrays are not in it."""
    own = {
        "version": VERSION,
        "axis_kind": dataset.axis_kind,
        "scan_shape": plain(dataset.scan_shape),
        "columns": {name: variable_name(name) for name in dataset.columns},
        "images": [[i.name, plain(i.x_um), plain(i.y_um)] for i in dataset.metadata.images],
        "metadata": metadata_to_dict(dataset.metadata),
        "history": [record_to_dict(record) for record in dataset.history],
    }
    return json.dumps(own)


def parse(text: str) -> Mapping[str, Any]:
    """Return the parsed JSON text.

    Raises
    ------
    InvalidDataset
        If it is of a newer version.
    """
    own: Mapping[str, Any] = json.loads(text)
    version = int(own.get("version", 0))
    if version > VERSION:
        raise InvalidDataset(f"attributes of version {version} were found; this Spectrode reads up to {VERSION}")
    return own


def fields_of(own: Mapping[str, Any]) -> dict[str, Any]:
    """Return scan shape, metadata (without images) and history, as the fields of a dataset."""
    return {
        "scan_shape": tuple((str(name), int(size)) for name, size in own.get("scan_shape", ())),
        "metadata": metadata_from_dict(own.get("metadata", {})),
        "history": tuple(record_from_dict(record) for record in own.get("history", ())),
    }


def pair(edges: Any) -> tuple[float, float] | None:
    """Return the edges of an image."""
    return None if edges is None else (float(edges[0]), float(edges[1]))
