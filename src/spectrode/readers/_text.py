"""What the readers of text files share: decoding, blocks of numbers, axis order, scan grids, dates."""

from __future__ import annotations

import gzip
import math
import re
import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UnreadableFile

__all__ = [
    "ascending",
    "first_number",
    "head_text",
    "local_date",
    "parse_numbers",
    "read_text",
    "scan_grid",
    "split_lines",
]

_GZIP = b"\x1f\x8b"
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_MISSING = ("NA", "N/A", "#N/A", "null", "None", "--")
# A grid with fewer places taken than this is no grid but points that happen to share a coordinate. The sparsest real
# map at hand (a particle on a rectangle) takes 54 %.
_LEAST_OCCUPANCY = 0.25


# -- bytes to lines ---------------------------------------------------------------------------------------------------


def head_text(head: bytes) -> str | None:
    """Return the first bytes of a (possibly gzipped) file as text for sniffing, or None if they are binary."""
    if head.startswith(_GZIP):
        try:
            head = zlib.decompressobj(wbits=31).decompress(head, 1 << 16)
        except zlib.error:
            return None
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            return head.decode(encoding, errors="ignore")
    return None if b"\x00" in head else head.decode("latin-1")


def read_text(path: Path) -> str:
    """Return a whole (possibly gzipped) text file: UTF-8 or UTF-16 by its mark, else UTF-8, else Latin-1.

    Raises
    ------
    UnreadableFile
        If the gzip stream is damaged or the content is binary.
    """
    data = path.read_bytes()
    if data.startswith(_GZIP):
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise UnreadableFile(path, f"is a damaged or truncated gzip file ({error})") from None
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    if b"\x00" in data:
        raise UnreadableFile(path, "holds NUL bytes, so it is not a text file")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        # Western European Windows programs write µ, ° and ¹ as single bytes; Latin-1 cannot fail.
        return data.decode("latin-1")


def split_lines(text: str) -> list[str]:
    """Split at line ends of any system, and only there (``str.splitlines`` also splits at form feeds and NEL)."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


# -- lines to numbers -------------------------------------------------------------------------------------------------


def parse_numbers(
    path: Path,
    lines: Sequence[str],
    line_numbers: Sequence[int],
    delimiter: str | None,
    decimal: str = ".",
) -> NDArray[np.float64]:
    """Parse lines of numbers in one go; blank cells become NaN.

    Parameters
    ----------
    path
        For the error text.
    lines, line_numbers
        Non-blank lines, and the number (from 1) of each in the file.
    delimiter
        One character, or None for runs of white space.
    decimal
        ``.`` or ``,``.

    Returns
    -------
    ndarray
        (lines, cells), float64.

    Raises
    ------
    UnreadableFile
        Naming the line, if a cell is no number or the lines differ in length.
    """
    if not lines:
        raise UnreadableFile(path, "has no line of numbers")
    joined = "\n".join(lines)
    if decimal == ",":
        joined = joined.replace(",", ".")
    joined = joined.replace('"', "")
    if delimiter is not None:
        joined = _with_blanks_filled(joined, delimiter)
    try:
        return _loaded(joined, delimiter)
    except ValueError:
        pass
    try:
        return _loaded(_with_missing_words_filled(joined, delimiter), delimiter)
    except ValueError as error:
        raise UnreadableFile(path, _first_fault(joined.split("\n"), line_numbers, delimiter, error)) from None


def _loaded(joined: str, delimiter: str | None) -> NDArray[np.float64]:
    # np.loadtxt parses cells in C; comments=None because comment lines are gone by now.
    table: NDArray[np.float64] = np.loadtxt(
        joined.split("\n"), delimiter=delimiter, comments=None, ndmin=2, dtype=np.float64
    )
    return table


def _with_blanks_filled(joined: str, delimiter: str) -> str:
    d = delimiter
    telling = (d + d, "\n" + d, d + "\n", " " + d)
    if not (any(t in joined for t in telling) or joined.startswith(d) or joined.endswith((d, " "))):
        return joined  # the regular expression is slow on large tables
    mark = re.escape(d)
    return re.sub(rf"(?<![^{mark}\n])[ ]*(?=[{mark}\n]|\Z)", "nan", joined)


def _with_missing_words_filled(joined: str, delimiter: str | None) -> str:
    mark = r"\s" if delimiter is None else re.escape(delimiter) + r"\n"
    words = "|".join(map(re.escape, _MISSING))
    return re.sub(rf"(?<![^{mark}])[ ]*(?:{words})[ ]*(?=[{mark}]|\Z)", "nan", joined)


def _first_fault(lines: Sequence[str], line_numbers: Sequence[int], delimiter: str | None, error: ValueError) -> str:
    expected = len(lines[0].split(delimiter))
    for number, line in zip(line_numbers, lines, strict=True):
        cells = line.split(delimiter)
        for position, cell in enumerate(cells):
            if cell.strip() not in _MISSING and not _is_number(cell):
                return f"line {number} holds {cell.strip()[:40]!r} in column {position}, which is not a number"
        if len(cells) != expected:
            return (
                f"line {number} has {len(cells)} values where line {line_numbers[0]} has {expected}; "
                "the file is cut short or damaged"
            )
    return f"holds a table that is not regular ({error})"


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def first_number(text: object, low: float = -math.inf, high: float = math.inf) -> float | None:
    """Return the first number in a text that lies between two limits, or None."""
    sign = "[-+]?" if low < 0 else ""  # of what cannot be negative, a hyphen before it is none (HeNe-633)
    for found in re.findall(sign + r"\d+(?:[.,]\d+)?(?:[eE][-+]?\d+)?", str(text)):
        value = float(found.replace(",", "."))
        if low <= value <= high:
            return value
    return None


# -- axis -------------------------------------------------------------------------------------------------------------


def ascending(
    path: Path, axis: NDArray[np.float64], intensity: NDArray[Any], hint: str = ""
) -> tuple[NDArray[np.float64], NDArray[Any]]:
    """Return axis and intensities in ascending order; a descending axis is turned around with them.

    Raises
    ------
    UnreadableFile
        If the axis is empty, not finite, or neither strictly ascending nor strictly descending.
    """
    if axis.size == 0:
        raise UnreadableFile(path, "has no channels")
    if not np.isfinite(axis).all():
        at = int(np.argmin(np.isfinite(axis)))
        raise UnreadableFile(path, f"has a spectral axis that is not a number in channel {at}{hint}")
    steps = np.diff(axis)
    if axis.size > 1 and steps[0] < 0:
        axis, intensity, steps = axis[::-1], intensity[:, ::-1], -steps[::-1]
    if np.any(steps <= 0):
        at = int(np.argmax(steps <= 0))
        raise UnreadableFile(
            path,
            f"has an axis that is neither rising nor falling throughout ({axis[at]:g} stands beside {axis[at + 1]:g}), "
            f"so it is no spectral axis{hint}",
        )
    return np.ascontiguousarray(axis), np.ascontiguousarray(intensity)


# -- scan -------------------------------------------------------------------------------------------------------------


def scan_grid(
    positions: Mapping[str, NDArray[np.float64]],
) -> tuple[tuple[tuple[str, int], ...], NDArray[np.int64]] | None:
    """Find the rectangular grid that a list of positions lies on.

    Lines of the grid need not be equally spaced, and need not be full. Positions that repeat equally become frames.

    Parameters
    ----------
    positions
        Coordinates (spectra,) by dimension name, slowest first (``{"y": ..., "x": ...}``).

    Returns
    -------
    tuple or None
        Scan shape and (spectra,) place of each spectrum, counted along rising coordinates; None if there is no grid.
    """
    n = next(iter(positions.values())).size
    if n == 0 or not all(np.isfinite(p).all() for p in positions.values()):
        return None
    # Exact positions first; then with a tolerance for stages that report where they really stopped.
    for tolerance in (_rounding, _quarter_step):
        levels = {name: _levels(p, tolerance(p)) for name, p in positions.items()}
        found = _placed(levels, n)
        if found is not None:
            return found
    return None


def _placed(
    levels: Mapping[str, NDArray[np.int64]], n: int
) -> tuple[tuple[tuple[str, int], ...], NDArray[np.int64]] | None:
    shape = tuple((name, int(level.max()) + 1) for name, level in levels.items())
    sizes = [size for _, size in shape]
    if n > 1 and len(sizes) > 1 and n < _LEAST_OCCUPANCY * math.prod(sizes):
        return None
    place = np.ravel_multi_index(tuple(levels.values()), sizes).astype(np.int64)
    frame = _occurrence(place)
    frames = int(frame.max()) + 1
    if frames > 1:
        if n != frames * np.unique(place).size:
            return None
        return (("frame", frames), *shape), frame * math.prod(sizes) + place
    return shape, place


def _occurrence(place: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n,) how many times each value has come before."""
    order = np.argsort(place, kind="stable")
    ordered = place[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    lengths = np.diff(np.r_[starts, ordered.size])
    counted = np.empty(place.size, dtype=np.int64)
    counted[order] = np.arange(place.size) - np.repeat(starts, lengths)
    return counted


def _rounding(values: NDArray[np.float64]) -> float:
    return float(1e-5 * np.ptp(values) + 1e-9)


def _quarter_step(values: NDArray[np.float64]) -> float:
    gaps = np.diff(np.sort(values))
    if gaps.size == 0 or gaps.max() <= 0:
        return 0.0
    return float(np.median(gaps[gaps > 0.2 * gaps.max()]) / 4)


def _levels(values: NDArray[np.float64], tolerance: float) -> NDArray[np.int64]:
    """(n,) number of the grid line that each value lies on."""
    order = np.argsort(values, kind="stable")
    rises = np.r_[False, np.diff(values[order]) > tolerance]
    level = np.empty(values.size, dtype=np.int64)
    level[order] = np.cumsum(rises)
    return level


# -- dates ------------------------------------------------------------------------------------------------------------

_DATE = re.compile(r"(\d{1,4})([./-])(\d{1,2})\2(\d{1,4})(?:[ T]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?)?")


def local_date(text: str) -> tuple[datetime | None, str | None]:
    """Parse a date without a zone.

    ``2022-01-21 11:52:01`` and ``27.09.2019`` (dots: day first in every country that writes them) are clear;
    ``01/05/16`` is not, and is taken day first unless that is impossible.

    Returns
    -------
    when : datetime or None
    note : str or None
        Names both readings if there are two.
    """
    match = _DATE.search(text)
    if match is None:
        return None, None
    one, two, three = int(match[1]), int(match[3]), int(match[4])
    clock = (int(match[5] or 0), int(match[6] or 0), int(match[7] or 0))
    if len(match[1]) == 4:
        return _date_or_none(one, two, three, clock), None
    year = three + 2000 if three < 70 else three + 1900 if three < 100 else three
    day_first = _date_or_none(year, two, one, clock)
    month_first = _date_or_none(year, one, two, clock) if match[2] != "." else None
    if day_first is None or month_first is None or day_first == month_first:
        return day_first or month_first, None
    return day_first, (
        f"the date {match[0]} can mean {_spelt(day_first)} or {_spelt(month_first)}; "
        f"the day was taken to come first ({day_first:%Y-%m-%d})"
    )


def _spelt(when: datetime) -> str:
    return f"{when.day} {when:%B %Y}"


def _date_or_none(year: int, month: int, day: int, clock: tuple[int, int, int]) -> datetime | None:
    try:
        return datetime(year, month, day, *clock)
    except ValueError:
        return None
