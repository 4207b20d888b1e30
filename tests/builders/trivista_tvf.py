"""Writes small TriVista files from known numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from xml.sax.saxutils import escape, quoteattr

T0 = datetime(2024, 3, 31, 1, 30, 0, 250001)
TICKS0 = ((T0 - datetime(1, 1, 1)).days * 86400 + (T0 - datetime(1, 1, 1)).seconds) * 10_000_000 + 2_500_017
SECOND = 10_000_000


def info(groups: dict[str, Any]) -> str:
    """The settings as an XML of their own, which the file keeps in an attribute."""
    return f'<?xml version="1.0" encoding="utf-16"?>\r\n<Info>{_groups(groups)}</Info>'


def _groups(groups: dict[str, Any]) -> str:
    out = ""
    for name, content in groups.items():
        items = {k: v for k, v in content.items() if not isinstance(v, dict)}
        inner = {k: v for k, v in content.items() if isinstance(v, dict)}
        listed = "".join(f"<Item><Name>{k}</Name><Value>{escape(str(v))}</Value></Item>" for k, v in items.items())
        out += f"<Group><Name>{name.rstrip('*')}</Name><Items>{listed}</Items>{_groups(inner)}</Group>"
    return f"<Groups>{out}</Groups>"


def settings(ms: float = 1000, accumulations: int = 2, averaged: bool = True, **more: Any) -> dict[str, Any]:
    return {
        "Spectrometers": {
            "Spectrometer": {"Model": "SP-2-500i", "Groove_Density": "900 g/mm"},
            "Spectrometer*": {"Model": "SP-2-750i", "Groove_Density": "750 g/mm"},
        },
        "Detector": {
            "Name": "Camera1",
            "Exposure_Time_(ms)": ms,
            "No_of_Accumulations": accumulations,
            "Calc_Average": averaged,
        },
        **more,
    }


@dataclass
class Document:
    frames: list[list[float]] = field(default_factory=lambda: [[1.0, 2.5, -3.0], [4.0, 5.0, 6.0]])
    axis: list[float] = field(default_factory=lambda: [900.5, 901.25, 902.0])
    ticks: list[int] = field(default_factory=lambda: [TICKS0, TICKS0 + 3 * SECOND])
    positions: list[tuple[float, float, float]] = field(default_factory=list)
    info: dict[str, Any] = field(default_factory=settings)
    label: str = "Intensity"
    unit: str = "Nanometer"
    laser: float = 790.0
    encoding: str = "Ascii"
    rows: int = 1

    def xml(self) -> str:
        frames = ""
        for k, values in enumerate(self.frames):
            place = ""
            if self.positions:
                place = f' ValuePosition="{";".join(f"{p:g}" for p in self.positions[k])}"'
            frames += (
                f'<Frame xDim="{len(self.axis)}" yDim="{self.rows}" TimeStamp="{self.ticks[k]}" Type="Number"{place}>'
                f"{';'.join(f'{v:g}' for v in values)}</Frame>\n"
            )
        listed = "|".join([str(len(self.axis)), *(f"{v:.12f}" for v in self.axis)])
        return (
            f'<Document Label="{self.label}" RecordTime="03/31/2024 01:30:09.000" Encoding="{self.encoding}" '
            f"InfoSerialized={quoteattr(info(self.info), {chr(13): '&#xD;', chr(10): '&#xA;'})}>\n"
            f'<xDim Length="{len(self.axis)}"><Calibration Unit="{self.unit}" Type="ValueArray" '
            f'LaserWave="{self.laser:.3f}" ValueArray="{listed}" /></xDim>\n<zDim Length="{len(self.frames)}" />\n'
            f"<Data>{frames}</Data>\n<Childs /></Document>\n"
        )


def tvf(*documents: Document) -> bytes:
    hardware = (
        '<Hardware Version="2"><Microscopes><Microscope ActiveObjectiveIndex="1"><Objectives>'
        '<Objective IsEnabled="False" Name="" /><Objective IsEnabled="True" Name="100x" />'
        "</Objectives></Microscope></Microscopes></Hardware>"
    )
    return (
        "\ufeff<!--TriVista-File. (c) S&I GmbH, all rights reserved. -->\n"
        f'<XmlMain Version="1.0.1" Filename="D:\\made.tvf" FileInfoSerialized="">\n  {hardware}\n'
        f'<Documents Count="{len(documents)}">{"".join(d.xml() for d in documents)}</Documents></XmlMain>\n'
    ).encode()


def a_map() -> Document:
    """Two rows of three; frame i is i·100 + channel."""
    return Document(
        frames=[[i * 100.0 + c for c in range(3)] for i in range(6)],
        ticks=[TICKS0 + k * SECOND for k in range(6)],
        positions=[(x, y, 0.0) for y in (-25.0, 0.0) for x in (-50.0, -25.0, 0.0)],
    )


def a_line() -> Document:
    points = {"X-Axis": {"From": "-0.002", "To": "0.002", "Step": "0.001", "Points": 5}}
    return Document(
        frames=[[i * 100.0 + c for c in range(3)] for i in range(5)],
        ticks=[0] * 5,
        info=settings(accumulations=1, **points),
        laser=0.0,
    )


def examples() -> dict[str, bytes]:
    """Small valid files by name."""
    return {
        "series.tvf": tvf(Document()),
        "line.tvf": tvf(a_line()),
        "map.tvf": tvf(a_map()),
        "two.tvf": tvf(Document(), Document(label="Background")),
    }
