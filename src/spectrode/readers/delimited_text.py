"""Tables of numbers as text: comma, semicolon, tab or space between the cells, with or without a header.

Layouts. *Columns*: the spectral axis in one column (the first, or the one headed so), one spectrum in each further
column. *Rows*: the axis in the first row, one spectrum a row, behind leading cells (position, time) if there are any.
*Long*: one line a point, with headed columns such as X, Y, Wave, Intensity (Renishaw WiRE).

A wrong axis is worse than none, so the layout is guessed only where one reading is possible. An axis must rise or fall
throughout, reach over 50 and span over 20 (cm-1 or nm); one that starts at exactly zero, or counts 1, 2, 3 …, may be a
clock or a line number and is taken only if ``axis_column`` or ``orientation`` says so, or a header calls it an axis.

Faulty lines. Blank lines and comments (``#``, ``%``, ``!``, ``//``) are passed over. A line of words inside the table
is left out with a warning that counts such lines and names them, up to three of them or 1 % of the lines. A line of
numbers that has too few or too many cells, or a cell that is no number, is refused with its line number: a spectrum
with a shifted or lost value looks like data. Text after the table is kept as footer.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..dataset import AxisKind, OperandoDataset
from ..errors import UnreadableFile
from ..metadata import Laser, Metadata
from ..pipeline.parameters import Between, Unit
from . import bwtek_text, labspec_text, rruff_text, witec_text
from ._text import ascending, head_text, parse_numbers, read_text, scan_grid, split_lines
from .registry import Reader

__all__ = ["READER", "load"]

_FOREIGN_STARTS = ("<", "{", "##title", "##jcamp", "ec-lab", "explain", '"z60w', "z60w", "%pdf", "bt-lab")
# Headings of potentiostat tables: cells such as "Ewe/V", "<I>/mA", "Current/A", "Freq/Hz", beside other cells.
_ECHEM_CELL = r"(?:current|[ij]|freq\w*|z')\s*[/(\[]"
_ECHEM = re.compile(
    rf"\bewe\s*/|<i>\s*/|[\t,;]\s*\"?\s*{_ECHEM_CELL}|^\s*\"?\s*{_ECHEM_CELL}[^\t,;\n]*[\t,;]", re.I | re.M
)
_COMMENT = re.compile(r"^\s*(#|%|!|//)")
_DATA_LIKE = re.compile(r'^[\s,;|"]*[-+]?(?:\d|[.,]\d|nan\b|inf\b)', re.I)
_NUMBER = re.compile(r"^[-+]?(?:\d+[.,]\d+|\d+\.?|[.,]\d+)(?:[eE][-+]?\d+)?$")
_DELIMITERS = {
    "tab": "\t",
    "\\t": "\t",
    "comma": ",",
    "semicolon": ";",
    "space": None,
    "whitespace": None,
    " ": None,
    "pipe": "|",
}
_AXIS_HEAD = re.compile(
    r"\b(raman|shift|wave|wavenumbers?|wavelengths?|lambda|stokes)\b|^wave|cm\s*(\^|\{)?\s*[-−⁻]\s*[1¹]|1/cm|\bnm\b",
    re.I,
)
_NM_HEAD = re.compile(r"wavelength|\bnm\b|nanomet|lambda|_nm\b", re.I)
_CM_HEAD = re.compile(r"raman|shift|cm\s*\^?\s*[-−⁻]|1/cm|wavenumber", re.I)
_INTENSITY_HEAD = re.compile(r"intens|count|\bcts\b|signal|a\.?u\.?$", re.I)
_OTHER_AXIS_HEAD = re.compile(r"^pixel|wavelength|wavenumber|raman shift|^wave", re.I)
_QUANTITY = re.compile(
    r"^(?P<name>time|t|x|y|z|pos(?:ition)?[ _-]?[xyz]|distance|exposure|power|temperature|index|spectrum|point|frame)"
    r"[\s_]*[/(\[]?\s*(?P<unit>s|sec|seconds|ms|min|minutes|h|hours|µm|μm|um|mm|nm|mw|°c|c)?\s*[)\]]?$",
    re.I,
)
_LABEL_TIME = re.compile(r"^(?P<value>[-+]?\d+(?:\.\d+)?)\s*(?P<unit>s|sec|ms|min|h)$", re.I)
_SECONDS = {
    "s": 1.0,
    "sec": 1.0,
    "seconds": 1.0,
    "ms": 1e-3,
    "min": 60.0,
    "minutes": 60.0,
    "h": 3600.0,
    "hours": 3600.0,
}
_MICROMETRES = {"µm": 1.0, "μm": 1.0, "um": 1.0, "mm": 1e3, "nm": 1e-3}
_CONVERTED = {f"time_{unit}": ("time_s", factor) for unit, factor in _SECONDS.items() if unit != "s"} | {
    f"{axis}_{unit}": (f"{axis}_um", factor)
    for axis in ("x", "y", "z", "distance")
    for unit, factor in (("mm", 1e3), ("nm", 1e-3))
}

Orientation = Literal["auto", "columns", "rows"]


# -- recognising ------------------------------------------------------------------------------------------------------


def sniff(path: Path, head: bytes) -> bool:
    """Recognise text that holds a line of numbers and is not of another program (potentiostats, JCAMP, XML …)."""
    text = head_text(head)
    if text is None or text.lstrip().lower().startswith(_FOREIGN_STARTS) or _ECHEM.search(text):
        return False
    if any(other.sniff(path, head) for other in (labspec_text, witec_text, bwtek_text, rruff_text)):
        return False
    lines = split_lines(text)
    complete = lines[:-1] if len(lines) > 1 else lines
    likely = [line for line in complete if _DATA_LIKE.match(line)]
    return any(all(_NUMBER.match(c) for c in re.split(r"[\s;,|]+", line.strip(" \t;,|\"'"))[:-1]) for line in likely)


# -- the table --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Table:
    """A block of numbers and the words around it."""

    path: Path
    values: NDArray[np.float64]
    names: tuple[str, ...] = ()
    """Cells of the heading row, one a column; empty if there is none."""
    preamble: tuple[str, ...] = ()
    footer: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    line_numbers: tuple[int, ...] = field(default=(), repr=False)


def _read_table(path: Path, delimiter: str | None, decimal: str | None) -> _Table:
    lines = split_lines(read_text(path))
    likely = [line for line in lines if _DATA_LIKE.match(line)]
    if not likely:
        raise UnreadableFile(path, "has no line of numbers")
    separator, point = _separators(path, likely, delimiter, decimal)
    width = _usual_width(likely, separator)
    first, last, axis_row = _block(path, lines, separator, width)
    kept, numbers, stray = _block_lines(lines, first, last)
    _check_stray(path, stray, lines, len(kept))
    preamble = [line for line in lines[:first] if line.strip()]
    if axis_row is not None:
        preamble.remove(lines[axis_row])
    kept, cut = _without_trailing(kept, separator)
    width -= cut
    values = parse_numbers(path, kept, numbers, separator, point)
    if axis_row is not None:
        row = parse_numbers(path, [lines[axis_row]], [axis_row + 1], separator, point)
        corner = np.full((1, values.shape[1] - row.shape[1]), np.nan)
        values, numbers = np.vstack([np.hstack([corner, row]), values]), [axis_row + 1, *numbers]
    footer = [line for line in lines[last + 1 :] if line.strip()]
    notes = []
    if stray:
        notes.append(f"{len(stray)} lines inside the table are not numbers and were left out: {_listed(stray)}")
    if footer:
        notes.append(f"{len(footer)} lines after the table are not numbers; they are kept in metadata.vendor['footer']")
    return _Table(
        path=path,
        values=values,
        names=_heading(preamble, separator, width),
        preamble=tuple(preamble),
        footer=tuple(footer),
        notes=tuple(notes),
        line_numbers=tuple(numbers),
    )


def _separators(
    path: Path, likely: Sequence[str], delimiter: str | None, decimal: str | None
) -> tuple[str | None, str]:
    """Return the cell delimiter (None: white space) and the decimal sign, given or found."""
    if decimal not in (None, ".", ","):
        raise UnreadableFile(path, f"was to be read with the decimal sign {decimal!r}; possible are '.' and ','")
    sample = likely[:200]
    if delimiter is not None:
        separator = _DELIMITERS.get(delimiter, delimiter)
        if separator is not None and len(separator) != 1:
            raise UnreadableFile(
                path,
                f"was to be read with the delimiter {delimiter!r}; give one character, or {', '.join(_DELIMITERS)}",
            )
    else:
        separator = _found_delimiter(sample, decimal)
    if decimal is None:
        text = "\n".join(line[:2000] for line in sample)
        comma = separator != "," and re.search(r"\d,\d", text) and not re.search(r"\d\.\d", text)
        decimal = "," if comma else "."
    return separator, decimal


def _found_delimiter(sample: Sequence[str], decimal: str | None) -> str | None:
    for candidate in ("\t", ";", "|"):
        if sum(candidate in line for line in sample) > len(sample) / 2:
            return candidate
    if decimal != "," and sum("," in line for line in sample) > len(sample) / 2:
        cells = [cell for line in sample[:20] for cell in line.split()]
        spaced = len(cells) > len(sample[:20])
        return None if spaced and all(_NUMBER.match(cell) for cell in cells) else ","
    return None


def _cells(line: str, separator: str | None) -> list[str]:
    return [cell.strip().strip('"').strip() for cell in line.split(separator)]


def _width(line: str, separator: str | None) -> int:
    return len(line.split()) if separator is None else line.count(separator) + 1


def _usual_width(likely: Sequence[str], separator: str | None) -> int:
    """Return the most common number of cells; of two equally common ones the larger."""
    counts = Counter(_width(line, separator) for line in likely)
    return max(counts, key=lambda width: (counts[width], width))


def _is_numeric(line: str, separator: str | None) -> bool:
    return all(not c or _NUMBER.match(c) or c.lower() in ("nan", "na", "inf") for c in _cells(line, separator))


def _block(path: Path, lines: Sequence[str], separator: str | None, width: int) -> tuple[int, int, int | None]:
    """Return first and last line of the table, and the line of an axis that is one to three cells shorter."""
    first = next(
        (
            i
            for i, line in enumerate(lines)
            if _DATA_LIKE.match(line) and _width(line, separator) == width and _is_numeric(line, separator)
        ),
        None,
    )
    if first is None:
        raise UnreadableFile(path, "has no line that holds only numbers")
    last = max(i for i, line in enumerate(lines) if _DATA_LIKE.match(line))
    before = [i for i in range(first) if lines[i].strip()]
    if before and _DATA_LIKE.match(lines[before[-1]]) and _is_numeric(lines[before[-1]], separator):
        missing = width - _width(lines[before[-1]], separator)
        if 1 <= missing <= 3 and width - missing >= 2:
            return first, max(last, first), before[-1]
    return first, max(last, first), None


def _block_lines(lines: Sequence[str], first: int, last: int) -> tuple[list[str], list[int], list[int]]:
    """Return the lines of numbers, their numbers, and the numbers of lines that are words."""
    kept, numbers, stray = [], [], []
    for index in range(first, last + 1):
        line = lines[index]
        if not line.strip() or _COMMENT.match(line):
            continue
        if _DATA_LIKE.match(line):
            kept.append(line)
            numbers.append(index + 1)
        else:
            stray.append(index + 1)
    return kept, numbers, stray


def _check_stray(path: Path, stray: Sequence[int], lines: Sequence[str], count: int) -> None:
    if len(stray) > max(3, count // 100):
        raise UnreadableFile(
            path,
            f"has {len(stray)} lines among {count} lines of numbers that are none, the first of them line {stray[0]} "
            f"({lines[stray[0] - 1].strip()[:40]!r})",
        )


def _listed(numbers: Sequence[int]) -> str:
    shown = ", ".join(str(n) for n in numbers[:10])
    return f"line {shown}" + (" …" if len(numbers) > 10 else "")


def _without_trailing(kept: list[str], separator: str | None) -> tuple[list[str], int]:
    """Cut off delimiters that end every line, and return how many columns that removes."""
    cut = 0
    while separator is not None and len(kept) > 0 and all(line.rstrip(" ").endswith(separator) for line in kept):
        kept = [line.rstrip(" ")[:-1] for line in kept]
        cut += 1
    return kept, cut


def _heading(preamble: Sequence[str], separator: str | None, width: int) -> tuple[str, ...]:
    """Return the names above the columns, with the units of a second heading line joined to them."""
    fitting: list[list[str]] = []
    for line in list(preamble)[:-3:-1]:
        cells = _fitted(re.sub(r"^\s*(?:#+|%+|!+|//+)\s*", "", line), separator, width)
        if cells is None:
            break
        fitting.insert(0, cells)
    if not fitting:
        return ()
    if len(fitting) == 2 and not any(_NUMBER.match(c) for row in fitting for c in row):
        return tuple(f"{a} {b}".strip() for a, b in zip(*fitting, strict=True))
    return tuple(fitting[-1])


def _fitted(line: str, separator: str | None, width: int) -> list[str] | None:
    for sep in dict.fromkeys((separator, "\t", ",", ";", None)):
        cells = [cell.lstrip("#").strip() for cell in _cells(line, sep)]
        while len(cells) > width and not cells[-1]:
            cells.pop()
        if len(cells) == width and (width > 1 or sep == separator):
            return cells
        filled = [cell for cell in cells if cell]
        if len(filled) == width > 1:
            return filled
    return None


# -- the layout -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Spectra:
    """What a layout yields, before the axis is put in order."""

    axis: NDArray[np.float64]
    intensity: NDArray[np.float64]
    columns: dict[str, NDArray[Any]] = field(default_factory=dict)
    axis_name: str = ""
    spectrum_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Wish:
    """The options that concern the layout."""

    orientation: Orientation
    axis_column: str | None
    columns: tuple[tuple[str, str], ...]


def load(
    path: Path,
    *,
    delimiter: str | None = None,
    decimal: str | None = None,
    orientation: Orientation = "auto",
    axis_column: str | None = None,
    columns: str | None = None,
    axis_unit: Literal["cm-1", "nm"] = "cm-1",
    laser_nm: Annotated[float | None, Between(100, 20000), Unit("nm")] = None,
) -> OperandoDataset:
    """Read a table of numbers.

    Parameters
    ----------
    delimiter
        Character between cells, or tab, comma, semicolon, space, pipe; found from the content if not given.
    decimal
        Decimal sign, '.' or ','; found from the content if not given.
    orientation
        columns: the axis is a column, and each further column is a spectrum. rows: the axis is the first row, and each
        further row is a spectrum. auto: found, or refused where both are possible.
    axis_column
        Column that holds the axis, by number (from 0) or heading; means orientation columns.
    columns
        What else the table holds, as ``name=place`` with commas between. For rows, a place is a leading column by
        number (from 0) or heading: ``x_um=0,y_um=1``, ``time_s=0``, ``time_min=Time``. For columns, ``time_s=label``
        takes the numbers that head the spectra, and ``intensity=Counts`` (or ``intensity=3``, repeatable) names the
        columns that are spectra where others are not. Names are those of dataset columns; times in ms, min, h and
        lengths in mm and nm are converted.
    axis_unit
        Unit of the axis where the heading does not say nm.
    laser_nm
        Excitation wavelength, which such files rarely hold.

    Raises
    ------
    UnreadableFile
        If there is no table, a line is faulty, or the layout is ambiguous; the text names the option that decides it.
    """
    wish = _Wish(orientation, axis_column, _parsed_columns(path, columns))
    table = _read_table(path, delimiter, decimal)
    found = _layout(table, wish)
    shift, intensity = ascending(path, found.axis, found.intensity, "; give axis_column or orientation")
    kind, unit_notes = _axis_kind(path, found.axis_name, axis_unit, shift)
    scan_shape, scan_columns = _scan(found.columns, intensity.shape[0])
    metadata = _metadata(table, found, laser_nm)
    return OperandoDataset(
        intensity=intensity,
        shift=shift,
        columns=scan_columns,
        scan_shape=scan_shape,
        metadata=metadata.warn(*table.notes, *found.notes, *unit_notes),
        axis_kind=kind,
    )


def _parsed_columns(path: Path, text: str | None) -> tuple[tuple[str, str], ...]:
    pairs = []
    for part in (text or "").split(","):
        name, equals, place = (p.strip() for p in part.partition("="))
        if not part.strip():
            continue
        if not (name and equals and place):
            raise UnreadableFile(path, f"was to be read with columns={text!r}; write name=place, as in x_um=0,y_um=1")
        pairs.append((name, place))
    return tuple(pairs)


def _layout(table: _Table, wish: _Wish) -> _Spectra:
    """Choose the layout that was asked for, or the only one that is possible."""
    width = table.values.shape[1]
    if width < 2:
        raise UnreadableFile(
            table.path,
            "has one column of numbers, so an axis without a spectrum or a spectrum without an axis; "
            "at least two columns are needed",
        )
    if wish.axis_column is not None:
        if wish.orientation == "rows":
            raise UnreadableFile(
                table.path, "was to be read with axis_column, which has no meaning for orientation='rows'"
            )
        return _columns_layout(table, _place(table, wish.axis_column), wish)
    long = _long_layout(table) if wish.orientation == "auto" and not wish.columns else None
    if long is not None:
        return long
    if wish.orientation == "rows":
        return _rows_layout(table, wish)
    if wish.orientation == "columns":
        return _columns_layout(table, _named_axis(table) or 0, wish)
    return _guessed_layout(table, wish)


def _guessed_layout(table: _Table, wish: _Wish) -> _Spectra:
    if any(name != "intensity" and place != "label" for name, place in wish.columns):
        return _rows_layout(table, wish)
    leading, row = _axis_row(table)
    named = _named_axis(table)
    if named is not None:
        # A corner "Raman shift" can also speak of the numbers to its right.
        right = row is not None and leading == 1 and not _is_spectral(table.values[:, 0]) and _is_spectral(row)
        return _rows_layout(table, wish) if right else _columns_layout(table, named, wish)
    # Two or more empty or worded cells before an axis of numbers can only be coordinates of spectra in rows.
    if leading >= 2 and row is not None:
        return _rows_layout(table, wish)
    body = table.values if row is None or _blank_corner(table) == 0 else table.values[1:]
    column_fits = _is_spectral(body[:, 0])
    row_fits = row is not None and _is_spectral(row)
    if _is_no_axis(table.names) and not row_fits:
        raise UnreadableFile(
            table.path,
            f"heads its first column {table.names[0]!r}, which is no spectral axis; name the axis with axis_column, or "
            "give orientation='rows' if it is the first row",
        )
    if _is_no_axis(table.names):
        column_fits = False
    if column_fits != row_fits:
        return _columns_layout(table, 0, wish) if column_fits else _rows_layout(table, wish)
    first_column = f"{body[0, 0]:g} … {body[-1, 0]:g}"
    if column_fits:
        raise UnreadableFile(
            table.path,
            f"may have its axis in the first column ({first_column}) or in the first row ({row[0]:g} … {row[-1]:g}); "  # type: ignore[index]
            "give orientation='columns' or orientation='rows'",
        )
    raise UnreadableFile(
        table.path,
        f"has no clear spectral axis: its first column ({first_column}) may be a time, a position or a number, and its "
        "first row is no axis either; give axis_column (such as axis_column='0') or orientation='rows' to decide",
    )


def _is_spectral(values: NDArray[np.float64]) -> bool:
    """Return True for an axis that is no clock, count or position (see the head of this module)."""
    values = values[np.isfinite(values)]
    if values.size == 0 or np.max(np.abs(values)) <= 50:
        return False
    if values.size == 1:
        return True
    steps = np.diff(values)
    monotonic = bool(np.all(steps > 0) or np.all(steps < 0))
    counts = abs(values[0]) <= 1 and np.allclose(steps, 1)
    return monotonic and not counts and values[0] != 0 and (values.size == 2 or float(np.ptp(values)) >= 20)


def _is_no_axis(names: Sequence[str]) -> bool:
    """Return True if the first heading names a time or a position (``x, y`` alone are the axes of any graph)."""
    return bool(names) and bool(_QUANTITY.match(names[0])) and [n.lower() for n in names] != ["x", "y"]


def _named_axis(table: _Table) -> int | None:
    """Return the column whose heading names a spectral axis; Raman shift goes before wavenumber and wavelength."""
    # Where spectra are headed by numbers, only the corner can name an axis.
    by_numbers = sum(bool(_NUMBER.match(n)) for n in table.names) > 1
    heads = table.names[:1] if by_numbers else table.names
    for pattern in (r"raman|shift", r"cm\s*\^?\s*[-−⁻]\s*[1¹]|1/cm|wavenumber", _AXIS_HEAD.pattern):
        for position, name in enumerate(heads):
            if _AXIS_HEAD.search(name) and re.search(pattern, name, re.I):
                return position
    return None


def _place(table: _Table, text: str) -> int:
    """Return the column of a number or heading."""
    width = table.values.shape[1]
    if text in table.names:
        return table.names.index(text)
    if re.fullmatch(r"\d+", text) and int(text) < width:
        return int(text)
    named = f", headed {', '.join(table.names)}" if table.names else ""
    raise UnreadableFile(table.path, f"has no column {text!r}; it has columns 0 to {width - 1}{named}")


def _blank_corner(table: _Table) -> int:
    """Return how many cells before an axis or numbers in the first row are empty; 0 under a heading of words."""
    if table.names:
        return 0
    filled = np.isfinite(table.values[0])
    return int(np.argmax(filled)) if filled.any() else 0


def _axis_row(table: _Table) -> tuple[int, NDArray[np.float64] | None]:
    """Return the number of leading cells and the numbers after them, of the row that may be the axis."""
    headed = [bool(_NUMBER.match(name)) for name in table.names]
    if sum(headed) >= 2 and all(headed[headed.index(True) :]):
        leading = headed.index(True)
        return leading, np.array([float(n.replace(",", ".")) for n in table.names[leading:]])
    leading = _blank_corner(table)
    if table.values.shape[0] < 2 or table.values.shape[1] - leading < 3:
        return leading, None
    row = table.values[0, leading:]
    return leading, row if np.isfinite(row).all() else None


def _columns_layout(table: _Table, at: int, wish: _Wish) -> _Spectra:
    headings = _axis_row(table)[1] if sum(bool(_NUMBER.match(n)) for n in table.names) >= 2 else None
    body, numbers = table.values, None
    if headings is not None and len(table.names) - headings.size == 1:
        numbers = headings
    elif _blank_corner(table) == 1:
        numbers, body = table.values[0, 1:], table.values[1:]
    if at == 0 and _is_no_axis(table.names) and wish.axis_column is None:
        raise UnreadableFile(
            table.path, f"heads its first column {table.names[0]!r}, which is no spectral axis; give axis_column"
        )
    chosen, notes = _intensity_columns(table, at, wish)
    filled = np.isfinite(body[:, at])
    if not filled.all():
        if filled.sum() < 2:
            raise UnreadableFile(table.path, f"has no numbers in the axis column {at}")
        notes.append(f"{int((~filled).sum())} lines have no value of the axis and were left out")
        body = body[filled]
    labels = tuple(table.names[c] for c in chosen) if table.names and numbers is None else ()
    columns, label_notes = _label_columns(table, numbers, labels, wish, len(chosen))
    if numbers is not None and at != 0:
        columns = {}
    return _Spectra(
        axis=body[:, at],
        intensity=body[:, chosen].T,
        columns=columns,
        axis_name=table.names[at] if table.names else "",
        spectrum_names=labels,
        notes=(*notes, *label_notes),
    )


def _intensity_columns(table: _Table, at: int, wish: _Wish) -> tuple[list[int], list[str]]:
    """Return the columns that are spectra: those wished for, else those that no heading excludes."""
    wished = [_place(table, place) for name, place in wish.columns if name == "intensity"]
    others = [c for c in range(table.values.shape[1]) if c != at]
    if wished:
        return wished, []
    if not table.names or len(others) == 1:
        return others, []
    subtracted = [c for c in others if table.names[c].lower().startswith("dark subtracted")]
    if subtracted:
        return subtracted, [
            f"of {len(others)} columns, {', '.join(repr(table.names[c]) for c in subtracted)} was taken as intensity; "
            "give columns='intensity=…' for another"
        ]
    kept = [c for c in others if not (_OTHER_AXIS_HEAD.search(table.names[c]) or _QUANTITY.match(table.names[c]))]
    if not kept:
        raise UnreadableFile(
            table.path, f"heads no column as intensity ({', '.join(table.names)}); give columns='intensity=…'"
        )
    left_out = [table.names[c] for c in others if c not in kept]
    return kept, [f"columns left out, as their headings are no intensity: {', '.join(left_out)}"] if left_out else []


def _label_columns(
    table: _Table, numbers: NDArray[np.float64] | None, labels: Sequence[str], wish: _Wish, n: int
) -> tuple[dict[str, NDArray[Any]], list[str]]:
    """Return per-spectrum columns from what heads the spectra."""
    asked = [(name, place) for name, place in wish.columns if name != "intensity"]
    for name, place in asked:
        if place != "label":
            raise UnreadableFile(
                table.path,
                f"has one spectrum a column, where {name}={place} has no meaning; {name}=label takes the numbers that "
                "head the spectra, and orientation='rows' reads one spectrum a row",
            )
    times = [_LABEL_TIME.match(label) for label in labels]
    if times and all(times):
        return {"time_s": np.array([float(m["value"]) * _SECONDS[m["unit"].lower()] for m in times if m])}, []
    if numbers is None or numbers.size != n:
        if asked:
            raise UnreadableFile(table.path, f"has no numbers that head its spectra, so {asked[0][0]}=label finds none")
        note = "the file holds neither time nor position of its spectra, so both are unknown"
        return {}, [note] if n > 1 else []
    if asked:
        return dict(_converted(name, numbers) for name, _ in asked), []
    return {"label": numbers}, [
        f"the numbers that head the spectra ({numbers[0]:g} … {numbers[-1]:g}) are kept as column 'label'; "
        "if they are times, give columns='time_s=label' (or time_min, time_h)"
    ]


def _converted(name: str, values: NDArray[np.float64]) -> tuple[str, NDArray[Any]]:
    target, factor = _CONVERTED.get(name, (name, 1.0))
    return target, values * factor


def _rows_layout(table: _Table, wish: _Wish) -> _Spectra:
    leading, row = _axis_row(table)
    in_heading = row is not None and sum(bool(_NUMBER.match(n)) for n in table.names) >= 2
    body = table.values if in_heading else table.values[1:]
    asked = [(name, _row_place(table, place)) for name, place in wish.columns if name != "intensity"]
    if not in_heading and leading == 0:
        leading = max((at for _, at in asked), default=-1) + 1
    axis = row if in_heading and row is not None else table.values[0, leading:]
    if body.shape[0] == 0:
        raise UnreadableFile(table.path, "has an axis but no spectrum")
    names = table.names[:leading] if table.names else ("",) * leading
    columns: dict[str, NDArray[Any]] = {}
    notes: list[str] = []
    for name, at in asked:
        if at >= leading:
            raise UnreadableFile(table.path, f"has {leading} leading columns, so column {at} ({name}) is a channel")
        target, values = _converted(name, body[:, at])
        columns[target] = values
    for at in range(leading):
        if at not in [place for _, place in asked]:
            target, values, note = _leading_column(names[at], at, body[:, at])
            columns.setdefault(target, values)
            notes += [note] if note else []
    corner = " ".join(names) if leading == 1 else ""
    return _Spectra(axis, body[:, leading:], columns, corner if _AXIS_HEAD.search(corner) else "", (), tuple(notes))


def _row_place(table: _Table, text: str) -> int:
    if text == "label":
        raise UnreadableFile(
            table.path, "has one spectrum a row, where no number heads a spectrum; give a leading column"
        )
    return _place(table, text)


def _leading_column(name: str, at: int, values: NDArray[np.float64]) -> tuple[str, NDArray[Any], str | None]:
    """Return column name, values in its unit, and a warning where the heading is not clear."""
    match = _QUANTITY.match(name)
    if match is None:
        kept = re.sub(r"\W+", "_", name).strip("_") or f"leading_{at}"
        return (
            kept,
            values,
            (
                f"leading column {at} ({name or 'without heading'}) is not understood and kept as {kept!r}; "
                f"say what it is with columns='time_s={at}' or the like"
            ),
        )
    what, unit = match["name"].lower(), (match["unit"] or "").lower()
    what = re.sub(r"^pos(ition)?[ _-]?", "", what)
    if what in ("time", "t"):
        if unit in _SECONDS:
            return "time_s", values * _SECONDS[unit], None
        return (
            "time",
            values,
            (
                f"leading column {at} ({name}) states no unit of time and is kept as 'time'; "
                f"give columns='time_s={at}' (or time_min, time_h)"
            ),
        )
    if what in ("x", "y", "z", "distance"):
        note = None if unit else f"leading column {at} ({name}) states no unit; µm was taken"
        return f"{what}_um", values * _MICROMETRES.get(unit, 1.0), note
    if (what, unit) in (("exposure", "s"), ("power", "mw"), ("temperature", "c"), ("temperature", "°c")):
        return {"exposure": "exposure_s", "power": "power_mw", "temperature": "temperature_c"}[what], values, None
    return re.sub(r"\W+", "_", name.lower()).strip("_"), values, None


def _long_layout(table: _Table) -> _Spectra | None:
    """Return spectra from one line a point (X, Y, Wave, Intensity), or None if the table is no such list."""
    at = _named_axis(table)
    if at is None or len(table.names) < 3:
        return None
    places = [c for c, name in enumerate(table.names) if c != at and _QUANTITY.match(name)]
    heads = [c for c, name in enumerate(table.names) if c not in (at, *places) and _INTENSITY_HEAD.search(name)]
    if len(heads) != 1 or not places or len(places) + 2 != len(table.names):
        return None
    axis = table.values[:, at]
    returns = np.flatnonzero(axis[1:] == axis[0])
    channels = int(returns[0]) + 1 if returns.size else axis.size
    n, rest = divmod(axis.size, channels)
    if rest or not np.array_equal(axis.reshape(n, channels), np.broadcast_to(axis[:channels], (n, channels))):
        raise UnreadableFile(
            table.path,
            f"lists one point a line, but its {axis.size} lines are not whole spectra of {channels} channels",
        )
    columns: dict[str, NDArray[Any]] = {}
    notes = []
    for c in places:
        target, values, note = _leading_column(table.names[c], c, table.values[::channels, c])
        columns[target] = values
        notes += [note] if note else []
    intensity = table.values[:, heads[0]].reshape(n, channels)
    return _Spectra(axis[:channels], intensity, columns, table.names[at], (), tuple(notes))


# -- the rest ---------------------------------------------------------------------------------------------------------


def _axis_kind(path: Path, name: str, axis_unit: str, shift: NDArray[np.float64]) -> tuple[AxisKind, list[str]]:
    if axis_unit == "nm":
        note = f"the heading {name!r} speaks of cm-1, but axis_unit='nm' was given and followed"
        return "wavelength", [note] if _CM_HEAD.search(name) and not _NM_HEAD.search(name) else []
    if _NM_HEAD.search(name) and not _CM_HEAD.search(name):
        return "wavelength", []
    if shift.size and shift[-1] > 8000:
        return "wavenumber", ["the axis reaches beyond 8000 cm-1, so it was taken for an absolute wavenumber"]
    if path.suffix.lower() == ".dpt":
        return "raman_shift", [
            "an OPUS point table does not say whether it is Raman or infrared; Raman shift was taken"
        ]
    note = (
        "the file does not state the unit of its axis; Raman shift in cm-1 was taken (axis_unit='nm' for wavelengths)"
    )
    return "raman_shift", [] if _CM_HEAD.search(name) else [note]


def _scan(columns: Mapping[str, NDArray[Any]], n: int) -> tuple[tuple[tuple[str, int], ...], dict[str, NDArray[Any]]]:
    varying = {
        axis: columns[f"{axis}_um"]
        for axis in ("z", "y", "x")
        if f"{axis}_um" in columns and np.ptp(columns[f"{axis}_um"]) > 0
    }
    found = scan_grid(varying) if len(varying) >= 2 else None
    if found is not None:
        return found[0], {**columns, "scan_index": found[1]}
    if n > 1 and len(varying) == 1:
        return (("line", n),), dict(columns)
    if n > 1 and "time_s" in columns and not varying:
        return (("time", n),), dict(columns)
    return (), dict(columns)


def _metadata(table: _Table, found: _Spectra, laser_nm: float | None) -> Metadata:
    """Return the metadata: what stands around the table, and the laser that was given."""
    vendor: dict[str, Any] = {}
    if table.preamble:
        vendor["preamble"] = list(table.preamble)
    if table.footer:
        vendor["footer"] = list(table.footer)
    if found.spectrum_names:
        vendor["spectra"] = list(found.spectrum_names)
    return Metadata(vendor=vendor, laser=Laser(wavelength_nm=laser_nm))


READER = Reader(
    name="delimited-text",
    description="table of numbers as text: two columns, or a matrix of spectra (.csv, .tsv, .txt, .dpt, .asc)",
    extensions=(".csv", ".tsv", ".txt", ".dat", ".asc", ".dpt", ".prn", ".gz"),
    sniff=sniff,
    load=load,
    gives=("times", "positions", "scan"),
)
