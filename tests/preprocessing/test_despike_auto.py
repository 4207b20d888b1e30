"""The default: simulated truth of another maker, flashes of light, width, reasons."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from spectrode.preprocessing import despike
from spectrode.preprocessing.despike import SpikeReason

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "builders"))

from spikes import Scene, scene


def line(x: NDArray[np.float64], centre: float, fwhm: float, height: float = 1.0) -> NDArray[np.float64]:
    return height * np.exp(-4 * np.log(2) * ((x - centre) / fwhm) ** 2)


@pytest.mark.parametrize("fwhm", [2.2, 3.0, 6.0])
@pytest.mark.parametrize("method", ["neighbours", "auto"])
def test_a_flash_in_one_spectrum_is_not_a_spike(method: str, fwhm: float) -> None:
    rng = np.random.default_rng(5)
    x = np.arange(300.0)
    counts = 200 + line(x, 120, 8, 400) + rng.normal(0, 5, (100, 300))
    counts[44] += line(x, 200.3, fwhm, 600)  # one band, one spectrum, brighter than all else
    counts[71, 90] += 600  # and a cosmic ray of the same height
    out = getattr(despike, method)(counts, x, scan_shape=(("y", 10), ("x", 10)), scan_index=None)
    assert np.argwhere(out.products["spikes"]).tolist() == [[71, 90]]
    assert abs(out.intensity[71, 90] - 200) < 25


def found(
    kind: str, seeds: range, psf: float
) -> tuple[list[tuple[Scene, NDArray[np.bool_], NDArray[np.float64]]], str]:
    """Return scenes with the spikes marked in them and the cleaned counts."""
    out = []
    for seed in seeds:
        s = scene(kind, seed, psf=psf, snr=(15, 200))
        result = despike.auto(s.counts, np.arange(float(s.counts.shape[1])), scan_shape=s.scan_shape)
        out.append((s, result.products["spikes"], result.intensity))
    return out, kind


@pytest.mark.parametrize("psf", [2.4, 3.0])
@pytest.mark.parametrize(
    ("kind", "seeds"),
    [("map", 1), ("small map", 12), ("series", 15), ("potential step", 15), ("focus", 2)],
)
def test_recovery_precision_flashes_and_bands(kind: str, seeds: int, psf: float) -> None:
    scenes, _ = found(kind, range(1100, 1100 + seeds), psf)
    hits, total, true, marked, kept, flashes = 0, 0, 0, 0, 0, 0
    for s, spikes, cleaned in scenes:
        for row, place, _ in s.events:
            hits += spikes[row, place[np.argmax(s.counts[row, place] - s.light[row, place])]]
        total += len(s.events)
        near = s.hit | np.roll(s.hit, 1, axis=1) | np.roll(s.hit, -1, axis=1)
        true, marked = true + np.count_nonzero(spikes & near), marked + np.count_nonzero(spikes)
        kept += sum(not any(spikes[r, max(c - 3, 0) : c + 4].any() for c in centres) for r, centres in s.flashes)
        flashes += len(s.flashes)
        clean = ~s.hit.any(axis=1)
        before, after = s.counts[clean][:, s.bands].mean(axis=0), cleaned[clean][:, s.bands].mean(axis=0)
        assert np.max(np.abs(after - before) / (before - 300)) < 0.005
    assert total > 20
    assert hits >= 0.85 * total  # the aim is 0.95; three channels nearly as wide as a line are what is missed
    assert true >= 0.96 * marked
    assert kept >= 0.95 * flashes


@pytest.mark.parametrize(
    "snr", [pytest.param(10, marks=pytest.mark.xfail(reason="94 % of the cosmic rays; 99 % is the aim")), 30]
)
def test_flash_and_cosmic_ray_are_told_apart_by_width(snr: int) -> None:
    # A2.3: line shape of 2.2 channels. Spectra of a map, every ninth with an event.
    rng = np.random.default_rng(1200 + snr)
    x = np.arange(60.0)
    scan = (("y", 51), ("x", 51))
    counts = rng.normal(100, 1, (2601, 60))
    rows = np.arange(2601).reshape(51, 51)[1::3, 1::3].ravel()
    flash, ray = rows[::2], rows[1::2]
    for row in flash:
        counts[row] += line(x, rng.uniform(28, 32), 2.2, snr)
    counts[ray, 30] += snr
    spikes = despike.auto(counts, x, scan_shape=scan, line_width=2.2).products["spikes"]
    assert spikes[flash].any(axis=1).mean() <= 0.01
    assert spikes[ray, 30].mean() >= 0.99


def test_below_1_6_channels_width_decides_nothing() -> None:
    rng = np.random.default_rng(1300)
    counts = rng.normal(100, 1, (49, 80))
    counts[24, 40] += 60
    near = despike.auto(counts, np.arange(80.0), scan_shape=(("y", 7), ("x", 7)), line_width=1.3)
    assert np.argwhere(near.products["spikes"]).tolist() == [[24, 40]]
    assert near.products["spike_reason"][24, 40] == SpikeReason.UNDECIDABLE_BY_WIDTH
    alone = despike.auto(counts, np.arange(80.0), line_width=1.3)
    assert not alone.products["spikes"].any()
    np.testing.assert_array_equal(alone.intensity, counts)
    assert alone.products["spike_reason"][24, 40] == SpikeReason.UNDECIDABLE_BY_WIDTH
    assert any("undecidable by width" in note for note in alone.notes)


def test_reasons_are_told_apart_and_counted() -> None:
    rng = np.random.default_rng(1301)
    counts = rng.normal(100, 1, (49, 80))
    counts[24, 40] += 200
    counts[10, 20:24] += 150
    out = despike.auto(counts, np.arange(80.0), scan_shape=(("y", 7), ("x", 7)))
    assert out.products["spike_reason"][24, 40] == SpikeReason.BOTH
    assert set(out.products["spike_reason"][10, 20:24]) == {SpikeReason.TRACK}
    assert "2 of 49 spectra held spikes" in out.notes
    assert out.products["removed"][24] == pytest.approx(200, abs=8)
    alone = despike.auto(counts, np.arange(80.0))
    assert alone.products["spike_reason"][24, 40] == SpikeReason.SHARPER_THAN_LIGHT


@pytest.mark.xfail(reason="the fit beneath a spike is itself uncertain: 1.7 times the noise in all")
def test_the_noise_put_back_has_the_size_of_the_noise() -> None:
    rng = np.random.default_rng(1302)
    counts = rng.normal(1000, 12, (400, 100))
    rows = np.arange(400)
    at = rng.integers(8, 92, 400)
    counts[rows, at] += 2000
    out = despike.auto(counts, np.arange(100.0))
    assert out.products["spikes"][rows, at].all()
    assert np.std(out.intensity[rows, at]) == pytest.approx(12, rel=0.25)
    again = despike.auto(counts[::-1], np.arange(100.0))
    np.testing.assert_array_equal(again.products["spikes"], out.products["spikes"][::-1])


def test_noise_and_width_are_those_of_the_maker() -> None:
    s = scene("map", 1303, psf=2.0, rate=0.3)
    from spectrode.preprocessing.despike.survey import spike_survey

    survey = spike_survey(s.counts, np.arange(400.0), np.zeros(400, dtype=np.int64), {})
    base, slope, _ = survey["noise"]
    for level in (200.0, 800.0):  # variance of counts at a gain of 2 and a read noise of 3, offset 300
        assert base + slope * (level + 300) == pytest.approx(level / 2 + 9, rel=0.15)
    assert 1.8 < survey["line_width"] < 2.7
