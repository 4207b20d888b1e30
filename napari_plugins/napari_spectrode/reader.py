"""Opens maps in napari. The core decides by content; this only asks it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .layers import LayerTuple

__all__ = ["get_reader", "read_layers"]

GENERIC_READERS = ("delimited-text",)
"""Would take any table of numbers; napari and other plugins have better claims on those."""


def get_reader(path: str | Sequence[str]) -> Callable[[Any], list[LayerTuple]] | None:
    """Return a reader if the core recognises every file, else None. Never raises."""
    from spectrode.readers import reader_for

    paths = [path] if isinstance(path, str) else list(path)
    try:
        names = [reader_for(Path(p)).name for p in paths]
    except Exception:  # whatever is wrong with the file, it is then simply not ours
        return None
    return None if not names or any(name in GENERIC_READERS for name in names) else read_layers


def read_layers(path: str | Sequence[str]) -> list[LayerTuple]:
    """Read one map, or several as the frames of one experiment."""
    from spectrode.readers import read_many

    from .layers import dataset_layers

    return dataset_layers(read_many([path] if isinstance(path, str) else list(path)))
