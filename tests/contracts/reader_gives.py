"""What a reader gives, observed on its example files: the other side of what it declares."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from fuzz.examples import Subject, examples, shared_examples
from spectrode.errors import SpectrodeError

_ENOUGH = 12
_LARGEST = 5_000_000


def observed(subject: Subject, *, shared: bool = False) -> set[str]:
    """Return the words for what the examples of a reader give, with measured files too if asked."""
    files = list(examples().get(subject.name, ()))
    if shared:
        files += shared_examples(_LARGEST, _ENOUGH).get(subject.name, ())
    found: set[str] = set()
    for example in files:
        with tempfile.TemporaryDirectory() as folder:
            try:
                read = subject.read(example.write(Path(folder)))
            except SpectrodeError:
                continue
        found |= _trace(read) if subject.is_trace else _spectra(read)
    if {"dataset", "measurement", "table"} & set(subject.reader.options):
        found.add("several")
    return found


def _spectra(dataset: Any) -> set[str]:
    metadata, columns = dataset.metadata, dataset.columns

    def has(*names: str) -> bool:
        return any(n in columns and np.isfinite(np.asarray(columns[n], float)).any() for n in names)

    laser = metadata.laser
    return {
        word
        for word, there in (
            ("times", has("time_s")),
            ("start with zone", metadata.started_at is not None),
            ("local start", metadata.local_start is not None),
            ("positions", has("x_um", "y_um", "z_um", "distance_um")),
            ("scan", bool(dataset.scan_shape)),
            ("exposure", has("exposure_s")),
            ("laser", laser.wavelength_nm is not None),
            ("power", laser.power_mw is not None or laser.power_fraction is not None or has("power_mw")),
            ("image", bool(metadata.images)),
        )
        if there
    }


def _trace(trace: Any) -> set[str]:
    return {
        word
        for word, there in (
            ("start with zone", trace.started_at is not None),
            ("local start", trace.local_start is not None),
            ("current", trace.current_ma is not None),
            ("charge", trace.charge_mah is not None),
            ("cycle", "cycle" in trace.columns),
            ("step", "step" in trace.columns),
            ("reference", trace.reference is not None),
        )
        if there
    }
