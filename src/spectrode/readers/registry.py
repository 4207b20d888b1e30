"""Chooses the reader of a file by its content, and guards every read in the same way."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._registry import discover
from ..columns import SpectrumFlag
from ..dataset import OperandoDataset, stack_frames
from ..errors import InvalidDataset, SpectrodeError, UnknownFormat, UnreadableFile
from ..history import file_sha256
from ..metadata import SourceFile
from ..pipeline.parameters import Parameter, checked_parameters, parameters_of

__all__ = ["GIVES", "Reader", "flag_unusable", "read", "read_many", "reader_for", "readers"]

# A map exported as text can have a first row of many kilobytes, and a sniffer wants to see the second.
HEAD_BYTES = 1 << 16
# What damaged content makes Python code raise; anything else is a fault of ours and should be seen.
DAMAGE = (struct.error, ValueError, IndexError, KeyError, OverflowError, EOFError, MemoryError, ZeroDivisionError)
# From this size on, a file is hashed beside being read: both take time, and hashing leaves the interpreter free.
_HASH_BESIDE_BYTES = 1 << 22
# So many channels of each spectrum are looked at first, when empty spectra are sought.
_FIRST_CHANNELS = 16


GIVES = (
    "times", "start with zone", "local start", "positions", "scan", "exposure", "laser", "power", "image", "several",
)  # fmt: skip
"""Words for what a reader can give: a time for each spectrum, an absolute start with or without a time zone, positions,
the scan's grid, exposure, laser wavelength, laser power, a white-light image, several datasets in one file."""


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
    lazy
        True if ``load`` takes ``lazy: bool = False`` and then leaves the intensities in the file, as a dask array. All
        else must be the same as when the file is read whole.
    """

    name: str
    description: str
    extensions: tuple[str, ...]
    sniff: Callable[[Path, bytes], bool]
    load: Callable[..., OperandoDataset]
    lazy: bool = False
    gives: tuple[str, ...] = ()
    """What files of this format can hold and the reader keeps, in the words of :data:`GIVES`."""

    @property
    def options(self) -> dict[str, Parameter]:
        """The options that ``load`` understands, without ``lazy``."""
        return parameters_of(self.load, skip=frozenset({"lazy"}))


@cache
def readers() -> dict[str, Reader]:
    """Return all known readers by name."""
    from spectrode import readers as package

    return discover(package, "READER", "spectrode.readers")


def read_head(path: Path) -> bytes:
    """Return the first bytes of a file, or raise a sentence if there is none or it is empty."""
    if path.is_dir():
        if not (path / "zarr.json").is_file():
            raise UnreadableFile(path, "is a folder, not a file")
        path = path / "zarr.json"  # a Zarr store is recognised by its root
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
    path: str | Path, *, reader: str | None = None, timezone: str | None = None, lazy: bool = False, **options: Any
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
    lazy
        Leave the intensities in the file, where the reader can (`Reader.lazy`; ``dataset.is_lazy`` tells), so that a
        map larger than memory opens at once. Other formats are read whole all the same. What needs the whole file is
        then left out: ``metadata.sources[0].sha256`` is empty (unknown), and spectra that are all zero or not finite
        are not flagged; `flag_unusable` does so after ``dataset.computed()``.
    **options
        Options of the reader (``spectrode formats`` lists them).

    Raises
    ------
    UnreadableFile
        If the file is missing, empty, truncated, damaged or of no known format. When read lazily, damage of the
        intensities (and a file that has changed since) is found when they are computed.
    """
    path = Path(path)
    chosen = reader_for(path, reader)
    given = checked_parameters(f"reader {chosen.name}", chosen.options, options, SpectrodeError)
    if chosen.lazy:
        given["lazy"] = lazy
    size = path.stat().st_size
    beside = size >= _HASH_BESIDE_BYTES and not (lazy and chosen.lazy)
    pool: AbstractContextManager[ThreadPoolExecutor | None] = ThreadPoolExecutor(1) if beside else nullcontext()
    with pool as worker:
        hashing = None if worker is None else worker.submit(file_sha256, path)
        try:
            dataset = chosen.load(path, **given)
        except (*DAMAGE, InvalidDataset) as error:
            raise UnreadableFile(path, f"is damaged or not what {chosen.name} expects ({error})") from error
        flagged = flag_unusable(dataset)
        sha256 = ""
        if not dataset.is_lazy and path.is_file():
            sha256 = file_sha256(path) if hashing is None else hashing.result()
    source = SourceFile(str(path), chosen.name, sha256, size, "spectra", dict(options))
    # A native file keeps the record of the originals that it was made from.
    metadata = flagged.metadata.replace(sources=flagged.metadata.sources or (source,))
    return flagged.replace(metadata=metadata.in_zone(timezone) if timezone else metadata)


def read_many(
    paths: Sequence[str | Path],
    *,
    reader: str | None = None,
    timezone: str | None = None,
    lazy: bool = False,
    **options: Any,
) -> OperandoDataset:
    """Read several files as one experiment: repeated maps become frames, in time order.

    A single file is returned as it is, without a frame dimension. The parameters are those of `read`.
    """
    if not paths:
        raise SpectrodeError("at least one file of spectra must be given, but the list is empty")
    return stack_frames([read(p, reader=reader, timezone=timezone, lazy=lazy, **options) for p in paths])


def flag_unusable(dataset: OperandoDataset) -> OperandoDataset:
    """Flag spectra that are all zero, not finite or without a time, and say how many.

    Only what is known without the intensities is flagged in a lazy dataset: spectra without a time.
    """
    n = dataset.n_spectra
    if n == 0:
        return dataset
    times = dataset.columns.get("time_s")
    undated = np.zeros(n, dtype=bool) if times is None else ~np.isfinite(times)
    zero = broken = np.zeros(n, dtype=bool)
    if not dataset.is_lazy:
        backwards = dataset.intensity.strides[1] < 0  # as in the memory is quicker, and the order does not matter
        intensity = dataset.intensity[:, ::-1] if backwards else dataset.intensity
        with np.errstate(all="ignore"):  # damaged numbers may be signalling NaN, or too large to be added up
            zero, broken = _all_zero(intensity), _not_finite(intensity)
    notes = []
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


def _all_zero(intensity: NDArray[Any]) -> NDArray[np.bool_]:
    """(spectra,) True where every channel is zero; most spectra are ruled out by their first channels."""
    zero: NDArray[np.bool_] = ~np.any(intensity[:, :_FIRST_CHANNELS], axis=1)
    candidates = np.flatnonzero(zero)
    # Block by block, so that a file of empty spectra is not copied.
    for first in range(0, candidates.size, 4096):
        rows = candidates[first : first + 4096]
        zero[rows] = ~np.any(intensity[rows], axis=1)
    return zero


def _not_finite(intensity: NDArray[Any]) -> NDArray[np.bool_]:
    """(spectra,) True where any channel is NaN or infinite: only then (or if it overflows) is the sum not finite."""
    if intensity.dtype.kind != "f":
        return np.zeros(len(intensity), dtype=bool)
    broken: NDArray[np.bool_] = ~np.isfinite(intensity.sum(axis=1))
    rows = np.flatnonzero(broken)
    broken[rows] = ~np.isfinite(intensity[rows]).all(axis=1)
    return broken
