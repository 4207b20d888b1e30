"""Outputs that appear whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import SpectrodeError

__all__ = ["atomic_file", "atomic_folder"]


@contextmanager
def atomic_file(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside ``path``; it takes the final name only if the block ends without an exception."""
    path = Path(path)
    _check_parent(path)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes private files; results get the permissions that any new file would have.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: str | Path) -> Iterator[Path]:
    """Give a temporary folder; its files move into ``path`` only if the block ends without an exception.

    Files of the same name that are already there are replaced one by one; others are left alone.
    """
    path = Path(path)
    if path.exists() and not path.is_dir():
        raise SpectrodeError(f"results were asked for in {path}, but that is a file; give a folder")
    _check_parent(path)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent))
    try:
        yield temporary
        path.mkdir(exist_ok=True)
        for item in sorted(temporary.rglob("*")):
            target = path / item.relative_to(temporary)
            if item.is_dir():
                target.mkdir(exist_ok=True)
            else:
                os.replace(item, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _check_parent(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SpectrodeError(
            f"{path} cannot be written: the folder {path.parent} cannot be made ({error.strerror})"
        ) from None
