"""Zip archives (``.ndax``, ``.xlsx``) read into memory within a bound, whatever they declare."""

from __future__ import annotations

import io
import os
import zipfile
import zlib
from pathlib import Path
from types import TracebackType

from ...errors import UnreadableFile

__all__ = ["ZIP_MAGIC", "Archive"]

ZIP_MAGIC = b"PK\x03\x04"

_LARGEST_RATIO = 100
"""No honest file of these formats unpacks to more than this many times its size (beyond the first MiB)."""


class _Clamped(io.FileIO):
    """A file that never sets memory aside for more than it has: a damaged list of parts may ask for any amount."""

    def read(self, size: int | None = -1, /) -> bytes:
        left = max(os.fstat(self.fileno()).st_size - self.tell(), 0)
        return super().read(left if size is None or size < 0 else min(size, left)) or b""


class Archive:
    """A zip archive whose members together unpack to no more than 100 times its size plus 1 MiB.

    Raises
    ------
    UnreadableFile
        If it is no whole zip archive, or declares to unpack to more.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = _Clamped(path)
        try:
            self._zip = zipfile.ZipFile(self._file)
        except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, OSError) as error:
            self._file.close()
            raise UnreadableFile(path, f"is not a whole zip archive ({error}); it seems cut off or damaged") from error
        infos = self._zip.infolist()
        if any(info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for info in infos):
            # Other methods may ask for any amount of memory before the first byte.
            self._close()
            raise UnreadableFile(path, "is packed by a method that files of its format do not use; it is damaged")
        declared = sum(info.file_size for info in infos)
        bound = _LARGEST_RATIO * path.stat().st_size + 2**20
        if declared > bound:
            self._close()
            raise UnreadableFile(
                path, f"declares to unpack to {declared} bytes, more than the {bound} that are possible"
            )
        self.names: tuple[str, ...] = tuple(info.filename for info in infos)

    def __enter__(self) -> Archive:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        self._zip.close()
        self._file.close()

    def read(self, name: str) -> bytes:
        """Return a member; never more than it declares."""
        try:
            with self._zip.open(name) as member:
                return member.read()
        except (
            zipfile.BadZipFile,
            zlib.error,
            NotImplementedError,
            RuntimeError,
            EOFError,
            OSError,
            KeyError,
            ValueError,
        ) as error:
            raise UnreadableFile(self._path, f"its part {name} cannot be unpacked ({error}); it is damaged") from error
