"""JCAMP-DX, the exchange format of IUPAC for infrared and Raman spectra: single spectra and compound (LINK) files.

Structure. A text of records ``##LABEL= value``; ``$$`` starts a comment; spaces, ``-``, ``/`` and ``_`` in labels do
not count. A block goes from ``##TITLE=`` to ``##END=``; a block of data type LINK holds blocks. Tables are ``XYDATA``
in the form ``(X++(Y..Y))`` (equal steps) or ``(XY..XY)``, ``XYPOINTS``, and ``PEAK TABLE``. Their numbers are plain
(AFFN), packed by their signs (PAC), or squeezed: SQZ, DIF and DUP (McDonald & Wilks, Appl. Spectrosc. 42 (1988) 151).

Axis. The standard defines it by FIRSTX, LASTX and NPOINTS; the x that begins each line is a check. Such checks, those
of DIF lines, FIRSTY, MINY and MAXY are verified, and what disagrees is a warning. A table that holds another number of
points than it declares is refused, unless its lines agree with FIRSTX, LASTX and the number that is there. ``1/CM`` is
a Raman shift for Raman spectra and else a wavenumber; micrometres are converted to nm; other axes are refused.

Several blocks. All blocks on the axis of the largest spectrum are read together, one spectrum each; ``dataset`` chooses
one by its title or its number. A warning names them all.

Units. Intensities are multiplied by YFACTOR; their unit (absorbance, transmittance, counts) stays in ``vendor``.

Time. LONGDATE or DATE with TIME is the start, without a zone unless LONGDATE has one; DATE is year/month/day as the
standard says, with a warning where another order is possible. A date without a time of day says when a file was made or
printed as often as when a spectrum was measured, and is left in ``vendor``. Whether stamps mean begin or end of a
measurement is unknown.

Files of :mod:`spectrode.writers.jcamp_dx` carry columns, metadata and history in records of their own.

Not read: NTUPLES (chromatograms, two-dimensional data), NMR and mass spectra, assignments, structures (JCAMP-CS).

Tests use NIST and Coblenz spectra and examples of the ``jcamp`` package (MIT), and a Thermo spectrum with its CSV twin.
The ``jcamp`` package itself is not used: it prints failed checks, trusts NPOINTS over the points that are there, and
takes an ``E`` that squeezes a digit for an exponent in some lines.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..dataset import AxisKind, OperandoDataset
from ..errors import InvalidDataset, UnreadableFile
from ..metadata import Instrument, Laser, Metadata, Sample
from ..serialise import metadata_from_dict, record_from_dict
from ._text import ascending, first_number, head_text, local_date, read_text, split_lines
from .registry import Reader

__all__ = ["READER", "load"]

_LABEL = re.compile(r"^\s*##([^=]*)=(.*)$", re.S)
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[Ee][-+]?\d+)?|\?"
_AFFN = re.compile(_NUMBER)
_SQUEEZED = re.compile(r"[@A-DF-Za-df-s%]")
_TOKEN = re.compile(r"([@A-Ia-i])(\d*\.?\d*)|([%J-Rj-r])(\d*\.?\d*)|([S-Zs])(\d*)|([-+]?(?:\d+\.?\d*|\.\d+)|\?)|\S")
_SQZ = dict(zip("@ABCDEFGHIabcdefghi", [*"0123456789", *(f"-{d}" for d in range(1, 10))], strict=True))
_DIF = dict(zip("%JKLMNOPQRjklmnopqr", [*"0123456789", *(f"-{d}" for d in range(1, 10))], strict=True))
_DUP = {c: str(d) for d, c in enumerate("STUVWXYZs", start=1)}
_TABLES = ("XYDATA", "XYPOINTS", "PEAKTABLE")
_EQUAL_STEPS = "(X++(Y..Y))"
_PAIRS = "(XY..XY)"
_NAMES_SHOWN = 12
_LASER_LABELS = ("$LASERWAVELENGTH", "$EXCITATIONWAVELENGTH", "$RAMANLASERWAVELENGTH", "LASERWAVELENGTH", "EXCITATION")


# -- records and blocks -----------------------------------------------------------------------------------------------


@dataclass
class _Block:
    """From TITLE to END: the header, and the lines of the tables."""

    records: dict[str, str] = field(default_factory=dict)
    """{label as written: value}; the first of a repeated label."""
    tables: dict[str, tuple[str, list[str]]] = field(default_factory=dict)
    """{label without spaces: (form, lines)}."""
    children: list[_Block] = field(default_factory=list)
    ended: bool = False
    line_ended: bool = True
    """False if the file stops inside a line of this block."""

    def get(self, *labels: str) -> str:
        """Return the value of the first label that is there (labels without spaces), or an empty text."""
        normal = {_plain_label(label): value for label, value in self.records.items()}
        return next((normal[label] for label in labels if normal.get(label)), "")

    def number(self, label: str) -> float | None:
        """Return a number of the header, or None."""
        match = _AFFN.match(self.get(label))
        return float(match[0]) if match and match[0] != "?" else None


def _plain_label(label: str) -> str:
    return re.sub(r"[\s/_-]", "", label).upper()


def _records(lines: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield each label with its lines, without comments."""
    label: str | None = None
    content: list[str] = []
    for line in lines:
        match = _LABEL.match(line)
        if match is None:
            content.append(line.split("$$", 1)[0])
            continue
        if label is not None:
            yield label, content
        label, content = match[1].strip(), [match[2].split("$$", 1)[0]]
    if label is not None:
        yield label, content


def _blocks(path: Path, text: str) -> _Block:
    """Return the outermost block."""
    root: _Block | None = None
    open_blocks: list[_Block] = []
    for label, content in _records(split_lines(text)):
        plain = _plain_label(label)
        if plain == "TITLE" or root is None:
            block = _Block()
            if root is None:
                root = block
            elif open_blocks:
                open_blocks[-1].children.append(block)
            else:
                root.children.append(block)  # files joined one behind the other
            open_blocks.append(block)
        if plain == "END":
            if open_blocks:
                open_blocks.pop().ended = True
            continue
        if not open_blocks:
            continue
        if plain in _TABLES or plain == "NTUPLES":
            form = re.sub(r"\s", "", content[0]).upper()
            open_blocks[-1].tables.setdefault(plain, (form, [c for c in content[1:] if c.strip()]))
        else:
            open_blocks[-1].records.setdefault(label, "\n".join(c.strip() for c in content).strip())
    if root is None:
        raise UnreadableFile(path, "holds no record ##LABEL=, so it is not JCAMP-DX")
    if open_blocks:
        open_blocks[-1].line_ended = text.endswith(("\n", "\r"))
    return root


def _walk(block: _Block) -> Iterator[_Block]:
    pending = [block]
    while pending:
        one = pending.pop()
        yield one
        pending.extend(reversed(one.children))


# -- tables -----------------------------------------------------------------------------------------------------------


@dataclass
class _Table:
    """Numbers of a table, before the factors."""

    x: NDArray[np.float64]
    """x of each pair, or the x that begins each line."""
    y: NDArray[np.float64]
    first: NDArray[np.int64] | None = None
    """Index of the point that each line begins with; None for pairs."""
    x_digit: float = 0.0
    """Size of the last digit with which x is written."""
    failed_y_checks: int = 0


def _affn(line: str) -> list[float] | None:
    """Return the numbers of a line of plain or sign-packed numbers, or None if there is anything else."""
    if _AFFN.sub("", line).strip(" \t,;"):
        return None
    return [math.nan if word == "?" else float(word) for word in _AFFN.findall(line)]


def _plain_lines(lines: Sequence[str]) -> list[list[float]] | None:
    if any(_SQUEEZED.search(line) for line in lines):
        return None
    rows = []
    for line in lines:
        row = _affn(line)
        if row is None:
            return None
        rows.append(row)
    return rows


def _pairs(path: Path, lines: Sequence[str]) -> _Table:
    rows = _plain_lines(lines)
    if rows is None:
        raise UnreadableFile(path, "holds a table of pairs (XY..XY) with something that is not a number")
    flat = np.array([value for row in rows for value in row], dtype=np.float64)
    if flat.size % 2:
        raise UnreadableFile(path, f"holds a table of pairs (XY..XY) with an odd number of values ({flat.size})")
    return _Table(flat[0::2], flat[1::2])


def _equal_steps(path: Path, lines: Sequence[str], limit: int) -> _Table:
    rows = _plain_lines(lines)
    if rows is None:
        return _unsqueezed(path, lines, limit)
    rows = [row for row in rows if row]
    counts = [len(row) - 1 for row in rows]
    y = np.array([value for row in rows for value in row[1:]], dtype=np.float64)
    first = np.cumsum([0, *counts[:-1]], dtype=np.int64)
    x = np.array([row[0] for row in rows], dtype=np.float64)
    return _Table(x, y, first, _last_digit(lines))


def _unsqueezed(path: Path, lines: Sequence[str], limit: int) -> _Table:
    """Decode SQZ, DIF and DUP.

    After a line whose last value was a difference, the next line begins with the same value again, as a check.
    """
    values: list[float] = []
    starts: list[float] = []
    first: list[int] = []
    failed = 0
    difference: float | None = None  # the last difference, None after a value that was written whole
    for number, line in enumerate(lines, start=1):
        x, tokens = _x_and_tokens(path, line, number)
        check = difference is not None
        starts.append(x)
        first.append(len(values) - 1 if check else len(values))
        for sqz, sqz_rest, dif, dif_rest, dup, dup_rest, plain in tokens:
            if dup:
                if not values:
                    raise UnreadableFile(
                        path, f"repeats a value (DUP) before there is one, in line {number} of a table"
                    )
                more = int(_DUP[dup] + dup_rest) - 1
                if len(values) + more > limit:
                    raise UnreadableFile(
                        path, f"repeats a value {more + 1} times, more than the {limit} points that it can hold"
                    )
                step = difference or 0.0
                last = values[-1]
                values.extend(last + step * k for k in range(1, more + 1))
            elif dif:
                if not values:
                    raise UnreadableFile(path, f"begins with a difference (DIF), in line {number} of a table")
                difference = float(_DIF[dif] + dif_rest)
                values.append(values[-1] + difference)
            elif sqz or plain:
                value = float(_SQZ[sqz] + sqz_rest) if sqz else math.nan if plain == "?" else float(plain)
                difference = None
                if check:
                    failed += value != values[-1]
                else:
                    values.append(value)
            else:
                raise UnreadableFile(path, f"holds something that is not a number in line {number} of a table")
            check = False
    return _Table(np.array(starts), np.array(values), np.array(first, dtype=np.int64), _last_digit(lines), failed)


def _x_and_tokens(path: Path, line: str, number: int) -> tuple[float, list[tuple[str, ...]]]:
    match = re.match(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[Ee][-+]\d+)?)", line)
    if match is None:
        raise UnreadableFile(path, f"lacks the x that begins line {number} of a table")
    return float(match[1]), _TOKEN.findall(line[match.end() :].replace(",", " "))


def _last_digit(lines: Sequence[str]) -> float:
    """Return the size of the last digit of the x that begin the lines (the coarsest of a few)."""
    digits = []
    for line in lines[:50]:
        match = re.match(r"\s*[-+]?\d*(?:\.(\d*))?", line)
        digits.append(len(match[1] or "") if match else 0)
    return 10.0 ** -max(digits, default=0)


# -- one spectrum -----------------------------------------------------------------------------------------------------


@dataclass
class _Spectrum:
    name: str
    block: _Block
    shift: NDArray[np.float64]
    intensity: NDArray[np.float64]
    kind: AxisKind
    notes: list[str]


def _table_label(block: _Block) -> str | None:
    return next((label for label in _TABLES if label in block.tables), None)


def _spectrum(path: Path, name: str, block: _Block) -> _Spectrum:
    label = _table_label(block)
    if label is None:
        raise UnreadableFile(path, f"holds no table of numbers in its block {name!r}")
    form, lines = block.tables[label]
    notes: list[str] = []
    kind, to_unit, unit_note = _axis_kind(path, block)
    notes += [unit_note] if unit_note else []
    # A repeated value takes three characters, but not without end; this bounds what damage can make of it.
    limit = (1 << 20) + 64 * sum(map(len, lines))
    if (declared := block.number("NPOINTS")) is not None and declared < limit:
        limit = 2 * int(declared) + 16
    if form.startswith("(X++("):
        table = _equal_steps(path, lines, limit)
    elif form.startswith(_PAIRS) or (label == "PEAKTABLE" and form.startswith("(XY")):
        table = _pairs(path, lines)
    else:
        raise UnreadableFile(path, f"holds a table of the form {form[:30]!r}; {_EQUAL_STEPS} and {_PAIRS} can be read")
    _check_complete(path, block, name, table, notes)
    if not table.y.size:
        raise UnreadableFile(path, f"holds a table without numbers in its block {name!r}")
    with np.errstate(over="ignore", invalid="ignore"):
        y = table.y * _factor(block, "YFACTOR")
        x = _axis(path, block, table, notes) * to_unit
    _check_values(block, y, notes)
    if table.failed_y_checks:
        notes.append(f"{table.failed_y_checks} lines fail the check of their first value; the file may be damaged")
    if label == "PEAKTABLE":
        notes.append(f"{name!r} is a table of peaks, not a continuous spectrum")
    shift, intensity = ascending(path, x, y[None, :])
    return _Spectrum(name, block, shift, intensity[0], kind, notes)


def _factor(block: _Block, label: str) -> float:
    found = block.number(label)
    return 1.0 if found is None else found


def _axis_kind(path: Path, block: _Block) -> tuple[AxisKind, float, str | None]:
    """Return the kind of axis, the factor to its unit, and a note where the file does not say it clearly."""
    units = block.get("XUNITS").upper()
    data_type = block.get("DATATYPE").upper()
    words = re.sub(r"[\s^{}()]", "", units).replace("¯¹", "-1").replace("⁻¹", "-1")
    if re.search(r"1/CM|CM-1|WAVENUMBER|RAMANSHIFT", words):
        if "RAMAN" in data_type or "RAMAN" in words:
            return "raman_shift", 1.0, None
        if "INFRARED" in data_type or "IR" in data_type.split() or "UV" in data_type:
            return "wavenumber", 1.0, None
        return "wavenumber", 1.0, f"the axis is in {units} and the data type {data_type!r}; taken for a wavenumber"
    if re.search(r"NANOMET|^NM|\bNM\b", words) or words.endswith("NM"):
        return "wavelength", 1.0, None
    if re.search(r"MICROMET|MICRON|^[UµΜ]M$", words):
        return "wavelength", 1000.0, None
    if not words and "RAMAN" in data_type:
        return "raman_shift", 1.0, "the file does not state the unit of its axis; taken for cm-1"
    raise UnreadableFile(
        path,
        f"holds {data_type.lower() or 'data'} over {units.lower() or 'an axis without unit'}; "
        "only axes in 1/cm, nm and micrometres can be read",
    )


def _check_complete(path: Path, block: _Block, name: str, table: _Table, notes: list[str]) -> None:
    declared = block.number("NPOINTS")
    if not block.ended:
        if not block.line_ended or declared is None or declared != table.y.size:
            raise UnreadableFile(
                path, f"ends inside the block {name!r} ({table.y.size} points are there); it is cut short"
            )
        notes.append("the file lacks the record ##END= but holds as many points as it declares")
    if declared is None or declared == table.y.size:
        return
    text = f"declares {declared:.0f} points (NPOINTS) but holds {table.y.size}"
    if table.first is None or _worst_step(block, table, _linear(path, block, table.y.size)) > 0.5:
        raise UnreadableFile(path, f"{text} in the block {name!r}; it is cut short or damaged")
    notes.append(f"the file {text}; the x that begin its lines agree with the latter")


def _linear(path: Path, block: _Block, n: int) -> NDArray[np.float64]:
    first, last = block.number("FIRSTX"), block.number("LASTX")
    if first is None:
        raise UnreadableFile(path, "lacks FIRSTX, so its axis is not known")
    if last is None:
        step = block.number("DELTAX")
        if step is None:
            raise UnreadableFile(path, "lacks LASTX and DELTAX, so its axis is not known")
        last = first + step * (n - 1)
    return np.linspace(first, last, n)


def _worst_step(block: _Block, table: _Table, axis: NDArray[np.float64]) -> float:
    """Return by how many channels the x of the worst line differs from the axis, beyond its rounding."""
    if table.first is None or axis.size < 2 or table.first.size == 0:
        return 0.0
    with np.errstate(all="ignore"):
        step = abs(axis[1] - axis[0])
        factor = _factor(block, "XFACTOR")
        # A last line that holds nothing but a check points at the last value, or, without one, behind it.
        expected = np.append(axis, 2 * axis[-1] - axis[-2])[np.clip(table.first, 0, axis.size)]
        away = np.abs(table.x * factor - expected) - table.x_digit * abs(factor)
        worst = float(np.max(away) / step)
    return worst if math.isfinite(worst) else math.inf


def _axis(path: Path, block: _Block, table: _Table, notes: list[str]) -> NDArray[np.float64]:
    if table.first is None:
        return table.x * _factor(block, "XFACTOR")
    axis = _linear(path, block, table.y.size)
    worst = _worst_step(block, table, axis)
    if worst > 0.5:
        notes.append(
            f"the x that begin the lines differ from the axis between FIRSTX and LASTX by up to {worst:.3g} channels; "
            "the axis follows FIRSTX and LASTX, as the standard says"
        )
    return axis


def _check_values(block: _Block, y: NDArray[np.float64], notes: list[str]) -> None:
    """Compare FIRSTY, MINY and MAXY with the numbers; a hundredth of their range is far above any rounding."""
    finite = y[np.isfinite(y)]
    if finite.size == 0:
        return
    with np.errstate(over="ignore"):
        tolerance = 0.01 * float(np.ptp(finite)) + 1e-6 * float(np.abs(finite).max())
    for label, value in (("FIRSTY", y[0]), ("MINY", finite.min()), ("MAXY", finite.max())):
        stated = block.number(label)
        if stated is not None and math.isfinite(value) and not abs(stated - value) <= tolerance:
            notes.append(f"the header states {label} {stated:g}, but the numbers give {value:g}")


# -- dates ------------------------------------------------------------------------------------------------------------

_LONGDATE = re.compile(
    r"(\d{4})/(\d{1,2})/(\d{1,2})(?:[ T]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?\s*([-+]\d{2}:?\d{2}\b|Z\b)?"
)
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")


def _start(block: _Block) -> tuple[datetime | None, str | None]:
    """Return the start, aware if the file has a zone, and a note if the date can be read in two ways."""
    time = _TIME.search(block.get("TIME"))
    clock = f"{time[1]}:{time[2]}:{time[3] or '00'}" if time else None
    longdate = _LONGDATE.search(block.get("LONGDATE"))
    if longdate:
        if longdate[4] is None and clock is None:
            return None, None
        stamp = f"{longdate[1]}-{longdate[2]}-{longdate[3]} "
        stamp += clock or "" if longdate[4] is None else f"{longdate[4]}:{longdate[5]}:{longdate[6] or '00'}"
        when, _ = local_date(stamp)
        if when is not None and longdate[7]:
            when += timedelta(microseconds=int(longdate[7].ljust(6, "0")[:6]))
        return _in_written_zone(when, longdate[8]), None
    date = re.search(r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}", block.get("DATE", "LONGDATE"))
    if date is None or clock is None:
        return None, None
    parts = re.split(r"[./-]", date[0])
    if len(parts[0]) <= 2 and len(parts[2]) <= 2:
        year = int(parts[0]) + (2000 if int(parts[0]) < 70 else 1900)
        when, _ = local_date(f"{year:04d}-{parts[1]}-{parts[2]} {clock}")
        if when is not None:
            return when, f"the date {date[0]} was read as year/month/day ({when:%Y-%m-%d}), as the standard says"
    return local_date(f"{date[0]} {clock}")


def _in_written_zone(when: datetime | None, zone: str | None) -> datetime | None:
    if when is None or not zone:
        return when
    if zone == "Z":
        return when.replace(tzinfo=timezone.utc)  # noqa: UP017
    minutes = int(zone[1:3]) * 60 + int(zone[-2:])
    if minutes > 14 * 60:
        return when
    return when.replace(tzinfo=timezone(timedelta(minutes=-minutes if zone[0] == "-" else minutes)))


# -- the file ---------------------------------------------------------------------------------------------------------


def sniff(path: Path, head: bytes) -> bool:
    """Recognise text that begins with a record TITLE or JCAMP-DX, perhaps behind comments."""
    text = head_text(head)
    if text is None:
        return False
    for line in split_lines(text):
        match = _LABEL.match(line)
        if match is not None:
            return _plain_label(match[1]) in ("TITLE", "JCAMPDX")
        if line.strip() and not line.lstrip().startswith("$$"):
            return False
    return False


def load(path: Path, *, dataset: str | None = None) -> OperandoDataset:
    """Read a JCAMP-DX file.

    Parameters
    ----------
    dataset
        Title of one block of a compound file, or its number (from 1). Without it, all blocks that share the axis of the
        largest one are read.

    Returns
    -------
    OperandoDataset
        One spectrum a block; the axis rising.

    Raises
    ------
    UnreadableFile
        If the file is cut short or damaged, holds no spectrum, or no block of that name.
    """
    root = _blocks(path, read_text(path))
    named = _named(path, root)
    if dataset is not None:
        spectra = [_spectrum(path, dataset, _chosen(path, named, dataset))]
        notes: list[str] = []
    else:
        _check_blocks(path, root)
        spectra, notes = _together(path, named, own="$SPECTRODEDATASET" in map(_plain_label, root.records))
    return _dataset(path, root, spectra, notes, whole=dataset is None)


def _named(path: Path, root: _Block) -> dict[str, _Block]:
    """Return the blocks that hold a table, by a name of their own; continuous spectra before tables of peaks."""
    blocks = list(_walk(root))
    holding = [b for b in blocks if _table_label(b) is not None]
    holding.sort(key=lambda b: _table_label(b) == "PEAKTABLE")
    if not holding:
        if any("NTUPLES" in b.tables for b in blocks):
            raise UnreadableFile(path, "holds NTUPLES, which are not read; export the spectra one by one")
        types = sorted({b.get("DATATYPE") for b in blocks} - {""})
        raise UnreadableFile(path, f"holds no table of a spectrum (data type: {', '.join(types) or 'not stated'})")
    titles = [b.get("TITLE").split("\n")[0] for b in holding]
    named: dict[str, _Block] = {}
    for number, (title, block) in enumerate(zip(titles, holding, strict=True), start=1):
        name = title or str(number)
        if titles.count(title) > 1 and title and len(holding) < 1000:
            name = f"{title} ({number})"
        while name in named:
            name += f" ({number})"
        named[name] = block
    return named


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(n) for n in names[:_NAMES_SHOWN])
    return shown + (f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else "")


def _chosen(path: Path, named: dict[str, _Block], name: str) -> _Block:
    if name in named:
        return named[name]
    if name.isdecimal() and 1 <= int(name) <= len(named):
        return list(named.values())[int(name) - 1]
    raise UnreadableFile(path, f"holds no dataset {name!r}; possible: {_listed(list(named))}")


def _check_blocks(path: Path, root: _Block) -> None:
    if not root.children or root.ended:
        return
    declared, found = root.number("BLOCKS"), len(root.children)
    if declared is None or found < declared or _table_label(root.children[-1]) is None:
        stated = "" if declared is None else f" of {declared:.0f} blocks that it declares"
        raise UnreadableFile(path, f"ends after {found} blocks{stated} without the record ##END=; it is cut short")


def _together(path: Path, named: dict[str, _Block], own: bool) -> tuple[list[_Spectrum], list[str]]:
    """Return the spectra that share the axis of the largest, and a note that names all."""
    found: list[_Spectrum] = []
    notes: list[str] = []
    problem: UnreadableFile | None = None
    for name, block in named.items():
        try:
            found.append(_spectrum(path, name, block))
        except UnreadableFile as error:
            problem = problem or error
            notes.append(f"the dataset {name!r} was left out: it {error.reason}")
    continuous = [s for s in found if _table_label(s.block) != "PEAKTABLE"] or found
    # A compound file that stops early is damaged as a whole; only blocks of another kind may be left out.
    if problem is not None and (not continuous or any(not b.ended for b in named.values())):
        raise problem
    largest = max(continuous, key=lambda s: s.intensity.size)
    same = [s for s in continuous if s.kind == largest.kind and np.array_equal(s.shift, largest.shift)]
    if len(named) > 1 and len(same) == len(named):
        if not own:
            notes.append(
                f"the file holds {len(named)} datasets on one axis, read together as spectra: {_listed(list(named))}; "
                "the option dataset chooses one"
            )
    elif len(named) > 1:
        notes.append(
            f"the file holds {len(named)} datasets: {_listed(list(named))}; read: {_listed([s.name for s in same])}; "
            "the option dataset chooses another"
        )
    return same, notes


def _dataset(
    path: Path, root: _Block, spectra: Sequence[_Spectrum], notes: list[str], *, whole: bool
) -> OperandoDataset:
    first = spectra[0].block
    for spectrum in spectra:
        notes += [f"{spectrum.name}: {n}" if len(spectra) > 1 else n for n in spectrum.notes]
    metadata, date_note = _metadata(root, spectra)
    notes += [date_note] if date_note else []
    columns, time_notes = _columns(spectra, metadata)
    data = OperandoDataset(
        np.stack([s.intensity for s in spectra]), spectra[0].shift, columns,
        metadata=metadata.warn(*dict.fromkeys((*notes, *time_notes))), axis_kind=spectra[0].kind,
    )  # fmt: skip
    record = root.get("$SPECTRODEDATASET") or first.get("$SPECTRODEDATASET")
    return (
        _with_own_records(data, record, [s.block.get("$SPECTRODECOLUMNS") for s in spectra], whole) if record else data
    )


def _metadata(root: _Block, spectra: Sequence[_Spectrum]) -> tuple[Metadata, str | None]:
    first = spectra[0].block
    start, note = _start(first)
    comments = first.get("COMMENTS", "COMMENT")
    laser = next((v for v in (first_number(first.get(label), 200, 2000) for label in _LASER_LABELS) if v), None)
    frequency = re.search(r"raman laser frequency:\s*([\d.,]+)\s*cm-1", comments, re.I)
    if laser is None and frequency:  # as Thermo writes it
        wavenumber = first_number(frequency[1], 4000, 60000)
        laser = 1e7 / wavenumber if wavenumber else None
    scans = re.search(r"number of sample scans:\s*(\d{1,6})\b", comments, re.I)
    vendor: dict[str, Any] = dict(first.records)
    if root is not first:
        vendor = {**root.records, "blocks": {s.name: dict(s.block.records) for s in spectra}}
    return Metadata(
        title=first.get("TITLE") if len(spectra) == 1 else root.get("TITLE") or None,
        started_at=start if start is not None and start.tzinfo else None,
        local_start=start if start is not None and start.tzinfo is None else None,
        laser=Laser(wavelength_nm=laser),
        instrument=Instrument(
            model=first.get("SPECTROMETERDATASYSTEM") or None,
            accumulations=int(scans[1]) if scans else None,
        ),
        sample=Sample(first.get("NAMES") or None, first.get("SAMPLEDESCRIPTION") or None),
        vendor=vendor,
    ), note


def _columns(spectra: Sequence[_Spectrum], metadata: Metadata) -> tuple[dict[str, NDArray[Any]], list[str]]:
    """Return the times of the blocks on the scale of the first, if they have any."""
    zero = metadata.started_at or metadata.local_start
    if zero is None:
        return {}, []
    seconds = []
    notes = []
    for spectrum in spectra:
        start, _ = _start(spectrum.block)
        if start is None or (start.tzinfo is None) != (zero.tzinfo is None):
            seconds.append(math.nan)
        else:
            seconds.append((start - zero).total_seconds())
    notes.append("the file does not say whether its time is that of the begin or the end of the measurement")
    return {"time_s": np.array(seconds)}, notes


def _with_own_records(data: OperandoDataset, record: str, rows: Sequence[str], whole: bool) -> OperandoDataset:
    """Put back what :mod:`spectrode.writers.jcamp_dx` wrote in records of its own."""
    try:
        own = json.loads(record.replace("\n", ""))
        cells = [json.loads(row.replace("\n", "")) for row in rows]
        names = list(cells[0])
        columns = {name: np.array([row[name] for row in cells]) for name in names}
        metadata = metadata_from_dict(own["metadata"])
        if not whole:
            columns.pop("scan_index", None)
        return data.replace(
            columns=columns,
            scan_shape=own["scan_shape"] if whole else (),
            metadata=metadata.warn(*(w for w in data.metadata.warnings if "begin or the end" not in w)),
            history=tuple(record_from_dict(r) for r in own["history"]),
        )
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError, InvalidDataset) as error:
        return data.replace(
            metadata=data.metadata.warn(f"columns and metadata that Spectrode wrote are damaged and left out ({error})")
        )


READER = Reader(
    name="jcamp-dx",
    description="JCAMP-DX infrared and Raman spectra (single and compound files)",
    extensions=(".jdx", ".dx", ".jcm", ".jcamp"),
    sniff=sniff,
    load=load,
    gives=("times", "local start", "laser", "several"),
)
