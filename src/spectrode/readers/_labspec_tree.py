"""The tree of settings and axes that HORIBA LabSpec 6 keeps, however it is stored (XML or binary), as a dataset.

LabSpec numbers its nodes by 32-bit identifiers, the same in both kinds of files. A node is a text, a number, an array
or a group. Those used here: type, title, data (axes: 0 the intensity, 1 the spectral axis, 2 … the scanned ones, each
with type, unit and values), settings (groups with a name, a value, sometimes a unit and a position, which is the exact
number behind a rounded text, as 632.817 behind "633"), and the angle of a rotated map.

Units. The spectral axis is in nm, 1/cm (Raman shift), "1/cm abs" or eV. LabSpec reckons without the refractive index of
air, and its electronvolts with h·c = 1240 eV nm (not 1239.84; the exports of one measurement in all units prove it), so
eV is turned back into nm with 1240. Intensities stay as stored, in counts ("Cnt") or counts per second ("Cnt/sec").

Time. "Acquired" is a local time without a zone; whether it is the start or the end is not documented.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..dataset import AxisKind, OperandoDataset
from ..errors import UnreadableFile
from ..metadata import Instrument, Laser, Metadata, Sample
from ._text import ascending, first_number, local_date, scan_grid

__all__ = ["AXES", "DATA", "TITLE", "TYPE", "VALUES", "Axis", "Node", "axes_of", "dataset_of", "text_of"]

FastAxis = Literal["first", "last"]

TYPE, TITLE, DATA, AXES = 0x6D707974, 0x6C7469D9, 0x7A74D9D6, 0x7B697861
UNIT, VALUES, BASE, ANGLE = 0x7C696E75, 0x7D6CD4DB, 0x6D6261D8, 0x6C676EC6
SETTINGS, NAME, VALUE, POSITION, SOURCE = 0x6C62D4D9, 0x6D6D616E, 0x7D6C61DB, 0x08736F70, 0x6D6C6966
_KEYS = {
    TYPE: "type",
    TITLE: "title",
    DATA: "data",
    AXES: "axes",
    UNIT: "unit",
    VALUES: "values",
    BASE: "base",
    ANGLE: "angle",
    SETTINGS: "settings",
    NAME: "name",
    VALUE: "value",
    POSITION: "position",
    SOURCE: "file",
    0x08716361: "acquisition",
    0x7C73E2D2: "information",
    0x7CECDBD7: "dates",
}
_EV_NM = 1240.0
_MICROMETRES = {"µm": 1.0, "μm": 1.0, "um": 1.0, "mm": 1e3, "nm": 1e-3}
_SECONDS = {"s": 1.0, "sec": 1.0, "ms": 1e-3, "min": 60.0, "mn": 60.0, "h": 3600.0}
_LISTED_NUMBERS = 16


@dataclass(frozen=True, eq=False)
class Node:
    """One node: a value (text, number, array), or a group of nodes."""

    id: int
    value: Any = None
    children: tuple[Node, ...] = ()

    def child(self, *ids: int) -> Node | None:
        """Return the first node at a path of identifiers below this one, or None."""
        found: Node | None = self
        for wanted in ids:
            if found is None:
                return None
            found = next((c for c in found.children if c.id == wanted), None)
        return found


def text_of(node: Node | None) -> str:
    """Return the text of a node, empty if there is none."""
    return node.value.strip() if node is not None and isinstance(node.value, str) else ""


def _number_of(node: Node | None) -> float | None:
    if node is None or isinstance(node.value, (bool, str)) or not isinstance(node.value, (int, float)):
        return None
    return float(node.value) if math.isfinite(node.value) else None


@dataclass(frozen=True, eq=False)
class Axis:
    """One axis of the data."""

    kind: str
    """As LabSpec calls it: Intens, Spectr, X, Y, Z, Time …; the base axis of a rotated one."""
    unit: str
    values: NDArray[np.float64]
    """(n,); empty for the intensity where it is stored apart."""
    rotated: bool = False


def axes_of(path: Path, root: Node) -> list[Axis]:
    """Return the axes in the order of their numbers; the intensity comes first.

    Raises
    ------
    UnreadableFile
        If there are none, or they are not numbered 0, 1, 2 …
    """
    group = root.child(DATA, AXES)
    if group is None or not group.children:
        raise UnreadableFile(path, "lists no axes, so there is no spectrum in it")
    ordered = sorted(group.children, key=lambda node: node.id)
    if [node.id for node in ordered] != list(range(len(ordered))):
        raise UnreadableFile(path, "is damaged: its axes are not numbered 0, 1, 2 …")
    found = []
    for node in ordered:
        values, kind, base = node.child(VALUES), text_of(node.child(TYPE)), text_of(node.child(BASE))
        array = values.value if values is not None and isinstance(values.value, np.ndarray) else np.zeros(0)
        found.append(Axis(base or kind, text_of(node.child(UNIT)), array, bool(base) and base != kind))
    return found


def dataset_of(
    path: Path, root: Node, axes: Sequence[Axis], spectra: NDArray[np.float64], fast_axis: FastAxis = "first"
) -> OperandoDataset:
    """Interpret the tree.

    Parameters
    ----------
    root
        The tree.
    axes
        Its axes (:func:`axes_of`).
    spectra
        (spectra, channels) intensities in the order of the file.
    fast_axis
        Which of several scanned axes runs faster from one spectrum to the next.

    Raises
    ------
    UnreadableFile
        If the axes are not those of spectra, or their lengths contradict the number of spectra.
    """
    spectral, scanned = _checked_axes(path, axes, spectra)
    settings = _Settings.of(root)
    notes: list[str] = []
    kind, axis = _spectral_axis(path, spectral, notes)
    shift, intensity = ascending(path, axis, spectra)
    columns, scan_shape = _scan(scanned, spectra.shape[0], fast_axis, notes)
    _add_stage(columns, scanned, settings, spectra.shape[0], notes)
    columns |= _exposure(settings, spectra.shape[0], notes)
    _note_intensity(axes[0].unit, settings, notes)
    angle = _number_of(root.child(ANGLE, 0))
    if any(a.rotated for a in scanned):
        turned = "" if angle is None else f" by {math.degrees(angle):.2f}° (as the file writes it)"
        notes.append(f"the map is rotated{turned} against the stage; x_um and y_um are along its own axes")
    when = _start(settings, notes)
    metadata = Metadata(
        title=text_of(root.child(TITLE)) or None,
        local_start=when,
        laser=Laser(wavelength_nm=settings.laser_nm, power_fraction=settings.power_fraction),
        instrument=Instrument(
            vendor="HORIBA",
            model=settings.text("Instrument"),
            software="LabSpec 6",
            objective=settings.text("Objective"),
            grating=settings.text("Grating"),
            detector=settings.text("Detector"),
            accumulations=settings.accumulations,
        ),
        sample=Sample(name=settings.text("Sample"), description=settings.text("Remark")),
        vendor=_plain(root),
    ).warn(*notes)
    return OperandoDataset(
        intensity=intensity,
        shift=shift,
        columns=columns,
        scan_shape=scan_shape,
        metadata=metadata,
        axis_kind=kind,
    )


def _checked_axes(path: Path, axes: Sequence[Axis], spectra: NDArray[np.float64]) -> tuple[Axis, Sequence[Axis]]:
    kinds = [a.kind for a in axes]
    if len(axes) < 2 or kinds[0] != "Intens" or kinds[1] != "Spectr" or "Spectr" in kinds[2:]:
        raise UnreadableFile(path, f"holds no spectra (its axes are {', '.join(kinds) or 'not named'})")
    if len(set(kinds)) < len(kinds):
        raise UnreadableFile(path, f"is damaged: two of its axes are of one kind ({', '.join(kinds)})")
    channels = axes[1].values.size
    if spectra.shape[1] != channels:
        raise UnreadableFile(
            path, f"is damaged: its spectra have {spectra.shape[1]} channels, its axis has {channels} values"
        )
    places = math.prod(a.values.size for a in axes[2:])
    if spectra.shape[0] != places:
        raise UnreadableFile(
            path, f"is cut short or damaged: it holds {spectra.shape[0]} spectra, its axes have {places} places"
        )
    if spectra.shape[0] == 0:
        raise UnreadableFile(path, "holds no spectrum")
    return axes[1], axes[2:]


def _spectral_axis(path: Path, axis: Axis, notes: list[str]) -> tuple[AxisKind, NDArray[np.float64]]:
    unit = axis.unit.lower()
    if unit == "nm":
        return "wavelength", axis.values
    if unit == "1/cm":
        return "raman_shift", axis.values
    if unit == "1/cm abs":
        return "wavenumber", axis.values
    if unit == "ev" and np.all(axis.values > 0):
        notes.append("the axis was photon energy in eV; it is converted to nm with 1240 eV nm, as LabSpec does")
        return "wavelength", _EV_NM / axis.values
    raise UnreadableFile(
        path, f"has its spectral axis in {axis.unit!r}; known are nm, 1/cm, 1/cm abs and (positive) eV"
    )


# -- scan --------------------------------------------------------------------------------------------------------------


def _scan(
    scanned: Sequence[Axis], n: int, fast_axis: FastAxis, notes: list[str]
) -> tuple[dict[str, NDArray[Any]], tuple[tuple[str, int], ...]]:
    """Return a column for each scanned axis (and ``scan_index`` where it is needed), and the scan shape."""
    columns: dict[str, NDArray[Any]] = {}
    sizes = [a.values.size for a in scanned]
    slow_first = list(range(len(sizes)))[:: -1 if fast_axis == "first" else 1]
    places = np.unravel_index(np.arange(n), [sizes[k] for k in slow_first]) if sizes else ()
    for k, place in zip(slow_first, places, strict=True):
        name, values = _coordinate(scanned[k])
        columns[name] = values[place]
    long = [k for k in slow_first if sizes[k] > 1]
    names = [_coordinate(scanned[k])[0] for k in long]
    if len(long) > 1:
        notes.append(
            f"the file does not say which axis of the scan runs faster; the {fast_axis} ({scanned[long[-1]].kind}) was "
            "taken; give fast_axis='last' or 'first' if the map looks scrambled"
        )
        if set(names) <= {"x_um", "y_um", "z_um"}:
            found = scan_grid({a: columns[f"{a}_um"] for a in ("z", "y", "x") if f"{a}_um" in names})
            if found is not None:
                return {**columns, "scan_index": found[1]}, found[0]
        return columns, tuple((re.sub(r"_(um|s)$", "", name), sizes[k]) for name, k in zip(names, long, strict=True))
    if len(long) == 1:
        word = "line" if names[0].endswith("_um") else re.sub(r"_s$", "", names[0])
        return columns, ((word, n),)
    return columns, ()


def _coordinate(axis: Axis) -> tuple[str, NDArray[np.float64]]:
    """Return name and values, in µm or s, of a scanned axis."""
    kind = axis.kind.lower()
    if kind in ("x", "y", "z") and axis.unit in _MICROMETRES:
        return f"{kind}_um", axis.values * _MICROMETRES[axis.unit]
    if kind in ("time", "t") and axis.unit.lower() in _SECONDS:
        return "time_s", axis.values * _SECONDS[axis.unit.lower()]
    return re.sub(r"\W+", "_", f"{kind}_{axis.unit}").strip("_").lower() or "axis", axis.values


def _add_stage(
    columns: dict[str, NDArray[Any]], scanned: Sequence[Axis], settings: _Settings, n: int, notes: list[str]
) -> None:
    """Add the stage position of the settings where no axis gives one; say where it contradicts a scanned axis."""
    for axis in ("x", "y", "z"):
        value = settings.number(f"{axis.upper()} (µm)")
        name = f"{axis}_um"
        if value is None:
            continue
        if name not in columns:
            columns[name] = np.full(n, value)
            continue
        low, high = columns[name].min(), columns[name].max()
        if not low <= value <= high:
            notes.append(
                f"the settings put the stage at {axis} = {value:g} µm, the scan reaches from {low:g} to {high:g} µm; "
                f"{name} is that of the scan, relative to a point that the file does not name"
            )


# -- settings ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Setting:
    value: Any
    position: float | None


@dataclass(frozen=True)
class _Settings:
    """The named settings; of two with one name the first."""

    named: Mapping[str, _Setting]

    @classmethod
    def of(cls, root: Node) -> _Settings:
        named: dict[str, _Setting] = {}
        for node in _groups(root.child(SETTINGS)):
            name, value = text_of(node.child(NAME)), node.child(VALUE)
            if name and value is not None:
                named.setdefault(name, _Setting(value.value, _number_of(node.child(POSITION))))
        return cls(named)

    def text(self, name: str) -> str | None:
        found = self.named.get(name)
        return None if found is None else str(found.value).strip() or None

    def number(self, name: str) -> float | None:
        found = self.named.get(name)
        if found is None or isinstance(found.value, np.ndarray):
            return None
        if isinstance(found.value, str):
            return first_number(found.value)
        return float(found.value) if found.value is not None and math.isfinite(found.value) else None

    @property
    def accumulations(self) -> int | None:
        value = self.number("Accumulations")
        return int(value) if value is not None and 1 <= value < 1e9 else None

    @property
    def exposure_s(self) -> float | None:
        """All accumulations of one spectrum (of one spectral window)."""
        single = self.number("Acq. time (s)")
        return None if single is None or single < 0 else single * (self.accumulations or 1)

    @property
    def laser_nm(self) -> float | None:
        found = self.named.get("Laser (nm)")
        if found is None:
            return None
        if found.position is not None and 150 <= found.position <= 20000:
            return found.position
        return first_number(found.value, 150.0, 20000.0)

    @property
    def power_fraction(self) -> float | None:
        """Transmission of the filter: ``10%``, or an optical density written ``D0.6``."""
        written = self.text("ND Filter") or ""
        value = first_number(written, 0.0)
        if value is None:
            return None
        if "%" in written:
            return value / 100.0
        return float(10.0**-value) if re.match(r"(OD|D)\s*\d", written, re.I) else None


def _groups(node: Node | None) -> Iterator[Node]:
    for child in () if node is None else node.children:
        if child.children:
            yield child
            yield from _groups(child)


def _exposure(settings: _Settings, n: int, notes: list[str]) -> dict[str, NDArray[Any]]:
    exposure, windows = settings.exposure_s, settings.number("Windows") or 1
    if exposure is None:
        return {}
    columns = {"exposure_s": np.full(n, exposure)}
    if 1 < windows < 1e6:
        columns["irradiation_s"] = np.full(n, exposure * windows)
        notes.append(
            f"each spectrum was put together from {windows:g} spectral windows, recorded after one another with "
            f"{exposure:g} s each; its channels were not measured at one time"
        )
    return columns


def _note_intensity(unit: str, settings: _Settings, notes: list[str]) -> None:
    if unit == "Cnt/sec":
        exposure = settings.exposure_s
        length = "" if exposure is None else f" (exposure {exposure:g} s)"
        notes.append(f"the intensities are counts per second, as LabSpec stored them{length}")
    elif unit != "Cnt":
        notes.append(f"the intensities are in {unit!r}, as LabSpec stored them" if unit else "intensities have no unit")
    elif (settings.accumulations or 1) > 1:
        notes.append(
            f"the file does not say whether the counts are the sum or the mean of its {settings.accumulations} "
            "accumulations"
        )


def _start(settings: _Settings, notes: list[str]) -> datetime | None:
    written = settings.text("Acquired") or settings.text("Date")
    if written is None:
        return None
    when, note = local_date(written)
    if when is None:
        notes.append(f"the date {written!r} could not be understood")
        return None
    if note is not None:
        notes.append(note)
    exposure = settings.exposure_s
    length = "" if exposure is None else f" of {exposure:g} s a spectrum"
    notes.append(
        f"LabSpec does not say whether {written!r} is the start or the end of the measurement{length}; start taken"
    )
    return when


def _plain(node: Node) -> Any:
    """Return the tree in dicts, lists, texts and numbers; long arrays are counted only."""
    if not node.children:
        return _plain_value(node.value)
    tree: dict[str, Any] = {}
    for child in node.children:
        key = text_of(child.child(NAME)) or _KEYS.get(child.id, f"0x{child.id:08X}")
        value = _plain(child)
        if isinstance(value, dict) and value.get("name") == key:
            value = {k: v for k, v in value.items() if k != "name"}
            value = value["value"] if list(value) == ["value"] else value
        tree[key if key not in tree else f"{key} (0x{child.id:08X})"] = value
    return tree


def _plain_value(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        if value.size > _LISTED_NUMBERS:
            return f"{value.size} numbers"
        return [_plain_value(float(v)) for v in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
