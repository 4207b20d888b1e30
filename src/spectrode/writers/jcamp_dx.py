"""JCAMP-DX 4.24, for other programs: one spectrum a block, several in a compound (LINK) file.

An axis of exactly equal steps is written as ``XYDATA= (X++(Y..Y))``, any other as ``XYPOINTS= (XY..XY)``. Numbers are
plain (AFFN) with as many digits as they need to come back equal; a value that is not finite is written ``?``.

Columns, metadata, scan shape and history have no place in the standard. They are kept as JSON in records of our own
(``##$SPECTRODE …``), which other programs skip and our reader puts back. Lines are at most 80 characters long.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from .._version import __version__
from ..dataset import OperandoDataset
from ..errors import InvalidDataset
from ..serialise import metadata_to_dict, plain, record_to_dict
from .registry import Writer

__all__ = ["WRITER", "save"]

_WIDTH = 78
_TYPES = {
    "raman_shift": ("RAMAN SPECTRUM", "1/CM"),
    "wavenumber": ("INFRARED SPECTRUM", "1/CM"),
    "wavelength": ("UV/VIS SPECTRUM", "NANOMETERS"),
}


def save(dataset: OperandoDataset, path: Path) -> None:
    """Write a single or a compound file.

    Raises
    ------
    InvalidDataset
        If there is no spectrum, which the format cannot express.
    """
    if dataset.n_spectra == 0 or dataset.n_channels == 0:
        raise InvalidDataset("JCAMP-DX holds at least one spectrum of at least one channel, but the dataset is empty")
    whole = _json_record("$SPECTRODE DATASET", _dataset_words(dataset))
    with open(path, "w", encoding="utf-8", newline="\r\n") as stream:
        if dataset.n_spectra == 1:
            _write_block(stream, dataset, 0, whole)
            return
        stream.write(f"##TITLE= {_line(dataset.metadata.title or 'untitled')}\n##JCAMP-DX= 4.24\n##DATA TYPE= LINK\n")
        stream.write(f"##BLOCKS= {dataset.n_spectra}\n{_origin(dataset)}{whole}")
        for index in range(dataset.n_spectra):
            _write_block(stream, dataset, index, "")
        stream.write("##END=\n")


def _dataset_words(dataset: OperandoDataset) -> dict[str, Any]:
    return {
        "scan_shape": plain(dataset.scan_shape),
        "metadata": metadata_to_dict(dataset.metadata),
        "history": [record_to_dict(record) for record in dataset.history],
    }


def _json_record(label: str, value: Any) -> str:
    """Return a record of folded JSON; what would look like a label or a comment, or be stripped, is escaped."""
    text = json.dumps(value, separators=(",", ":"))
    for letter in "#$ ":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    lines = [text[k : k + _WIDTH] for k in range(0, len(text), _WIDTH)]
    return f"##{label}=\n" + "\n".join(lines) + "\n"


def _line(text: str) -> str:
    """Return a text on one line that is neither a label nor holds a comment."""
    return re.sub(r"\$\$+", "$", re.sub(r"[\s\0]+", " ", text)).strip()[: _WIDTH - 8]


def _origin(dataset: OperandoDataset) -> str:
    return f"##ORIGIN= spectrode {__version__}\n##OWNER=\n"


def _write_block(stream: TextIO, dataset: OperandoDataset, index: int, own: str) -> None:
    metadata = dataset.metadata
    title = metadata.title or "untitled"
    data_type, units = _TYPES[dataset.axis_kind]
    y = np.asarray(dataset.intensity[index], dtype=np.float64)
    stream.write(f"##TITLE= {_line(title if dataset.n_spectra == 1 else f'{title} [{index}]')}\n")
    stream.write(f"##JCAMP-DX= 4.24\n##DATA TYPE= {data_type}\n{_origin(dataset)}")
    moment = dataset.absolute_time(index)
    if moment is None and dataset.n_spectra == 1:
        moment = metadata.started_at
    if moment is not None:
        stream.write(f"##LONGDATE= {moment:%Y/%m/%d %H:%M:%S}.{moment.microsecond:06d} {moment:%z}\n")
    if metadata.laser.wavelength_nm is not None:
        stream.write(f"##$LASER WAVELENGTH= {metadata.laser.wavelength_nm!r} nm\n")
    if metadata.sample.name:
        stream.write(f"##NAMES= {_line(metadata.sample.name)}\n")
    model = " ".join(w for w in (metadata.instrument.vendor, metadata.instrument.model) if w)
    if model:
        stream.write(f"##SPECTROMETER/DATA SYSTEM= {_line(model)}\n")
    stream.write(own)
    stream.write(_json_record("$SPECTRODE COLUMNS", {n: plain(v[index]) for n, v in dataset.columns.items()}))
    stream.write(f"##XUNITS= {units}\n##YUNITS= {_intensity_unit(dataset)}\n##XFACTOR= 1\n##YFACTOR= 1\n")
    _write_table(stream, dataset.shift, y)
    stream.write("##END=\n")


def _intensity_unit(dataset: OperandoDataset) -> str:
    """Return the unit that an original JCAMP-DX file stated, as long as nothing was done to the numbers."""
    stated = dataset.metadata.vendor.get("YUNITS")
    return _line(stated) if isinstance(stated, str) and not dataset.history else "ARBITRARY UNITS"


def _write_table(stream: TextIO, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
    stream.write(f"##FIRSTX= {_number(x[0])}\n##LASTX= {_number(x[-1])}\n##NPOINTS= {x.size}\n")
    finite = y[np.isfinite(y)]
    if np.isfinite(y[0]):
        stream.write(f"##FIRSTY= {_number(y[0])}\n")
    if finite.size:
        stream.write(f"##MINY= {_number(finite.min())}\n##MAXY= {_number(finite.max())}\n")
    if np.array_equal(np.linspace(x[0], x[-1], x.size), x):
        stream.write("##XYDATA= (X++(Y..Y))\n")
        stream.writelines(_rows_of_equal_steps(x, y))
    else:
        stream.write("##XYPOINTS= (XY..XY)\n")
        stream.writelines(f"{_number(a)}, {_number(b)}\n" for a, b in zip(x, y, strict=True))


def _rows_of_equal_steps(x: NDArray[np.float64], y: NDArray[np.float64]) -> Iterator[str]:
    row = ""
    for a, b in zip(x, y, strict=True):
        number = _number(b)
        if row and len(row) + 1 + len(number) > _WIDTH:
            yield row + "\n"
            row = ""
        row = f"{row} {number}" if row else f"{_number(a)} {number}"
    yield row + "\n"


def _number(value: float) -> str:
    """Return the shortest digits that give the same number back; the standard wants a sign in the exponent."""
    if not np.isfinite(value):
        return "?"
    text = repr(float(value)).upper()
    return text.removesuffix(".0")


WRITER = Writer(
    name="jcamp-dx",
    description="JCAMP-DX 4.24; one spectrum a block",
    extensions=(".jdx", ".dx"),
    save=save,
    loses=(
        "mask",
        "variance",
        "white-light images",
        "infinite values (written as missing)",
        "number types (everything is read back as 64-bit)",
    ),
)
