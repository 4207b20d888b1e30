from __future__ import annotations

import numpy as np
import pytest

from spectrode.dataset import OperandoDataset
from spectrode.errors import SpectrodeError
from spectrode.fluorescence import from_background
from spectrode.metadata import Cell, Metadata

FRAMES, PIXELS, CHANNELS = 24, 6, 50
SHIFT = np.linspace(300, 1800, CHANNELS)


def _dataset(**more: object) -> tuple[OperandoDataset, np.ndarray]:
    rng = np.random.default_rng(1050)
    frame = np.repeat(np.arange(FRAMES), PIXELS)
    time = frame * 30.0 + np.tile(np.arange(PIXELS), FRAMES)
    level = 200 + 800 * np.exp(-time / 150)
    background = level[:, None] * (1 + 1e-4 * (SHIFT - 1050)) + rng.normal(0, 5, (time.size, 1))
    columns = {"time_s": time, **more}
    dataset = OperandoDataset(
        background,
        SHIFT,
        columns,
        scan_shape=(("frame", FRAMES), ("x", PIXELS)),
        metadata=Metadata(cell=Cell(reference_electrode="Li/Li+")),
    )
    return dataset, background


def test_a_map_series_bleaches_pixel_by_pixel() -> None:
    dataset, background = _dataset()
    report = from_background(dataset, background)
    assert report.unit_of_exposure == "s"
    assert report.pixel_shape == (PIXELS,)
    assert report.summary.mean.shape == (FRAMES * PIXELS,)
    assert np.all(report.pixel.identifiable)
    assert np.all(np.abs(report.pixel.tau[report.pixel.model == "single", 0] - 150) < 20)
    assert report.pooled.tau_low[0, 0] < 150 < report.pooled.tau_high[0, 0]
    assert report.potential is None


def test_potential_that_runs_with_time_is_told() -> None:
    dataset, background = _dataset(potential_v=np.repeat(np.linspace(4, 3, FRAMES), PIXELS))
    report = from_background(dataset, background)
    assert report.potential is not None
    assert "not separable" in report.potential.statement
    assert any("run together" in note for note in report.notes)


def test_one_map_cannot_bleach() -> None:
    dataset, background = _dataset()
    one = dataset.select(np.arange(PIXELS)).replace(scan_shape=(("x", PIXELS),))
    report = from_background(one, background[:PIXELS])
    assert np.all(report.pixel.reason == "one point only")
    assert any("not identifiable" in note for note in report.notes)


def test_a_list_of_spectra_is_one_place() -> None:
    dataset, background = _dataset()
    rows = np.arange(0, FRAMES * PIXELS, PIXELS)
    report = from_background(dataset.select(rows).replace(scan_shape=()), background[rows])
    assert report.pixel_shape == (1,)
    assert report.pixel.tau[0, 0] == pytest.approx(150, rel=0.15)


def test_dose() -> None:
    dataset, background = _dataset()
    with pytest.raises(SpectrodeError, match="dose_j_per_um2"):
        from_background(dataset, background, against="dose")
    dosed = dataset.with_columns(dose_j_per_um2=np.asarray(dataset.columns["time_s"]) * 0.002)
    report = from_background(dosed, background, against="dose")
    assert report.unit_of_exposure == "J/µm²"
    assert np.nanmedian(report.pixel.tau[:, 0]) == pytest.approx(0.3, rel=0.1)


def test_a_background_of_other_spectra_is_refused() -> None:
    dataset, background = _dataset()
    with pytest.raises(SpectrodeError, match="but the dataset has"):
        from_background(dataset, background[:3])
    with pytest.raises(SpectrodeError, match="time or dose"):
        from_background(dataset, background, against="charge")
