"""The file that a stream makes: HDF5 whose numbers are put into their places without the HDF5 library.

A process that is killed within the HDF5 library leaves a file that cannot be opened. So the library only lays the file
out (every chunk gets its place, nothing is written there), which takes seconds and can be repeated at any time; blocks
of spectra are then written to those places as plain bytes, in any order; and at the end the file is laid out once more,
with the columns and the history that are known by then. The places are the same, because they are given out in the
same order, and HDF5 never touches what is in them.

Both layouts are written in full by every run that gets so far, so the bytes of the finished file do not depend on how
often it was killed.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from ..dataset import OperandoDataset
from ..errors import SpectrodeError
from ..writers.native_hdf5 import Reserved, save_into

__all__ = ["Places", "Target"]

_PRODUCTS = "products/"
_STORED = {"intensity": "entry/data/intensity", "mask": "entry/data/mask", "variance": "entry/data/intensity_variance"}


@dataclass(frozen=True)
class Places:
    """Where the chunks of one array lie."""

    shape: tuple[int, int]
    chunk: tuple[int, int]
    dtype: np.dtype[Any]
    offsets: NDArray[np.int64]
    """(chunks along the spectra, chunks along the channels) bytes from the begin of the file."""

    @classmethod
    def of(cls, stored: Any) -> Places:
        """Ask an open HDF5 array."""
        chunk = stored.chunks
        grid = tuple(-(-size // step) for size, step in zip(stored.shape, chunk, strict=True))
        offsets = np.full(grid, -1, dtype=np.int64)

        def note(info: Any) -> None:
            row, column = info.chunk_offset
            offsets[row // chunk[0], column // chunk[1]] = info.byte_offset

        stored.id.chunk_iter(note)
        assert (offsets > 0).all(), stored.name
        return cls(stored.shape, chunk, stored.dtype, offsets)


class Target:
    """A file under construction.

    Parameters
    ----------
    path
        Made if it is not there. Its numbers are kept if it is.
    arrays
        Shape and type of what goes into the file: ``intensity``, ``mask``, ``variance`` or ``products/<name>``.
    """

    def __init__(self, path: Path, arrays: Mapping[str, Reserved]) -> None:
        self.path = path
        self._arrays = dict(arrays)
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
        self._places: dict[str, Places] = {}

    def __enter__(self) -> Target:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def chunk_rows(self) -> int:
        """Spectra that share a chunk; blocks must begin at a multiple of it."""
        return self._places["intensity"].chunk[0]

    def lay_out(self, dataset: OperandoDataset) -> None:
        """Write all but the reserved arrays; ``dataset.intensity`` must be the reserved one.

        Raises
        ------
        SpectrodeError
            If the disk is full.
        """
        others = {k: v for k, v in self._arrays.items() if k in ("mask", "variance")}
        products = {k.removeprefix(_PRODUCTS): v for k, v in self._arrays.items() if k.startswith(_PRODUCTS)}
        with _disk(self.path), h5py.File(_Through(self._descriptor), "w") as file:
            save_into(dataset, file, arrays=others, products=products)
            places = {name: Places.of(file[_STORED.get(name, f"entry/{name}")]) for name in self._arrays}
        if self._places and any(not np.array_equal(places[k].offsets, self._places[k].offsets) for k in places):
            raise AssertionError(f"{self.path} was laid out differently the second time")
        self._places = places

    def layout(self) -> str:
        """Return a digest of all places, which an interrupted run must find again."""
        digest = hashlib.sha256()
        for name in sorted(self._places):
            digest.update(f"{name}|{self._places[name].shape}|{self._places[name].dtype.str}|".encode())
            digest.update(self._places[name].offsets.tobytes())
        return digest.hexdigest()

    def write(self, name: str, start: int, values: NDArray[Any]) -> None:
        """Put rows from ``start`` on into their places; ``start`` is a multiple of :attr:`chunk_rows`."""
        places = self._places[name]
        height, width = places.chunk
        if start % height:
            raise AssertionError(f"{name}: a block begins at {start}, within a chunk of {height} rows")
        kind = places.dtype
        with _disk(self.path):
            for first in range(0, values.shape[0], height):
                band = values[first : first + height]
                for number, offset in enumerate(places.offsets[(start + first) // height]):
                    piece = band[:, number * width : (number + 1) * width]
                    if piece.shape == places.chunk:
                        whole = np.ascontiguousarray(piece, dtype=kind)
                    else:  # chunks at the edges are stored whole
                        whole = np.zeros(places.chunk, dtype=kind)
                        whole[: piece.shape[0], : piece.shape[1]] = piece
                    _write_at(self._descriptor, int(offset), whole.data.cast("B"))

    def sync(self) -> None:
        """Return when all that was written is on the disk."""
        with _disk(self.path):
            os.fsync(self._descriptor)

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class _Through(io.RawIOBase):
    """A file as HDF5's library is to see it: empty when it is opened, whatever bytes are there."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._at = 0
        self._size = 0

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        here = max(0, min(len(view), self._size - self._at))
        os.lseek(self._descriptor, self._at, os.SEEK_SET)
        found = os.read(self._descriptor, here)
        view[: len(found)] = found
        self._at += len(found)
        return len(found)

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        _write_at(self._descriptor, self._at, view)
        self._at += len(view)
        self._size = max(self._size, self._at)
        return len(view)

    def truncate(self, size: int | None = None) -> int:
        self._size = self._at if size is None else size
        os.ftruncate(self._descriptor, self._size)
        return self._size

    def flush(self) -> None:
        pass


def _write_at(descriptor: int, offset: int, data: memoryview) -> None:
    os.lseek(descriptor, offset, os.SEEK_SET)
    while data:
        data = data[os.write(descriptor, data) :]


class _disk:  # noqa: N801  # used as a statement
    """Turn "no space left" into a sentence."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise SpectrodeError(
                f"{self._path} cannot grow ({error.strerror}); make room and start the same command again: it goes on "
                "where it stopped"
            ) from None
