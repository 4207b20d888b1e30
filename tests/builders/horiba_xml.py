"""Writes small trees of LabSpec 6 from known numbers, and such trees as LabSpec's XML."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape

TYPE, TITLE, DATA, AXES = 0x6D707974, 0x6C7469D9, 0x7A74D9D6, 0x7B697861
UNIT, VALUES, BASE, ANGLE = 0x7C696E75, 0x7D6CD4DB, 0x6D6261D8, 0x6C676EC6
SETTINGS, NAME, VALUE, POSITION = 0x6C62D4D9, 0x6D6D616E, 0x7D6C61DB, 0x08736F70
ACQUISITION, INFORMATION, DATES = 0x08716361, 0x7C73E2D2, 0x7CECDBD7

Tree = list[tuple[int, Any]]


@dataclass
class LabSpec:
    """A measurement: ``scanned`` is (type, unit, values, base type or None) for each scanned axis."""

    spectra: list[list[float]] = field(default_factory=lambda: [[10.0, 20.5, 30.0, 25.25]])
    axis: list[float] = field(default_factory=lambda: [1200.5, 1100.25, 1000.0, 900.125])
    unit: str = "1/cm"
    intensity_unit: str = "Cnt"
    kind: str = "Spectrum"
    scanned: list[tuple[str, str, list[float], str | None]] = field(default_factory=list)
    angle: float | None = None
    title: str = "synthetic µ"
    acquired: str = "19.08.2022 09:20:51"
    settings: list[tuple[str, Any, float | None]] = field(
        default_factory=lambda: [
            ("Acq. time (s)", 3.0, None),
            ("Accumulations", 2, None),
            ("Objective", "x50", 50.0),
            ("Grating", "600 gr/mm", 600.0),
            ("ND Filter", "1%", 1.0),
            ("Laser (nm)", "633 ", 632.817),
            ("Instrument", "LabRAM", None),
            ("X (µm)", -12.5, -12.5),
        ]
    )

    def tree(self, with_spectra: bool = False) -> Tree:
        first: Tree = [(TYPE, "Intens"), (UNIT, self.intensity_unit)]
        if with_spectra:  # the binary files keep them here
            first.append((VALUES, [v for row in self.spectra for v in row]))
        axes: Tree = [(0, first), (1, [(VALUES, list(self.axis)), (TYPE, "Spectr"), (UNIT, self.unit)])]
        for number, (kind, unit, values, base) in enumerate(self.scanned, 2):
            part: Tree = [(VALUES, list(values)), (TYPE, kind), (UNIT, unit)]
            axes.append((number, part + ([] if base is None else [(BASE, base)])))
        rows: Tree = []
        for number, (name, value, position) in enumerate(self.settings):
            row: Tree = [(VALUE, value), (NAME, name)]
            rows.append((0x1000 + number, row + ([] if position is None else [(POSITION, position)])))
        sections: Tree = [
            (ACQUISITION, rows),
            (INFORMATION, [(0x6C7469D9, [(NAME, "Title"), (VALUE, self.title)])]),
            (DATES, [(0, [(NAME, "Acquired"), (VALUE, self.acquired)])]),
        ]
        tree: Tree = [(TYPE, self.kind), (TITLE, self.title), (DATA, [(AXES, axes)])]
        if self.angle is not None:
            tree.append((ANGLE, [(0, self.angle), (1, 0.0), (2, 0.0)]))
        return [*tree, (SETTINGS, sections)]

    def __bytes__(self) -> bytes:
        rows = "".join(
            f'<LSX_Row Format="6" Index="{k}" Size="{len(row)}">\n{_numbers(row)}\n</LSX_Row>\n'
            for k, row in enumerate(self.spectra)
        )
        tree = "".join(_element(number, value) for number, value in self.tree())
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n<LSX_Data>\n<LSX_Tree Format="9" ID="0x69746164" Size="9">\n'
            f'{tree}</LSX_Tree>\n<LSX_Matrix Format="6" ID="0x7D6CD4DB" Size="{sum(map(len, self.spectra))}">\n'
            f"{rows}</LSX_Matrix>\n</LSX_Data>\n"
        ).encode()


def _numbers(values: list[float]) -> str:
    return " ".join(f"{v:.6g}" for v in values) + " "


def _element(number: int, value: Any) -> str:
    start = f'<LSX Format="%s" ID="0x{number:X}"'
    if isinstance(value, list) and value and isinstance(value[0], tuple):
        inner = "".join(_element(n, v) for n, v in value)
        return f'{start % 9} Size="{len(value)}">\n{inner}</LSX>\n'
    if isinstance(value, list):
        return f'{start % 6} Size="{len(value)}">\n{_numbers(value)}\n</LSX>\n'
    form = 4 if isinstance(value, int) else 5 if isinstance(value, float) else 7
    return f"{start % form}>{escape(str(value))}</LSX>\n"


def a_map(**changes: Any) -> LabSpec:
    """Three columns, two rows; spectrum i is i·100 + channel."""
    made = LabSpec(
        spectra=[[i * 100.0 + c for c in range(4)] for i in range(6)],
        kind="SpIm",
        scanned=[("X", "µm", [-2.0, 0.0, 2.0], None), ("Y", "µm", [-1.0, 1.0], None)],
    )
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def examples() -> dict[str, bytes]:
    """Small valid files by name."""
    rotated = [("XA", "µm", [-2.0, 0.0, 2.0], "X"), ("YA", "µm", [-1.0, 1.0], "Y")]
    line = [("Y", "µm", [0.0, 0.5, 1.0], None), ("X", "µm", [0.0], None)]
    return {
        "spectrum.xml": bytes(LabSpec()),
        "electronvolts.xml": bytes(LabSpec(axis=[1.6, 1.65, 1.7, 1.75], unit="eV", intensity_unit="Cnt/sec")),
        "line.xml": bytes(a_map(spectra=[[1.0, 2.0, 3.0, 4.0]] * 3, scanned=line)),
        "map.xml": bytes(a_map()),
        "rotated.xml": bytes(a_map(scanned=rotated, angle=-0.5)),
    }
