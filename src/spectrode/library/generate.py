"""Write what is generated beside the entries: ``python -m spectrode.library.generate [FOLDER]``.

The tables of ``README.md`` (between their markers), ``entry.schema.json``, and the lines of ``published_ids.csv`` for
entries that are not in it yet.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from ..errors import LibraryError
from ..resources import reference_folder
from .collection import Library, load_library
from .entry import Entry
from .json_schema import entry_schema_text
from .stats import stats, stats_table
from .validate import LEDGER_NAME, ledger_text

__all__ = ["GROUP_TITLES", "contents_table", "unseen_table", "updated_ledger", "updated_readme", "write_generated"]

GROUP_TITLES: Mapping[str, str] = {
    "binder": "Binders",
    "calibration": "Standards of the axis",
    "carbon": "Carbons of the electrode",
    "cei": "Interphase species of the positive electrode, claimed ones included",
    "damage": "What the laser makes (see also `laser_product`)",
    "electrode": "Active materials and their by-products",
    "electrolyte": "Solvents, additives and anions of the electrolyte",
    "gas": "Gases and lines of the air",
    "interferent": "Species that are mistaken for others",
    "probe": "Molecules that test an enhancing surface",
    "sei": "Interphase species of the negative electrode",
    "separator": "Separators",
    "substrate": "Windows, fibres, shells and metals",
}
"""What the groups of the bundled library hold."""

_SECTION = r"(<!-- {name}: generated -->\n).*?(<!-- end of {name} -->)"


def contents_table(library: Library) -> str:
    """Return every group with its entries as Markdown; withdrawn entries are listed as such."""
    parts = []
    for group in sorted(library.groups):
        title = GROUP_TITLES.get(group)
        parts.append(f"### `{group}`" + (f": {title}" if title else "") + "\n\n")
        parts.append("| id | species | Raman / IR bands | positions seen | says |\n|---|---|---|---|---|\n")
        parts += [_contents_row(entry) for entry in library if entry.group == group]
        parts.append("\n")
    return "".join(parts)


def _contents_row(entry: Entry) -> str:
    seen = sum(b.provenance == "seen" for b in entry.band)
    says = [
        word
        for word, holds in (
            ("withdrawn", entry.withdrawn is not None),
            ("no Raman band", entry.no_raman_reason is not None),
            ("Raman not known", entry.raman_unknown_reason is not None),
            ("open question", entry.open_question is not None),
            ("group frequencies only", entry.group_frequencies_only),
            ("made by the laser", entry.laser_product),
        )
        if holds
    ]
    counts = f"{len(entry.bands('raman'))} / {len(entry.bands('ir'))}"
    return f"| `{entry.id}` | {entry.name} | {counts} | {seen} of {len(entry.band)} | {', '.join(says)} |\n"


def unseen_table(library: Library) -> str:
    """Return the entries that a Raman spectrum cannot show, and the open questions, with their reasons."""
    kept = [e for e in library if e.withdrawn is None]

    def listed(reason: Callable[[Entry], str | None]) -> str:
        return "".join(f"- `{e.id}`: {reason(e)}\n" for e in kept if reason(e) is not None)

    return (
        "Forbidden by symmetry, so that absence from a result says nothing:\n\n"
        + listed(lambda e: e.no_raman_reason)
        + "\nNo Raman band known that could be trusted:\n\n"
        + listed(lambda e: e.raman_unknown_reason)
        + "\nOpen questions, shown as such and never assigned:\n\n"
        + listed(lambda e: e.open_question)
    )


def updated_readme(text: str, library: Library) -> str:
    """Return the README with its generated sections as they should read now.

    Raises
    ------
    LibraryError
        If a section's markers are missing.
    """
    sections = {
        "numbers": stats_table(stats(library)),
        "not assigned": unseen_table(library),
        "contents": contents_table(library),
    }
    for name, body in sections.items():
        pattern = re.compile(_SECTION.format(name=re.escape(name)), re.DOTALL)
        if not pattern.search(text):
            raise LibraryError(
                f"README.md has no section between <!-- {name}: generated --> and <!-- end of {name} -->"
            )
        text = pattern.sub(lambda m, body=body: f"{m[1]}\n{body}\n{m[2]}", text)  # type: ignore[misc]
    return text


def updated_ledger(text: str, library: Library) -> str:
    """Return ``published_ids.csv`` with lines for new entries added; lines that stand are never changed.

    A new entry without a day in ``added`` is left out, for nothing joins the legacy entries any more.
    """
    standing = text.splitlines()[1:]
    known = {line.split(",", 1)[0] for line in standing}
    added = ledger_text(e for e in library if e.id not in known and e.added is not None).splitlines()
    return "\n".join([added[0], *sorted([*standing, *added[1:]], key=lambda line: line.split(",", 1)[0])]) + "\n"


def write_generated(folder: Path) -> list[Path]:
    """Bring the generated files of a library folder up to date; return those that changed."""
    library = load_library(folder)
    wanted = {folder / "entry.schema.json": entry_schema_text()}
    readme, ledger = folder / "README.md", folder / LEDGER_NAME
    if readme.is_file():
        wanted[readme] = updated_readme(readme.read_text(encoding="utf-8"), library)
    if ledger.is_file():
        wanted[ledger] = updated_ledger(ledger.read_text(encoding="utf-8"), library)
    changed = [p for p, text in wanted.items() if not p.is_file() or p.read_text(encoding="utf-8") != text]
    for path in changed:
        path.write_text(wanted[path], encoding="utf-8")
    return changed


if __name__ == "__main__":
    for written in write_generated(Path(sys.argv[1]) if len(sys.argv) > 1 else reference_folder()):
        sys.stdout.write(f"{written}\n")
