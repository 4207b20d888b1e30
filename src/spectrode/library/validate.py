"""The checks that contributors and the test suite run on reference entries, in layers.

Every function returns *all* problems as plain sentences, so that one run is enough to mend an entry:

* shape: keys, types and closed vocabularies (by the schema in :mod:`.entry`), files of the folder;
* identity: id, licence, CAS number, formula against SMILES;
* physics: positions, widths, intensities, what a technique can see, the curve of a measured entry;
* provenance: every number's source, and what may be called seen;
* collection: names, sources and caveats across entries, published ids, withdrawals.

Entries that were published before the rules for new ones (``published_ids.csv``) are spared the stricter of them.
"""

from __future__ import annotations

import csv
import datetime
import io
import itertools
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import SpectrodeError
from .collection import entry_paths
from .entry import Appearance, Band, Entry, Source, parse_entry
from .formula import heavy_atoms_of_formula, heavy_atoms_of_smiles, unknown_elements

__all__ = [
    "LEDGER_NAME",
    "LICENCES",
    "entry_problems",
    "folder_problems",
    "ledger_text",
    "library_problems",
]

LICENCES: Mapping[str, bool] = {"CC0-1.0": False, "PDDL-1.0": False, "CC-BY-4.0": True, "ODC-By-1.0": True}
"""SPDX identifiers accepted -> whether somebody has to be named (``attribution``)."""

LEDGER_NAME = "published_ids.csv"
"""Beside the group folders: every id ever published, since when, and for which formula."""

_LEGACY = "legacy"
_ID = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")
_CAS = re.compile(r"\d{2,7}-\d{2}-\d")
_DOI = re.compile(r"10\.\d{4,9}/\S+")
_CAN_BE_CORROBORATED_ONLY = "unrefereed"
_COUNTER_IONS = ("Li", "Na", "K")
_DUPLICATE_CM1 = 0.1
_WIDEST_CM1 = 500.0
_QUOTED_FAR_CM1 = 15.0  # how far a new entry's position may lie from the value it quotes, beside its uncertainty


def library_problems(folder: Path) -> list[str]:
    """Return every problem of every entry below ``folder`` and of the collection; empty if all is well."""
    problems: list[str] = []
    entries: list[tuple[str, Entry]] = []
    paths = entry_paths(folder)
    if not paths:
        return [f"{folder} holds no <group>/<id>/entry.toml"]
    ledger, ledger_problems = _read_ledger(folder)
    for path in paths:
        where = path.parent.relative_to(folder).as_posix()
        entry, found = _checked_folder(path.parent, ledger)
        problems += [f"{where}: {p}" for p in found]
        if entry is not None:
            entries.append((where, entry))
    problems += ledger_problems + _collection_problems(entries)
    return problems + (_ledger_problems(entries, ledger) if ledger is not None else [])


def folder_problems(folder: Path) -> list[str]:
    """Return every problem of one entry's folder, its name and group included."""
    ledger, problems = _read_ledger(folder.parent.parent)
    return _checked_folder(folder, ledger)[1] + problems


def entry_problems(entry: Entry, *, legacy: bool = False) -> list[str]:
    """Return every problem of identity, physics and provenance of an entry whose shape is right.

    Parameters
    ----------
    entry : Entry
        The entry to check.
    legacy : bool
        Whether the entry was published before the rules for new ones, which are then left out.
    """
    problems = [*_identity_problems(entry), *_physics_problems(entry), *_provenance_problems(entry)]
    return problems if legacy else [*problems, *_new_entry_problems(entry)]


def ledger_text(entries: Iterable[Entry]) -> str:
    """Return the text of ``published_ids.csv`` for these entries, ordered by id."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["id", "added", "formula"])
    writer.writerows([e.id, e.added or _LEGACY, e.formula] for e in sorted(entries, key=lambda e: e.id))
    return text.getvalue()


# ---- shape ----------------------------------------------------------------------------------------------------------


def _checked_folder(folder: Path, ledger: _Ledger | None) -> tuple[Entry | None, list[str]]:
    entry, problems = parse_entry(folder / "entry.toml")
    if entry is None:
        return None, problems
    if entry.id != folder.name:
        problems.append(f"id is {entry.id!r}, but the folder is named {folder.name!r}")
    if entry.group != folder.parent.name:
        problems.append(f"group is {entry.group!r}, but the folder lies in {folder.parent.name!r}")
    allowed = {"entry.toml"} if entry.kind == "band_list" else {"entry.toml", "spectrum.csv"}
    for path in sorted(folder.iterdir()):
        if path.name not in allowed:
            problems.append(f"the file {path.name} is not expected in an entry of kind {entry.kind}")
    if entry.kind != "band_list":
        problems += _spectrum_problems(folder / "spectrum.csv", entry.kind)
    legacy = ledger is not None and ledger.is_legacy(entry.id)
    return entry, problems + entry_problems(entry, legacy=legacy)


def _spectrum_problems(path: Path, kind: str) -> list[str]:
    """Return what is wrong with a curve: two columns of numbers with a head, the first strictly increasing."""
    if not path.is_file():
        return [f"kind is {kind}, but there is no spectrum.csv"]
    try:
        rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
    except (OSError, UnicodeDecodeError) as error:
        return [f"spectrum.csv cannot be read: {error}"]
    if not rows or rows[0] != ["shift_cm1", "intensity"]:
        return ["spectrum.csv must start with the line shift_cm1,intensity"]
    try:
        points = [(float(x), float(y)) for x, y in rows[1:]]
    except ValueError:
        return ["spectrum.csv must hold two numbers on every line after the first"]
    problems = []
    if len(points) < 10:
        problems.append(f"spectrum.csv holds {len(points)} points; a curve needs at least 10")
    if any(not (abs(x) < 1e5 and abs(y) < 1e300) for x, y in points):
        problems.append("spectrum.csv holds a value that is not finite")
    if any(not b[0] > a[0] for a, b in itertools.pairwise(points)):
        problems.append("shift_cm1 in spectrum.csv must be strictly increasing")
    return problems


# ---- identity -------------------------------------------------------------------------------------------------------


def _identity_problems(entry: Entry) -> list[str]:
    problems = [
        f"{field} is {value!r}; use lower-case letters, digits and single underscores"
        for field, value in (("id", entry.id), ("group", entry.group))
        if not _ID.fullmatch(value)
    ]
    problems += [f"{field} is empty" for field in ("name", "formula", "licence") if not getattr(entry, field).strip()]
    if entry.licence.strip() and entry.licence not in LICENCES:
        problems.append(f"licence is {entry.licence!r}; accepted: {', '.join(LICENCES)}")
    if LICENCES.get(entry.licence) and not (entry.attribution or "").strip():
        problems.append(f"licence is {entry.licence}, which asks for a name in attribution")
    if entry.cas is not None and not _cas_is_valid(entry.cas):
        problems.append(f"cas is {entry.cas!r}, which is not a CAS number with a correct check digit")
    if len({a.casefold() for a in entry.aliases}) < len(entry.aliases):
        problems.append("aliases name the same thing twice")
    problems += [f"{name} is {day!r}; write a day as YYYY-MM-DD" for name, day in _days(entry) if not _is_day(day)]
    return problems + _formula_problems(entry)


def _formula_problems(entry: Entry) -> list[str]:
    problems = [f"formula is {entry.formula!r}; {s} is no element" for s in unknown_elements(entry.formula)]
    if entry.smiles is None:
        return problems
    if not _smiles_is_balanced(entry.smiles):
        return [*problems, f"smiles is {entry.smiles!r}, whose brackets or spaces cannot be right"]
    formula, smiles = heavy_atoms_of_formula(entry.formula), heavy_atoms_of_smiles(entry.smiles)
    if formula is not None and smiles is not None and entry.formula.endswith(("-", "+")):
        # An ion goes with the SMILES of its salt; the counter-ion is then left out of the comparison.
        smiles = {s: n for s, n in smiles.items() if s in formula or s not in _COUNTER_IONS}
    if formula is not None and smiles is not None and formula != smiles:
        problems.append(
            f"formula {entry.formula} has the atoms {_counted(formula)}, but smiles has {_counted(smiles)} (without H)"
        )
    return problems


def _counted(atoms: Mapping[str, float]) -> str:
    return " ".join(f"{s}{n:g}" for s, n in sorted(atoms.items())) or "none"


def _cas_is_valid(cas: str) -> bool:
    if not _CAS.fullmatch(cas):
        return False
    digits = cas.replace("-", "")
    return sum(i * int(d) for i, d in enumerate(reversed(digits[:-1]), 1)) % 10 == int(digits[-1])


def _smiles_is_balanced(smiles: str) -> bool:
    return (
        bool(smiles)
        and not re.search(r"\s", smiles)
        and smiles.count("(") == smiles.count(")")
        and smiles.count("[") == smiles.count("]")
    )


def _days(entry: Entry) -> list[tuple[str, str]]:
    days = [("added", entry.added), ("read_on", None)]
    days += [("read_on", r.read_on) for b in entry.band for r in b.sources]
    if entry.withdrawn is not None:
        days.append(("withdrawn: date", entry.withdrawn.date))
    if entry.measurement is not None:
        days.append(("measurement: measured_on", entry.measurement.measured_on))
    return list(dict.fromkeys((name, day) for name, day in days if day is not None))


def _is_day(text: str) -> bool:
    try:
        return datetime.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


# ---- physics --------------------------------------------------------------------------------------------------------


def _physics_problems(entry: Entry) -> list[str]:
    problems = []
    for band in entry.band:
        where = _name(band)
        if not 0 < band.position_cm1 < 5000:
            problems.append(f"{where}: the position must lie between 0 and 5000 cm-1")
        if not band.uncertainty_cm1 > 0:
            problems.append(f"{where}: the uncertainty is {band.uncertainty_cm1:g}; it must be above 0 cm-1")
        if band.fwhm_cm1 is not None and not 0 < band.fwhm_cm1 <= _WIDEST_CM1:
            problems.append(
                f"{where}: the width is {band.fwhm_cm1:g}; it must be above 0 and at most {_WIDEST_CM1:g} cm-1"
            )
        if not 0 < band.rel_intensity <= 1:
            problems.append(f"{where}: rel_intensity is {band.rel_intensity:g}; it must be above 0 and at most 1")
    problems += _raman_problems(entry)
    same: Counter[tuple[object, ...]] = Counter(
        (b.technique, round(b.position_cm1 / _DUPLICATE_CM1), b.state, b.coordination) for b in entry.band
    )
    for (technique, place, state, coordination), count in same.items():
        if count > 1:
            position = float(str(place)) * _DUPLICATE_CM1
            problems.append(f"the {technique} band at {position:g} ({state}, {coordination}) is listed {count} times")
    return problems


def _raman_problems(entry: Entry) -> list[str]:
    raman = entry.bands("raman")
    reasons = {"no_raman_reason": entry.no_raman_reason, "raman_unknown_reason": entry.raman_unknown_reason}
    problems = [f"{name} is empty" for name, text in reasons.items() if text is not None and not text.strip()]
    if all(text is not None for text in reasons.values()):
        problems.append("no_raman_reason and raman_unknown_reason exclude each other")
    if entry.raman_unknown_reason is not None and raman:
        problems.append("raman_unknown_reason says that no Raman band is known, but one is listed")
    if all(text is None for text in reasons.values()) and not raman:
        problems.append("no Raman band is listed; say why in no_raman_reason or raman_unknown_reason")
    if entry.no_raman_reason is None:
        return problems
    return problems + [
        f"{_name(b)}: the entry says that the species has no Raman band, so this one can only be contested or tentative"
        for b in raman
        if b.evidence in ("established", "reported")
    ]


# ---- provenance -----------------------------------------------------------------------------------------------------


def _provenance_problems(entry: Entry) -> list[str]:
    sources = {s.id: s for s in entry.source}
    problems = [
        f"the source {i!r} is listed {n} times" for i, n in Counter(s.id for s in entry.source).items() if n > 1
    ]
    for source in entry.source:
        problems += _source_problems(source)
    for band in entry.band:
        problems += [f"{_name(band)}: {p}" for p in _band_provenance_problems(band, sources)]
    for caveat in entry.caveat:
        missing = [i for i in caveat.sources if i not in sources]
        problems += [f"caveat {caveat.id!r}: the source {i!r} is not listed under [[source]]" for i in missing]
    for window in entry.appears:
        problems += [f"{_window_name(window)}: {p}" for p in _window_problems(window, sources)]
    missing = [i for i in entry.further_sources if i not in sources]
    problems += [f"further_sources: the source {i!r} is not listed under [[source]]" for i in missing]
    cited = {ref.id for band in entry.band for ref in band.sources} | set(entry.further_sources)
    cited |= {i for caveat in entry.caveat for i in caveat.sources} | {w.source for w in entry.appears}
    problems += [f"the source {i!r} is not used by any band or caveat" for i in sources if i not in cited]
    if entry.withdrawn is not None and not entry.withdrawn.reason.strip():
        problems.append("withdrawn: the reason is empty")
    if entry.open_question is not None and not entry.open_question.strip():
        problems.append("open_question is empty")
    return problems + _measurement_problems(entry)


def _window_problems(window: Appearance, sources: dict[str, Source]) -> list[str]:
    from ..electrochemistry.reference import find_reference

    problems = []
    if window.from_v is None and window.to_v is None:
        problems.append("neither from_v nor to_v is given")
    if window.from_v is not None and window.to_v is not None and window.from_v > window.to_v:
        problems.append("from_v is above to_v")
    try:
        find_reference(window.reference)
    except SpectrodeError as error:
        problems.append(str(error))
    if window.source not in sources:
        problems.append(f"the source {window.source!r} is not listed under [[source]]")
    if window.standing == "seen" and window.value is None:
        problems.append("marked seen, but its value is not quoted")
    if window.standing == "recalled" and window.value is not None:
        problems.append("recalled, so no value can be quoted from its source")
    return problems


def _window_name(window: Appearance) -> str:
    return f"appears ({window.direction}, {window.source})"


def _measurement_problems(entry: Entry) -> list[str]:
    measurement = entry.measurement
    if measurement is None:
        return ["kind is measured, but there is no [measurement]"] if entry.kind == "measured" else []
    if entry.kind != "measured":
        return [f"[measurement] is given, but kind is {entry.kind}"]
    problems = [
        f"measurement: {name} is empty"
        for name in ("instrument", "calibration", "sample")
        if not getattr(measurement, name).strip()
    ]
    if measurement.technique == "raman" and measurement.excitation_nm is None:
        problems.append("measurement: excitation_nm is missing; Raman needs the laser line")
    for name, value in (("excitation_nm", measurement.excitation_nm), ("resolution_cm1", measurement.resolution_cm1)):
        if value is not None and not value > 0:
            problems.append(f"measurement: {name} is {value:g}; it must be above 0")
    return problems


def _source_problems(source: Source) -> list[str]:
    problems = []
    if not source.citation.strip():
        problems.append(f"the source {source.id!r} has an empty citation")
    if source.doi is not None and not _DOI.fullmatch(source.doi):
        problems.append(f"the source {source.id!r} has the doi {source.doi!r}; a DOI starts with 10. and a registrant")
    return problems


def _band_provenance_problems(band: Band, sources: dict[str, Source]) -> list[str]:
    problems = []
    if not band.sources:
        problems.append("no source is named")
    for ref in band.sources:
        if ref.id not in sources:
            problems.append(f"the source {ref.id!r} is not listed under [[source]]")
        if ref.how == "seen" and not (ref.value or "").strip():
            problems.append(f"the source {ref.id!r} is marked seen but its value is not quoted")
        if ref.how == "recalled" and ref.value is not None:
            problems.append(f"the source {ref.id!r} is recalled, so no value can be quoted from it")
    seen = [sources[r.id] for r in band.sources if r.how == "seen" and r.id in sources]
    refereed = [s for s in seen if s.tier != _CAN_BE_CORROBORATED_ONLY]
    if band.provenance == "seen" and not refereed:
        problems.append("provenance is seen, but no source above the tier unrefereed is marked seen")
    if band.provenance == "recalled" and refereed:
        problems.append(f"provenance is recalled, but the value was seen in {refereed[0].id!r}")
    if band.unrefereed_corroboration and not seen:
        problems.append("unrefereed_corroboration is set, but no source is marked seen")
    if band.evidence in ("contested", "tentative") and not (band.evidence_note or "").strip():
        problems.append(f"evidence is {band.evidence}; give the reason in evidence_note")
    return problems


# ---- what only new entries must meet --------------------------------------------------------------------------------


def _new_entry_problems(entry: Entry) -> list[str]:
    problems = []
    if entry.added is None:
        problems.append("added is missing; a new entry says since when it is here (YYYY-MM-DD)")
    plain = heavy_atoms_of_formula(entry.formula) is not None
    if plain and entry.cas is None and entry.smiles is None and entry.open_question is None:
        problems.append("a new entry with a plain formula needs a cas or smiles")
    if entry.band and not any(b.provenance == "seen" for b in entry.band):
        problems.append("every band is recalled; a new entry needs at least one number that was read or measured")
    for band in entry.band:
        if band.rel_intensity_basis == "class_default":
            problems.append(f"{_name(band)}: rel_intensity_basis is class_default; estimate or measure the intensity")
        problems += [
            f"{_name(band)}: the value quoted from {ref.id!r}, {ref.value!r}, is another number"
            for ref in band.sources
            if ref.how == "seen" and not _agrees(ref.value or "", band)
        ]
    return problems


def _agrees(value: str, band: Band) -> bool:
    """Return whether a quoted text holds the position: one of its numbers or ranges comes near enough."""
    numbers = [float(n) for n in re.findall(r"\d+(?:\.\d+)?", value)]
    if not numbers:
        return False
    ranges = [(float(a), float(b)) for a, b in re.findall(r"(\d+(?:\.\d+)?)\s*[-–]\s*(\d+(?:\.\d+)?)", value)]
    near = 2.0 * band.uncertainty_cm1 + _QUOTED_FAR_CM1
    inside = any(a - near <= band.position_cm1 <= b + near for a, b in ranges)
    return inside or any(abs(n - band.position_cm1) <= near for n in numbers)


# ---- collection -----------------------------------------------------------------------------------------------------


def _collection_problems(entries: list[tuple[str, Entry]]) -> list[str]:
    problems = []
    names: dict[str, str] = {}
    sources: dict[str, tuple[str, Source]] = {}
    caveats: dict[str, tuple[str, str]] = {}
    for where, entry in entries:
        for name in dict.fromkeys(n.casefold() for n in (entry.id, entry.name, *entry.aliases)):
            if name in names:
                problems.append(f"{where}: the name {name!r} already belongs to {names[name]}")
            names.setdefault(name, where)
        for source in entry.source:
            known = sources.setdefault(source.id, (where, source))
            if known[1] != source:
                problems.append(f"{where}: the source {source.id!r} reads differently in {known[0]}")
        for caveat in entry.caveat:
            said = caveats.setdefault(caveat.id, (where, caveat.statement))
            if said[1] != caveat.statement:
                problems.append(f"{where}: the caveat {caveat.id!r} reads differently in {said[0]}")
    by_id = {entry.id: entry for _, entry in entries}
    for where, entry in entries:
        target = entry.withdrawn.replaced_by if entry.withdrawn is not None else None
        if target is None:
            continue
        if target not in by_id or target == entry.id:
            problems.append(f"{where}: it is said to be replaced by {target!r}, which is no other entry")
        elif by_id[target].withdrawn is not None:
            problems.append(f"{where}: it is said to be replaced by {target!r}, which is withdrawn itself")
    return problems


@dataclass(frozen=True)
class _Ledger:
    rows: Mapping[str, tuple[str, str]]
    """id -> (added, formula)."""

    def is_legacy(self, entry_id: str) -> bool:
        return self.rows.get(entry_id, ("", ""))[0] == _LEGACY


def _read_ledger(folder: Path) -> tuple[_Ledger | None, list[str]]:
    path = folder / LEDGER_NAME
    if not path.is_file():
        return None, []
    rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
    if not rows or rows[0] != ["id", "added", "formula"] or any(len(r) != 3 for r in rows):
        return None, [f"{LEDGER_NAME} must have the three columns id,added,formula"]
    twice = [i for i, n in Counter(r[0] for r in rows[1:]).items() if n > 1]
    return _Ledger({r[0]: (r[1], r[2]) for r in rows[1:]}), [f"{LEDGER_NAME} lists {i!r} twice" for i in twice]


def _ledger_problems(entries: list[tuple[str, Entry]], ledger: _Ledger) -> list[str]:
    """Return where ids were lost, or given to another species than the one they were published for."""
    present = {entry.id for _, entry in entries}
    problems = [
        f"{entry_id}: the id was published, so its entry cannot vanish; put it back and fill in [withdrawn]"
        for entry_id in ledger.rows
        if entry_id not in present
    ]
    for where, entry in entries:
        if entry.id not in ledger.rows:
            line = ledger_text([entry]).splitlines()[1]
            problems.append(f"{where}: add the line {line} to {LEDGER_NAME}")
            continue
        added, formula = ledger.rows[entry.id]
        if (entry.added or _LEGACY, entry.formula) != (added, formula):
            problems.append(
                f"{where}: the id was published for {formula} ({added}), but the entry says {entry.formula} "
                f"({entry.added or _LEGACY}); an id is never used again for another species"
            )
    return problems


def _name(band: Band) -> str:
    return f"{band.technique} band {band.position_cm1:g} ({band.state}, {band.coordination})"
