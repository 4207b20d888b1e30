"""TriVista (S&I, Teledyne Princeton Instruments) data files (``.tvf``): spectra, time series, line scans, maps.

Structure. XML: ``XmlMain`` holds ``Hardware`` (all devices that are set up) and ``Documents``. A ``Document`` has the
axis (``xDim/Calibration``, a ``ValueArray`` of ``count|value|value …``), the settings (``InfoSerialized``, an XML of
its own in an attribute: groups of names and values) and ``Data``, one ``Frame`` a spectrum with values between ``;``.

Units. The axis is in nm. Positions of frames (``ValuePosition``) are in µm, the ranges ``X-Axis`` and ``Y-Axis`` of the
settings in mm (in measured maps the one is 1000 times the other). Accumulations that were not averaged
(``Calc_Average``) are summed; either way they are one spectrum.

Time. ``TimeStamp`` counts 100 ns from the year 1, local time without a zone; 0 where none was taken. Whether it is the
begin or the end of an exposure is not documented. ``RecordTime`` equals the last stamp where there is one accumulation,
and is 3.0 s later in two files with two (of 3 s each; of 1 s each in a series with a delay of 3 s), so a stamp seems to
belong to the first accumulation of its frame.

Not read: images (several detector rows), other encodings than numbers as text, ``.tvb``.

Measured test files: hyperspy/rosettasciio (GPL-3.0).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..dataset import OperandoDataset
from ..errors import UnreadableFile
from ..metadata import Instrument, Laser, Metadata
from ._safe_xml import Element, numbers, parse_xml, parse_xml_text, plain
from ._text import ascending, head_text, scan_grid
from .registry import Reader

__all__ = ["READER", "load"]

_TICKS_PER_SECOND = 10_000_000
_YEAR_ONE = datetime(1, 1, 1)
# Stamps outside these years are damage.
_PLAUSIBLE_TICKS = tuple(int((datetime(y, 1, 1) - _YEAR_ONE).total_seconds()) * _TICKS_PER_SECOND for y in (1990, 2200))
_UM_PER_MM = 1e3


def sniff(path: Path, head: bytes) -> bool:
    """Recognise the comment that TriVista writes first, or its root element."""
    text = head_text(head[:4096])
    if text is None or not text.lstrip("\ufeffï»¿ \r\n\t").startswith("<"):
        return False
    return "<!--TriVista-File" in text or ("<XmlMain" in text and "FileInfoSerialized" in text)


def load(path: Path, *, dataset: str | None = None) -> OperandoDataset:
    """Read a TriVista file.

    Parameters
    ----------
    dataset
        Name of the document to read where the file holds several; the first if not given.

    Raises
    ------
    UnreadableFile
        If the XML is damaged or holds a document type, its parts contradict each other, or there is no such document.
    """
    root = parse_xml(path, convert=lambda element: _converted(path, element))
    if root.tag != "XmlMain":
        raise UnreadableFile(path, f"is no TriVista file: its XML begins with {root.tag}, not XmlMain")
    documents = _documents(root)
    if not documents:
        raise UnreadableFile(path, "holds no document, so no spectrum")
    if dataset is not None and dataset not in documents:
        raise UnreadableFile(path, f"has no document {dataset!r}; it has {', '.join(map(repr, documents))}")
    name = next(iter(documents)) if dataset is None else dataset
    notes = []
    if dataset is None and len(documents) > 1:
        notes.append(f"the file holds {len(documents)} documents ({', '.join(documents)}); {name!r} was read")
    with np.errstate(all="ignore"):  # damaged numbers may be of any size
        return _dataset(_Document.of(path, root, documents[name], notes))


def _converted(path: Path, element: Element) -> Any:
    """Return the array of a frame, so that its text need not be kept."""
    return numbers(path, element.text, ";", "intensities") if element.tag == "Frame" else None


def _documents(root: Element) -> dict[str, Element]:
    """Return all documents by label, numbered where labels repeat."""
    found = list(root.every("Document"))
    labels = [d.attributes.get("Label", "").strip() or "document" for d in found]
    names = [label if labels.count(label) == 1 else f"{label} {k}" for k, label in enumerate(labels, 1)]
    return dict(zip(names, found, strict=True))


@dataclass
class _Document:
    """What one document holds, before it is interpreted."""

    path: Path
    root: Element
    element: Element
    info: dict[str, Any]
    frames: list[Element]
    notes: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, path: Path, root: Element, element: Element, notes: list[str]) -> _Document:
        data = element.first("Data")
        frames = [] if data is None else [c for c in data.children if c.tag == "Frame"]
        if not frames:
            raise UnreadableFile(path, "holds no frame, so no spectrum")
        encoding = element.attributes.get("Encoding", "Ascii")
        if encoding != "Ascii":
            raise UnreadableFile(path, f"holds its numbers encoded as {encoding!r}; only 'Ascii' can be read")
        written = element.attributes.get("InfoSerialized", "")
        info = _groups(parse_xml_text(path, written).first("Groups")) if written.strip() else {}
        return cls(path, root, element, info, frames, notes)

    def setting(self, *names: str) -> str:
        """Return the text at a path of names in the settings, empty if there is none."""
        found: Any = self.info
        for name in names:
            found = found.get(name) if isinstance(found, dict) else None
        return found if isinstance(found, str) else ""

    def number(self, *names: str) -> float | None:
        return _number(self.setting(*names))


def _number(text: str) -> float | None:
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _groups(element: Element | None) -> dict[str, Any]:
    """Return the groups of the settings as {name: {item: value, group: {…}}}; a repeated name gets a number."""
    tree: dict[str, Any] = {}
    for group in () if element is None else element.children:
        content: dict[str, Any] = {}
        for item in group.first("Items").children if group.first("Items") else ():  # type: ignore[union-attr]
            _put(content, _text(item, "Name"), _text(item, "Value"))
        for name, value in _groups(group.first("Groups")).items():
            _put(content, name, value)
        _put(tree, _text(group, "Name"), content)
    return tree


def _put(tree: dict[str, Any], name: str, value: Any) -> None:
    key, k = name, 2
    while key in tree:
        key, k = f"{name} {k}", k + 1
    tree[key] = value


def _text(element: Element, tag: str) -> str:
    found = element.first(tag)
    return "" if found is None else found.text.strip()


# -- interpretation ----------------------------------------------------------------------------------------------------


def _dataset(document: _Document) -> OperandoDataset:
    axis = _axis(document)
    shift, intensity = ascending(document.path, axis, _intensity(document, axis.size))
    n = intensity.shape[0]
    columns: dict[str, NDArray[Any]] = {}
    start, times = _times(document)
    if times is not None:
        columns["time_s"] = times
    exposure, accumulations = _exposure(document)
    if exposure is not None:
        columns["exposure_s"] = np.full(n, exposure)
        if times is not None:
            document.notes.append(
                f"TriVista does not say whether the time of a frame is the start or the end of its exposure of "
                f"{exposure:g} s"
            )
    columns |= _positions(document, n)
    scan_shape, scan_columns = _scan(columns, n)
    metadata = Metadata(
        local_start=start,
        laser=Laser(wavelength_nm=_laser_nm(document)),
        instrument=_instrument(document, accumulations),
        vendor=_vendor(document),
    ).warn(*document.notes)
    return OperandoDataset(
        intensity=intensity,
        shift=shift,
        columns=columns | scan_columns,
        scan_shape=scan_shape,
        metadata=metadata,
        axis_kind="wavelength",
    )


def _axis(document: _Document) -> NDArray[np.float64]:
    calibration = document.element.first("xDim", "Calibration")
    if calibration is None:
        raise UnreadableFile(document.path, "has no calibration of its axis (xDim)")
    kind, unit = calibration.attributes.get("Type", ""), calibration.attributes.get("Unit", "")
    if kind != "ValueArray" or unit != "Nanometer":
        raise UnreadableFile(
            document.path, f"has its axis as {kind or 'nothing'!r} in {unit!r}; known is 'ValueArray' in 'Nanometer'"
        )
    values = numbers(document.path, calibration.attributes.get("ValueArray", ""), "|", "axis values")
    if values.size < 2 or values[0] != values.size - 1:
        raise UnreadableFile(document.path, f"is damaged: its axis lists {values.size} values with a false count")
    return values[1:]


def _intensity(document: _Document, channels: int) -> NDArray[np.float64]:
    for k, frame in enumerate(document.frames):
        rows, columns = frame.attributes.get("yDim", "1"), frame.attributes.get("xDim", str(channels))
        if rows != "1":
            raise UnreadableFile(
                document.path, f"holds images of {columns} × {rows} values (frame {k}), not spectra; they are not read"
            )
        if frame.value.size != channels or columns != str(channels):
            raise UnreadableFile(
                document.path,
                f"is cut short or damaged: frame {k} has {frame.value.size} of {columns} values, the axis {channels}",
            )
    announced = document.element.first("zDim")
    count = str(len(document.frames)) if announced is None else announced.attributes.get("Length", "")
    if count != str(len(document.frames)):
        document.notes.append(f"the file announces {count} frames, but holds {len(document.frames)}")
    return np.stack([frame.value for frame in document.frames])


def _times(document: _Document) -> tuple[datetime | None, NDArray[np.float64] | None]:
    """Return the first stamp and the seconds of all after it (NaN where there is none), or None for none at all."""
    ticks = np.zeros(len(document.frames), dtype=np.int64)
    for k, frame in enumerate(document.frames):
        written = frame.attributes.get("TimeStamp", "0")
        value = int(written) if written.isascii() and written.isdigit() else -1
        ticks[k] = value if value == 0 or _PLAUSIBLE_TICKS[0] <= value < _PLAUSIBLE_TICKS[1] else -1
    known = ticks > 0
    if np.any(ticks < 0):
        document.notes.append(f"the time stamps of {int(np.sum(ticks < 0))} frames are impossible; they are left out")
    if not known.any():
        written = document.element.attributes.get("RecordTime", "")
        document.notes.append(
            "the frames have no time stamps, so neither their start nor their times are known"
            + (f"; the recording was finished at {written} (month first, local time)" if written else "")
        )
        return None, None
    zero = int(ticks[known].min())
    seconds = np.where(known, (ticks - np.where(known, zero, ticks)) / _TICKS_PER_SECOND, np.nan)
    return _YEAR_ONE + timedelta(microseconds=zero // 10), seconds


def _exposure(document: _Document) -> tuple[float | None, int | None]:
    """Return the exposure of one frame with all its accumulations, and their number."""
    milliseconds = document.number("Detector", "Exposure_Time_(ms)")
    count = document.number("Detector", "No_of_Accumulations")
    accumulations = int(count) if count is not None and 1 <= count < 1e9 else None
    if accumulations is not None and accumulations > 1:
        averaged = document.setting("Detector", "Calc_Average") == "True"
        document.notes.append(
            f"each spectrum is the {'mean' if averaged else 'sum'} of {accumulations} accumulations, as TriVista "
            "stored it"
        )
    if milliseconds is None or milliseconds < 0:
        return None, accumulations
    return milliseconds / 1000.0 * (accumulations or 1), accumulations


def _positions(document: _Document, n: int) -> dict[str, NDArray[Any]]:
    """Return where the frames were measured: as each states it, or from the range of a line scan."""
    written = [frame.attributes.get("ValuePosition", "") for frame in document.frames]
    if all(written):
        places = [numbers(document.path, text, ";", "positions") for text in written]
        if {p.size for p in places} != {3}:
            raise UnreadableFile(document.path, "is damaged: not every position of a frame has three coordinates")
        return {f"{axis}_um": np.array([p[k] for p in places]) for k, axis in enumerate("xyz")}
    ranges = [axis for axis in "XYZ" if f"{axis}-Axis" in document.info]
    if len(ranges) != 1:
        return {}
    name = f"{ranges[0]}-Axis"
    first, last, points = (document.number(name, key) for key in ("From", "To", "Points"))
    if first is None or last is None or points != n:
        document.notes.append(f"the range {name} of the scan does not fit its {n} frames; their positions are unknown")
        return {}
    document.notes.append(
        f"the frames state no positions; {ranges[0].lower()}_um was computed from the range of the scan "
        f"({first:g} … {last:g} mm in {n} points)"
    )
    return {f"{ranges[0].lower()}_um": np.linspace(first * _UM_PER_MM, last * _UM_PER_MM, n)}


def _scan(
    columns: Mapping[str, NDArray[Any]], n: int
) -> tuple[tuple[tuple[str, int], ...], dict[str, NDArray[np.int64]]]:
    varying = {
        axis: columns[f"{axis}_um"] for axis in "zyx" if f"{axis}_um" in columns and np.ptp(columns[f"{axis}_um"]) > 0
    }
    if len(varying) > 1:
        found = scan_grid(varying)
        return ((), {}) if found is None else (found[0], {"scan_index": found[1]})
    if n > 1 and varying:
        return (("line", n),), {}
    if n > 1 and "time_s" in columns:
        return (("time", n),), {}
    return (), {}


def _laser_nm(document: _Document) -> float | None:
    calibration = document.element.first("xDim", "Calibration")
    written = "" if calibration is None else calibration.attributes.get("LaserWave", "")
    for value in (_number(written), document.number("Calibration", "Laser_Wavelength")):
        if value is not None and 150 <= value <= 20000:  # 0 means that none was entered
            return value
    return None


def _instrument(document: _Document, accumulations: int | None) -> Instrument:
    stages = document.info.get("Spectrometers")
    used = [s for s in stages.values() if isinstance(s, dict)] if isinstance(stages, dict) else []
    return Instrument(
        vendor="S&I (Teledyne Princeton Instruments)",
        model=_joined(used, "Model"),
        software="TriVista",
        objective=_objective(document.root),
        grating=_joined(used, "Groove_Density"),
        detector=document.setting("Detector", "Name") or None,
        accumulations=accumulations,
    )


def _joined(stages: Sequence[Mapping[str, Any]], key: str) -> str | None:
    """Return the texts of all spectrometers that the light went through, first to last."""
    return " + ".join(str(s[key]) for s in stages if s.get(key)) or None


def _objective(root: Element) -> str | None:
    """Return the active objective, if exactly one is enabled and active."""
    found = []
    for microscope in root.every("Microscope"):
        group, active = microscope.first("Objectives"), microscope.attributes.get("ActiveObjectiveIndex")
        for k, objective in enumerate(() if group is None else group.children):
            if str(k) == active and objective.attributes.get("IsEnabled") == "True":
                found.append(objective.attributes.get("Name", ""))
    return found[0] or None if len(found) == 1 else None


def _vendor(document: _Document) -> dict[str, Any]:
    hardware = document.root.first("Hardware")
    serialised = ("InfoSerialized", "FileInfoSerialized")
    return {
        "file": {k: v for k, v in document.root.attributes.items() if k not in serialised},
        "document": {k: v for k, v in document.element.attributes.items() if k not in serialised},
        "info": document.info,
        "hardware": {} if hardware is None else plain(hardware),
    }


READER = Reader(
    name="trivista-tvf",
    description="TriVista (S&I, Princeton Instruments): spectrum, time series, line scan, map",
    extensions=(".tvf",),
    sniff=sniff,
    load=load,
    gives=("times", "local start", "positions", "scan", "exposure", "laser", "several"),
)
