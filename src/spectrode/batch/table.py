"""The table of pairs, ``pairs.csv``: one row an experiment, to be read, edited and given back."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import SpectrodeError
from .plan import Experiment, Plan, Question, folder_names
from .sources import Sources, find_sources

__all__ = ["PAIR_COLUMNS", "read_pairs", "write_pairs"]

PAIR_COLUMNS = (
    "name", "spectra", "echem", "offset_s", "offset_from", "timezone", "reference", "laser_nm", "recipe", "question",
)  # fmt: skip
"""``spectra`` and ``echem`` may hold several paths with ``;`` between them, relative to the table's folder. ``echem``
is ``-`` for an experiment without a trace and ``?`` where it is still to be decided. ``question`` is not read."""

_UNDECIDED, _NONE = "?", "-"


def read_pairs(
    path: str | Path,
    *,
    offset_s: float | None = None,
    offset_from: Any = None,
    timezone: str | None = None,
    reference: str | None = None,
    laser_nm: float | None = None,
    spectra_options: Mapping[str, Any] | None = None,
    trace_options: Mapping[str, Any] | None = None,
) -> Plan:
    """Read a table of pairs; the options hold for rows whose own cell is empty.

    Raises
    ------
    SpectrodeError
        If it cannot be read, a column is unknown or missing, a value is wrong, a file is not there, or a row is
        still undecided.
    """
    path = Path(path)
    defaults: dict[str, Any] = {
        "offset_s": offset_s, "offset_from": offset_from, "timezone": timezone, "reference": reference,
        "laser_nm": laser_nm, "spectra_options": dict(spectra_options or {}),
        "trace_options": dict(trace_options or {}),
    }  # fmt: skip
    experiments = []
    notes: list[str] = []
    names = []
    for number, row in _rows(path):
        where = f"{path}, row {number}"
        found = _sources(where, row, path.parent)
        notes += found.notes
        spectra = tuple(str(p) for files in found.maps for p in files)
        if not spectra:
            raise SpectrodeError(f"{where}: the column spectra names no file of spectra")
        given = _values(where, row)
        traces = tuple(map(str, found.traces))
        reason = "" if traces else "the table gives it no trace"
        names.append([given.pop("name")] if "name" in given else _own_names(found))
        experiments.append(
            Experiment("", spectra, traces, reason=reason, no_trace=row.get("echem") == _NONE, **{**defaults, **given})
        )
    if not experiments:
        raise SpectrodeError(f"{path}: the table has no rows; its columns are {', '.join(PAIR_COLUMNS)}")
    _check_repeated(path, experiments)
    named = zip(experiments, folder_names(names), strict=True)
    return Plan(tuple(e.replace(name=name) for e, name in named), (), tuple(notes))


def write_pairs(plan: Plan, path: str | Path) -> Path:
    """Write a plan as a table to be edited; proposals are filled in, what nobody can know is ``?``."""
    from .._atomic import atomic_file

    path = Path(path)
    questions = {q.name: q for q in plan.questions}
    with atomic_file(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as stream:
        table = csv.DictWriter(stream, PAIR_COLUMNS, lineterminator="\n")
        table.writeheader()
        for one in plan.experiments:
            table.writerow(_row(one, questions.get(one.name), path.resolve().parent))
    return path


def _row(one: Experiment, question: Question | None, folder: Path) -> dict[str, Any]:
    words = one.reason
    echem = _joined(one.traces, folder) or (_NONE if one.no_trace else "")
    if question is not None:
        echem = _UNDECIDED
        choices = "; ".join(f"({k + 1}) {c.words}" for k, c in enumerate(question.candidates))
        words = f"{question.text}. {choices}"
        if question.proposed is not None:
            proposal = question.candidates[question.proposed]
            one = one.replace(**proposal.changes)
            echem = _joined(proposal.traces, folder) if not proposal.needs else _UNDECIDED
    return {
        "name": one.name,
        "spectra": _joined(one.spectra, folder),
        "echem": echem,
        **{
            key: "" if (value := getattr(one, key)) is None else value
            for key in ("offset_s", "offset_from", "timezone", "reference", "laser_nm", "recipe")
        },
        "question": words,
    }


def _joined(paths: tuple[str, ...], folder: Path) -> str:
    return ";".join(_relative(p, folder) for p in paths)


def _relative(path: str, folder: Path) -> str:
    try:
        return Path(os.path.relpath(Path(path).resolve(), folder)).as_posix()
    except ValueError:  # another drive
        return Path(path).resolve().as_posix()


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SpectrodeError(f"the table of pairs {path} cannot be read ({error})") from None
    head = text.split("\n", 1)[0]
    # Spreadsheets of many countries write semicolons; several paths in a cell are quoted then.
    separator = max(",;\t", key=head.count)
    table = csv.DictReader(text.splitlines(), delimiter=separator)
    columns = [c.strip() for c in table.fieldnames or ()]
    unknown = [c for c in columns if c not in PAIR_COLUMNS]
    if unknown or "spectra" not in columns or "echem" not in columns:
        wrong = f"has the unknown column {unknown[0]!r}" if unknown else "needs the columns spectra and echem"
        raise SpectrodeError(f"{path}: the table {wrong}; possible: {', '.join(PAIR_COLUMNS)}")
    table.fieldnames = columns
    found = []
    for row in table:
        if None in row:
            raise SpectrodeError(f"{path}, row {table.line_num}: has more cells than there are columns")
        cells = {k: (v or "").strip() for k, v in row.items()}
        if any(cells.values()):
            found.append((table.line_num, cells))
    return found


def _sources(where: str, row: Mapping[str, str], folder: Path) -> Sources:
    if row["echem"] == _UNDECIDED:
        raise SpectrodeError(
            f"{where} ({row.get('name') or row['spectra']}): echem is still '?'; write the file of its trace, or - for "
            "none"
        )
    spectra = [folder / p.strip() for p in row["spectra"].split(";") if p.strip()]
    traces = [folder / p.strip() for p in row["echem"].split(";") if p.strip() not in ("", _NONE)]
    try:
        return find_sources(spectra, traces)
    except SpectrodeError as error:
        raise SpectrodeError(f"{where}: {error}") from None


def _values(where: str, row: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key in ("name", "timezone", "reference", "recipe"):
        if row.get(key):
            found[key] = row[key]
    for key in ("offset_s", "laser_nm"):
        if row.get(key):
            try:
                found[key] = float(row[key])
            except ValueError:
                raise SpectrodeError(f"{where}: {key} must be a number, but {row[key]!r} was found") from None
    if row.get("offset_from"):
        word = row["offset_from"].replace("-", "_")
        if word not in ("clock", "trace_start"):
            raise SpectrodeError(f"{where}: offset_from must be clock or trace_start, but {word!r} was found")
        found["offset_from"] = word
    return found


def _own_names(found: Sources) -> list[str]:
    place = (found.folders[0] or found.maps[0][0]).resolve()
    short = place.name if found.folders[0] is not None else place.stem
    return [short, f"{place.parent.name}-{short}"]


def _check_repeated(path: Path, experiments: list[Experiment]) -> None:
    seen: dict[str, int] = {}
    for k, one in enumerate(experiments):
        for file in one.spectra:
            real = str(Path(file).resolve())
            if seen.setdefault(real, k) != k:
                raise SpectrodeError(f"{path}: {file} stands in two rows; an experiment's spectra belong to one row")
