"""Andor Solis and SDK files (``.sif``, "Andor Technology Multi-Channel File").

Structure. Text lines with a few binary bytes between them: camera settings, calibration, labels of the axes, layout of
the pictures; then the pictures as float32. Up to five such parts follow one another: signal, reference, background,
live, source; each later one is announced by a line ``1``. An XML text may end the file.

What is read. The signal, or the part named with ``dataset`` (a warning lists them if there are several). Pictures of a
kinetic series become ``time``, tracks and image rows become ``track``. The counts stay float32. Only parts with a
calibrated axis: without one the file holds channel numbers, which are no spectral axis, and is refused.

Axis. The cubic polynomial of the file at channel 1, 2, 3 … gives nm (``wavelength``). Where Solis showed Raman shifts,
these are computed with the excitation wavelength of the header (``1e7/laser - 1e7/nm``, as Solis does), unless it
contradicts the recorded range. Headers often hold a left-over value: where Solis showed wavelengths, nothing was
computed from it, so it is taken only if the recorded range makes it possible; else it stays in ``metadata.vendor`` and
a warning says why.

Time. Seconds since 1970 in UTC, and milliseconds in the XML where there is one. Whether that is the begin or the end of
the exposure is not stated. Pictures of a series have time stamps in µs from some versions on; where they are all zero,
times are computed from the kinetic cycle time (``metadata.times_derived``). ``exposure_s`` is exposure × accumulations.

Not read: step-and-glue calibrations that differ between pictures (refused), shutter and gate settings (kept as tokens
in ``metadata.vendor``). The layout was worked out from measured files of versions 65564 and 65567 and the order of the
header's first fields in sif_parser (BSD-3-Clause), whose own reader is not used: it does not end on cut files, and
takes lines of the header by their number.

Test files: sif_parser (BSD-3-Clause), ramanchada2 (MIT); ``raman1.sif`` and ``cli-0.sif`` have text twins.
"""

from __future__ import annotations

import math
import mmap
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from ..dataset import AxisKind, OperandoDataset
from ..errors import UnreadableFile
from ..metadata import Instrument, Laser, Metadata
from ..pipeline.parameters import Between, Unit
from ._excitation import excitation_doubt
from ._text import ascending
from .registry import Reader

__all__ = ["READER", "load", "sniff"]

_MAGIC = b"Andor Technology Multi-Channel File\n"
_PARTS = ("signal", "reference", "background", "live", "source")
_LONGEST_LINE = 1 << 16
_HEADER_BYTES = 1 << 20  # calibration and labels follow the user's text within this
_MAX_PICTURES = 10_000_000
_LISTED_TOKENS = 64
_FIRST_YEARS = (315532800, 4102444800)  # 1980 to 2100, seconds since 1970
_CALIBRATION = re.compile(rb"(655(?:39|40)) (.) (.) (.) (.) (.) (.)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n", re.S)
_LAYOUT = re.compile(rb"(655\d\d)((?: -?\d{1,10}){8}) ?\n")
_LABEL = re.compile(rb"(?<=\n)(\d{1,4})\n")
_SPECTROGRAPH = re.compile(rb"\n65540 (\d+) (\d+) ([-+.\deE]+) (\d+) (\d+) ([-+.\deE]+) ([^\n]*)\n")
_NAME = re.compile(rb"\n\d+ ((?:Spectrograph_None|[A-Za-z]{2,3}\d{2,4}\w*|Mechelle\w*|Shamrock\w*)[^\n]*)\n")


def sniff(path: Path, head: bytes) -> bool:
    """Return True if the content begins as an Andor multi-channel file."""
    return head.startswith(_MAGIC.rstrip())


def load(
    path: Path,
    *,
    dataset: str | None = None,
    laser_nm: Annotated[float | None, Between(100, 20000), Unit("nm")] = None,
) -> OperandoDataset:
    """Read an Andor file.

    Parameters
    ----------
    path
        The file.
    dataset
        ``signal`` (the default), ``reference``, ``background``, ``live`` or ``source``, as far as the file has them.
    laser_nm
        Excitation wavelength in nm, instead of the one in the header; the axis becomes a Raman shift with it.

    Returns
    -------
    OperandoDataset
        Columns ``time_s`` and ``exposure_s``.

    Raises
    ------
    UnreadableFile
        If the file is cut or damaged, has no calibrated axis, or no such part.
    """
    with open(path, "rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as source:
        cursor = _Cursor(path, source)
        parts = _parts(cursor)
        name = dataset or next(iter(parts))
        if name not in parts:
            raise UnreadableFile(path, f"has no dataset {name!r}; it has {', '.join(parts)}")
        return _dataset(path, parts, name, _milliseconds(source, cursor.at) if name == "signal" else 0, laser_nm)


# -- reading -----------------------------------------------------------------------------------------------------------


@dataclass
class _Part:
    """One set of pictures with its settings."""

    version: int
    seconds: int
    temperature: float
    exposure_s: float
    accumulations: int
    kinetic_cycle_s: float
    tokens: list[str]
    model: str
    original_name: str
    user_text: str
    calibration: list[float]
    axis_code: int
    excitation: float | None
    labels: tuple[str, str, str]
    spectrograph: dict[str, Any]
    areas: list[list[int]]
    stamps: NDArray[np.float64]
    intensity: NDArray[np.float32]
    """(pictures, rows, channels)"""
    notes: list[str] = field(default_factory=list)


class _Cursor:
    """A place in the file, moved on by lines and counted texts; every size is compared with the file."""

    def __init__(self, path: Path, source: Any) -> None:
        self.path, self.source, self.at, self.size = path, source, 0, len(source)

    def line(self) -> bytes:
        end = self.source.find(b"\n", self.at, min(self.at + _LONGEST_LINE, self.size))
        if end < 0:
            raise UnreadableFile(self.path, f"ends or is damaged at byte {self.at}, where a line of settings should be")
        found = bytes(self.source[self.at : end])
        self.at = end + 1
        return found

    def counted(self, length: int) -> bytes:
        if not 0 <= length <= self.size - self.at:
            raise UnreadableFile(
                self.path, f"claims a text of {length} bytes at byte {self.at}, but {self.size - self.at} are left"
            )
        found = bytes(self.source[self.at : self.at + length])
        self.at += length
        return found

    def word(self) -> str:
        """Return the next word, up to a space or line end, which is passed."""
        piece = bytes(self.source[self.at : self.at + 64])
        match = re.match(rb"([^ \n]*)[ \n]", piece)
        if match is None:
            raise UnreadableFile(self.path, f"is cut short or damaged at byte {self.at}, in its settings")
        self.at += match.end()
        return match[1].decode("latin-1")

    def peek(self, length: int) -> bytes:
        return bytes(self.source[self.at : self.at + length])


def _parts(cursor: _Cursor) -> dict[str, _Part]:
    if cursor.counted(len(_MAGIC)) != _MAGIC:
        raise UnreadableFile(cursor.path, "does not begin as an Andor multi-channel file")
    present = cursor.line().split()
    parts: dict[str, _Part] = {}
    flag = present[1] if len(present) > 1 else b"1"
    for name in _PARTS:
        if flag == b"1":
            parts[name] = _part(cursor)
        elif flag != b"0":
            break
        flag = cursor.line() if re.match(rb"[01] ?\r?\n", cursor.peek(4)) else b""
        flag = flag.strip()
    if not parts:
        raise UnreadableFile(cursor.path, "holds no signal")
    return parts


def _part(cursor: _Cursor) -> _Part:
    version = int(cursor.word())
    cursor.word(), cursor.word(), cursor.word()
    seconds, temperature = int(cursor.word()), float(cursor.word())
    cursor.counted(10)  # five bytes for trigger and acquisition mode, each followed by a space
    cursor.word()
    exposure, _, _ = (float(cursor.word()) for _ in range(3))
    accumulations = int(cursor.word())
    cursor.counted(2)
    tokens = cursor.line().decode("latin-1").split()
    kinetic = float(tokens[0])
    model = cursor.line().decode("latin-1").strip()
    name_length = int(cursor.line().split()[-1])
    original = cursor.counted(name_length).decode("latin-1")
    cursor.line()
    user_text = cursor.counted(int(cursor.line().split()[1]))
    region_at = cursor.at
    region = bytes(cursor.source[region_at : region_at + _HEADER_BYTES])
    labels, layout_at = _labels(cursor.path, region)
    calibration, code, excitation = _calibration(cursor.path, region[:layout_at])
    cursor.at = region_at + layout_at
    areas, stamps, intensity = _pictures(cursor, version)
    return _Part(
        version=version,
        seconds=seconds,
        temperature=temperature,
        exposure_s=exposure,
        accumulations=accumulations,
        kinetic_cycle_s=kinetic,
        tokens=tokens[:_LISTED_TOKENS],
        model=model,
        original_name=original.strip(),
        user_text=user_text.split(b"\0")[0].decode("latin-1").strip(),
        calibration=calibration,
        axis_code=code,
        excitation=excitation,
        labels=labels,
        spectrograph=_spectrograph(region[:layout_at]),
        areas=areas,
        stamps=stamps,
        intensity=intensity,
    )


def _labels(path: Path, region: bytes) -> tuple[tuple[str, str, str], int]:
    """Return the labels of the three axes, and where the layout begins that follows them.

    The number of lines before them depends on the version; a text of the announced length followed by two more and
    the layout stands only here.
    """
    for match in _LABEL.finditer(region):
        at = match.end()
        texts: list[str] = []
        length = int(match[1])
        while len(texts) < 3:
            texts.append(region[at : at + length].decode("latin-1"))
            at += length
            following = re.compile(rb"(\d{1,4})\n").match(region, at)
            if len(texts) == 3 or following is None:
                break
            at, length = following.end(), int(following[1])
        if len(texts) == 3 and _LAYOUT.match(region, at):
            return (texts[0], texts[1], texts[2]), at
    raise UnreadableFile(path, "has no labels and layout of its pictures after the settings; it is cut or damaged")


def _calibration(path: Path, region: bytes) -> tuple[list[float], int, float | None]:
    """Return the coefficients of the first axis, the code of its unit (1 channel, 2 nm, 3 cm-1), and the excitation."""
    found = list(_CALIBRATION.finditer(region))
    if not found:
        raise UnreadableFile(path, "has no calibration of its axis in the settings; it is damaged or of a new version")
    match = found[-1]
    coefficients = [float(c) for c in match[8].split()]
    if len(coefficients) < 4 or not all(map(math.isfinite, coefficients)):
        raise UnreadableFile(path, f"has a calibration of {len(coefficients)} numbers, where four should be")
    try:
        excitation = float(match[11])
    except ValueError:
        excitation = None
    return coefficients[:4], match[2][0], excitation


def _spectrograph(region: bytes) -> dict[str, Any]:
    """Return what the settings say about the spectrograph, if one was connected."""
    name, settings = _NAME.search(region), _SPECTROGRAPH.search(region)
    found: dict[str, Any] = {}
    if settings is not None and settings[1] != b"0":
        found = {
            "centre_nm": _number(settings[3]),
            "grooves_per_mm": _number(settings[6]),
            "blaze": settings[7].decode("latin-1").strip(),
        }
    if name is not None and not name[1].startswith(b"Spectrograph_None"):
        found["name"] = name[1].decode("latin-1").strip()
    return found


def _number(text: bytes) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _pictures(cursor: _Cursor, version: int) -> tuple[list[list[int]], NDArray[np.float64], NDArray[np.float32]]:
    layout = [int(v) for v in cursor.line().split()]
    pictures, tracks, total, length = layout[5:9]
    if not (1 <= pictures <= _MAX_PICTURES and tracks >= 1 and length >= 1 and total == pictures * length):
        raise UnreadableFile(
            cursor.path,
            f"announces {pictures} pictures of {tracks} tracks with {length} numbers, {total} in all; damaged",
        )
    left = cursor.size - cursor.at
    if 4 * total > left or 2 * (pictures + tracks) > left:
        raise UnreadableFile(
            cursor.path,
            f"announces {pictures} pictures of {length} numbers ({4 * total} bytes), but {left} bytes are left; it is "
            "cut short or damaged",
        )
    areas = [[int(v) for v in cursor.line().split()[1:]] for _ in range(tracks)]
    widths, heights = zip(*(_extent(cursor.path, area) for area in areas), strict=True)
    if len(set(widths)) != 1:
        raise UnreadableFile(cursor.path, f"has tracks of different widths ({sorted(set(widths))}); one is possible")
    if sum(heights) * widths[0] != length:
        raise UnreadableFile(
            cursor.path, f"announces {sum(heights)} rows of {widths[0]} channels, but {length} numbers a picture"
        )
    stamps = np.array([int(cursor.line()) for _ in range(pictures)], dtype=np.float64) * 1e-6
    cursor.at = _begin_of_data(cursor, pictures, 4 * total)
    raw = cursor.counted(4 * total)
    return areas, stamps, np.frombuffer(raw, dtype="<f4").reshape(pictures, sum(heights), widths[0])


def _extent(path: Path, area: Sequence[int]) -> tuple[int, int]:
    """Return channels and rows of a track, from its edges and binning."""
    if len(area) < 6 or area[4] < 1 or area[5] < 1:
        raise UnreadableFile(path, f"has a track of edges and binning {list(area)}; it is damaged")
    left, top, right, bottom, rows_binned, channels_binned = area[:6]
    width = (1 + right - left) // channels_binned
    height = (1 + abs(top - bottom)) // rows_binned
    if width < 1 or height < 1:
        raise UnreadableFile(path, f"has a track of edges and binning {list(area)}; it is damaged")
    return width, height


def _begin_of_data(cursor: _Cursor, pictures: int, n_bytes: int) -> int:
    """Return where the numbers begin: newer versions put a line ``0`` before them, or ``1`` and a line a picture.

    The place is right if what follows the numbers is the announcement of the next part (or the end of the file).
    """
    start = cursor.at
    candidates = [start]
    if cursor.peek(2) == b"0\n":
        candidates.insert(0, start + 2)
    elif cursor.peek(2) == b"1\n":
        at = start + 2
        for _ in range(pictures):
            match = re.match(rb" *\d{1,20} ?\n", bytes(cursor.source[at : at + 64]))
            if match is None:
                break
            at += match.end()
        else:
            candidates.insert(0, at)
    for at in candidates:
        after = bytes(cursor.source[at + n_bytes : at + n_bytes + 2])
        if at + n_bytes <= cursor.size and after in (b"0\n", b"1\n", b""):
            return at
    return candidates[0]


def _milliseconds(source: Any, at: int) -> int:
    """Return the milliseconds of the start, which newer files keep in an XML text at their end."""
    match = re.search(rb"<mSec>(\d{1,3})</mSec>", bytes(source[at : at + _HEADER_BYTES]))
    return 0 if match is None else int(match[1])


# -- understanding -----------------------------------------------------------------------------------------------------


def _dataset(
    path: Path, parts: dict[str, _Part], name: str, milliseconds: int, laser_nm: float | None
) -> OperandoDataset:
    part = parts[name]
    notes = list(part.notes)
    if len(parts) > 1:
        notes.append(f"the file holds {len(parts)} datasets: {', '.join(parts)}; {name!r} was read")
    pictures, rows, channels = part.intensity.shape
    axis, kind, laser, axis_notes = _axis(path, part, channels, laser_nm)
    shift, intensity = ascending(path, axis, part.intensity.reshape(pictures * rows, channels))
    n = pictures * rows
    columns: dict[str, NDArray[Any]] = {}
    seconds, derived, time_notes = _times(part, pictures)
    if seconds is not None:
        columns["time_s"] = np.repeat(seconds, rows)
    exposure = part.exposure_s * max(part.accumulations, 1)
    if math.isfinite(exposure) and exposure > 0:
        columns["exposure_s"] = np.full(n, exposure)
        if exposure > 1:
            time_notes.append(
                f"the file does not say whether its time is the begin or the end of an exposure of {exposure:g} s; "
                "the begin was taken"
            )
    sizes = (("time", pictures), ("track", rows))
    unit = part.labels[1].strip()
    if unit and unit != "Counts":
        notes.append(f"intensities are in {unit!r}")
    metadata = Metadata(
        title=re.split(r"[\\/]", part.original_name)[-1] or None,
        started_at=_start(part, milliseconds),
        times_derived=derived,
        laser=Laser(wavelength_nm=laser),
        instrument=_instrument(part),
        vendor=_vendor(part, parts),
    ).warn(*notes, *axis_notes, *time_notes)
    return OperandoDataset(
        intensity=intensity,
        shift=shift,
        columns=columns,
        scan_shape=tuple(d for d in sizes if d[1] > 1),
        metadata=metadata,
        axis_kind=kind,
    )


def _axis(
    path: Path, part: _Part, channels: int, given: float | None
) -> tuple[NDArray[np.float64], AxisKind, float | None, list[str]]:
    """Return axis, its kind, the excitation wavelength if it can be believed, and warnings."""
    if part.user_text.startswith("Calibration data for") and len(set(_frame_calibrations(part.user_text))) > 1:
        raise UnreadableFile(path, "has a calibration for each picture; export it with one axis")
    coefficients = part.calibration
    if coefficients[1] == 0 or coefficients == [0.0, 1.0, 0.0, 0.0]:
        raise UnreadableFile(
            path,
            f"has no calibrated axis: its {channels} channels are numbered ({part.labels[0].strip()!r}), as in an "
            "image; only spectra with wavelengths can be read",
        )
    area = part.areas[0]
    # The polynomial counts sensor columns from 1; a binned channel lies in the middle of its columns.
    column = area[0] + (area[5] - 1) / 2 + area[5] * np.arange(channels, dtype=np.float64)
    with np.errstate(all="ignore"):
        nm = np.asarray(np.polynomial.polynomial.polyval(column, np.array(coefficients)), dtype=np.float64)
    if not np.isfinite(nm).all() or nm.min() <= 0 or nm.max() > 1e6:
        raise UnreadableFile(path, f"has a calibration {coefficients} that gives no wavelengths; it is damaged")
    shows_shift = part.labels[0].strip().lower().startswith("raman") or part.axis_code == 3
    if given is not None:
        return 1e7 / given - 1e7 / nm, "raman_shift", given, []
    laser = part.excitation
    if laser is None or not math.isfinite(laser) or laser <= 0:
        note = "the file shows Raman shifts but states no excitation wavelength; the axis stays in nm (give laser_nm)"
        return nm, "wavelength", None, [note] if shows_shift else []
    doubt = excitation_doubt(laser, nm)
    if doubt is not None:
        return (
            nm,
            "wavelength",
            None,
            [
                f"the header's excitation wavelength {laser:g} nm is not used, because {doubt}; the axis stays in nm "
                "(give laser_nm)"
            ],
        )
    if shows_shift:
        return 1e7 / laser - 1e7 / nm, "raman_shift", laser, []
    return (
        nm,
        "wavelength",
        laser,
        [
            f"the header's excitation wavelength {laser:g} nm fits the recorded range, but the file shows "
            "wavelengths, so nothing was computed from it; check it"
        ],
    )


def _frame_calibrations(text: str) -> list[str]:
    return re.findall(r"Calibration data for frame \d+[: ]+([^\n]*)", text)


def _times(part: _Part, pictures: int) -> tuple[NDArray[np.float64] | None, bool, list[str]]:
    """Return (pictures,) seconds after the start, whether they are computed, and warnings."""
    if pictures == 1:
        return (None if _start(part, 0) is None else np.zeros(1)), False, []
    if part.stamps.any():
        return part.stamps, False, []
    if math.isfinite(part.kinetic_cycle_s) and 0 < part.kinetic_cycle_s < 1e9:
        note = f"pictures have no time stamps; times are computed from the kinetic cycle of {part.kinetic_cycle_s:g} s"
        return np.arange(pictures, dtype=np.float64) * part.kinetic_cycle_s, True, [note]
    return None, False, [f"the {pictures} pictures have neither time stamps nor a cycle time"]


def _start(part: _Part, milliseconds: int) -> datetime | None:
    if not _FIRST_YEARS[0] <= part.seconds <= _FIRST_YEARS[1]:
        return None
    return datetime.fromtimestamp(part.seconds, UTC) + timedelta(milliseconds=milliseconds)


def _instrument(part: _Part) -> Instrument:
    spectrograph = part.spectrograph
    grooves = spectrograph.get("grooves_per_mm")
    grating = None
    if grooves:
        blaze = f", blaze {spectrograph['blaze']}" if spectrograph.get("blaze") else ""
        grating = f"{grooves:g} g/mm{blaze}"
    software = " ".join(part.tokens)
    version = re.search(r" -1 (\d+) (\d+) (\d{5}) (\d+) ", software)
    return Instrument(
        vendor="Andor",
        model=spectrograph.get("name"),
        software=f"{version[1]}.{version[2]}.{version[3]}.{version[4]}" if version else None,
        grating=grating,
        detector=part.model or None,
        accumulations=part.accumulations if part.accumulations >= 1 else None,
    )


def _vendor(part: _Part, parts: dict[str, _Part]) -> dict[str, Any]:
    return {
        "version": part.version,
        "detector_temperature_c": part.temperature,
        "exposure_s": part.exposure_s,
        "accumulations": part.accumulations,
        "kinetic_cycle_s": part.kinetic_cycle_s,
        "settings": list(part.tokens),
        "original_name": part.original_name,
        "user_text": part.user_text,
        "calibration": list(part.calibration),
        "excitation_nm": part.excitation,
        "labels": list(part.labels),
        "spectrograph": dict(part.spectrograph),
        "areas": part.areas[:_LISTED_TOKENS],
        "datasets": list(parts),
    }


READER = Reader(
    name="andor-sif",
    description="Andor Solis and SDK, binary: spectra, accumulations, kinetic series, tracks (.sif)",
    extensions=(".sif",),
    sniff=sniff,
    load=load,
    gives=("times", "start with zone", "scan", "exposure", "laser", "several"),
)
