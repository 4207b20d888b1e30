"""Small maps in time with everything that makes streaming hard, and steps that look around."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spectrode.columns import SpectrumFlag
from spectrode.dataset import OperandoDataset
from spectrode.history import StepRecord
from spectrode.metadata import Cell, FieldImage, Laser, Metadata
from spectrode.pipeline.recipe import RecipeStep
from spectrode.pipeline.step import StepOutput, step
from spectrode.writers import write

CHANNELS = 150
FAST = (
    RecipeStep("crop.range", {"low_cm1": 420.0}),
    RecipeStep("smooth.savgol"),
    RecipeStep("normalise.exposure"),
)
"""Steps without compiled code, for processes that do not live long."""


def serpentine(frames: int, ny: int, nx: int) -> NDArray[np.int64]:
    """Places in a scan whose every second line runs backwards."""
    index = np.arange(frames * ny * nx).reshape(frames, ny, nx)
    index[:, 1::2] = index[:, 1::2, ::-1]
    return index.ravel()


def hard_map(seed: int = 1000, *, frames: int = 3, ny: int = 24, nx: int = 25, full: bool = True) -> OperandoDataset:
    """Return an interrupted serpentine series of maps with spikes, gaps, dead spectra, a mask and a variance."""
    rng = np.random.default_rng(seed)
    index = serpentine(frames, ny, nx)[: frames * ny * nx - 37]
    n = index.size
    shift = np.cumsum(rng.uniform(2, 6, CHANNELS)) + 400
    lines = sum(np.exp(-0.5 * ((shift - at) / 9) ** 2) for at in (520, 640, 780))
    curve = 400 + 300 * np.exp(-((shift - 650) ** 2) / 2e5)
    expected = curve + rng.uniform(50, 250, (n, 1)) * lines
    counts = rng.poisson(expected).astype(np.float32)
    hit = rng.choice(n, n // 20, replace=False)
    counts[hit, rng.integers(5, CHANNELS - 5, hit.size)] += rng.uniform(500, 4000, hit.size).astype(np.float32)
    columns = {
        "time_s": np.arange(n) * 2.0,
        "exposure_s": rng.uniform(0.5, 2, n),
        "potential_v": np.linspace(3, 0.1, n),
        "scan_index": index,
        "my_own": rng.integers(0, 9, n).astype(np.int16),
    }
    mask = variance = None
    if full:
        counts[rng.choice(n, 60), rng.integers(0, CHANNELS, 60)] = np.nan
        counts[[7, 511, 512, n - 1]] = np.nan
        mask = rng.random((n, CHANNELS)) < 0.003
        mask[100] = True
        variance = expected
        columns["flags"] = np.where(np.arange(n) % 50 == 0, int(SpectrumFlag.SATURATED), 0)
    return OperandoDataset(
        counts,
        shift,
        columns,
        scan_shape=(("frame", frames), ("y", ny), ("x", nx)),
        mask=mask,
        variance=variance,
        metadata=Metadata(
            title="a hard map",
            started_at=datetime(2024, 1, 1, tzinfo=UTC),
            laser=Laser(532.0, 1.0),
            cell=Cell(reference_electrode="Li/Li+"),
            images=(FieldImage("light", np.arange(12, dtype=np.uint8).reshape(3, 4), (0.0, 1.0), None),),
        ),
        history=(StepRecord("calibrate.shift", {"shift_cm1": 0.5}, "0.1", (), n, 0.25, ("an earlier step",)),),
    )


def write_map(path: Path, **settings: object) -> Path:
    """Write a hard map to a native file, with a time of change that does not depend on when."""
    write(hard_map(**settings), path)  # type: ignore[arg-type]
    os.utime(path, ns=(10**18, 10**18))
    return path


# -- steps that look around -------------------------------------------------------------------------------------------


def _beside(rows, total, scan_shape, scan_index, parameters):
    """The spectra before and after in the list, and the one of the same place a frame earlier."""
    place = np.arange(total) if scan_index is None else scan_index
    frame = int(np.prod([size for _, size in scan_shape[1:]]))
    where = np.full(int(np.prod([size for _, size in scan_shape])), -1)
    where[place] = np.arange(total)
    reach = parameters["reach"]
    before = np.where(rows >= reach, rows - reach, -1)
    after = np.where(rows < total - reach, rows + reach, -1)
    earlier = np.where(place[rows] >= frame, where[place[rows] - frame], -1)
    return np.stack([before, after, earlier], axis=1)


@step("test.beside", neighbourhood=_beside, register=False)
def beside(intensity, shift, *, neighbours, reach: int = 3):
    """Take half of the neighbours' mean off, column by column."""
    n = neighbours.shape[0]
    there = neighbours >= 0
    total = np.zeros((n, shift.size))
    for column in range(neighbours.shape[1]):
        total += np.where(there[:, column, None], intensity[neighbours[:, column]], 0.0)
    seen = there.sum(axis=1)
    mean = total / np.maximum(seen, 1)[:, None]
    bright = intensity[:n].max(axis=1) > mean.max(axis=1)
    return StepOutput(
        intensity[:n] - mean / 2,
        shift,
        {"neighbours_seen": seen, "spikes": (intensity[:n] > 3 * mean + 100) & there.any(axis=1)[:, None]},
        ("looked beside",),
        {"{count} of {total} spectra are brighter than their neighbours": int(bright.sum())},
    )


def _level(sample, shift, runs, parameters):
    return {"level": float(np.median(sample)), "spectrum": np.median(sample, axis=0), "runs": int(runs.max())}


@step("test.levelled", survey=_level, register=False)
def levelled(intensity, shift, *, survey):
    """Take off what most spectra have."""
    level = np.broadcast_to(survey["spectrum"] * 0.5, intensity.shape)
    return StepOutput(
        intensity - level, shift, {"background": level.copy(), "runs": np.full(len(intensity), survey["runs"])}
    )


@step("test.all_at_once", uses_neighbours=True, register=False)
def all_at_once(intensity, shift):
    """Take the mean off."""
    return intensity - intensity.mean(axis=0)


@step("test.dosed", needs=("dose_j_per_um2",), register=False)
def dosed(intensity, shift, *, dose_j_per_um2):
    """Divide by the dose."""
    return intensity / dose_j_per_um2[:, None]


TEST_STEPS = {s.spec.name: s.spec for s in (beside, levelled, all_at_once, dosed)}  # type: ignore[attr-defined]
