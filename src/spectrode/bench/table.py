"""The printed tables."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Iterable
from pathlib import Path

from .measure import Measurement
from .scaling import Scaling

__all__ = ["machine", "scaling_lines", "table_lines"]

_PACKAGES = ("numpy", "scipy", "numba", "pybaselines", "ramanspy")


def machine() -> str:
    """Return one line about processor, system and versions."""
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in _PACKAGES)
    python = f"{platform.system()}, Python {platform.python_version()}"
    return f"{_processor()}, {os.cpu_count()} processors, {python}, {versions}"


def table_lines(measurements: Iterable[Measurement], memory: dict[str, float]) -> list[str]:
    """Return the table of times as Markdown lines; ``memory`` gives extra memory by step where it was measured."""
    lines = [
        "| step | µs a spectrum | two threads | peer | µs a spectrum | ratio (lowest, highest) | asked for "
        "| extra memory |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for m in measurements:
        asked = f"≥ {m.case.bar:.3g}" if m.case.bar > 0 else "–"
        verdict = "" if m.case.bar <= 0 or m.met else ", missed"
        extra = f"{memory[m.case.step]:.2f} ×" if m.case.step in memory else "–"
        lines.append(
            f"| {m.case.step} | {m.ours_us:.3g} | {m.two_threads:.2f} × | {m.case.peer} | {m.peer_us:.4g} "
            f"| {m.ratio:.3g} ({m.ratio_low:.3g}, {m.ratio_high:.3g}) | {asked}{verdict} | {extra} |"
        )
    return lines


def scaling_lines(scalings: Iterable[Scaling]) -> list[str]:
    """Return the growth with the number of spectra as Markdown lines."""
    lines = ["| step | spectra: seconds | exponent |", "|---|---|---|"]
    for s in scalings:
        times = ", ".join(f"{n:,}: {t:.3g}" for n, t in zip(s.spectra, s.seconds, strict=True))
        lines.append(f"| {s.step} | {times} | {s.exponent:.3f} |")
    return lines


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
