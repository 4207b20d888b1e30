"""Bruker OPUS data point tables (``.dpt``): one spectrum as two columns of text.

What is read: lines of wavenumber and intensity (a point or a comma as decimal sign; tab, comma, semicolon or spaces
between), without any heading. More than two columns are more than one spectrum. The table states neither unit, date nor
kind of spectrum, so nothing but the ending ``.dpt`` tells it from other tables; a table with a heading or with another
ending is left to ``delimited-text``.

Axis. OPUS writes such tables of infrared and Raman spectra alike. Infrared (absolute wavenumber) is assumed, with a
warning; a table that reaches below zero can only be a Raman shift. ``axis_kind=`` decides.

Test file: an infrared ATR spectrum of the WrightTools collection (``CuPCtS_powder_ATR.dpt``).
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Literal

from ..dataset import AxisKind, OperandoDataset
from ..errors import UnreadableFile
from ..metadata import Instrument, Metadata
from ._text import ascending, head_text, parse_numbers, read_text, split_lines
from .registry import Reader

__all__ = ["READER", "load", "sniff"]


def sniff(path: Path, head: bytes) -> bool:
    """Return True for the ending ``.dpt`` and a first line of numbers."""
    if path.suffix.lower() != ".dpt":
        return False
    text = head_text(head)
    first = "" if text is None else next((line for line in split_lines(text) if line.strip()), "")
    delimiter, decimal = _separators(first)
    cells = first.rstrip(f" {delimiter or ''}").replace(decimal, ".").split(delimiter)
    return len(cells) > 1 and all(_is_number(cell) for cell in cells)


def _is_number(cell: str) -> bool:
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False


def load(path: Path, *, axis_kind: Literal["auto", "wavenumber", "raman_shift"] = "auto") -> OperandoDataset:
    """Read an OPUS data point table.

    Parameters
    ----------
    axis_kind
        wavenumber (absolute: infrared), raman_shift, or auto: wavenumber, unless the axis reaches below zero.

    Returns
    -------
    OperandoDataset
        One spectrum (or one a further column), on a rising axis in cm-1. No columns: the table holds nothing else.

    Raises
    ------
    UnreadableFile
        If a line is no line of numbers (its number is given), or the first column is no axis.
    """
    lines = [(number, line) for number, line in enumerate(split_lines(read_text(path)), 1) if line.strip()]
    if not lines:
        raise UnreadableFile(path, "has no line of numbers")
    delimiter, decimal = _separators(lines[0][1])
    numbers, rows = zip(*lines, strict=True)
    if delimiter is not None:
        rows = tuple(row.rstrip(f" {delimiter}") for row in rows)
    table = parse_numbers(path, rows, numbers, delimiter, decimal)
    if table.shape[1] < 2:
        raise UnreadableFile(path, "has one column of numbers; a data point table has two")
    shift, intensity = ascending(path, table[:, 0], table[:, 1:].T)
    kind: AxisKind = "wavenumber"
    notes = []
    if axis_kind != "auto":
        kind = axis_kind
    elif shift[0] < 0:
        kind = "raman_shift"
        notes.append("the table does not say what its axis is; as it reaches below zero, Raman shift was taken")
    else:
        notes.append(
            "a data point table does not say whether it is infrared or Raman; infrared (absolute wavenumber) was "
            "taken, give axis_kind='raman_shift' if that is wrong"
        )
    metadata = Metadata(instrument=Instrument(vendor="Bruker", software="OPUS")).warn(*notes)
    return OperandoDataset(intensity=intensity, shift=shift, metadata=metadata, axis_kind=kind)


def _separators(line: str) -> tuple[str | None, str]:
    """Return what stands between the cells (None: white space) and the decimal sign."""
    for delimiter in ("\t", ";"):
        if delimiter in line:
            return delimiter, "," if "," in line else "."
    if "," in line and "." not in line and re.search(r"\s", line.strip()):
        return None, ","
    return ("," if "," in line else None), "."


READER = Reader(
    name="bruker-dpt",
    description="Bruker OPUS data point table: one spectrum as text",
    extensions=(".dpt",),
    sniff=sniff,
    load=load,
    gives=(),
)
