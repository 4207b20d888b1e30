"""WITec text export: tables of Project and Control, single graphs with a header, TrueMatch particle lists.

Three layouts. *Tables* have the spectral axis in the first column and one spectrum in each further one; above it may
stand a row of labels (``X-Axis``, ``Map_000_Spec.Data 1_F(3/0)`` …), a row of units (``rel. 1/cm``, ``CCD cts`` …),
both or none. Labels end with the pixel ``(x/y)`` of a map or the number ``(i)`` of a series: the only place where the
layout of the scan is written. A table without either row carries nothing of WITec and is left to ``delimited-text``.
*Graphs* begin ``//Exported ASCII-File``, then ``[Header]`` with ``key = value`` and ``[Data]``. *TrueMatch* files hold
many blocks ``[SpectrumHeader]``, ``[SampleMetaData]``, ``[SpectrumData]``.

None of them holds a time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..dataset import AxisKind, OperandoDataset
from ..errors import UnreadableFile
from ..metadata import Instrument, Laser, Metadata, Sample
from ._text import ascending, first_number, head_text, parse_numbers, read_text, split_lines
from .registry import Reader

__all__ = ["READER", "load"]

_GRAPH = "//Exported ASCII-File"
_TRUEMATCH = "[WITEC_TRUEMATCH_ASCII_HEADER]"
_AXIS_UNITS: dict[str, AxisKind] = {
    "rel. 1/cm": "raman_shift",
    "1/cm": "wavenumber",
    "abs. 1/cm": "wavenumber",
    "nm": "wavelength",
}
_PIXEL = re.compile(r"\((\d+)/(\d+)\)\s*$")
_NUMBER = re.compile(r"\((\d+)\)\s*$")
_ENTRY = re.compile(r"^([^=\[\]]+?)\s*=\s*(.*?)\s*$")
_MICROMETRES = {"µm": 1.0, "μm": 1.0, "um": 1.0, "mm": 1e3, "nm": 1e-3}

_Scan = tuple[tuple[tuple[str, int], ...], NDArray[np.int64] | None]


def sniff(path: Path, head: bytes) -> bool:
    """Recognise the two marks of headed files, or a first row of labels or units as WITec writes them."""
    text = head_text(head)
    if text is None:
        return False
    text = text.lstrip()
    if text.startswith(_TRUEMATCH):
        return True
    if text.startswith(_GRAPH):
        return "[Data]" in text or "SizeGraph" in text  # the same program exports images under the same mark
    return _is_label_row(text.split("\n", 1)[0]) or _is_unit_row(text.split("\n", 1)[0])


def _is_label_row(line: str) -> bool:
    cells = line.split("\t")
    return len(cells) > 1 and cells[0].strip() == "X-Axis"


def _is_unit_row(line: str) -> bool:
    cells = line.split("\t")
    return len(cells) > 1 and cells[0].strip() in _AXIS_UNITS and cells[1].strip().startswith(("CCD", "cts"))


def load(path: Path) -> OperandoDataset:
    """Read a WITec text export.

    Returns
    -------
    OperandoDataset
        One spectrum a column (or TrueMatch block), in file order; ``scan_shape`` from pixel labels where there are any.

    Raises
    ------
    UnreadableFile
        If the numbers are missing, cut short or contradict the header.
    """
    lines = split_lines(read_text(path))
    first = next((line for line in lines if line.strip()), "")
    if first.startswith(_TRUEMATCH):
        return _truematch(path, lines)
    if first.startswith(_GRAPH):
        return _graph(path, lines)
    return _table(path, lines, 0, {})


# -- tables and graphs ------------------------------------------------------------------------------------------------


def _graph(path: Path, lines: Sequence[str]) -> OperandoDataset:
    stripped = [line.strip() for line in lines]
    if "[Data]" not in stripped:
        raise UnreadableFile(path, "has no [Data] section, so it holds no spectrum (or is cut short)")
    data = stripped.index("[Data]")
    return _table(path, lines, data + 1, _entries(lines[:data]))


def _entries(lines: Sequence[str]) -> dict[str, str]:
    return {m[1].strip(): m[2] for line in lines if (m := _ENTRY.match(line)) is not None}


def _table(path: Path, lines: Sequence[str], start: int, header: Mapping[str, str]) -> OperandoDataset:
    kept = [(number, line) for number, line in enumerate(lines[start:], start + 1) if line.strip()]
    delimiter = "\t" if any("\t" in line for _, line in kept[:3]) else ","
    labels, units, skip = _heads(kept, delimiter)
    if len(kept) == skip:
        raise UnreadableFile(path, "has no numbers after its header")
    numbers, rows = zip(*kept[skip:], strict=True)
    decimal = "," if delimiter == "\t" and "," in rows[0] and "." not in rows[0] else "."
    values = parse_numbers(path, rows, numbers, delimiter, decimal)
    if values.shape[1] < 2:
        raise UnreadableFile(path, "has one column of numbers, so an axis without a spectrum")
    n = values.shape[1] - 1
    _check_size(path, header, values.shape[0], n)
    shift, intensity = ascending(path, values[:, 0], values[:, 1:].T)
    kind, notes = _axis_kind(path, header.get("XAxisUnit") or (units[0] if units else ""))
    (scan_shape, scan_index), scan_notes = _scan(labels, header, n)
    columns = _positions(header, scan_shape, n)
    if scan_index is not None:
        columns["scan_index"] = scan_index
    metadata = Metadata(
        title=header.get("GraphName") or _common_label(labels),
        instrument=Instrument(vendor="WITec"),
        vendor={"header": dict(header), "labels": list(labels), "units": list(units)},
    ).warn(*notes, *scan_notes)
    return OperandoDataset(
        intensity=intensity,
        shift=shift,
        columns=columns,
        scan_shape=scan_shape,
        metadata=metadata,
        axis_kind=kind,
    )


def _heads(kept: Sequence[tuple[int, str]], delimiter: str) -> tuple[list[str], list[str], int]:
    """Return labels, units (each may be empty) and the number of lines they take."""
    labels: list[str] = []
    units: list[str] = []
    skip = 0
    for _, line in kept[:2]:
        cells = [cell.strip() for cell in line.split(delimiter)]
        if cells[0] == "X-Axis":
            labels = cells
        elif cells[0] in _AXIS_UNITS or first_number(cells[0]) is None:
            units = cells
        else:
            break
        skip += 1
    return labels, units, skip


def _check_size(path: Path, header: Mapping[str, str], channels: int, n: int) -> None:
    size = first_number(header.get("SizeGraph", ""))
    if size is not None and size != channels:
        raise UnreadableFile(path, f"announces {size:g} channels but holds {channels}; it is cut short or damaged")
    x, y = first_number(header.get("SizeX", "")), first_number(header.get("SizeY", ""))
    if x is not None and y is not None and x * y != n:
        raise UnreadableFile(path, f"announces {x:g} × {y:g} spectra but holds {n}")


def _axis_kind(path: Path, unit: str) -> tuple[AxisKind, list[str]]:
    unit = unit.strip()
    if unit in _AXIS_UNITS:
        return _AXIS_UNITS[unit], []
    if not unit:
        return "raman_shift", ["the file does not state the unit of its axis; Raman shift in cm-1 was taken"]
    raise UnreadableFile(path, f"has its axis in {unit!r}; known are {', '.join(_AXIS_UNITS)}")


def _scan(labels: Sequence[str], header: Mapping[str, str], n: int) -> tuple[_Scan, list[str]]:
    """Return scan shape and index from the labels, else from the header, and a warning where both are silent."""
    ends = list(labels[1:])
    if n == 1:
        return ((), None), []
    pixels = [_PIXEL.search(end) for end in ends]
    if ends and all(pixels):
        x, y = (np.array([int(p[k]) for p in pixels if p is not None]) for k in (1, 2))
        shape = (("y", int(y.max()) + 1), ("x", int(x.max()) + 1))
        place = (y * shape[1][1] + x).astype(np.int64)
        if np.unique(place).size == n:
            note = "the export gives the pixel of each spectrum but no position in µm and no time"
            return (shape, place), [] if "ScanWidth" in header else [note]
    numbers = [_NUMBER.search(end) for end in ends]
    if ends and all(numbers):
        order = np.array([int(m[1]) for m in numbers if m is not None], dtype=np.int64)
        name = "time" if "time" in ends[0].lower() else "line"
        if np.array_equal(order, np.arange(n)):
            return ((((name, n),)), None), [f"the export numbers the {n} spectra but gives neither time nor position"]
    x_size, y_size = first_number(header.get("SizeX", "")), first_number(header.get("SizeY", ""))
    if x_size is not None and y_size is not None:
        return ((("y", int(y_size)), ("x", int(x_size))), None), []
    return ((), None), [
        f"the {n} spectra carry no pixel labels in this export, so their positions are unknown; they are kept as a "
        "list of points in file order (export with the header rows to keep the map)"
    ]


def _positions(header: Mapping[str, str], scan_shape: tuple[tuple[str, int], ...], n: int) -> dict[str, NDArray[Any]]:
    """Return stage positions: of a single spectrum as written, of a map relative to its first pixel."""
    columns: dict[str, NDArray[Any]] = {}
    if n == 1:
        factor = _MICROMETRES.get(header.get("PositionUnit", ""))
        for axis in "XYZ":
            value = first_number(header.get(f"Position{axis}", ""))
            if factor is not None and value is not None:
                columns[f"{axis.lower()}_um"] = np.array([value * factor])
        return columns
    factor = _MICROMETRES.get(header.get("ScanUnit", ""))
    width, height = first_number(header.get("ScanWidth", "")), first_number(header.get("ScanHeight", ""))
    sizes = dict(scan_shape)
    if factor is None or width is None or height is None or not {"x", "y"} <= sizes.keys():
        return columns
    # The header gives the outline of the scan; which point of it ScanOrigin names is not documented.
    y, x = np.divmod(np.arange(n), sizes["x"])
    columns["x_um"] = x * width * factor / sizes["x"]
    columns["y_um"] = y * height * factor / sizes["y"]
    return columns


def _common_label(labels: Sequence[str]) -> str | None:
    """Return the first spectrum's label without its pixel or number."""
    if len(labels) < 2:
        return None
    return re.sub(r"(_F)?\([\d/]+\)\s*$", "", labels[1]).strip() or None


# -- TrueMatch --------------------------------------------------------------------------------------------------------


def _truematch(path: Path, lines: Sequence[str]) -> OperandoDataset:
    starts = [i for i, line in enumerate(lines) if line.strip() == "[SpectrumHeader]"]
    if not starts:
        raise UnreadableFile(path, "is a TrueMatch file without any spectrum")
    blocks = [_particle(path, lines, a, b) for a, b in zip(starts, [*starts[1:], len(lines)], strict=True)]
    heads = [head for head, _ in blocks]
    axis = blocks[0][1][:, 0]
    for number, (_, values) in enumerate(blocks[1:], start=1):
        if not np.array_equal(values[:, 0], axis):
            raise UnreadableFile(
                path,
                f"holds spectra on different axes (number {number} differs from number 0), which fit no one dataset",
            )
    shift, intensity = ascending(path, axis, np.array([values[:, 1] for _, values in blocks]))
    kinds = {head.get("XDataKind", "") for head in heads}
    if len(kinds) > 1:
        raise UnreadableFile(path, f"mixes axes in {', '.join(sorted(kinds))}")
    kind, notes = _axis_kind(path, kinds.pop())
    lasers = {first_number(head.get("ExcitationWavelength", ""), 150.0, 20000.0) for head in heads}
    if len(lasers) > 1:
        notes.append("the spectra were excited at different wavelengths; see metadata.vendor")
    titles = [head.get("Title", "") for head in heads]
    metadata = Metadata(
        title=titles[0] if len(titles) == 1 else None,
        laser=Laser(wavelength_nm=lasers.pop() if len(lasers) == 1 else None),
        instrument=Instrument(vendor="WITec", software="TrueMatch"),
        sample=Sample(description=", ".join(titles)),
        vendor={"spectra": heads},
    ).warn(*notes)
    return OperandoDataset(intensity=intensity, shift=shift, metadata=metadata, axis_kind=kind)


def _particle(path: Path, lines: Sequence[str], start: int, end: int) -> tuple[dict[str, str], NDArray[np.float64]]:
    """Return the entries and the (channels, 2) numbers of one block."""
    marks = [i for i in range(start, end) if lines[i].strip() == "[SpectrumData]"]
    if not marks:
        raise UnreadableFile(path, f"has a spectrum header in line {start + 1} without [SpectrumData]")
    kept = [(number, line) for number, line in enumerate(lines[marks[0] + 1 : end], marks[0] + 2) if line.strip()]
    head = _entries(lines[start : marks[0]])
    rows = [line for _, line in kept]
    decimal = "," if rows and "," in rows[0] and "." not in rows[0] else "."
    values = parse_numbers(path, rows, [number for number, _ in kept], None, decimal)
    size = first_number(head.get("SpectrumSize", ""))
    if values.shape[1] != 2 or (size is not None and size != values.shape[0]):
        raise UnreadableFile(
            path,
            f"announces {head.get('SpectrumSize')} channels for {head.get('Title', 'a spectrum')!r} but holds "
            f"{values.shape[0]} × {values.shape[1]} numbers; it is cut short or damaged",
        )
    return head, values


READER = Reader(
    name="witec-text",
    description="WITec text export: tables with label or unit rows, [Header]/[Data] graphs, TrueMatch (.txt)",
    extensions=(".txt", ".csv"),
    sniff=sniff,
    load=load,
    gives=("positions", "scan", "laser"),
)
