"""Intensities that stay in their file: small picklable array-likes, and the dask array over them.

A block is read when it is computed, by a handle that is opened for it and closed again, so an open dataset holds no
file: it can be pickled to other processes, and the file can be moved or deleted. A file that has changed since is
refused, because its columns and axis would belong to other spectra.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UnreadableFile

__all__ = ["FileRows", "FileStamp", "HDF5Rows", "as_dask"]

# Large enough that reading outweighs dask's overhead of some 0.1 ms a block, small enough for many at once in memory.
BLOCK_BYTES = 1 << 24


@dataclass(frozen=True)
class FileStamp:
    """What tells whether a file is still the one that was opened."""

    path: str
    size: int
    mtime_ns: int

    @classmethod
    def of(cls, path: Path) -> FileStamp:
        """Return the stamp of a file as it is now (with its absolute path: a worker may have another folder)."""
        found = os.stat(path)
        return cls(os.path.abspath(path), found.st_size, found.st_mtime_ns)

    def check(self) -> None:
        """Raise a sentence if the file is gone or has changed."""
        try:
            now = FileStamp.of(Path(self.path))
        except OSError as error:
            raise UnreadableFile(
                self.path, f"was opened lazily and is not there any more ({error.strerror or error})"
            ) from None
        if now != self:
            raise UnreadableFile(self.path, "has changed since it was opened lazily; read it again")


@dataclass(frozen=True)
class FileRows:
    """(spectra, channels) numbers that lie in a file one row after the other.

    Parameters
    ----------
    offset
        Bytes before the first row.
    stored
        Type of the numbers in the file, with their byte order.
    flipped
        True to run along each row from its end.
    """

    file: FileStamp
    offset: int
    shape: tuple[int, int]
    stored: np.dtype[Any]
    flipped: bool = False

    @property
    def ndim(self) -> int:
        """Number of dimensions: two."""
        return 2

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the numbers in memory: as stored, in this machine's byte order."""
        return self.stored.newbyteorder("=")

    def flip(self, flipped: bool) -> FileRows:
        """Return the same rows, in the given direction."""
        return replace(self, flipped=flipped)

    def first(self, n: int) -> FileRows:
        """Return the first ``n`` rows only."""
        return replace(self, shape=(n, self.shape[1]))

    def read(self) -> NDArray[Any]:
        """Return all rows, read once into new memory; flipped rows are a view that runs backwards."""
        n, channels = self.shape
        flat = np.fromfile(self.file.path, dtype=self.stored, count=n * channels, offset=self.offset)
        if flat.size < n * channels:
            raise UnreadableFile(self.file.path, f"ends after {flat.size} of {n * channels} numbers of its spectra")
        rows: NDArray[Any] = flat.reshape(n, channels).astype(self.dtype, copy=False)
        return rows[:, ::-1] if self.flipped else rows

    def any_in(self, start: int, stop: int) -> bool:
        """Return True if any number in these rows is not zero; stops at the first block that has one."""
        step = max(1, BLOCK_BYTES // max(1, self.dtype.itemsize * self.shape[1]))
        with np.errstate(invalid="ignore"):  # damaged numbers may be signalling NaN
            return any(self[first : min(first + step, stop)].any() for first in range(start, stop, step))

    def __getitem__(self, index: Any) -> NDArray[Any]:
        self.file.check()
        if 0 in self.shape:
            return np.asarray(np.empty(self.shape, self.dtype)[index])
        try:
            mapped = np.memmap(self.file.path, self.stored, "r", self.offset, self.shape)
        except (OSError, ValueError) as error:
            raise UnreadableFile(self.file.path, f"cannot be read any more ({error})") from None
        rows = np.asarray(mapped)[:, ::-1] if self.flipped else np.asarray(mapped)
        # A copy, so that nothing keeps the file mapped.
        block: NDArray[Any] = np.array(rows[index], dtype=self.dtype, order="C")
        return block


@dataclass(frozen=True)
class HDF5Rows:
    """(spectra, channels) dataset ``name`` of an HDF5 file."""

    file: FileStamp
    name: str
    shape: tuple[int, int]
    stored: np.dtype[Any]

    @property
    def ndim(self) -> int:
        """Number of dimensions: two."""
        return 2

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the numbers in memory: as stored, in this machine's byte order."""
        return self.stored.newbyteorder("=")

    def __getitem__(self, index: Any) -> NDArray[Any]:
        import h5py

        self.file.check()
        try:
            with h5py.File(self.file.path, "r") as file:
                return np.asarray(file[self.name][index], dtype=self.dtype)
        except (OSError, KeyError) as error:
            raise UnreadableFile(self.file.path, f"cannot be read any more ({error})") from None


def as_dask(rows: FileRows | HDF5Rows, multiple_of: int = 1) -> Any:
    """Return a dask array chunked along spectra.

    Parameters
    ----------
    multiple_of
        Rows of a block are a multiple of this (the chunks of a compressed file).
    """
    import dask.array as da
    from dask.base import tokenize

    n, channels = rows.shape
    height = max(1, BLOCK_BYTES // max(1, rows.dtype.itemsize * channels))
    height = max(1, height // multiple_of) * multiple_of
    read: Callable[..., Any] = da.from_array
    return read(
        rows,
        chunks=(max(1, min(height, n)), max(1, channels)),
        name=f"spectrode-{tokenize(rows.file, *_identity(rows))}",
        fancy=isinstance(rows, FileRows),  # h5py takes slices only
        meta=np.empty((0, 0), dtype=rows.dtype),
    )


def _identity(rows: FileRows | HDF5Rows) -> tuple[Any, ...]:
    where = (rows.offset, rows.flipped) if isinstance(rows, FileRows) else (rows.name,)
    return (*where, rows.shape, rows.stored.str)
