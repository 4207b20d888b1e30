"""The default: simulated truth of another maker, flashes of light, width, reasons."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from numpy.typing import NDArray

from builders.spikes import lines, scene, unlike_light
from spectrode.errors import StepError
from spectrode.preprocessing import despike
from spectrode.preprocessing.despike import SpikeReason


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


SCENES = {"map": 1, "small map": 12, "series": 15, "potential step": 15, "focus": 2, "single": 6}


@functools.cache
def tally(kind: str, psf: float) -> dict[str, float]:
    """Return what the default finds, spoils and keeps in scenes that were not looked at when it was made."""
    out = dict.fromkeys(("found", "rays", "true", "marked", "kept", "flashes", "band"), 0.0)
    given = {} if psf < 2.6 else {"line_width": psf}  # as a lamp tells; so wide a line is not believed without
    for seed in range(6000, 6000 + SCENES[kind]):
        s = scene(kind, seed, psf=psf)
        result = despike.auto(s.counts, np.arange(float(s.counts.shape[1])), scan_shape=s.scan_shape, **given)
        spikes, cleaned = result.products["spikes"], result.intensity
        for (row, place, _), decidable in zip(s.events, s.decidable, strict=True):
            if decidable:
                out["rays"] += 1
                out["found"] += spikes[row, place[np.argmax(s.counts[row, place] - s.light[row, place])]]
        near = s.hit | np.roll(s.hit, 1, axis=1) | np.roll(s.hit, -1, axis=1)
        out["true"] += np.count_nonzero(spikes & near)
        out["marked"] += np.count_nonzero(spikes)
        out["kept"] += sum(not any(spikes[r, max(c - 3, 0) : c + 4].any() for c in centres) for r, centres in s.flashes)
        out["flashes"] += len(s.flashes)
        clean = ~s.hit.any(axis=1)
        before, after = s.counts[clean][:, s.bands].mean(axis=0), cleaned[clean][:, s.bands].mean(axis=0)
        out["band"] = max(out["band"], float(np.max(np.abs(after - before) / (before - 300))))
    return out


CASES = [(kind, psf) for kind in SCENES for psf in (2.4, 3.0)]
ALONE = "without neighbours 43 of 47 and 48 of 53: 91 %; 95 % is the aim"
ONE_BAND = "one band of one of 15 series changes by 1.49 % where the sample does; 0.5 % is the aim"


def cases(reason: str, *missed: tuple[str, float]) -> list[object]:
    marks = pytest.mark.xfail(strict=True, reason=reason)
    return [pytest.param(*case, marks=marks) if case in missed else case for case in CASES]


@pytest.mark.parametrize(("kind", "psf"), cases(ALONE, ("single", 2.4), ("single", 3.0)))
def test_recovery_of_cosmic_rays_that_no_line_can_be(kind: str, psf: float) -> None:
    result = tally(kind, psf)
    assert result["rays"] > 20
    assert result["found"] >= 0.95 * result["rays"]


@pytest.mark.parametrize(("kind", "psf"), CASES)
def test_precision(kind: str, psf: float) -> None:
    result = tally(kind, psf)
    assert result["true"] >= 0.98 * result["marked"]


@pytest.mark.parametrize(("kind", "psf"), CASES)
def test_flashes_stay(kind: str, psf: float) -> None:
    result = tally(kind, psf)
    assert result["kept"] >= 0.95 * result["flashes"]


@pytest.mark.parametrize(("kind", "psf"), cases(ONE_BAND, ("potential step", 2.4)))
def test_bands_stay(kind: str, psf: float) -> None:
    assert tally(kind, psf)["band"] < 0.005


@functools.cache
def verdicts(psf: float, snr: float) -> tuple[float, float, float, int]:
    """Return how often a flash is called a cosmic ray, and such of one and of two channels a flash, in 300 trials each.

    The last counts only those of two channels that leave chi-squared of 25 beside the best line; how many are these.
    """
    rng = np.random.default_rng(6000 + int(10 * psf) + int(snr))
    wrong_flash = wrong_one = wrong_two = two = 0
    for _ in range(300):
        flash = lines(31, np.array([rng.uniform(14.5, 15.5)]), np.array([snr]), np.array([0.02]), psf)[0]
        wrong_flash += despike.classify_event(rng.normal(100, 1, 31) + flash, 1.0, psf) != "flash"
        charge = np.zeros(31)
        charge[15] = snr
        wrong_one += despike.classify_event(rng.normal(100, 1, 31) + charge, 1.0, psf) != "cosmic ray"
        share = rng.uniform(0, 1)
        charge[[15, 16] if rng.random() < 0.5 else [15, 14]] = np.array([1, share]) * snr
        if unlike_light(charge[6:25], np.ones(19), psf) >= 25:
            two += 1
            wrong_two += despike.classify_event(rng.normal(100, 1, 31) + charge, 1.0, psf) != "cosmic ray"
    return wrong_flash / 300, wrong_one / 300, wrong_two / max(two, 1), two


@pytest.mark.parametrize("psf", [2.2, 3.0])
@pytest.mark.parametrize("snr", [10.0, 30.0])
def test_flash_and_cosmic_ray_are_told_apart_by_width(psf: float, snr: float) -> None:
    flash, one, _, _ = verdicts(psf, snr)
    assert flash <= 0.01
    assert one <= 0.01


@pytest.mark.parametrize(
    ("psf", "snr"),
    [
        pytest.param(
            *(2.2, 10.0),
            marks=pytest.mark.xfail(strict=True, reason="2 of 82: 2.4 %; 1 % is the aim"),
        ),
        *((2.2, 30.0), (3.0, 10.0), (3.0, 30.0)),
    ],
)
def test_cosmic_rays_of_two_channels_are_no_flashes(psf: float, snr: float) -> None:
    _, _, two, number = verdicts(psf, snr)
    assert number > 50
    assert two <= 0.01


def test_between_1_6_and_2_2_channels_strong_events_are_told_apart() -> None:
    flash, one, two, _ = verdicts(1.6, 30.0)
    assert flash <= 0.03
    assert one <= 0.01
    assert two <= 0.02


def test_an_event_narrower_than_decidable_is_not_decided() -> None:
    counts = np.full(31, 100.0)
    counts[15] += 60
    assert despike.classify_event(counts, 1.0, 1.2) == "undecidable by width"
    with pytest.raises(StepError, match="7 or more finite counts"):
        despike.classify_event(counts[:5], 1.0, 2.2)
    with pytest.raises(StepError, match="above zero"):
        despike.classify_event(counts, 0.0, 2.2)


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


def test_the_noise_put_back_has_the_size_of_the_noise() -> None:
    rng = np.random.default_rng(1302)
    counts = rng.normal(1000, 12, (400, 100))
    rows = np.arange(400)
    at = rng.integers(8, 92, 400)
    counts[rows, at] += 2000
    out = despike.auto(counts, np.arange(100.0))
    assert out.products["spikes"][rows, at].all()
    assert np.std(out.intensity[rows, at]) == pytest.approx(12, rel=0.15)
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
