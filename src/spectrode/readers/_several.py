"""Files that hold several datasets: which one is read, and the sentences that name the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import UnreadableFile

__all__ = ["Offered", "choose"]

_LISTED = 20


@dataclass(frozen=True)
class Offered:
    """One dataset of a file, as a person chooses it."""

    name: str
    """What is given as ``dataset=``."""
    words: str
    """Its size, or whatever else tells it from the others."""


def choose(path: Path, offered: Sequence[Offered], wanted: str | None, default: int = 0) -> tuple[int, tuple[str, ...]]:
    """Return the index of the dataset that is wanted, and a warning if there are several and none was wanted.

    Parameters
    ----------
    path
        For the error text.
    offered
        What the file holds, at least one.
    wanted
        A name, in any case of letters; None for the default.
    default
        Index that is taken if no name is given.

    Raises
    ------
    UnreadableFile
        If there is no dataset of that name; the text lists those that there are.
    """
    if wanted is None:
        if len(offered) == 1:
            return 0, ()
        return default, (
            f"the file holds {len(offered)} datasets, of which {offered[default].name!r} was read; "
            f"give dataset=… for another: {_listed(offered)}",
        )
    asked = wanted.strip().lower()
    for index, one in enumerate(offered):
        if one.name.lower() == asked:
            return index, ()
    raise UnreadableFile(path, f"has no dataset {wanted!r}; it has {_listed(offered)}")


def _listed(offered: Sequence[Offered]) -> str:
    shown = ", ".join(f"{one.name!r} ({one.words})" for one in offered[:_LISTED])
    return shown + (f" … {len(offered)} in all" if len(offered) > _LISTED else "")
