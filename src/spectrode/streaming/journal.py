"""The journal of a stream: which spectra are done, in a file to which whole records are only ever appended.

A record is ``length of head, length of body, CRC-32 of both, head (JSON), body``. A record that a crash cut off, or
that does not match its checksum, ends the journal; it and what follows are dropped when the stream is resumed. A record
is written only after the spectra that it names are safely on the disk.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import SpectrodeError

__all__ = ["Journal"]

_MAGIC = b"spectrode stream journal 1\n"
_FRAME = struct.Struct("<QQI")
_LARGEST = 1 << 40


class Journal:
    """An open journal, held by this process alone.

    Parameters
    ----------
    path
        Made if it is not there.

    Raises
    ------
    SpectrodeError
        If another process holds it, or it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = open(path, "r+b" if path.exists() else "w+b")  # noqa: SIM115  # closed by close()
        except OSError as error:
            raise SpectrodeError(f"{path} cannot be written ({error.strerror or error})") from None
        try:
            _lock(self._file, path)
        except SpectrodeError:
            self._file.close()
            raise

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def records(self) -> Iterator[tuple[dict[str, Any], bytes]]:
        """Yield (head, body) of each whole record, then cut off what is not whole; appending goes on from there."""
        self._file.seek(0)
        if self._file.read(len(_MAGIC)) != _MAGIC:
            self.clear()
            return
        good = len(_MAGIC)
        size = os.fstat(self._file.fileno()).st_size
        while (record := self._next(size)) is not None:
            good = self._file.tell()
            yield record
        self._file.seek(good)
        self._file.truncate()

    def _next(self, size: int) -> tuple[dict[str, Any], bytes] | None:
        frame = self._file.read(_FRAME.size)
        if len(frame) < _FRAME.size:
            return None
        head_length, body_length, checksum = _FRAME.unpack(frame)
        if head_length + body_length > min(size - self._file.tell(), _LARGEST):
            return None
        head, body = self._file.read(head_length), self._file.read(body_length)
        if zlib.crc32(body, zlib.crc32(head)) != checksum:
            return None
        return json.loads(head), body

    def clear(self) -> None:
        """Begin anew."""
        self._file.seek(0)
        self._file.truncate()
        self._file.write(_MAGIC)
        self._sync()

    def append(self, head: Mapping[str, Any], body: bytes = b"") -> None:
        """Add one record; it is on the disk when this returns."""
        text = json.dumps(head, ensure_ascii=False).encode()
        self._file.write(_FRAME.pack(len(text), len(body), zlib.crc32(body, zlib.crc32(text))))
        self._file.write(text)
        self._file.write(body)
        self._sync()

    def _sync(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Let go of the file; it stays."""
        self._file.close()

    def remove(self) -> None:
        """Delete the file, after the stream has ended."""
        self._file.close()
        self.path.unlink(missing_ok=True)


def _lock(file: Any, path: Path) -> None:
    try:
        import fcntl
    except ImportError:  # not on Windows, where an open file cannot be replaced by another process anyway
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SpectrodeError(f"another process is writing here ({path}); wait for it, or stop it") from None
    except OSError:
        return  # file systems without locks
