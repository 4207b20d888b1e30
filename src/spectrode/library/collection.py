"""The library as a whole: load it, look entries up, take a part of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from ..errors import LibraryError
from ..resources import reference_folder
from .entry import Entry, Technique, parse_entry

__all__ = ["Library", "entry_paths", "load_library"]


@dataclass(frozen=True, eq=False)
class Library:
    """Reference entries by id, ordered by group and id."""

    entries: Mapping[str, Entry]

    def __post_init__(self) -> None:
        object.__setattr__(self, "entries", MappingProxyType(dict(self.entries)))

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
        """Return the part that a technique can show, in the named groups or with the named ids.

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
            return wanted and (technique is None or e.visible_in(technique))

        return Library({e.id: e for e in self if kept(e)})

    def without(self, *ids: str) -> Library:
        """Return the library without some entries (for leave-one-out checks and narrowed questions)."""
        dropped = {self.get(i).id for i in ids}
        return Library({e.id: e for e in self if e.id not in dropped})


def entry_paths(folder: Path) -> list[Path]:
    """Return the ``<group>/<id>/entry.toml`` files of a library folder, ordered."""
    return sorted(folder.glob("*/*/entry.toml"))


def load_library(folder: Path | None = None) -> Library:
    """Load a library folder; the bundled one by default.

    Raises
    ------
    LibraryError
        If the folder holds no entry, an entry is malformed, or an id occurs twice.
    """
    folder = reference_folder() if folder is None else Path(folder)
    paths = entry_paths(folder)
    if not paths:
        raise LibraryError(f"{folder} holds no reference entry; expected <group>/<id>/entry.toml")
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
    return Library(entries)
