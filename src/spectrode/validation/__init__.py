"""Simulated experiments with known truth, and tables of how often an analysis of them is right.

The generator shares no code with what it judges: not with unmixing or assignment, not with the drawing of library
entries, and not with :mod:`spectrode.simulate`, which users practise on. Only the *numbers* of the reference library
are shared (positions, uncertainties, widths, intensities), for these are what the truth is about.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "Experiment",
    "Judgement",
    "Truth",
    "als2004_lines",
    "judge",
    "make_experiment",
    "run_experiments",
    "summary_lines",
    "validation_pictures",
]

_HOME = {
    "Experiment": "truth",
    "Judgement": "judge",
    "Truth": "truth",
    "als2004_lines": "als2004",
    "judge": "judge",
    "make_experiment": "experiment",
    "run_experiments": "run",
    "summary_lines": "table",
    "validation_pictures": "pictures",
}


def __getattr__(name: str) -> Any:
    """Import on first use, so that the command line starts fast."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".{_HOME[name]}", __name__), name)
