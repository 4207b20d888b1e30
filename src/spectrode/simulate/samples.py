"""Finds the bundled simulated experiments and checks that their files are the ones that were made."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ..errors import UnreadableFile
from ..history import file_sha256
from ..resources import sample_folder
from .settings import InvalidSettings, SimulationSettings

__all__ = ["FILES", "SamplePaths", "sample_names", "sample_paths"]

FILES = {"map": "map.h5", "trace": "cv.mpt", "truth": "truth.h5", "manifest": "manifest.toml"}
"""File name of each part of a simulated experiment."""


@dataclass(frozen=True)
class SamplePaths:
    """Where the files of one simulated experiment are."""

    map: Path
    trace: Path
    truth: Path
    manifest: Path

    @classmethod
    def of(cls, folder: str | Path) -> SamplePaths:
        """Return the paths in a folder (whether or not they exist)."""
        folder = Path(folder)
        return cls(**{role: folder / name for role, name in FILES.items()})

    def facts(self) -> dict[str, Any]:
        """Return the manifest.

        Raises
        ------
        UnreadableFile
            If it is missing or no TOML.
        """
        try:
            with open(self.manifest, "rb") as stream:
                return tomllib.load(stream)
        except FileNotFoundError:
            raise UnreadableFile(self.manifest, "does not exist") from None
        except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise UnreadableFile(self.manifest, f"is no manifest of a simulated experiment ({error})") from None

    @property
    def potentiostat_zone(self) -> str:
        """The time zone of the start stamp in the potentiostat's file."""
        return str(self.facts()["potentiostat_time_zone"])

    def settings(self) -> SimulationSettings:
        """Return the settings that the experiment was made from; settings that were None are left at None."""
        stored = dict(self.facts()["settings"])
        known = {f.name for f in fields(SimulationSettings)}
        unknown = sorted(set(stored) - known)
        if unknown:
            raise InvalidSettings(f"{self.manifest}: {unknown[0]!r} is no setting that this version of spectrode knows")
        optional = {"frame_pause_s": None, "scan_rate_mv_per_s": None}
        return SimulationSettings(**{**optional, **stored})

    def changed(self) -> list[str]:
        """Return the names of files that are missing or differ from the manifest; empty if all is well."""
        wrong = []
        for entry in self.facts()["files"]:
            path = self.manifest.parent / entry["name"]
            if not path.is_file() or file_sha256(path) != entry["sha256"]:
                wrong.append(str(entry["name"]))
        return wrong


def sample_names() -> tuple[str, ...]:
    """Return the names of the bundled simulated experiments."""
    return tuple(sorted(p.parent.name for p in sample_folder().glob(f"*/{FILES['manifest']}")))


def sample_paths(name: str = "sei_shiners") -> SamplePaths:
    """Return where the files of a bundled simulated experiment are.

    Raises
    ------
    InvalidSettings
        If there is none of that name.
    """
    if name not in sample_names():
        raise InvalidSettings(f"there is no bundled sample {name!r}; possible: {', '.join(sample_names()) or 'none'}")
    return SamplePaths.of(sample_folder() / name)
