"""Writes small WITec projects from known numbers, tag by tag."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np

_KINDS = {"f8": 2, "f4": 3, "i8": 4, "i4": 5, "u2": 6, "u1": 7, "b1": 8}
_CODES = {"i8": 1, "i4": 2, "i2": 3, "i1": 4, "u4": 5, "u2": 6, "u1": 7, "f4": 9, "f8": 10}


def tag(name: str, value: Any, at: int) -> bytes:
    """A tag that begins at file offset ``at``; a list of (name, value) is a tree."""
    label = name.encode("cp1252")
    begin = at + 24 + len(label)
    if isinstance(value, list):
        kind, content = 0, b""
        for inner_name, inner in value:
            content += tag(inner_name, inner, begin + len(content))
    elif isinstance(value, str):
        raw = value.encode("cp1252")
        kind, content = 9, struct.pack("<I", len(raw)) + raw
    elif isinstance(value, bytes):
        kind, content = 7, value
    else:
        if isinstance(value, bool):
            array = np.array([value], dtype="b1")
        else:
            array = np.atleast_1d(np.asarray(value))
            array = array.astype("i4") if array.dtype.kind == "i" and array.dtype != np.int64 else array
            if isinstance(value, int | list):
                array = array.astype("i4")
        kind, content = _KINDS[array.dtype.str[1:]], array.tobytes()
    return struct.pack("<I", len(label)) + label + struct.pack("<Iqq", kind, begin, begin + len(content)) + content


def ints(*values: int) -> np.ndarray:
    return np.array(values, dtype="i4")


@dataclass
class Project:
    """Data objects in order; ``add`` returns the number of each."""

    magic: bytes = b"WIT_PRCT"
    objects: list[tuple[str, int, str, list[tuple[str, Any]]]] = field(default_factory=list)

    def add(self, kind: str, caption: str, parts: list[tuple[str, Any]]) -> int:
        number = 10 + len(self.objects)
        self.objects.append((kind, number, caption, parts))
        return number

    def __bytes__(self) -> bytes:
        data: list[tuple[str, Any]] = []
        for k, (kind, number, caption, parts) in enumerate(self.objects):
            head = ("TData", [("Version", 0), ("ID", number), ("ImageIndex", 0), ("Caption", caption)])
            data += [(f"DataClassName {k}", kind), (f"Data {k}", [head, *parts])]
        data.append(("NumberOfData", len(self.objects)))
        root = [
            ("Version", 5),
            ("SystemInformation", [("ApplicationVersions", [("WITec Control 1.60.3.3", [])])]),
            ("Data", data),
        ]
        return self.magic + tag("WITec Project", root, 8)

    # -- data objects ---------------------------------------------------------------------------------------------

    def polynomial(self, coefficients: tuple[float, ...], unit: str = "nm", calibrated: bool = True) -> int:
        parts = [
            ("SpectralTransformationType", 0),
            ("Polynom", np.array(coefficients)),
        ]
        return self._transformation("TDSpectralTransformation", unit, parts, calibrated)

    def limited(self, coefficients: tuple[float, ...], first: float, last: float) -> int:
        parts = [
            ("SpectralTransformationType", 2),
            ("FreePolynomOrder", len(coefficients) - 1),
            ("FreePolynomStartBin", np.float64(first)),
            ("FreePolynomStopBin", np.float64(last)),
            ("FreePolynom", np.array(coefficients)),
        ]
        return self._transformation("TDSpectralTransformation", "nm", parts)

    def grating(self, **numbers: float) -> int:
        parts: list[tuple[str, Any]] = [("SpectralTransformationType", 1)]
        parts += [(key, np.float64(value)) for key, value in numbers.items()]
        return self._transformation("TDSpectralTransformation", "nm", parts)

    def table(self, values: np.ndarray, unit: str) -> int:
        parts = [("LUTSize", len(values)), ("LUT", np.asarray(values, dtype="f8"))]
        return self._transformation("TDLUTTransformation", unit, parts)

    def linear(self, step: float, unit: str = "s", start: float = 0.0) -> int:
        parts = [("WorldOrigin_D", np.float64(start)), ("ModelOrigin_D", np.float64(0)), ("Scale_D", np.float64(step))]
        return self._transformation("TDLinearTransformation", unit, parts)

    def space(self, model: Any, world: Any, scale: Any, rotation: Any = None, unit: str = "µm") -> int:
        turn = np.eye(3) if rotation is None else np.asarray(rotation, dtype="f8")
        port = [
            ("ModelOrigin", np.asarray(model, dtype="f8")),
            ("WorldOrigin", np.asarray(world, dtype="f8")),
            ("Scale", np.diag(np.asarray(scale, dtype="f8")).T.ravel()),
            ("Rotation", turn.T.ravel()),
        ]
        return self._transformation("TDSpaceTransformation", unit, [("ViewPort3D", port)])

    def _transformation(self, kind: str, unit: str, parts: list[tuple[str, Any]], calibrated: bool = True) -> int:
        common = ("TDTransformation", [("Version", 0), ("StandardUnit", unit), ("IsCalibrated", calibrated)])
        return self.add(kind, f"{kind} of something", [common, (kind, [("Version", 0), *parts])])

    def interpretation(self, unit_index: int, laser_nm: float | None = 632.8) -> int:
        parts: list[tuple[str, Any]] = [("TDInterpretation", [("UnitIndex", unit_index)])]
        if laser_nm is not None:
            parts.append(("TDSpectralInterpretation", [("ExcitationWaveLength", np.float64(laser_nm))]))
        return self.add("TDSpectralInterpretation", "Interpretation", parts)

    def text(self, caption: str, lines: list[str]) -> int:
        body = "\\par ".join(line.replace("\t", "\\tab ").replace("µ", "\\'b5") for line in lines)
        rtf = "{\\rtf1\\ansi{\\fonttbl{\\f0\\fnil Arial;}}{\\colortbl ;\\red0;}\\fs16 " + body + "\\par }"
        stream = [("StreamSize", len(rtf)), ("StreamData", rtf.encode("cp1252"))]
        return self.add("TDText", caption, [("TDStream", stream)])

    def graph(self, caption: str, spectra: np.ndarray, sizes: tuple[int, int], **references: Any) -> int:
        """Spectra (n, channels) in file order; references such as ``XTransformationID``; other tags by name."""
        code = references.pop("data_type", _CODES.get(spectra.dtype.str[1:], 6))
        data = [
            ("Dimension", 2),
            ("DataType", code),
            ("Ranges", ints(sizes[0], sizes[1] * spectra.shape[1])),
            ("Data", spectra.tobytes()),
        ]
        parts: list[tuple[str, Any]] = [
            ("SizeX", sizes[0]),
            ("SizeY", sizes[1]),
            ("SizeGraph", references.pop("channels", spectra.shape[1])),
            *references.items(),
            ("GraphData", data),
        ]
        return self.add("TDGraph", caption, [("TDGraph", parts)])


SETTINGS = [
    "General:",
    "Time:\t3:03:08 PM",
    "Date:\tWednesday, July 15, 2015",
    "Sample Name:\tSi wafer",
    "Image Scan:",
    "Points per Line:\t3",
    "Lines per Image:\t2",
    "Scan Speed (Trace) [s/Line]:\t6.000",
    "Scan Speed (Retrace) [s/Line]:\t1.500",
    "UHTS300:",
    "Grating:\tT1: 600 g/mm BLZ=750nm",
    "DU401:",
    "Width [Pixels]:\t1024",
    "Integration Time [s]:\t2.00000",
    "Number Of Accumulations:\t3",
    "Objective:",
    "Objective Name:\tZeiss 100x",
    "Position X [µm]:\t1.5",
]


def a_map(inverted: bool | None = None, **changes: Any) -> Project:
    """3 (x) × 2 (y) spectra; spectrum at (x, y) is 100 x + 10 y + channel."""
    made = Project(magic=b"WIT_PR06")
    x, y = (g.ravel() for g in np.meshgrid(np.arange(3), np.arange(2), indexing="ij"))
    if inverted:
        y, x = (g.ravel() for g in np.meshgrid(np.arange(2), np.arange(3), indexing="ij"))
    spectra = (100 * x + 10 * y)[:, None] + np.arange(4)[None, :] + 1
    references: dict[str, Any] = {
        "SpaceTransformationID": made.space((1.5, 1.0, 0.0), (50.0, 20.0, 3.0), (2.0, -4.0, 1.0)),
        "XTransformationID": made.polynomial((640.0, 1.0, 0.01)),
        "XInterpretationID": made.interpretation(3),
    }
    if inverted is not None:
        references["DataFieldInverted"] = inverted
    made.text("Map_000 Information", SETTINGS)
    made.graph("Map_000_Spec.Data 1", spectra.astype("u2"), (3, 2), **(references | changes))
    return made


def a_series(n: int = 5, made: Project | None = None, unit: str = "s") -> Project:
    made = Project() if made is None else made
    spectra = np.arange(n)[:, None] * 10.0 + np.arange(4) + 1
    made.graph(
        "Time Series_000_Spec.Data 1",
        spectra.astype("f4"),
        (n, 1),
        SpaceTransformationID=made.linear(1.25, unit),
        XTransformationID=made.grating(
            nC=2.0, LambdaC=700.0, Gamma=0.43, Delta=-0.0005, m=1.0, d=1666.67, x=0.026, f=300.0
        ),
        XInterpretationID=made.interpretation(3),
    )
    return made


def a_single(kind: int = 0) -> Project:
    made = Project()
    made.graph(
        "Single Spectrum_000",
        np.arange(1.0, 7.0)[None],
        (1, 1),
        XTransformationID=made.limited((500.0, 2.0, 0.1), 1.0, 4.0),
        XInterpretationID=made.interpretation(kind),
    )
    return made


def examples() -> dict[str, bytes]:
    return {
        "map.wip": bytes(a_map()),
        "series.wip": bytes(a_series()),
        "single.wip": bytes(a_single()),
        "several.wip": bytes(a_series(made=a_map(inverted=True))),
    }
