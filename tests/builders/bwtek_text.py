"""Writes small B&W Tek text exports from known numbers."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class BwTek:
    shift: list[float | None] = field(default_factory=lambda: [None, 500.0, 502.5, 505.0, None])
    dark: list[float] = field(default_factory=lambda: [100.0, 101.0, 102.0, 103.0, 104.0])
    raw: list[list[float]] = field(default_factory=lambda: [[110.0, 1101.5, 1202.0, 1303.0, 114.0]])
    corrected: float = 0.0
    """Added to the dark-subtracted columns, as an intensity correction would."""
    laser: float = 784.82
    exposure: str = "intigration times(ms);3200"
    delimiter: str = ";"
    comma: bool = True
    header: dict[str, str] = field(default_factory=dict)

    def number(self, value: float | None, digits: int = 4) -> str:
        if value is None:
            return "   "
        return f"{value:.{digits}f}".replace(".", "," if self.comma else ".")

    def __bytes__(self) -> bytes:
        d = self.delimiter
        entries = {
            "Date": "2021-10-27 15:57:47",
            "model": "BTC162E-785S-SYS",
            "operator": "",
            self.exposure.split(";")[0]: self.exposure.split(";")[1],
            "average number": "2",
            "laser_wavelength": self.number(self.laser, 2),
            "laser_powerlevel": "75",
            **self.header,
        }
        lines = ["File Version;BWSpec4.11_1", *(f"{k}{d}{v}" for k, v in entries.items())]
        names = ["Pixel", "Wavelength", "Wavenumber", "Raman Shift", "Dark", "Reference"]
        for k in range(len(self.raw)):
            names += [f"Raw data #{k + 1}", f"Dark Subtracted #{k + 1}"]
        lines.append(d.join(names) + d)
        for pixel, (shift, dark) in enumerate(zip(self.shift, self.dark, strict=True)):
            wavenumber = None if shift is None else 1e7 / self.laser - shift
            cells = [str(pixel), self.number(None if wavenumber is None else 1e7 / wavenumber, 2)]
            cells += [self.number(wavenumber, 2), self.number(shift, 2), self.number(dark), self.number(65535.0)]
            for row in self.raw:
                cells += [self.number(row[pixel]), self.number(row[pixel] - dark + self.corrected)]
            lines.append(d.join(cells) + d)
        return "\r\n".join([*lines, ""]).encode()


def examples() -> dict[str, bytes]:
    """Small valid files by name."""
    two = [[110.0, 1101.5, 1202.0, 1303.0, 114.0], [111.0, 2101.5, 2202.0, 2303.0, 115.0]]
    return {
        "one.txt": bytes(BwTek()),
        "two.txt": bytes(BwTek(raw=two)),
        "comma.csv": bytes(BwTek(delimiter=",", comma=False)),
        "microseconds.txt": bytes(BwTek(exposure="intigration times(us);500000")),
    }
