"""Chooses the reader of a file by its content, and guards every read in the same way."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from .._registry import discover
from ..columns import SpectrumFlag
from ..dataset import OperandoDataset, stack_frames
from ..errors import SpectrodeError, UnknownFormat, UnreadableFile
from ..history import file_sha256
from ..metadata import SourceFile
from ..pipeline.parameters import Parameter, checked_parameters, parameters_of

__all__ = ["Reader", "read", "read_many", "reader_for", "readers"]

# A map exported as text can have a first row of many kilobytes, and a sniffer wants to see the second.
HEAD_BYTES = 1 << 16
# What damaged content makes Python code raise; anything else is a fault of ours and should be seen.
DAMAGE = (struct.error, ValueError, IndexError, KeyError, OverflowError, EOFError, MemoryError, ZeroDivisionError)


@dataclass(frozen=True)
class Reader:
    """One file format.

    Parameters
    ----------
    name
        Short stable name, e.g. ``renishaw-wdf``.
    description
        For people: program and kind of file.
    extensions
        Lower-case endings with the dot; a hint only, content decides.
    sniff
        ``(path, head) -> bool`` from the name and the first bytes; cheap, and never raises.
    load
        ``(path, *, options) -> OperandoDataset``. It need not record the source file nor flag empty spectra.
    """

    name: str
    description: str
    extensions: tuple[str, ...]
    sniff: Callable[[Path, bytes], bool]
    load: Callable[..., OperandoDataset]

    @property
    def options(self) -> dict[str, Parameter]:
        """The options that ``load`` understands."""
        return parameters_of(self.load)


@cache
def readers() -> dict[str, Reader]:
    """Return all known readers by name."""
    from spectrode import readers as package

    return discover(package, "READER", "spectrode.readers")


def read_head(path: Path) -> bytes:
    """Return the first bytes of a file, or raise a sentence if there is none or it is empty."""
    if path.is_dir():
        raise UnreadableFile(path, "is a folder, not a file")
    try:
        with open(path, "rb") as stream:
            head = stream.read(HEAD_BYTES)
    except FileNotFoundError:
        raise UnreadableFile(path, "does not exist") from None
    except OSError as error:
        raise UnreadableFile(path, f"cannot be opened ({error.strerror or error})") from None
    if not head:
        raise UnreadableFile(path, "is empty (0 bytes)")
    return head


def reader_for(path: str | Path, name: str | None = None) -> Reader:
    """Return the reader of a file: the named one, or the one that recognises its content.

    Raises
    ------
    UnreadableFile
        If the file is missing or empty.
    UnknownFormat
        If no reader recognises it, or there is none of that name.
    """
    path = Path(path)
    head = read_head(path)
    known = readers()
    if name is not None:
        if name not in known:
            raise UnknownFormat(path, f"there is no reader {name!r}; possible: {', '.join(known)}")
        return known[name]
    fitting = [r for r in known.values() if r.sniff(path, head)]
    if not fitting:
        raise UnknownFormat(
            path, f"its content is not one of the known formats: {', '.join(r.name for r in known.values())}"
        )
    # A text table fits many readers; one that also claims the ending, or is not the generic one, goes first.
    fitting.sort(key=lambda r: (r.name == "delimited-text", path.suffix.lower() not in r.extensions))
    return fitting[0]


def read(
    path: str | Path, *, reader: str | None = None, timezone: str | None = None, **options: Any
) -> OperandoDataset:
    """Read a file of spectra.

    Parameters
    ----------
    path
        The file. It is only ever read.
    reader
        Name of the reader; found from the content if not given.
    timezone
        Zone of time stamps in files that do not state one (``Europe/Berlin``, ``UTC``, ``+02:00``).
    **options
        Options of the reader (``spectrode formats`` lists them).

    Raises
    ------
    UnreadableFile
        If the file is missing, empty, truncated, damaged or of no known format.
    """
    path = Path(path)
    chosen = reader_for(path, reader)
    given = checked_parameters(f"reader {chosen.name}", chosen.options, options, SpectrodeError)
    try:
        dataset = chosen.load(path, **given)
    except DAMAGE as error:
        raise UnreadableFile(path, f"is damaged or not what {chosen.name} expects ({error})") from error
    source = SourceFile(str(path), chosen.name, file_sha256(path), path.stat().st_size, "spectra", dict(options))
    # A native file keeps the record of the originals that it was made from.
    metadata = dataset.metadata.replace(sources=dataset.metadata.sources or (source,))
    return _flagged(dataset.replace(metadata=metadata.in_zone(timezone) if timezone else metadata))


def read_many(
    paths: Sequence[str | Path], *, reader: str | None = None, timezone: str | None = None, **options: Any
) -> OperandoDataset:
    """Read several files as one experiment: repeated maps become frames, in time order.

    A single file is returned as it is, without a frame dimension.
    """
    if not paths:
        raise SpectrodeError("at least one file of spectra must be given, but the list is empty")
    return stack_frames([read(p, reader=reader, timezone=timezone, **options) for p in paths])


def _flagged(dataset: OperandoDataset) -> OperandoDataset:
    """Flag spectra that are all zero, not finite or without a time, and say how many."""
    if dataset.is_lazy or dataset.n_spectra == 0:
        return dataset
    notes = []
    zero = ~np.any(dataset.intensity, axis=1)
    broken = ~np.isfinite(dataset.intensity).all(axis=1) if dataset.intensity.dtype.kind == "f" else np.zeros_like(zero)
    times = dataset.columns.get("time_s")
    undated = np.zeros_like(zero) if times is None else ~np.isfinite(times)
    n = dataset.n_spectra
    for where, flag, words in (
        (zero, SpectrumFlag.ALL_ZERO, "all zero"),
        (broken, SpectrumFlag.NOT_FINITE, "not finite everywhere"),
        (undated, SpectrumFlag.NO_TIME, "without a time of their own"),
    ):
        if where.any():
            dataset = dataset.with_flags(flag, where)
            notes.append(f"{int(where.sum())} of {n} spectra are {words}; they are flagged")
    if zero.any():
        hidden = np.repeat(zero[:, None], dataset.n_channels, axis=1)
        dataset = dataset.replace(mask=hidden if dataset.mask is None else dataset.mask | hidden)
    return dataset.replace(metadata=dataset.metadata.warn(*notes)) if notes else dataset
