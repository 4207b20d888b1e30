"""The table from score to q-value that a calibration run left in the package, and when it may be used."""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..library.collection import Library
from ..library.fingerprint import fingerprint
from .settings import AssignmentSettings

__all__ = ["CALIBRATION_FILE", "Calibration", "decisive_settings", "load_calibration", "uncalibrated_reason"]

Floats = NDArray[np.float64]

CALIBRATION_FILE = Path(__file__).with_name("calibration.toml")
_DECISIVE = (
    "coverage",
    "min_snr",
    "min_relative_height",
    "broad_cm1",
    "min_bands",
    "min_score",
    "axis_uncertainty_cm1",
)


@dataclass(frozen=True, eq=False)
class Calibration:
    """Scores and the q-values that go with them, from a run with stated seeds, settings and library."""

    library: str
    seed: int
    spectra: int
    settings: dict[str, float]
    score: Floats
    q: Floats

    def q_of(self, score: float) -> float | None:
        """Return the q-value of a score; None below the scores that were calibrated."""
        if not self.score.size or score < self.score[0]:
            return None
        return float(self.q[int(np.searchsorted(self.score, score, side="right")) - 1])


@functools.cache
def load_calibration(path: Path = CALIBRATION_FILE) -> Calibration | None:
    """Return the calibration in a file; None if there is no such file."""
    if not path.exists():
        return None
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    return Calibration(
        library=table["library"],
        seed=table["seed"],
        spectra=table["spectra"],
        settings=dict(table["settings"]),
        score=np.array(table["score"], dtype=float),
        q=np.array(table["q"], dtype=float),
    )


def decisive_settings(settings: AssignmentSettings) -> dict[str, float]:
    """Return the settings on which the meaning of a score depends."""
    return {name: getattr(settings, name) for name in _DECISIVE}


def uncalibrated_reason(library: Library, settings: AssignmentSettings) -> str:
    """Return why no q-value can be stated; empty if one can."""
    calibration = load_calibration()
    if calibration is None:
        return "q-value: no calibration comes with this copy"
    if settings.groups or settings.ids or fingerprint(library) != calibration.library:
        return "q-value: not calibrated for this library"
    if decisive_settings(settings) != calibration.settings:
        return "q-value: not calibrated for these settings"
    return ""
