"""The library as a whole: load it, look entries up, take a part of it."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from ..errors import LibraryError
from ..resources import reference_folder
from .entry import Entry, Technique, parse_entry

__all__ = ["BUNDLED", "LIBRARY_VARIABLE", "Library", "entry_paths", "load_library", "own_library_folders"]

BUNDLED = "bundled"
"""Origin of an entry that came with Spectrode."""

LIBRARY_VARIABLE = "SPECTRODE_LIBRARY"
"""Environment variable with the folders of a user's own entries, separated like those of ``PATH``."""


@dataclass(frozen=True, eq=False)
class Library:
    """Reference entries by id, ordered by group and id. Withdrawn entries can be read, but take no part in anything."""

    entries: Mapping[str, Entry]
    origin: Mapping[str, str] = field(default_factory=dict)
    """Id -> "bundled", or the folder that the entry was read from."""
    overridden: frozenset[str] = frozenset()
    """Ids of entries that stand in place of another folder's entry of the same id."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "entries", MappingProxyType(dict(self.entries)))
        object.__setattr__(self, "origin", MappingProxyType({i: self.origin.get(i, BUNDLED) for i in self.entries}))
        object.__setattr__(self, "overridden", frozenset(i for i in self.overridden if i in self.entries))

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries.values())

    def __contains__(self, entry_id: object) -> bool:
        return entry_id in self.entries

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups present, in order."""
        return tuple(dict.fromkeys(entry.group for entry in self))

    def get(self, entry_id: str) -> Entry:
        """Return one entry by id, name or alias (case does not matter).

        Raises
        ------
        LibraryError
            If nothing carries that name; the message lists the ids.
        """
        if entry_id in self.entries:
            return self.entries[entry_id]
        wanted = entry_id.casefold()
        for entry in self:
            if wanted in {entry.id.casefold(), entry.name.casefold(), *(a.casefold() for a in entry.aliases)}:
                return entry
        raise LibraryError(f"the library holds no entry {entry_id!r}; possible: {', '.join(self.entries)}")

    def filter(
        self, technique: Technique | None = None, groups: Iterable[str] = (), ids: Iterable[str] = ()
    ) -> Library:
        """Return the part that a technique can show, in the named groups or with the named ids, nothing withdrawn.

        Parameters
        ----------
        technique : {"raman", "ir"}, optional
            Keep only entries with a band of their own in this technique.
        groups, ids : iterable of str
            Keep entries of these groups and, in addition, these ids. Both empty keeps all.

        Raises
        ------
        LibraryError
            For a group or id that the library does not hold.
        """
        groups, chosen = tuple(groups), {self.get(i).id for i in ids}
        for group in groups:
            if group not in self.groups:
                raise LibraryError(f"the library holds no group {group!r}; possible: {', '.join(self.groups)}")
        everything = not groups and not chosen

        def kept(e: Entry) -> bool:
            wanted = everything or e.group in groups or e.id in chosen
            return wanted and e.withdrawn is None and (technique is None or e.visible_in(technique))

        return self._part({e.id: e for e in self if kept(e)})

    def without(self, *ids: str) -> Library:
        """Return the library without some entries (for leave-one-out checks and narrowed questions)."""
        dropped = {self.get(i).id for i in ids}
        return self._part({e.id: e for e in self if e.id not in dropped})

    def _part(self, entries: Mapping[str, Entry]) -> Library:
        return Library(entries, self.origin, self.overridden)


def entry_paths(folder: Path) -> list[Path]:
    """Return the ``<group>/<id>/entry.toml`` files of a library folder, ordered."""
    return sorted(folder.glob("*/*/entry.toml"))


def own_library_folders() -> tuple[Path, ...]:
    """Return the folders named in the environment variable ``SPECTRODE_LIBRARY``, the first being the strongest."""
    return tuple(Path(p).expanduser() for p in os.environ.get(LIBRARY_VARIABLE, "").split(os.pathsep) if p)


def load_library(folder: Path | None = None, extra: Iterable[Path] = ()) -> Library:
    """Load the bundled library together with the user's own folders, or one folder.

    Where an id occurs in several folders, that of ``extra`` wins over those of ``SPECTRODE_LIBRARY``, and these win
    over the bundled one; within each list the earlier folder wins. :attr:`Library.origin` tells where each came from.

    Parameters
    ----------
    folder : Path, optional
        Load this folder in place of the bundled one and of those in ``SPECTRODE_LIBRARY``.
    extra : iterable of Path
        Folders of further entries, laid out in the same way.

    Raises
    ------
    LibraryError
        If a folder holds no entry, an entry is malformed, or an id occurs twice in one folder.
    """
    if folder is None:
        base, own = (BUNDLED, reference_folder()), own_library_folders()
    else:
        base, own = (str(folder), Path(folder)), ()
    stack = [base, *((str(p), Path(p)) for p in reversed((*extra, *own)))]
    entries: dict[str, Entry] = {}
    origin: dict[str, str] = {}
    overridden: set[str] = set()
    for name, place in stack:
        found = _load_folder(place)
        overridden |= set(found) & set(entries)
        entries |= found
        origin |= dict.fromkeys(found, BUNDLED if place == reference_folder() else name)
    ordered = sorted(entries.values(), key=lambda e: (e.group, e.id))
    return Library({e.id: e for e in ordered}, origin, frozenset(overridden))


def _load_folder(folder: Path) -> dict[str, Entry]:
    paths = entry_paths(folder)
    if not paths:
        raise LibraryError(f"{folder} holds no reference entry; expected <group>/<id>/entry.toml")
    state = tuple((path, (s := path.stat()).st_mtime_ns, s.st_size) for path in paths)
    return dict(_read_folder(folder, state))


@functools.lru_cache(maxsize=8)
def _read_folder(folder: Path, state: tuple[tuple[Path, int, int], ...]) -> Mapping[str, Entry]:
    """Read the files in the state given; a report asks several times, and reading takes most of a second."""
    paths = [path for path, _, _ in state]
    entries: dict[str, Entry] = {}
    problems: list[str] = []
    for path in paths:
        entry, found = parse_entry(path)
        problems += [f"{path.relative_to(folder)}: {p}" for p in found]
        if entry is None:
            continue
        if entry.id in entries:
            problems.append(
                f"{path.relative_to(folder)}: the id {entry.id!r} is taken by group {entries[entry.id].group}"
            )
        entries[entry.id] = entry
    if problems:
        raise LibraryError(f"{folder} is not a valid library:\n" + "\n".join(f"- {p}" for p in problems))
    return entries
