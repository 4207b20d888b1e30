"""The example files of every reader: what ``tests/builders/<format>.py`` gives by its function ``examples()``.

Modules there without that function are helpers of others. A tuple ``REFUSED`` beside it names those files that the
reader knows well, but refuses in a sentence of its own.

A builder serves the readers whose module has all the words of its name (``wdf`` serves ``renishaw_wdf``); each of its
files belongs to the one of them that claims it by content. All files of one builder are written into one folder, so
that a format of two files finds both.
"""

from __future__ import annotations

import importlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from spectrode.electrochemistry.readers import read_trace, trace_reader_for, trace_readers
from spectrode.errors import UnreadableFile
from spectrode.readers import read, reader_for, readers

BUILDERS = Path(__file__).resolve().parents[1] / "builders"
SHARED = Path(os.environ.get("SPECTRODE_SHARED_DATA", BUILDERS.parents[2] / "shared" / "data"))


@dataclass(frozen=True)
class Subject:
    """One reader, of spectra or of a potentiostat's files, with the function that reads through its registry."""

    reader: Any
    is_trace: bool

    @property
    def name(self) -> str:
        return str(self.reader.name)

    @property
    def module(self) -> str:
        """The last part of the name of the module that defines the reader."""
        return str(self.reader.load.__module__).rpartition(".")[2]

    @property
    def lazy(self) -> bool:
        return bool(getattr(self.reader, "lazy", False))

    def read(self, path: Path, **options: Any) -> Any:
        """Read with this reader, whatever the content looks like."""
        return (read_trace if self.is_trace else read)(path, reader=self.name, **options)

    def claims(self, path: Path) -> bool:
        """Return True if the registry chooses this reader for a file."""
        try:
            chosen: Any = trace_reader_for(path) if self.is_trace else reader_for(path)
        except UnreadableFile:
            return False
        return bool(chosen.name == self.name)


@dataclass(frozen=True)
class Example:
    """A legal file, and those that must lie beside it."""

    name: str
    content: bytes
    beside: Mapping[str, bytes] = field(default_factory=dict)
    refused: bool = False
    """True if the reader claims the file, but cannot read it on principle."""

    def write(self, folder: Path, content: bytes | None = None, name: str | None = None) -> Path:
        """Write it (or what became of it) into a folder that exists, and return its path."""
        for other, raw in self.beside.items():
            (folder / other).write_bytes(raw)
        path = folder / (self.name if name is None else name)
        path.write_bytes(self.content if content is None else content)
        return path


def subjects() -> dict[str, Subject]:
    """Return all readers by name: of spectra, then of potentiostat files."""
    found = [Subject(r, False) for r in readers().values()] + [Subject(r, True) for r in trace_readers().values()]
    return {s.name: s for s in found}


@dataclass(frozen=True)
class Built:
    """What one builder gives."""

    files: Mapping[str, bytes]
    refused: tuple[str, ...] = ()


@cache
def built() -> tuple[dict[str, Built], dict[str, str]]:
    """Return the builders by name, and what is wrong with those that raise."""
    files: dict[str, Built] = {}
    problems: dict[str, str] = {}
    for path in sorted(BUILDERS.glob("*.py")):
        if path.stem.startswith("_"):
            continue
        try:
            module = importlib.import_module(f"builders.{path.stem}")
            if hasattr(module, "examples"):
                files[path.stem] = Built(dict(module.examples()), tuple(getattr(module, "REFUSED", ())))
        except Exception as error:
            problems[path.stem] = f"{type(error).__name__}: {error}"
    return files, problems


def serves(builder: str, subject: Subject) -> bool:
    """Return True if a builder's name says that it is for this reader."""
    return set(builder.split("_")) <= set(subject.module.split("_"))


@cache
def examples() -> dict[str, tuple[Example, ...]]:
    """Return the examples of each reader; empty where there is no builder for it."""
    found: dict[str, list[Example]] = {name: [] for name in subjects()}
    for builder, made in built()[0].items():
        served = [s for s in subjects().values() if serves(builder, s)]
        extension = served[0].reader.extensions[0] if served else ""
        named = {n if Path(n).suffix else n + extension: raw for n, raw in made.files.items()}
        with tempfile.TemporaryDirectory() as folder:
            for name, raw in named.items():
                (Path(folder) / name).write_bytes(raw)
            for name, raw in named.items():
                others = {n: r for n, r in named.items() if n != name}
                for subject in served:
                    if subject.claims(Path(folder) / name):
                        known = Path(name).stem in made.refused or name in made.refused
                        found[subject.name].append(Example(name, raw, _needed(name, others), known))
    return {name: tuple(e) for name, e in found.items()}


def _needed(name: str, others: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the files that share the stem: the other half of a format of two files."""
    return {n: raw for n, raw in others.items() if Path(n).stem == Path(name).stem}


@cache
def shared_examples(limit_bytes: int, each: int) -> dict[str, tuple[Example, ...]]:
    """Return a few small measured files for each reader, if the folder of such files is on this machine."""
    found: dict[str, list[Example]] = {name: [] for name in subjects()}
    if not SHARED.is_dir():
        return {}
    small = [p for p in SHARED.rglob("*") if p.is_file() and 0 < p.stat().st_size <= limit_bytes]
    for path in sorted(small, key=lambda p: p.stat().st_size):
        for subject in subjects().values():
            if len(found[subject.name]) < each and subject.claims(path):
                found[subject.name].append(Example(path.name, path.read_bytes()))
    return {name: tuple(e) for name, e in found.items()}
