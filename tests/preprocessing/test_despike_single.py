"""Single spectra: the published statistics, the bound that light sets, and RamanSPy's flags."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from spectrode.preprocessing import despike


def line(x: NDArray[np.float64], centre: float, fwhm: float, height: float = 1.0) -> NDArray[np.float64]:
    return height * np.exp(-4 * np.log(2) * ((x - centre) / fwhm) ** 2)


@pytest.mark.parametrize("fwhm", [2.0, 2.5, 3.0, 5.0])
@pytest.mark.parametrize("height", [50, 1000, 1e5])
def test_a_line_as_wide_as_the_instrument_is_never_a_spike(fwhm: float, height: float) -> None:
    rng = np.random.default_rng(4)
    x = np.arange(300.0)
    centres = rng.uniform(50, 250, 40)
    counts = 200 + np.stack([line(x, c, fwhm, height) for c in centres]) + rng.normal(0, 5, (40, 300))
    out = despike.whitaker_hayes(counts, x)
    assert not out.products["spikes"].any()
    np.testing.assert_array_equal(out.intensity, counts)


def test_the_bound_holds_for_every_sum_of_lines() -> None:
    # The claim of the module: no sum of positive lines breaks it, and a single line meets it exactly.
    rng = np.random.default_rng(10)
    x = np.arange(120.0)
    for width in (1.5, 2.2, 4.0):
        sums = np.stack(
            [sum(line(x, c, width, h) for c, h in rng.uniform([10, 0], [110, 1], (30, 2))) for _ in range(50)]
        )
        bound = np.exp(-8 * np.log(2) / width**2)
        inner = sums[:, 1:-1]
        assert np.all(sums[:, :-2] * sums[:, 2:] >= inner**2 * bound * (1 - 1e-9))
    alone = line(x, 60.3, 2.2)
    np.testing.assert_allclose(alone[59] * alone[61], alone[60] ** 2 * np.exp(-8 * np.log(2) / 2.2**2))


def test_edges_of_a_saturated_band_are_no_spikes() -> None:
    x = np.arange(300.0)
    counts = 200 + np.minimum(line(x, 150.2, 8, 4e5), 6e4) + np.random.default_rng(11).normal(0, 5, (5, 300))
    assert not despike.whitaker_hayes(counts, x).products["spikes"].any()


def spectra(n: int, seed: int, channels: int = 401) -> NDArray[np.float64]:
    """Return lines of five channels, noise, and a spike in each spectrum."""
    rng = np.random.default_rng(seed)
    x = np.arange(float(channels))
    counts = 500 + sum(line(x, c, 5, 300) for c in (80, 190, 333)) + rng.normal(0, 5, (n, channels))
    counts[np.arange(n), rng.integers(5, channels - 5, n)] += 900
    return np.asarray(counts)


@pytest.mark.parametrize("channels", [400, 401, 37])
@pytest.mark.parametrize("threshold", [3.5, 8.0, 20.0])
def test_the_published_test_marks_what_ramanspy_marks(channels: int, threshold: float) -> None:
    module = pytest.importorskip("ramanspy.preprocessing.despike")
    counts = spectra(12, 1001, channels)[:, :channels] if channels > 350 else spectra(12, 1002)[:, 60:97]
    out = despike.whitaker_hayes(counts, np.arange(float(channels)), threshold=threshold, light_bound=False)
    theirs = np.array([module._whitaker_hayes_modified_z_score(row) > threshold for row in counts])
    # A step is between two channels; the published code takes the number of the step for that of a channel.
    np.testing.assert_array_equal(out.products["spikes"][:, :-1], theirs)
    assert not out.products["spikes"][:, -1].any()
    assert set(np.unique(out.products["spike_reason"])) <= {0, despike.SpikeReason.STATISTICS_ALONE}


def test_with_the_bound_the_spike_itself_is_marked_and_not_the_channel_before() -> None:
    module = pytest.importorskip("ramanspy.preprocessing.despike")
    rng = np.random.default_rng(3)
    counts = 500 + rng.normal(0, 5, (20, 400))
    at = rng.integers(20, 380, 20)
    counts[np.arange(20), at] += 400
    spikes = despike.whitaker_hayes(counts, np.arange(400.0), threshold=8).products["spikes"]
    for row in range(20):
        steps = np.flatnonzero(module._whitaker_hayes_modified_z_score(counts[row]) > 8)
        assert steps.tolist() == [at[row] - 1, at[row]]
        assert np.flatnonzero(spikes[row]).tolist() == [at[row]]


@pytest.mark.parametrize("n", [1, 2, 30, 31, 47, 48, 49, 255, 1023, 1024])
@pytest.mark.parametrize("kind", ["normal", "ties", "constant", "sorted"])
def test_the_median_by_selection_is_that_of_numpy(n: int, kind: str) -> None:
    from spectrode.kernels.whitaker_hayes import median_of

    rng = np.random.default_rng(n)
    values = {
        "normal": rng.normal(size=n),
        "ties": rng.integers(0, 3, n).astype(float),
        "constant": np.full(n, 2.5),
        "sorted": np.arange(float(n))[::-1].copy(),
    }[kind]
    assert median_of(values, np.empty(n), np.empty(64)) == np.median(values)


def test_channels_that_are_not_marked_keep_every_bit() -> None:
    counts = spectra(30, 1003).astype(np.float32)
    for step in (despike.whitaker_hayes, despike.prominence, despike.auto, despike.neighbours):
        out = step(counts, np.arange(401.0))
        spikes = out.products["spikes"]
        assert spikes.any()
        assert out.intensity.dtype == np.float32
        np.testing.assert_array_equal(out.intensity[~spikes], counts[~spikes])
        np.testing.assert_array_equal(out.products["spike_reason"] != 0, spikes)
        taken = (counts.astype(float) - out.intensity).sum(axis=1)
        np.testing.assert_allclose(out.products["removed"], taken, rtol=1e-5, atol=1e-2)


def test_prominence_finds_spikes_and_keeps_lines() -> None:
    counts = spectra(40, 1004)
    out = despike.prominence(counts, np.arange(401.0))
    rows = np.arange(40)
    assert np.mean(out.products["spikes"][rows, np.argmax(counts, axis=1)]) >= 0.95
    clean = counts - 900 * (counts == counts.max(axis=1, keepdims=True))
    assert np.count_nonzero(despike.prominence(clean, np.arange(401.0)).products["spikes"]) <= 2
