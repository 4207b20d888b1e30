"""RRUFF database of minerals, text files (``.txt``, ``.rruff``): one Raman or infrared spectrum.

Structure. Lines ``##KEY=value`` (NAMES, RRUFFID, IDEAL CHEMISTRY, LOCALITY, …; some files also FILETYPE, ORIENTATION,
RAMAN WAVELENGTH), then ``x, y`` a line, then ``##END=``. Shift in cm-1, intensity in arbitrary units.

The laser's wavelength is often only in the file's name (``Quartz__R040031__Raman__532__0__…``), and so is whether it is
Raman or infrared; both are taken from there if the file was not renamed, with a warning. There is no date.

Not read: RRUFF's X-ray patterns, which look the same but have an angle for their axis; they are refused.

B. Lafuente, R. T. Downs, H. Yang, N. Stone, The power of databases: the RRUFF project, in: Highlights in Mineralogical
Crystallography, De Gruyter, Berlin 2015, 1-30. Measured test file: h2020charisma/ramanchada2 (MIT).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from ..dataset import AxisKind, OperandoDataset
from ..errors import UnreadableFile
from ..metadata import Laser, Metadata, Sample
from ..pipeline.parameters import Between, Unit
from ._text import ascending, first_number, head_text, parse_numbers, read_text, split_lines
from .registry import Reader

__all__ = ["READER", "load"]

_ENTRY = re.compile(r"^##\s*([^=]+?)\s*=\s*(.*?)\s*$")
_LASER_KEYS = ("RAMAN WAVELENGTH", "LASER_WAVELENGTH", "LASER WAVELENGTH")
_LASER_IN_NAME = re.compile(r"__(?:Raman|Broad_Scan)__(\d{3,4})__", re.I)


def sniff(path: Path, head: bytes) -> bool:
    """Recognise ``##`` lines with RRUFF's own keys (JCAMP-DX has others)."""
    text = head_text(head[:8192])
    if text is None or not text.lstrip("\ufeff \r\n\t").startswith("##"):
        return False
    keys = {m[1].upper() for line in split_lines(text) if (m := _ENTRY.match(line.strip("\ufeff ")))}
    return bool(keys & {"RRUFFID", "NAMES"}) and not any(k.startswith(("JCAMP", "XYDATA", "TITLE")) for k in keys)


def load(path: Path, *, laser_nm: Annotated[float | None, Between(100, 20000), Unit("nm")] = None) -> OperandoDataset:
    """Read a RRUFF text file.

    Parameters
    ----------
    laser_nm
        Excitation wavelength, if neither the file nor its name gives it.

    Raises
    ------
    UnreadableFile
        If it is an X-ray pattern, has no numbers, or a line of them is faulty.
    """
    header, lines, line_numbers, ended = _parts(path)
    kind, notes = _axis_kind(path, header)
    table = parse_numbers(path, lines, line_numbers, "," if "," in lines[0] else None)
    if table.shape[1] != 2:
        raise UnreadableFile(path, f"has {table.shape[1]} columns of numbers, where RRUFF writes two (x, y)")
    with np.errstate(all="ignore"):  # damaged numbers may be of any size
        shift, intensity = ascending(path, table[:, 0], table[:, 1][None, :])
    laser, laser_notes = _laser(path, header, kind, laser_nm)
    if not ended:
        laser_notes.append("the file has no line ##END=; it may be cut short")
    name, number = header.get("NAMES"), header.get("RRUFFID")
    metadata = Metadata(
        title=" ".join(part for part in (name, number) if part) or None,
        laser=Laser(wavelength_nm=laser),
        sample=Sample(name=name or None, description=header.get("DESCRIPTION") or None),
        vendor=dict(header),
    )
    return OperandoDataset(
        intensity=intensity, shift=shift, metadata=metadata.warn(*notes, *laser_notes), axis_kind=kind
    )


def _parts(path: Path) -> tuple[dict[str, str], list[str], list[int], bool]:
    """Return the header, the lines of numbers, their numbers in the file, and whether the end is marked."""
    header: dict[str, str] = {}
    kept: list[str] = []
    line_numbers: list[int] = []
    for number, line in enumerate(split_lines(read_text(path)), 1):
        match = _ENTRY.match(line)
        if match is not None and match[1].upper() == "END":
            break
        if match is not None:
            header.setdefault(match[1].upper(), match[2])
        elif line.strip():
            kept.append(line.strip())
            line_numbers.append(number)
    else:
        match = None
    if not kept:
        raise UnreadableFile(path, "has a header of RRUFF but no numbers after it")
    return header, kept, line_numbers, match is not None


def _axis_kind(path: Path, header: Mapping[str, Any]) -> tuple[AxisKind, list[str]]:
    stated, name = header.get("FILETYPE", "").lower(), path.name.lower()
    if any("X-RAY" in key for key in header) or re.search(r"x-?ray", f"{stated} {name}"):
        raise UnreadableFile(path, "is an X-ray pattern of RRUFF, whose axis is an angle; only spectra can be read")
    if "raman" in stated:
        return "raman_shift", []
    if "infrared" in stated:
        return "wavenumber", []
    if "infrared" in name:
        return "wavenumber", ["the file does not say that it is infrared; that was taken from its name"]
    if "raman" in name:
        return "raman_shift", []
    return "raman_shift", ["the file does not say whether it is Raman or infrared; Raman shift was taken"]


def _laser(
    path: Path, header: Mapping[str, str], kind: AxisKind, given: float | None
) -> tuple[float | None, list[str]]:
    if kind != "raman_shift":
        return None, []
    if given is not None:
        return given, []
    for key in _LASER_KEYS:
        value = first_number(header.get(key, ""), 150.0, 20000.0)
        if value is not None:
            return value, []
    match = _LASER_IN_NAME.search(path.name)
    if match is not None:
        return float(match[1]), [f"the laser of {match[1]} nm was taken from the file's name"]
    return None, ["neither the file nor its name states the laser's wavelength; give laser_nm"]


READER = Reader(
    name="rruff-text",
    description="RRUFF database of minerals, text: Raman or infrared spectrum",
    extensions=(".txt", ".rruff"),
    sniff=sniff,
    load=load,
    gives=("laser",),
)
