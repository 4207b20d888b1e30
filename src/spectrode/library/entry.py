"""One reference species: the records, which are also the schema of ``entry.toml``, and the strict reader.

The dataclasses below *are* the schema: a field without a default is required, a ``Literal`` is a closed vocabulary, and
a key that is not a field is reported. Adding a field here is all it takes to extend the format.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import tomllib
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

from ..errors import LibraryError

__all__ = [
    "EVIDENCE_ORDER",
    "SCHEMA_VERSION",
    "UPGRADES",
    "Appearance",
    "Band",
    "BandSource",
    "Caveat",
    "Entry",
    "Evidence",
    "Measurement",
    "Source",
    "Technique",
    "Withdrawal",
    "entry_from_table",
    "parse_entry",
    "read_entry",
]

SCHEMA_VERSION = 2


def _from_version_1(table: dict[str, Any]) -> dict[str, Any]:
    """Version 2 only added optional keys."""
    return table


UPGRADES: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: _from_version_1}
"""Version -> function that turns a table of that version into one of the next. A released version never leaves here."""

Technique = Literal["raman", "ir"]
Evidence = Literal["established", "reported", "tentative", "contested"]
EVIDENCE_ORDER: tuple[Evidence, ...] = ("established", "reported", "tentative", "contested")
"""From the strongest to the weakest standing of an assignment in the literature."""


@dataclass(frozen=True, kw_only=True)
class BandSource:
    """How one source supports one band."""

    id: str
    how: Literal["seen", "context", "recalled"]
    """``seen``: the value was read there; ``context``: read, supports the assignment but does not print the number;
    ``recalled``: cited from memory."""
    value: str | None = None
    """The value as printed in the source; required for ``seen``."""
    read_on: str | None = None
    """Day (YYYY-MM-DD) on which the value was read, where that was noted."""


@dataclass(frozen=True, kw_only=True)
class Band:
    """One vibrational band of a species in one state."""

    technique: Technique
    position_cm1: float
    uncertainty_cm1: float
    """Plausible spread between sources, calibration included; not a fit error."""
    fwhm_cm1: float | None = None
    intensity: Literal["vs", "s", "m", "w", "vw", "sh"]
    rel_intensity: float
    """0–1 within one species and technique; the Raman region above 2000 cm-1 may be scaled apart."""
    rel_intensity_basis: Literal["measured", "estimate", "class_default"]
    assignment: str
    """The vibrational mode, in words."""
    state: Literal[
        "amorphous",
        "crystalline",
        "delithiated",
        "film",
        "gas",
        "glass",
        "liquid",
        "lithiated",
        "melt",
        "nanocrystalline",
        "solid",
        "solution",
        "surface",
    ]
    coordination: Literal["na", "free", "li_coordinated", "ssip", "cip", "agg"]
    condition: str | None = None
    """Excitation, polymorph, potential or preparation that the values hold for."""
    evidence: Evidence
    """Standing of the assignment in the literature, whether or not the number was read."""
    evidence_note: str | None = None
    """The reason; required for ``contested`` and ``tentative``."""
    provenance: Literal["seen", "recalled"]
    """``recalled`` numbers come from memory of the named literature and are never to be shown as verified."""
    basis: Literal[
        "computed_from_optical_constants",
        "dataset_peak_pick",
        "estimate_from_seen_shift",
        "group_frequency",
        "literature_recall",
        "value_in_code_or_review",
        "value_in_document",
        "value_in_secondary_document",
        "value_in_unsourced_list",
        "value_quoted_in_review",
    ]
    discriminating: bool = False
    sers_only: bool = False
    unrefereed_corroboration: bool = False
    """The only text in which the value was read is unrefereed; provenance stays ``recalled``."""
    note: str | None = None
    sources: tuple[BandSource, ...]


@dataclass(frozen=True, kw_only=True)
class Source:
    """One publication, data set or list that bands refer to."""

    id: str
    citation: str
    doi: str | None = None
    """Given only where it was read, never guessed."""
    tier: Literal[
        "peer_reviewed",
        "review",
        "reference_database",
        "open_dataset",
        "handbook",
        "preprint",
        "secondary",
        "general",
        "unrefereed",
        "not_read",
    ]
    kind: Literal["document", "literature", "dataset", "database", "handbook", "code", "recalled"]
    locator: str | None = None
    note: str | None = None


@dataclass(frozen=True, kw_only=True)
class Caveat:
    """A warning that holds for a species as a whole, often for several species alike."""

    id: str
    topic: str
    evidence: Evidence
    """Standing of the statement itself."""
    statement: str
    sources: tuple[str, ...] = ()
    """Ids of entries of ``[[source]]``."""


@dataclass(frozen=True, kw_only=True)
class Appearance:
    """Potentials at which a source sees a species begin to appear; at least one of the two bounds is known."""

    from_v: float | None = None
    """Lowest potential in V; left out where the source gives no lower bound."""
    to_v: float | None = None
    """Highest potential in V; left out where the source gives no upper bound."""
    reference: str
    """Reference electrode of the two bounds, as the readers of potentials understand it, such as ``Li/Li+``."""
    direction: Literal["reduction", "oxidation", "any"]
    """``reduction``: on the way to lower potentials; ``oxidation``: to higher ones."""
    condition: str | None = None
    """Electrode, electrolyte, or what the source looked at."""
    evidence: Evidence
    """Standing of the statement in the literature, whether or not the number was read."""
    standing: Literal["seen", "recalled"]
    """``recalled`` numbers come from memory of the named literature and are never to be shown as verified."""
    source: str
    """Id of an entry of ``[[source]]``."""
    value: str | None = None
    """The statement's number as printed in the source; required for ``seen``."""
    note: str | None = None


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """How the curve in ``spectrum.csv`` came about; only for the kind ``measured``."""

    technique: Technique
    instrument: str
    calibration: str
    """How the axis was calibrated and how far it can be trusted, in words."""
    sample: str
    excitation_nm: float | None = None
    """Laser line; required for Raman."""
    resolution_cm1: float | None = None
    """Full width at half maximum of a line of no width of its own."""
    processing: tuple[str, ...] = ()
    """Every step between the raw file and the curve, in order; empty says that the curve is raw."""
    measured_on: str | None = None
    """Day, YYYY-MM-DD."""
    measured_by: str | None = None
    original_file: str | None = None
    """Name of the raw file, without a folder."""
    original_sha256: str | None = None


@dataclass(frozen=True, kw_only=True)
class Withdrawal:
    """Why an entry no longer takes part. It stays readable, and its id is never given to another species."""

    date: str
    """Day, YYYY-MM-DD."""
    reason: str
    replaced_by: str | None = None
    """Id of the entry to use instead."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One species of the reference library."""

    schema_version: int
    id: str
    name: str
    formula: str
    cas: str | None = None
    smiles: str | None = None
    aliases: tuple[str, ...]
    group: str
    """Name of the folder that holds the entry's folder."""
    kind: Literal["band_list", "measured", "digitised", "computed"]
    """What the reference is; a drawn or computed curve must not pass for a measured one."""
    licence: str
    """SPDX identifier; see :data:`spectrode.library.validate.LICENCES` for those accepted."""
    attribution: str | None = None
    """Whom to name; required where the licence asks for it."""
    added: str | None = None
    """Day (YYYY-MM-DD) on which the entry joined. Entries older than the rules for new ones have none."""
    laser_product: bool = False
    """The laser is known to make this species."""
    no_raman_reason: str | None = None
    """Why the species has no Raman band of its own. Such an entry is never matched against a Raman spectrum."""
    raman_unknown_reason: str | None = None
    """Why no Raman band is listed although the species may well have some: nobody published one that can be trusted."""
    open_question: str | None = None
    """What is not settled about the species or its bands. Such an entry is shown as an open question where its bands
    agree, and is never assigned as a compound."""
    notes: str = ""
    discriminating_notes: tuple[str, ...] = ()
    interferents: tuple[str, ...] = ()
    """What lies near its bands and can be mistaken for it."""
    further_sources: tuple[str, ...] = ()
    """Ids of sources that no band cites: those the notes rest on, and further reading."""
    withdrawn: Withdrawal | None = None
    measurement: Measurement | None = None
    caveat: tuple[Caveat, ...] = ()
    appears: tuple[Appearance, ...] = ()
    """Potentials at which the species begins to appear; empty where no source is known."""
    band: tuple[Band, ...] = ()
    source: tuple[Source, ...] = ()

    def bands(self, technique: Technique = "raman") -> tuple[Band, ...]:
        """Return the bands of one technique, ordered by position."""
        return tuple(sorted((b for b in self.band if b.technique == technique), key=lambda b: b.position_cm1))

    @property
    def group_frequencies_only(self) -> bool:
        """Return whether every Raman band is a group frequency: no measured spectrum stands behind them."""
        raman = self.bands("raman")
        return bool(raman) and all(b.basis == "group_frequency" for b in raman)

    def visible_in(self, technique: Technique) -> bool:
        """Return whether a spectrum of this technique can show the species at all."""
        return not (technique == "raman" and self.no_raman_reason is not None) and bool(self.bands(technique))


def read_entry(path: Path) -> Entry:
    """Return the entry of one ``entry.toml``.

    Raises
    ------
    LibraryError
        With every problem of shape, one to a line. Physics and provenance are checked by
        :func:`spectrode.library.validate.entry_problems`.
    """
    entry, problems = parse_entry(path)
    if entry is None or problems:
        raise LibraryError(f"{path} is not a valid entry:\n" + "\n".join(f"- {p}" for p in problems))
    return entry


def parse_entry(path: Path) -> tuple[Entry | None, list[str]]:
    """Return the entry (None if its shape is wrong) and every problem of shape, in plain words."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        return None, [f"the file cannot be read: {error.strerror or error}"]
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        return None, [f"the file is not valid TOML: {error}"]
    return entry_from_table(table)


def entry_from_table(table: Mapping[str, Any]) -> tuple[Entry | None, list[str]]:
    """Return the entry of a table of any version (None if its shape is wrong) and every problem of shape."""
    problems: list[str] = []
    upgraded = _upgraded(dict(table), problems)
    entry = None if upgraded is None else _record(Entry, upgraded, "entry", problems)
    return entry, problems


def _upgraded(table: dict[str, Any], problems: list[str]) -> dict[str, Any] | None:
    version = table.get("schema_version")
    if version is None:
        problems.append("entry: schema_version is missing")
        table["schema_version"] = version = SCHEMA_VERSION  # so that the other problems are told as well
    if type(version) is not int:
        problems.append(f"entry: schema_version needs a whole number, but is {version!r}")
        return None
    if version > SCHEMA_VERSION:
        problems.append(
            f"schema_version is {version}; this version of Spectrode reads up to {SCHEMA_VERSION}: update Spectrode"
        )
        return None
    while version < SCHEMA_VERSION:
        if version not in UPGRADES:
            problems.append(f"schema_version is {version}, which never existed; versions start with 1")
            return None
        table = UPGRADES[version](table)
        version += 1
        table["schema_version"] = version
    return table


_R = TypeVar("_R")
_WORDS = {str: "a text", float: "a number", int: "a whole number", bool: "true or false"}


@functools.cache
def _hints(cls: Any) -> dict[str, Any]:
    """Return the types of a record's fields; resolved once, for it would take most of the loading time."""
    return typing.get_type_hints(cls)


def _record(cls: type[_R], table: Mapping[str, Any], where: str, problems: list[str]) -> _R | None:
    """Build a dataclass from a TOML table strictly; append every problem and return None if there was one."""
    hints = _hints(typing.cast(Any, cls))
    fields = {f.name: f for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    before = len(problems)
    known = ", ".join(fields)
    problems += [f"{where}: the key {key!r} is not known; possible: {known}" for key in table if key not in fields]
    values: dict[str, Any] = {}
    for name, field in fields.items():
        if name in table:
            values[name] = _value(hints[name], table[name], f"{where}: {name}", problems)
        elif field.default is dataclasses.MISSING:
            problems.append(f"{where}: {name} is missing")
    return cls(**values) if len(problems) == before else None


def _value(hint: Any, value: Any, where: str, problems: list[str]) -> Any:
    """Return the value in the hinted type, or append a problem."""
    origin = get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return _value(next(a for a in get_args(hint) if a is not type(None)), value, where, problems)
    if origin is tuple:
        return _items(get_args(hint)[0], value, where, problems)
    if origin is Literal:
        if value not in get_args(hint):
            problems.append(f"{where} is {value!r}; possible: {', '.join(map(str, get_args(hint)))}")
        return value
    if dataclasses.is_dataclass(hint):
        if isinstance(value, dict):
            return _record(typing.cast(type[Any], hint), value, where, problems)
        problems.append(f"{where} needs a table, but is {value!r}")
        return None
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if hint is float and number and math.isfinite(value):
        return float(value)
    if type(value) is not hint or (hint is float and not math.isfinite(value)):
        problems.append(f"{where} needs {_WORDS[hint]}, but is {value!r}")
    return value


def _items(hint: Any, value: Any, where: str, problems: list[str]) -> tuple[Any, ...]:
    if not isinstance(value, list):
        problems.append(f"{where} needs a list, but is {value!r}")
        return ()
    return tuple(_value(hint, item, f"{where} {_label(item, i)}", problems) for i, item in enumerate(value, 1))


def _label(item: Any, number: int) -> str:
    """Name a list item so that a contributor finds it: a band by its position, a source by its id."""
    if isinstance(item, dict):
        if "position_cm1" in item:
            return f"{number} ({item.get('technique', '?')} {item['position_cm1']})"
        if "id" in item:
            return f"{number} ({item['id']})"
    return str(number)
