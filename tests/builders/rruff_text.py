"""Writes small RRUFF text files from known numbers."""

from __future__ import annotations

HEADER = {
    "NAMES": "Anatase",
    "RRUFFID": "R060277",
    "IDEAL CHEMISTRY": "Ti^4+^O_2_",
    "DESCRIPTION": "Dark brown = tetragonal",
}
POINTS = [(140.0, 10.0), (142.5, 250.25), (145.0, 1234.5), (147.5, 2.5e-3)]


def rruff(
    header: dict[str, str] | None = None, points: list[tuple[float, float]] | None = None, end: bool = True
) -> bytes:
    lines = [f"##{k}={v}" for k, v in {**HEADER, **(header or {})}.items()]
    lines += [f"{x:.5f}, {y:.7E}" for x, y in (POINTS if points is None else points)]
    return "\n".join([*lines, *(["##END=", "", ""] if end else [])]).encode()


def examples() -> dict[str, bytes]:
    """Small valid files by name."""
    return {
        "raman.txt": rruff({"FILETYPE": "Raman RAW", "RAMAN WAVELENGTH": "532"}),
        "infrared.txt": rruff({"FILETYPE": "Infrared Processed"}),
    }
