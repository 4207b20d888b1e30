"""WITec projects and single data objects, binary (``.wip``, ``.wid``; all of WITec Project to 2.10, FOUR, FIVE).

Structure. A tree of tags (:mod:`spectrode.readers._witec_tags`) with a list of data objects that refer to one another
by number: graphs (the spectra), transformations (channel to nm, pixel to µm, index to s), interpretations (the unit
shown, with the excitation wavelength) and texts (RTF: the acquisition settings).

What is read. One graph with a spectral axis: the one named with ``dataset``, else the largest, with a warning that
lists the others. Counts keep their stored type. A map lies in the file column by column (x slow, y fast; newer files
say so in ``DataFieldInverted``) and stays so; ``scan_index`` places each spectrum. Lines of an interrupted map that are
marked invalid and hold only zeros are left out.

Axis. From the transformation: a polynomial, the grating equation of the spectrometer, a polynomial with limits, or a
table; all give nm, which become Raman shift where the interpretation says so. No vacuum correction, as in WITec's own
exports. Channels outside the limits of a limited polynomial have no position of their own and are left out.

Positions are pixel numbers through the file's own affine transformation, as WITec Project shows them. Whether that is
the corner or the centre of a pixel is nowhere written, so positions of a map may be off by half a step.

Time. The texts give the local date and time of the start, without a zone and in the language of the computer. No
spectrum has a stamp of its own: the times of a series come from its time transformation, those of a map from the scan
speeds of its text (``metadata.times_derived``).

Not read: images, bitmaps, cursors, graphs without a spectral axis, histories, the viewer.

Facts about tags and transformations: J. T. Holmi, *wit_io* (BSD-3-Clause); the grating equation is that of a
Czerny-Turner spectrometer with an inclined detector. Checked with a project of WITec Control 1.60 and its text exports
(hySpc.read.txt, MIT); newer versions only with files built in the tests.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..dataset import AxisKind, OperandoDataset
from ..errors import UnreadableFile
from ..metadata import Instrument, Laser, Metadata, Sample
from ._text import ascending, first_number
from ._witec_tags import MAGICS, Tag, decoded, read_root
from .registry import Reader

__all__ = ["READER", "load", "sniff"]

# GraphData's own code of the type of number.
_DTYPES = {
    1: "<i8",
    2: "<i4",
    3: "<i2",
    4: "<i1",
    5: "<u4",
    6: "<u2",
    7: "<u1",
    8: "<u1",
    9: "<f4",
    10: "<f8",
}
_LASER_NM = (150.0, 20000.0)
_TO_NM = {"nm": 1.0, "µm": 1e3, "μm": 1e3, "um": 1e3, "mm": 1e6, "Å": 0.1}
_TO_UM = {"µm": 1.0, "μm": 1.0, "um": 1.0, "nm": 1e-3, "mm": 1e3, "m": 1e6, "Å": 1e-4, "pm": 1e-6}
_TO_SECONDS = {"s": 1.0, "ms": 1e-3, "µs": 1e-6, "μs": 1e-6, "min": 60.0, "h": 3600.0}
# TDSpectralInterpretation: unit index -> (kind of axis, unit that WITec shows).
_SHOWN: dict[int, tuple[AxisKind, str]] = {
    0: ("wavelength", "nm"),
    1: ("wavelength", "µm"),
    2: ("wavenumber", "1/cm"),
    3: ("raman_shift", "rel. 1/cm"),
    4: ("wavelength", "eV"),
    5: ("wavelength", "meV"),
    6: ("raman_shift", "rel. eV"),
    7: ("raman_shift", "rel. meV"),
}


def sniff(path: Path, head: bytes) -> bool:
    """Return True if the content begins as a WITec project or data file."""
    return head[:8] in MAGICS


def load(path: Path, *, dataset: str | None = None) -> OperandoDataset:
    """Read one dataset of a WITec project.

    Parameters
    ----------
    path
        The file.
    dataset
        Caption of the graph to read; the largest one if not given.

    Returns
    -------
    OperandoDataset
        Columns, as far as the file has them: ``time_s`` (derived), ``exposure_s``, ``x_um``, ``y_um``, ``z_um``,
        ``distance_um``, ``scan_index``.

    Raises
    ------
    UnreadableFile
        If the file is cut or damaged, holds no spectra, or none of that name (the names are listed).
    """
    with open(path, "rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as source:
        project = _project(path, read_root(path, source))
        return _dataset(project, *_chosen(project, dataset))


# -- the project ------------------------------------------------------------------------------------------------------


@dataclass
class _Project:
    path: Path
    root: Tag
    objects: dict[int, tuple[str, Tag]]
    """Class name and tag by number."""

    def of_class(self, name: str) -> dict[int, Tag]:
        return {k: tag for k, (kind, tag) in self.objects.items() if kind == name}

    def referred(self, tag: Tag, *names: str) -> tuple[str, Tag] | None:
        number = tag.optional(*names)
        return None if number is None else self.objects.get(int(number))


@dataclass
class _Axis:
    values: NDArray[np.float64]
    """(channels,) in the order of the file; NaN where a channel has no position."""
    kind: AxisKind
    laser_nm: float | None
    notes: list[str] = field(default_factory=list)


def _project(path: Path, root: Tag) -> _Project:
    objects: dict[int, tuple[str, Tag]] = {}
    data = root.at("Data")
    for name, tag in data.children.items():
        match = re.fullmatch(r"Data (\d+)", name)
        if match is None or not tag.has("TData", "ID"):
            continue
        kind = data.text(f"DataClassName {match[1]}")
        objects.setdefault(int(tag.number("TData", "ID")), (kind, tag))
    return _Project(path, root, objects)


def _names(project: _Project) -> dict[str, int]:
    """Return the graphs that have a spectral axis, by unique caption, in file order."""
    names: dict[str, int] = {}
    for number, tag in project.of_class("TDGraph").items():
        if not _is_spectral(project, tag):
            continue
        caption = tag.text("TData", "Caption") or f"ID {number}"
        names[caption if caption not in names else f"{caption} (ID {number})"] = number
    return names


def _is_spectral(project: _Project, graph: Tag) -> bool:
    found = project.referred(graph, "TDGraph", "XTransformationID")
    if found is None:
        return False
    kind, tag = found
    unit = tag.text("TDTransformation", "StandardUnit")
    return kind == "TDSpectralTransformation" or unit in _TO_NM or "1/cm" in unit


def _chosen(project: _Project, wanted: str | None) -> tuple[str, Tag, list[str]]:
    names = _names(project)
    if not names:
        graphs = len(project.of_class("TDGraph"))
        raise UnreadableFile(
            project.path,
            f"holds no spectra: of {len(project.objects)} data objects, {graphs} are graphs and none has a spectral "
            "axis",
        )
    listed = ", ".join(repr(n) for n in names)
    if wanted is not None:
        if wanted not in names:
            raise UnreadableFile(project.path, f"has no dataset {wanted!r}; it has {listed}")
        return wanted, project.objects[names[wanted]][1], []
    sizes = {n: project.objects[k][1].at("TDGraph", "GraphData", "Data").n_bytes for n, k in names.items()}
    name = max(sizes, key=lambda n: sizes[n])  # the first of the largest
    notes = [] if len(names) == 1 else [f"the file holds {len(names)} datasets: {listed}; {name!r} was read"]
    return name, project.objects[names[name]][1], notes


# -- one dataset ------------------------------------------------------------------------------------------------------


def _dataset(project: _Project, name: str, tag: Tag, notes: list[str]) -> OperandoDataset:
    graph = tag.at("TDGraph")
    sizes = tuple(int(graph.number(key)) for key in ("SizeX", "SizeY", "SizeGraph"))
    if min(sizes) < 1:
        raise UnreadableFile(project.path, f"announces {sizes[0]} × {sizes[1]} spectra of {sizes[2]} channels")
    nx, ny, channels = sizes
    stored = _stored(project, graph, nx, ny, channels)
    x, y = _places(graph, nx, ny)
    kept, line_notes = _measured(project, graph, stored, y, ny)
    axis = _axis(project, graph, channels)
    has_place = np.isfinite(axis.values)
    if has_place.sum() < 1:
        raise UnreadableFile(project.path, "has a spectral transformation that gives no channel a position; damaged")
    if not has_place.all():
        axis.notes.append(f"{int((~has_place).sum())} channels lie outside the calibrated range and were left out")
    with np.errstate(all="ignore"):
        shift, intensity = ascending(project.path, axis.values[has_place], stored[kept][:, has_place])
    x, y = x[kept], y[kept]
    info = _information(project, name)
    exposure, accumulations = _exposure(info)
    columns, scan_shape, place_notes = _scan(project, graph, x, y, (nx, ny))
    when, date_notes = _start(info)
    seconds, derived = _times(project, graph, x, y, (nx, ny), info)
    if seconds is not None and (len(x) > 1 or when is not None):
        columns["time_s"] = seconds
    if exposure is not None:
        columns["exposure_s"] = np.full(len(x), exposure)
    metadata = Metadata(
        title=name,
        local_start=when,
        stamp_refers_to="start",
        times_derived="time_s" in columns and derived,
        laser=Laser(wavelength_nm=axis.laser_nm),
        instrument=_instrument(project, info, accumulations),
        sample=Sample(name=_find(info, "Sample Name") or None),
        vendor=_vendor(project, tag, info),
    ).warn(*notes, *line_notes, *axis.notes, *place_notes, *date_notes)
    return OperandoDataset(
        intensity=intensity,
        shift=shift,
        columns=columns,
        scan_shape=scan_shape,
        metadata=metadata,
        axis_kind=axis.kind,
    )


def _stored(project: _Project, graph: Tag, nx: int, ny: int, channels: int) -> NDArray[Any]:
    """Return (spectra, channels) in file order."""
    code = int(graph.number("GraphData", "DataType"))
    if code not in _DTYPES:
        raise UnreadableFile(project.path, f"has numbers of type {code}; known are 1 to {len(_DTYPES)}")
    dtype = np.dtype(_DTYPES[code])
    data = graph.at("GraphData", "Data")
    needed = nx * ny * channels * dtype.itemsize
    if data.n_bytes != needed:
        raise UnreadableFile(
            project.path,
            f"announces {nx} × {ny} spectra of {channels} channels ({needed} bytes), but holds {data.n_bytes} bytes",
        )
    return np.frombuffer(data.raw(), dtype=dtype).reshape(nx * ny, channels)


def _places(graph: Tag, nx: int, ny: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return column and row of each stored spectrum."""
    order = np.arange(nx * ny)
    if graph.optional("DataFieldInverted", default=False):
        y, x = np.divmod(order, nx)
    else:
        x, y = np.divmod(order, ny)
    return x, y


def _measured(
    project: _Project, graph: Tag, stored: NDArray[Any], y: NDArray[np.int64], ny: int
) -> tuple[NDArray[np.bool_], list[str]]:
    """Return which spectra were measured: all but empty ones in lines that are marked invalid."""
    everything = np.ones(len(stored), dtype=bool)
    if not graph.has("LineValid"):
        return everything, []
    valid = np.asarray(graph.numbers("LineValid"), dtype=bool)
    if valid.size != ny or valid.all():
        return everything, []
    kept = valid[y] | stored.any(axis=1)
    if not kept.any():
        raise UnreadableFile(project.path, f"0 of {len(stored)} planned spectra were measured, so it holds none")
    if kept.all():
        return kept, [f"{int((~valid).sum())} of {ny} lines are marked as not valid, but hold counts; they were kept"]
    return kept, [f"{int(kept.sum())} of {len(stored)} planned spectra were measured; the others are left out"]


# -- axis -------------------------------------------------------------------------------------------------------------


def _axis(project: _Project, graph: Tag, channels: int) -> _Axis:
    found = project.referred(graph, "XTransformationID")
    if found is None:
        raise UnreadableFile(project.path, "has a graph whose spectral transformation is missing; it is damaged")
    kind, tag = found
    index = np.arange(channels, dtype=np.float64)
    with np.errstate(all="ignore"):  # damaged numbers may be anything; what is not finite is refused later
        values = _transformed(project, kind, tag, index)
        notes = []
        if tag.optional("TDTransformation", "IsCalibrated", default=True) is False:
            notes.append("the project says that its spectral axis is not calibrated")
        unit = tag.text("TDTransformation", "StandardUnit", default="nm") or "nm"
        shown, laser = _interpretation(project, graph)
        if "1/cm" in unit:
            relative: AxisKind = "raman_shift" if "rel" in unit else "wavenumber"
            return _Axis(values, relative, laser, notes)
        if unit not in _TO_NM:
            raise UnreadableFile(project.path, f"has its axis in {unit!r}; known are {', '.join(_TO_NM)} and 1/cm")
        nm = values * _TO_NM[unit]
        axis_kind, label = _SHOWN.get(shown, ("wavelength", "an unknown unit"))
        if label not in ("nm", "µm", "1/cm", "rel. 1/cm"):
            read_as = "nm" if axis_kind == "wavelength" else "cm-1"
            notes.append(f"the project shows the axis in {label}; it is read in {read_as}")
        if axis_kind == "raman_shift" and laser is None:
            notes.append("the project shows Raman shifts but states no excitation wavelength; the axis stays in nm")
            axis_kind = "wavelength"
        if axis_kind == "raman_shift" and laser is not None:
            return _Axis(1e7 / laser - 1e7 / nm, axis_kind, laser, notes)
        return _Axis(1e7 / nm if axis_kind == "wavenumber" else nm, axis_kind, laser, notes)


def _interpretation(project: _Project, graph: Tag) -> tuple[int, float | None]:
    """Return the index of the unit shown (nm if none is given) and the excitation wavelength in nm."""
    found = project.referred(graph, "XInterpretationID")
    if found is None:
        return 0, None
    shown = int(found[1].optional("TDInterpretation", "UnitIndex", default=0))
    laser = found[1].optional("TDSpectralInterpretation", "ExcitationWaveLength")
    possible = laser is not None and _LASER_NM[0] <= laser <= _LASER_NM[1]
    return shown, float(laser) if possible else None


def _transformed(project: _Project, kind: str, tag: Tag, index: NDArray[np.float64]) -> NDArray[np.float64]:
    """Send indices through a transformation of one variable."""
    if kind == "TDLinearTransformation":
        linear = tag.at("TDLinearTransformation")
        scale, world, model = (
            float(linear.number(f"{key}_D" if linear.has(f"{key}_D") else key))
            for key in ("Scale", "WorldOrigin", "ModelOrigin")
        )
        return np.asarray(scale * (index - model) + world)
    if kind == "TDLUTTransformation":
        table = tag.numbers("TDLUTTransformation", "LUT").astype(np.float64)
        if table.size < index.size:
            raise UnreadableFile(
                project.path, f"has a table of {table.size} positions for {index.size} channels; it is damaged"
            )
        return table[: index.size]
    if kind == "TDSpectralTransformation":
        return _spectral(project, tag.at("TDSpectralTransformation"), index)
    raise UnreadableFile(project.path, f"has an axis by {kind or 'nothing'}, which is not known")


def _spectral(project: _Project, tag: Tag, index: NDArray[np.float64]) -> NDArray[np.float64]:
    kind = int(tag.number("SpectralTransformationType"))
    if kind == 0:
        return _polynomial(index, tag.numbers("Polynom")[:3])
    if kind == 1:
        return _grating_nm(tag, index)
    if kind == 2:
        order = max(int(tag.number("FreePolynomOrder")), 0)
        first = float(tag.number("FreePolynomStartBin"))
        last = max(first, float(tag.number("FreePolynomStopBin")))
        inside = (index >= first) & (index <= last)
        return np.where(inside, _polynomial(index, tag.numbers("FreePolynom")[: order + 1]), np.nan)
    raise UnreadableFile(project.path, f"has a spectral transformation of type {kind}; known are 0, 1 and 2")


def _polynomial(index: NDArray[np.float64], coefficients: NDArray[Any]) -> NDArray[np.float64]:
    if coefficients.size == 0:
        return np.full(index.shape, np.nan)
    return np.asarray(np.polynomial.polynomial.polyval(index, coefficients.astype(np.float64)), dtype=np.float64)


def _grating_nm(tag: Tag, index: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the wavelength of each channel by the grating equation.

    ``Gamma`` is the angle between incident and diffracted beam, ``Delta`` the inclination of the detector (rad), ``d``
    the groove distance (nm), ``m`` the order, ``x`` the pixel width and ``f`` the focal length (mm), ``nC`` the channel
    at the central wavelength ``LambdaC`` (nm).
    """
    centre, wavelength, gamma, delta, order, groove, pixel, focus = (
        float(tag.number(key)) for key in ("nC", "LambdaC", "Gamma", "Delta", "m", "d", "x", "f")
    )
    incident = np.arcsin(wavelength * order / (2 * groove * np.cos(gamma / 2))) - gamma / 2
    beside = pixel * (centre - index) - focus * np.sin(delta)
    diffracted = incident + gamma - delta - np.arctan2(beside, focus * np.cos(delta))
    return np.asarray(groove / order * (np.sin(incident) + np.sin(diffracted)))


# -- positions and times ----------------------------------------------------------------------------------------------


def _scan(
    project: _Project, graph: Tag, x: NDArray[np.int64], y: NDArray[np.int64], sizes: tuple[int, int]
) -> tuple[dict[str, NDArray[Any]], tuple[tuple[str, int], ...], list[str]]:
    nx, ny = sizes
    columns: dict[str, NDArray[Any]] = {}
    names = ("x", "y")
    found = _of_kind(project, graph, "TDSpaceTransformation")
    notes: list[str] = []
    if found is not None:
        positions = _positions(found, x, y)
        unit = found.text("TDTransformation", "StandardUnit", default="µm") or "µm"
        if positions is None or unit not in _TO_UM:
            notes.append("the positions of the project could not be understood and are left out")
        else:
            positions = positions * _TO_UM[unit]
            columns |= dict(zip(("x_um", "y_um", "z_um"), positions, strict=True))
            names = _dimension_names(found)
    if nx * ny == 1:
        return columns, (), notes
    if ny > 1 and nx > 1:
        columns["scan_index"] = y * nx + x
        return columns, ((names[1], ny), (names[0], nx)), notes
    if found is None:
        return columns, (("time" if _time_transformation(project, graph) is not None else "line", nx * ny),), notes
    if "x_um" in columns:
        steps = np.stack([columns[f"{axis}_um"] - columns[f"{axis}_um"][0] for axis in "xyz"])
        columns["distance_um"] = np.sqrt((steps**2).sum(axis=0))
    return columns, (("line", nx * ny),), notes


def _of_kind(project: _Project, graph: Tag, kind: str) -> Tag | None:
    """Return the first transformation of the pixels (v7 files can have two) of one class."""
    for key in ("SpaceTransformationID", "SecondaryTransformationID"):
        found = project.referred(graph, key)
        if found is not None and found[0] == kind:
            return found[1]
    return None


def _matrices(tag: Tag) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]] | None:
    """Return (3, 3) linear part and the two origins of a space transformation, or None if they are damaged."""
    port = tag.at("TDSpaceTransformation", "ViewPort3D")
    parts = {k: port.numbers(k).astype(np.float64) for k in ("ModelOrigin", "WorldOrigin", "Scale", "Rotation")}
    if [p.size for p in parts.values()] != [3, 3, 9, 9]:
        return None
    # Matrices are stored column by column.
    scale, rotation = parts["Scale"].reshape(3, 3).T, parts["Rotation"].reshape(3, 3).T
    with np.errstate(all="ignore"):
        linear = rotation @ scale
    good = all(np.isfinite(a).all() and np.abs(a).max() < 1e12 for a in (linear, *parts.values()))
    return (linear, parts["ModelOrigin"], parts["WorldOrigin"]) if good else None


def _positions(tag: Tag, x: NDArray[np.int64], y: NDArray[np.int64]) -> NDArray[np.float64] | None:
    """Return (3, spectra) positions in the unit of the transformation."""
    matrices = _matrices(tag)
    if matrices is None:
        return None
    linear, model, world = matrices
    pixels = np.stack([x, y, np.zeros_like(x)]).astype(np.float64)
    return np.asarray(linear @ (pixels - model[:, None]) + world[:, None])


def _dimension_names(tag: Tag) -> tuple[str, str]:
    """Name the two pixel directions by the stage direction that they follow most (a depth scan runs along z)."""
    matrices = _matrices(tag)
    if matrices is None:
        return ("x", "y")
    first, second = ("xyz"[int(np.argmax(np.abs(matrices[0][:, k])))] for k in (0, 1))
    return (first, second) if first != second else ("x", "y")


def _time_transformation(project: _Project, graph: Tag) -> tuple[str, Tag] | None:
    for key in ("SpaceTransformationID", "SecondaryTransformationID"):
        found = project.referred(graph, key)
        if found is not None and found[1].text("TDTransformation", "StandardUnit") in _TO_SECONDS:
            return found
    return None


def _times(
    project: _Project,
    graph: Tag,
    x: NDArray[np.int64],
    y: NDArray[np.int64],
    sizes: tuple[int, int],
    info: Mapping[str, Mapping[str, str]],
) -> tuple[NDArray[np.float64] | None, bool]:
    """Return the begin of each exposure after the start, and whether it comes from a nominal step.

    A table of times was recorded; a linear transformation and the speed of a scan are nominal.
    """
    nx, ny = sizes
    if nx * ny == 1:
        return np.zeros(1), False
    found = _time_transformation(project, graph)
    if found is not None and min(sizes) == 1:
        index = np.arange(nx * ny, dtype=np.float64)
        with np.errstate(all="ignore"):
            seconds = _transformed(project, *found, index)[np.maximum(x, y)]
            seconds = seconds * _TO_SECONDS[found[1].text("TDTransformation", "StandardUnit")]
        return (seconds if np.isfinite(seconds).all() else None), found[0] != "TDLUTTransformation"
    trace, retrace = (first_number(_find(info, f"Scan Speed ({k})"), 0.0, 1e9) for k in ("Trace", "Retrace"))
    if trace is None or retrace is None or first_number(_find(info, "Points per Line")) != nx:
        return None, False
    return np.asarray(y * (trace + retrace) + x * (trace / nx), dtype=np.float64), True


# -- the text of the settings -----------------------------------------------------------------------------------------


def _information(project: _Project, name: str) -> dict[str, dict[str, str]]:
    """Return the settings of a graph by section, from the text named after the same measurement."""
    best: tuple[int, Tag] | None = None
    for tag in project.of_class("TDText").values():
        caption = tag.text("TData", "Caption")
        measurement = caption.removesuffix("Information").rstrip(" \t_:")
        fits = measurement and measurement != caption and name.startswith(measurement)
        if fits and (best is None or len(measurement) > best[0]):
            best = (len(measurement), tag)
    if best is None or not best[1].has("TDStream", "StreamData"):
        return {}
    return _sections(_plain_text(best[1].at("TDStream", "StreamData").raw()[:_LONGEST_TEXT]))


_RTF = re.compile(
    rb"\\'([0-9a-fA-F]{2})|\\u(-?\d+)\s?\??|\\([a-z]+)(-?\d+)? ?|\\([^a-z])|([{}])|[\r\n]+|([^\\{}\r\n]+)"
)
_LONGEST_TEXT = 1_000_000  # bytes; settings take one or two thousand
_TABLES = (b"fonttbl", b"colortbl", b"stylesheet", b"info", b"pict")


def _plain_text(raw: bytes) -> str:
    """Return the text of an RTF document without its markup; anything else as it is."""
    if not raw.lstrip().startswith(b"{\\rtf"):
        return decoded(raw)
    out: list[str] = []
    depth, hidden = 0, None
    for match in _RTF.finditer(raw):
        code, point, word, _, symbol, brace, text = match.groups()
        if brace:
            depth += 1 if brace == b"{" else -1
            hidden = None if hidden is not None and depth < hidden else hidden
        elif word in _TABLES:
            hidden = depth
        elif hidden is not None:
            continue
        elif code:
            out.append(bytes([int(code, 16)]).decode("cp1252", errors="replace"))
        elif point:
            out.append(chr(int(point) % 0x10000))
        elif word in (b"par", b"line", b"tab"):
            out.append("\t" if word == b"tab" else "\n")
        elif text or (symbol and symbol in b"\\{}"):
            out.append(decoded(text or symbol))
    return "".join(out).replace("\0", "")


def _sections(text: str) -> dict[str, dict[str, str]]:
    """Return {heading: {key: value}}; a heading is a line that ends with a colon."""
    found: dict[str, dict[str, str]] = {}
    heading = ""
    for line in text.split("\n"):
        key, tab, value = line.strip(" \r").partition("\t")
        key = key.strip()
        if tab and key.endswith(":"):
            found.setdefault(heading, {})[key[:-1].strip()] = value.strip()
        elif key.endswith(":"):
            heading = key[:-1].strip()
    return found


def _find(info: Mapping[str, Mapping[str, str]], key: str) -> str:
    """Return the value of a key (its unit in brackets may follow) in any section, or an empty text."""
    for section in info.values():
        for name, value in section.items():
            if value and (name == key or (name.endswith("]") and name.rpartition("[")[0].rstrip() == key)):
                return value
    return ""


def _exposure(info: Mapping[str, Mapping[str, str]]) -> tuple[float | None, int | None]:
    """Return the exposure of a spectrum, all accumulations together, in s, and the number of accumulations."""
    single = first_number(_find(info, "Integration Time") or _find(info, "Integration Time (Trace)"), 0.0, 1e9)
    count = first_number(_find(info, "Number Of Accumulations") or _find(info, "Accumulations"), low=1.0, high=1e6)
    if single is None:
        return None, None if count is None else int(count)
    return single * (1.0 if count is None else count), None if count is None else int(count)


def _instrument(project: _Project, info: Mapping[str, Mapping[str, str]], accumulations: int | None) -> Instrument:
    software = None
    if project.root.has("SystemInformation", "ApplicationVersions"):
        software = next(iter(project.root.at("SystemInformation", "ApplicationVersions").children), None)
    spectrometer = next((name for name, section in info.items() if "Grating" in section), None)
    detector = next((name for name, section in info.items() if any("[Pixels]" in key for key in section)), None)
    return Instrument(
        vendor="WITec",
        model=spectrometer,
        software=software,
        objective=_find(info, "Objective Name") or _find(info, "Objective") or None,
        grating=_find(info, "Grating") or None,
        detector=detector,
        accumulations=accumulations,
    )


_MONTHS = (
    # German, English, French, Spanish, Italian, Dutch; three or more letters that name one month in all of them.
    ("jan", "ene", "gen"),
    ("feb", "fév", "fev"),
    ("mar", "mär", "maa", "mrt"),
    ("apr", "avr", "abr"),
    ("mai", "may", "mag", "mei"),
    ("jun", "juin", "giu"),
    ("jul", "juil", "lug"),
    ("aug", "aoû", "aou", "ago"),
    ("sep", "set"),
    ("oct", "okt", "ott"),
    ("nov",),
    ("dec", "dez", "déc", "dic"),
)
_MONTH_OF = {start: number for number, starts in enumerate(_MONTHS, start=1) for start in starts}


def _month(word: str) -> int | None:
    lowered = word.lower()
    return _MONTH_OF.get(lowered[:4]) or _MONTH_OF.get(lowered[:3])


def _start(info: Mapping[str, Mapping[str, str]]) -> tuple[datetime | None, list[str]]:
    """Return the local start from texts such as ``Mittwoch, 15. Juli 2015`` and ``15:03:08`` (or ``3:03:08 PM``)."""
    date, clock = _find(info, "Date"), _find(info, "Time")
    if not date:
        return None, []
    year, day = re.search(r"\b(19|20)\d\d\b", date), re.search(r"(?<!\d)([0-3]?\d)(?!\d)", date)
    words: Sequence[str] = re.findall(r"[^\W\d_]+", date)
    # The last word that names a month: weekdays come first (Italian 'martedì' begins as 'marzo').
    months = [m for m in map(_month, words) if m is not None]
    time = re.search(r"(\d{1,2}):(\d{2})(?::(\d{2}))?\s*([AaPp])?", clock)
    if year is None or day is None or not months or time is None:
        return None, [f"the start {date!r}, {clock!r} could not be understood"]
    hour = int(time[1])
    if time[4]:
        hour = hour % 12 + (12 if time[4] in "pP" else 0)
    try:
        return datetime(int(year[0]), months[-1], int(day[1]), hour, int(time[2]), int(time[3] or 0)), []
    except ValueError:
        return None, [f"the start {date!r}, {clock!r} is no date"]


def _vendor(project: _Project, tag: Tag, info: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """Return the parts of the tree that belong to the dataset, as JSON-able values."""
    used = {}
    for key in (
        "SpaceTransformationID",
        "SecondaryTransformationID",
        "XTransformationID",
        "XInterpretationID",
        "ZInterpretationID",
    ):
        found = project.referred(tag, "TDGraph", key)
        if found is not None:
            used[key.removesuffix("ID")] = {"class": found[0], **found[1].plain()}
    head = {k: project.root.at(k).plain() for k in ("Version", "SystemInformation") if project.root.has(k)}
    listed = [
        {"id": number, "class": kind, "caption": entry.text("TData", "Caption")}
        for number, (kind, entry) in project.objects.items()
    ]
    return {
        **head,
        "objects": listed,
        "graph": tag.plain(),
        **used,
        "information": {k: dict(v) for k, v in info.items()},
    }


READER = Reader(
    name="witec-wip",
    description="WITec project or data object, binary: spectra, series, line scans, maps (.wip, .wid)",
    extensions=(".wip", ".wid"),
    sniff=sniff,
    load=load,
    gives=("times", "local start", "positions", "scan", "exposure", "laser", "several"),
)
