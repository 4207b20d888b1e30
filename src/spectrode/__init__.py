"""Spectrode: operando Raman and SHINERS of battery interfaces.

The public names load on first use, so that ``import spectrode`` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._version import __version__

_PUBLIC = {
    "OperandoDataset": "dataset",
    "concat": "dataset",
    "stack_frames": "dataset",
    "Metadata": "metadata",
    "Trace": "electrochemistry.trace",
    "read_trace": "electrochemistry.readers",
    "join_in_time": "electrochemistry.clock",
    "read": "readers",
    "write": "writers",
    "Recipe": "pipeline.recipe",
    "analyse": "analysis",
    "SpectrodeError": "errors",
}

__all__ = ["__version__", *_PUBLIC]

if TYPE_CHECKING:
    from .analysis import analyse as analyse
    from .dataset import OperandoDataset as OperandoDataset
    from .dataset import concat as concat
    from .dataset import stack_frames as stack_frames
    from .electrochemistry.clock import join_in_time as join_in_time
    from .electrochemistry.readers import read_trace as read_trace
    from .electrochemistry.trace import Trace as Trace
    from .errors import SpectrodeError as SpectrodeError
    from .metadata import Metadata as Metadata
    from .pipeline.recipe import Recipe as Recipe
    from .readers import read as read
    from .writers import write as write


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        from importlib import import_module

        return getattr(import_module(f".{_PUBLIC[name]}", __name__), name)
    raise AttributeError(f"module 'spectrode' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
