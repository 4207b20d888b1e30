"""Simulated operando experiments with known truth: the bundled sample, and the data behind the truth tests.

The forward model shares no code with the reference library or the unmixing, so that neither is tested against itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .experiment import SimulatedExperiment as SimulatedExperiment
    from .experiment import simulate_experiment as simulate_experiment
    from .samples import SamplePaths as SamplePaths
    from .samples import sample_names as sample_names
    from .samples import sample_paths as sample_paths
    from .settings import PRESETS as PRESETS
    from .settings import InvalidSettings as InvalidSettings
    from .settings import SimulationSettings as SimulationSettings
    from .settings import preset as preset
    from .truth import Truth as Truth
    from .truth import read_truth as read_truth
    from .write import write_experiment as write_experiment

# Loaded on first use: the command line asks for the presets without importing numpy.
_PUBLIC = {
    "PRESETS": "settings",
    "InvalidSettings": "settings",
    "SamplePaths": "samples",
    "SimulatedExperiment": "experiment",
    "SimulationSettings": "settings",
    "Truth": "truth",
    "preset": "settings",
    "read_truth": "truth",
    "sample_names": "samples",
    "sample_paths": "samples",
    "simulate_experiment": "experiment",
    "write_experiment": "write",
}

__all__ = sorted(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        from importlib import import_module

        return getattr(import_module(f".{_PUBLIC[name]}", __name__), name)
    raise AttributeError(f"module 'spectrode.simulate' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(_PUBLIC)
