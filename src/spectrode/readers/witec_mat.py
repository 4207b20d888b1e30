"""WITec exports for MATLAB (``.mat``): one DataSet Object (DSO, the class of PLS_Toolbox) with an image or a list.

What is read. The first variable that is an object of class ``dataset`` (or a structure with its fields): ``data``
(spectra, channels), ``axisscale`` (the spectral axis and, in place of a name, its unit), ``imagesize`` and
``imageaxisscale`` (the two axes of a map, with units). Other MATLAB files (tables without these fields) are not
claimed. The counts keep their type.

Layout. Spectra of an image follow one another down the first of its two dimensions, as MATLAB stores arrays: the
transposed order of WITec's text export. The file does not say which stage direction a dimension is; the first is taken
as rows (y) and the second as columns (x), as MATLAB shows an image, and a warning says so.

Time, laser and exposure are not in the file; its date is that of the export and stays in ``metadata.vendor``.

MATLAB files are read by :mod:`spectrode.readers._mat5`, which compares each declared size with the file before use.
Test file: an export of WITec Project FIVE 5.2 (RamanSPy, BSD-3-Clause).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..dataset import AxisKind, OperandoDataset
from ..errors import UnreadableFile
from ..metadata import Instrument, Metadata
from ._mat5 import Structure, head_content, variables
from ._text import ascending
from .registry import Reader

__all__ = ["READER", "load", "sniff"]

_FIELDS = ("data", "axisscale", "imagesize", "imageaxisscale")
_AXIS_UNITS: dict[str, AxisKind] = {
    "rel. 1/cm": "raman_shift",
    "1/cm": "wavenumber",
    "abs. 1/cm": "wavenumber",
    "nm": "wavelength",
}
_MICROMETRES = {"µm": 1.0, "μm": 1.0, "um": 1.0, "mm": 1e3, "nm": 1e-3}
_LONGEST_LISTED = 64


def sniff(path: Path, head: bytes) -> bool:
    """Return True for a MATLAB 5 file whose first variable has the fields of a DataSet Object with an image."""
    content = head_content(head)
    return all(name.encode() + b"\0" in content for name in _FIELDS)


def load(path: Path, *, dataset: str | None = None) -> OperandoDataset:
    """Read a WITec export for MATLAB.

    Parameters
    ----------
    path
        The file.
    dataset
        Name of the variable to read; the largest if not given.

    Returns
    -------
    OperandoDataset
        Columns ``x_um``, ``y_um`` (from the image's axes, relative to their zero) and ``scan_index`` for an image.

    Raises
    ------
    UnreadableFile
        If the file is cut or damaged, holds no DataSet Object, or none of that name.
    """
    found = {
        name: value.fields
        for name, value in variables(path).items()
        if isinstance(value, Structure) and all(f in value.fields for f in _FIELDS)
    }
    if not found:
        raise UnreadableFile(path, "holds no DataSet Object (an object with data, axisscale and imagesize)")
    listed = ", ".join(repr(n) for n in found)
    if dataset is not None and dataset not in found:
        raise UnreadableFile(path, f"has no dataset {dataset!r}; it has {listed}")
    name = dataset or max(found, key=lambda n: np.size(found[n]["data"]))
    notes = []
    if len(found) > 1 and dataset is None:
        notes.append(f"the file holds {len(found)} datasets: {listed}; {name!r} was read")
    return _dataset(path, name, found[name], notes)


def _dataset(path: Path, name: str, fields: Mapping[str, Any], notes: list[str]) -> OperandoDataset:
    data = fields["data"]
    if not isinstance(data, np.ndarray) or data.dtype.kind not in "fiu" or data.ndim != 2 or data.size == 0:
        raise UnreadableFile(path, f"has no table of spectra in {name!r}")
    scale = _cell(fields["axisscale"], 1, 0)
    if not isinstance(scale, np.ndarray) or scale.dtype.kind not in "fiu" or scale.size != data.shape[1]:
        size = scale.size if isinstance(scale, np.ndarray) else 0
        raise UnreadableFile(path, f"has spectra of {data.shape[1]} channels, but a spectral axis of {size}")
    with np.errstate(all="ignore"):
        shift, intensity = ascending(path, scale.ravel().astype(np.float64), data)
    kind, unit_notes = _axis_kind(path, _cell(fields["axisscale"], 1, 1))
    columns, scan_shape, scan_notes = _scan(path, fields, len(data))
    history = _plain(fields.get("history"))
    software = next((h.removeprefix("Created by ") for h in _flat(history) if h.startswith("Created by ")), None)
    metadata = Metadata(
        title=_text(fields.get("name")) or name,
        instrument=Instrument(vendor="WITec" if software and "Project" in software else None, software=software),
        vendor={key: _plain(value) for key, value in fields.items() if key not in ("data", "include")},
    ).warn(*notes, *unit_notes, *scan_notes)
    return OperandoDataset(
        intensity=intensity,
        shift=shift,
        columns=columns,
        scan_shape=scan_shape,
        metadata=metadata,
        axis_kind=kind,
    )


def _cell(cells: Any, row: int, column: int) -> Any:
    """Return one cell of a table of cells, or None."""
    if not isinstance(cells, np.ndarray) or cells.dtype != object or cells.ndim < 2:
        return None
    return cells[row, column] if row < cells.shape[0] and column < cells.shape[1] else None


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _axis_kind(path: Path, unit: Any) -> tuple[AxisKind, list[str]]:
    text = _text(unit)
    if text in _AXIS_UNITS:
        return _AXIS_UNITS[text], []
    if not text:
        return "raman_shift", ["the file does not state the unit of its axis; Raman shift in cm-1 was taken"]
    raise UnreadableFile(path, f"has its axis in {text!r}; known are {', '.join(_AXIS_UNITS)}")


def _scan(
    path: Path, fields: Mapping[str, Any], n: int
) -> tuple[dict[str, NDArray[Any]], tuple[tuple[str, int], ...], list[str]]:
    size = fields["imagesize"]
    shape = [int(s) for s in size.ravel()] if isinstance(size, np.ndarray) and size.dtype.kind in "fiu" else []
    notes = ["the file holds neither time, laser nor exposure"]
    if len(shape) != 2 or min(shape) < 1:
        return {}, (), notes
    rows, lines = shape
    if rows * lines != n:
        raise UnreadableFile(path, f"announces an image of {rows} × {lines}, but holds {n} spectra")
    if n == 1:
        return {}, (), notes
    x, y = np.divmod(np.arange(n), rows)
    columns: dict[str, NDArray[Any]] = {"scan_index": y * lines + x}
    for axis, index, length, dimension in (("x", x, lines, 1), ("y", y, rows, 0)):
        values = _cell(fields["imageaxisscale"], dimension, 0)
        unit = _text(_cell(fields["imageaxisscale"], dimension, 1)).replace("\ufffd", "µ")
        if isinstance(values, np.ndarray) and values.dtype.kind in "fiu" and values.size == length:
            with np.errstate(all="ignore"):
                columns[f"{axis}_um"] = values.ravel().astype(np.float64)[index] * _MICROMETRES.get(unit, 1.0)
            if unit not in _MICROMETRES:
                notes.append(f"the unit {unit!r} of the image's axis {dimension + 1} is not known; µm was taken")
    notes.append(
        f"the file does not say which way its image of {rows} × {lines} lies; the first dimension was taken as y"
    )
    return columns, (("y", rows), ("x", lines)), notes


def _plain(value: Any) -> Any:
    """Return a value as JSON-able ones; long tables as a note of their shape."""
    if isinstance(value, Structure):
        return {name: _plain(v) for name, v in value.fields.items()}
    if isinstance(value, np.ndarray) and value.dtype == object:
        return [_plain(v) for v in value.ravel()]
    if isinstance(value, np.ndarray):
        listed = value.ravel().tolist() if value.size <= _LONGEST_LISTED else f"table of {value.shape}, {value.dtype}"
        return listed[0] if isinstance(listed, list) and len(listed) == 1 else listed
    return [_plain(v) for v in value] if isinstance(value, list) else value


def _flat(value: Any) -> list[str]:
    if isinstance(value, list):
        return [text for item in value for text in _flat(item)]
    return [value] if isinstance(value, str) else []


READER = Reader(
    name="witec-mat",
    description="WITec export for MATLAB: DataSet Object with a map or a list of spectra (.mat)",
    extensions=(".mat",),
    sniff=sniff,
    load=load,
    gives=("positions", "scan", "several"),
)
