"""Finds the bundled references and samples, in an installed wheel or in a checkout."""

from __future__ import annotations

from pathlib import Path

from .errors import SpectrodeError

__all__ = ["reference_folder", "sample_folder"]

_PACKAGE = Path(__file__).resolve().parent


def _folder(name: str) -> Path:
    bundled = _PACKAGE / "_bundled" / name
    checkout = _PACKAGE.parents[1] / name
    for place in (bundled, checkout):
        if place.is_dir():
            return place
    raise SpectrodeError(
        f"the folder {name} was looked for in {bundled} and {checkout} and is in neither; reinstall spectrode"
    )


def reference_folder() -> Path:
    """Return the folder of the bundled reference library (``<group>/<id>/entry.toml``)."""
    return _folder("reference_spectra")


def sample_folder() -> Path:
    """Return the folder of the bundled simulated sample data."""
    return _folder("sample_data")
