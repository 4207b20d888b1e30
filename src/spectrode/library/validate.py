"""The checks that contributors and the test suite run on reference entries.

Every function returns *all* problems as plain sentences, so that one run is enough to mend an entry. What is checked:
shape (by the schema in :mod:`.entry`), identity, physics, provenance, and the collection as a whole.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from .collection import entry_paths
from .entry import SCHEMA_VERSION, Band, Entry, Source, parse_entry

__all__ = ["entry_problems", "folder_problems", "library_problems"]

_ID = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")
_CAS = re.compile(r"\d{2,7}-\d{2}-\d")
_DOI = re.compile(r"10\.\d{4,9}/\S+")
_CAN_BE_CORROBORATED_ONLY = "unrefereed"
_DUPLICATE_CM1 = 0.1


def library_problems(folder: Path) -> list[str]:
    """Return every problem of every entry below ``folder`` and of the collection; empty if all is well."""
    problems: list[str] = []
    entries: list[tuple[str, Entry]] = []
    paths = entry_paths(folder)
    if not paths:
        return [f"{folder} holds no <group>/<id>/entry.toml"]
    for path in paths:
        where = path.parent.relative_to(folder).as_posix()
        problems += [f"{where}: {p}" for p in folder_problems(path.parent)]
        entry, _ = parse_entry(path)
        if entry is not None:
            entries.append((where, entry))
    return problems + _collection_problems(entries)


def folder_problems(folder: Path) -> list[str]:
    """Return every problem of one entry's folder, its name and group included."""
    entry, problems = parse_entry(folder / "entry.toml")
    if entry is None:
        return problems
    if entry.id != folder.name:
        problems.append(f"id is {entry.id!r}, but the folder is named {folder.name!r}")
    if entry.group != folder.parent.name:
        problems.append(f"group is {entry.group!r}, but the folder lies in {folder.parent.name!r}")
    allowed = {"entry.toml"} if entry.kind == "band_list" else {"entry.toml", "spectrum.csv"}
    for path in sorted(folder.iterdir()):
        if path.name not in allowed:
            problems.append(f"the file {path.name} is not expected in an entry of kind {entry.kind}")
    if entry.kind != "band_list" and not (folder / "spectrum.csv").is_file():
        problems.append(f"kind is {entry.kind}, but there is no spectrum.csv")
    return problems + entry_problems(entry)


def entry_problems(entry: Entry) -> list[str]:
    """Return every problem of identity, physics and provenance of an entry whose shape is right."""
    return [*_identity_problems(entry), *_physics_problems(entry), *_provenance_problems(entry)]


# ---- identity -------------------------------------------------------------------------------------------------------


def _identity_problems(entry: Entry) -> list[str]:
    problems = []
    if entry.schema_version != SCHEMA_VERSION:
        problems.append(f"schema_version is {entry.schema_version}; this version of Spectrode reads {SCHEMA_VERSION}")
    problems += [
        f"{field} is {value!r}; use lower-case letters, digits and single underscores"
        for field, value in (("id", entry.id), ("group", entry.group))
        if not _ID.fullmatch(value)
    ]
    problems += [f"{field} is empty" for field in ("name", "formula", "licence") if not getattr(entry, field).strip()]
    if entry.cas is not None and not _cas_is_valid(entry.cas):
        problems.append(f"cas is {entry.cas!r}, which is not a CAS number with a correct check digit")
    if entry.smiles is not None and not _smiles_is_balanced(entry.smiles):
        problems.append(f"smiles is {entry.smiles!r}, whose brackets or spaces cannot be right")
    if len(set(entry.aliases)) < len(entry.aliases):
        problems.append("aliases name the same thing twice")
    return problems


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


# ---- physics --------------------------------------------------------------------------------------------------------


def _physics_problems(entry: Entry) -> list[str]:
    problems = []
    for band in entry.band:
        where = _name(band)
        if not 0 < band.position_cm1 < 5000:
            problems.append(f"{where}: the position must lie between 0 and 5000 cm-1")
        if not band.uncertainty_cm1 > 0:
            problems.append(f"{where}: the uncertainty is {band.uncertainty_cm1:g}; it must be above 0 cm-1")
        if band.fwhm_cm1 is not None and not band.fwhm_cm1 > 0:
            problems.append(f"{where}: the width is {band.fwhm_cm1:g}; it must be above 0 cm-1")
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
    if entry.no_raman_reason is None:
        return [] if raman else ["no Raman band is listed; say why in no_raman_reason"]
    if not entry.no_raman_reason.strip():
        return ["no_raman_reason is empty"]
    return [
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
    cited = {ref.id for band in entry.band for ref in band.sources}
    problems += [f"the source {i!r} is not used by any band" for i in sources if i not in cited]
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


# ---- collection -----------------------------------------------------------------------------------------------------


def _collection_problems(entries: list[tuple[str, Entry]]) -> list[str]:
    problems = []
    names: dict[str, str] = {}
    sources: dict[str, tuple[str, Source]] = {}
    for where, entry in entries:
        for name in dict.fromkeys(n.casefold() for n in (entry.id, entry.name, *entry.aliases)):
            if name in names:
                problems.append(f"{where}: the name {name!r} already belongs to {names[name]}")
            names.setdefault(name, where)
        for source in entry.source:
            known = sources.setdefault(source.id, (where, source))
            if known[1] != source:
                problems.append(f"{where}: the source {source.id!r} reads differently in {known[0]}")
    return problems


def _name(band: Band) -> str:
    return f"{band.technique} band {band.position_cm1:g} ({band.state}, {band.coordination})"
