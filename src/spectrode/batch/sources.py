"""Which files were meant: globs and folders expanded, kinds of file told apart by their readers, duplicates found."""

from __future__ import annotations

import glob
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import SpectrodeError, UnknownFormat, UnreadableFile
from ..history import file_sha256

__all__ = ["Sources", "content_hash", "find_sources"]


@dataclass
class Sources:
    """The files of a batch."""

    maps: list[tuple[Path, ...]] = field(default_factory=list)
    """For each experiment its files; several are repeated maps."""
    folders: list[Path | None] = field(default_factory=list)
    """For each experiment the folder that stands for it, or None for a single file."""
    traces: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def find_sources(maps: Sequence[str | Path], traces: Sequence[str | Path]) -> Sources:
    """Expand what was given.

    A file or a match of a glob is one experiment. A folder is one experiment whose files are repeated maps; a folder
    that holds no file of spectra stands for the folders in it. A potentiostat's file that is met among the maps
    joins the traces. In a folder, files that no reader knows are passed over; a file that was named is not.

    Raises
    ------
    SpectrodeError
        If a name or a glob matches nothing.
    """
    found = Sources()
    for place in _expanded(maps, "maps"):
        if _is_folder(place):
            _take_folder(place, found)
        elif _potentiostat(place):
            found.traces.append(place)
            found.notes.append(
                f"{place} was given among the maps, but is a potentiostat's file; it was taken as a trace"
            )
        else:
            found.maps.append((place,))
            found.folders.append(None)
    for place in _expanded(traces, "traces"):
        found.traces += _traces_in(place, found.notes) if _is_folder(place) else [place]
    _drop_duplicates(found)
    return found


def content_hash(path: str | Path) -> str:
    """Return the SHA-256 of a file, or of all files of a store that is a folder, with their names."""
    path = Path(path)
    if not path.is_dir():
        return file_sha256(path)
    digest = hashlib.sha256()
    for item in sorted(p for p in path.rglob("*") if p.is_file()):
        digest.update(f"{item.relative_to(path).as_posix()}\0{file_sha256(item)}\n".encode())
    return digest.hexdigest()


def _expanded(given: Sequence[str | Path], what: str) -> Iterator[Path]:
    for one in given:
        if Path(one).exists():
            yield Path(one)
            continue
        matches = sorted(glob.glob(str(one), recursive=True)) if glob.has_magic(str(one)) else []
        if not matches:
            raise SpectrodeError(
                f"{what}: {one} does not exist" + (" or matches no file" if glob.has_magic(str(one)) else "")
            )
        yield from map(Path, matches)


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not (path / "zarr.json").is_file()  # a Zarr store is one file to its reader


def _visible(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if not p.name.startswith("."))


def _potentiostat(path: Path) -> bool:
    """Tell whether a file is surely a potentiostat's; a plain table could be either and is taken for spectra."""
    from ..electrochemistry.readers import trace_reader_for

    try:
        return trace_reader_for(path).name != "delimited-trace"
    except UnreadableFile:
        return False


def _spectra(path: Path) -> bool:
    from ..readers import read, reader_for

    try:
        if reader_for(path).name == "delimited-text":
            read(path)  # almost any text could be a table: only reading it tells
    except SpectrodeError:
        return False
    return True


def _take_folder(folder: Path, found: Sources) -> None:
    files: list[Path] = []
    others: list[Path] = []
    inner: list[Path] = []
    for item in _visible(folder):
        if _is_folder(item):
            inner.append(item)
        elif _potentiostat(item):
            found.traces.append(item)
        else:
            (files if _spectra(item) else others).append(item)
    if others:
        found.notes.append(f"passed over, because no reader knows them: {', '.join(map(str, others))}")
    if files:
        found.maps.append(tuple(files))
        found.folders.append(folder)
        if len(files) > 1:
            found.notes.append(
                f"the {len(files)} files of spectra in {folder} are taken as repeated maps of one experiment; if each "
                f"is an experiment of its own, give '{folder}/*'"
            )
        return
    for place in inner:
        _take_folder(place, found)


def _traces_in(folder: Path, notes: list[str]) -> list[Path]:
    from ..electrochemistry.readers import read_trace

    found, others = [], []
    for item in _visible(folder):
        if _is_folder(item):
            found += _traces_in(item, notes)
            continue
        try:
            if not _potentiostat(item):
                read_trace(item)
            found.append(item)
        except (UnknownFormat, UnreadableFile):
            others.append(item)
    if others:
        notes.append(f"passed over, because they are no potentiostat's files: {', '.join(map(str, others))}")
    return found


def _drop_duplicates(found: Sources) -> None:
    """Keep the first of files with one content, whether it was given twice or lies in two places."""
    repeated = _repeated([p for files in found.maps for p in files])
    maps = [tuple(p for k, p in enumerate(files, start) if k not in repeated) for start, files in _numbered(found.maps)]
    kept = [(m, f) for m, f in zip(maps, found.folders, strict=True) if m]
    found.maps, found.folders = [m for m, _ in kept], [f for _, f in kept]
    again = _repeated(found.traces)
    found.notes += [*repeated.values(), *again.values()]
    found.traces = [p for k, p in enumerate(found.traces) if k not in again]


def _numbered(groups: Iterable[tuple[Path, ...]]) -> Iterator[tuple[int, tuple[Path, ...]]]:
    start = 0
    for files in groups:
        yield start, files
        start += len(files)


def _repeated(paths: Sequence[Path]) -> dict[int, str]:
    """Return {position: sentence} of files that were met before."""
    notes: dict[int, str] = {}
    places: dict[Path, Path] = {}
    sizes: dict[int, list[Path]] = {}
    hashes: dict[Path, str] = {}
    for k, path in enumerate(paths):
        real = path.resolve()
        if real in places:
            notes[k] = f"{path} was given twice; it is used once"
            continue
        places[real] = path
        size = path.stat().st_size if path.is_file() else -1
        for other in sizes.setdefault(size, []):
            for one in (other, path):
                if one not in hashes:
                    hashes[one] = content_hash(one)
            if hashes[other] == hashes[path]:
                notes[k] = f"{path} has the same content as {other}; it is used once"
                break
        else:
            sizes[size].append(path)
    return notes
