"""What was done to a dataset, and by which versions."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata as _metadata
from pathlib import Path
from typing import Any

__all__ = ["StepRecord", "file_sha256", "versions"]


@dataclass(frozen=True)
class StepRecord:
    """One step as it was run, with every effective parameter."""

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    version: str = ""
    cite: tuple[str, ...] = ()
    changed_spectra: int | None = None
    """How many spectra the step altered."""
    seconds: float | None = None
    notes: tuple[str, ...] = ()


def versions() -> dict[str, str]:
    """Return the versions of Spectrode and of the libraries that make its numbers."""
    import platform

    found = {"python": platform.python_version()}
    for name in ("spectrode", "numpy", "scipy", "scikit-learn", "pybaselines", "h5py", "ramanspy"):
        try:
            found[name] = _metadata.version(name)
        except _metadata.PackageNotFoundError:
            continue
    return found


def file_sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file, read in blocks."""
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
