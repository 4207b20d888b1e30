"""Chooses the writer by the file's ending, and makes every write atomic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from .._atomic import atomic_file
from .._registry import discover
from ..dataset import OperandoDataset
from ..errors import SpectrodeError

__all__ = ["Writer", "write", "writer_for", "writers"]


@dataclass(frozen=True)
class Writer:
    """One file format; ``save(dataset, path)`` writes to a path that does not exist under its final name yet.

    ``loses`` says in words what of a dataset the format cannot hold.
    """

    name: str
    description: str
    extensions: tuple[str, ...]
    save: Callable[[OperandoDataset, Path], None]
    loses: tuple[str, ...] = ()
    folder: bool = False
    """True if the format is a folder, which ``save`` itself makes appear whole or not at all."""


@cache
def writers() -> dict[str, Writer]:
    """Return all known writers by name."""
    from spectrode import writers as package

    return discover(package, "WRITER", "spectrode.writers")


def writer_for(path: str | Path) -> Writer:
    """Return the writer for a file's ending, or raise a sentence that lists what is possible."""
    ending = Path(path).suffix.lower()
    for writer in writers().values():
        if ending in writer.extensions:
            return writer
    known = ", ".join(e for w in writers().values() for e in w.extensions)
    raise SpectrodeError(f"{path}: files ending in {ending or 'nothing'} cannot be written; possible: {known}")


def write(dataset: OperandoDataset, path: str | Path) -> tuple[str, ...]:
    """Write a dataset in the format that the file's ending names; atomic.

    Returns
    -------
    tuple of str
        What the format cannot hold, in words; empty if the file loads back equal.
    """
    path = Path(path)
    writer = writer_for(path)
    originals = {Path(s.path).resolve() for s in dataset.metadata.sources}
    if path.resolve() in originals:
        raise SpectrodeError(f"{path} is one of the original files of this dataset and is never written to")
    if writer.folder:
        writer.save(dataset, path)
        return writer.loses
    with atomic_file(path) as temporary:
        writer.save(dataset, temporary)
    return writer.loses
