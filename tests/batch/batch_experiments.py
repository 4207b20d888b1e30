"""Small experiments on disk, and a recipe that takes little time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from spectrode.dataset import OperandoDataset
from spectrode.metadata import Metadata
from spectrode.writers import write

START = datetime(2024, 6, 18, 8, 30, tzinfo=UTC)

QUICK = """recipe_version = 1
name = "quick"
[unmixing]
method = "nmf"
components = 2
max_iterations = 20
set_aside_events = false
"""


@dataclass(frozen=True)
class Made:
    """Where the files of an experiment are, and when it began."""

    map: Path
    trace: Path
    begin: datetime


def write_map(path: Path, begin: datetime, seconds: float, *, seed: int = 0, zoned: bool = True) -> Path:
    """Write eight spectra in two frames whose exposures fill the time from ``begin`` on."""
    rng = np.random.default_rng(seed)
    shift = np.linspace(600.0, 1200.0, 48)
    bands = np.exp(-(((shift - np.array([[850.0], [1085.0]])) / 20.0) ** 2))
    intensity = rng.random((8, 2)) @ bands * 400.0 + rng.normal(100.0, 1.0, (8, shift.size))
    when = {"started_at": begin} if zoned else {"local_start": begin.replace(tzinfo=None)}
    step = seconds / 8
    dataset = OperandoDataset(
        np.abs(intensity).astype(np.float32),
        shift,
        columns={"time_s": np.arange(8) * step, "exposure_s": np.full(8, step)},
        scan_shape=(("frame", 2), ("y", 2), ("x", 2)),
        metadata=Metadata(**when),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write(dataset, path)
    return path


def write_trace(path: Path, begin: datetime, seconds: float) -> Path:
    """Write a potentiostat's record in the layout of an EC-Lab text, with a wall clock in UTC that does not say so."""
    from spectrode.electrochemistry.trace import Trace
    from spectrode.simulate import preset
    from spectrode.simulate.write import write_mpt

    time = np.linspace(0.0, seconds, 40)
    trace = Trace(
        time, np.linspace(2.8, 0.1, 40), current_ma=np.full(40, -0.1), charge_mah=-0.1 * time / 3600.0,
        columns={"cycle": np.ones(40), "half_cycle": np.zeros(40)}, started_at=begin,
    )  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    write_mpt(trace, path, preset("sei-shiners").replace(potentiostat_zone="UTC"))
    return path


def make(folder: Path, number: int, *, seconds: float = 600.0) -> Made:
    """Write experiment ``number``: a map inside its trace, two days after the one before."""
    begin = START + timedelta(days=2 * number)
    return Made(
        write_map(
            folder / "maps" / f"cell{number}.h5", begin + timedelta(seconds=20), seconds - 60, seed=1000 + number
        ),
        write_trace(folder / "cv" / f"run{number}.mpt", begin, seconds),
        begin,
    )


def quick_recipe(folder: Path, components: int = 2) -> Path:
    """Write the quick recipe."""
    path = folder / f"quick{components}.toml"
    path.write_text(QUICK.replace("components = 2", f"components = {components}"), encoding="utf-8")
    return path
