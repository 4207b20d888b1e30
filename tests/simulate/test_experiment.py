"""The whole simulated experiment: its parts must be where the truth says."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta

import numpy as np
import pytest

from spectrode.errors import Cancelled, SpectrodeError
from spectrode.simulate import PRESETS, InvalidSettings, SimulationSettings, preset, simulate_experiment
from spectrode.simulate.settings import PRESETS as ALL
from spectrode.simulate.species import ELECTRODES, ELECTROLYTE, NEAR_FIELD, REFERENCES

SMALL = {"frames": 6, "rows": 4, "columns": 5, "channels": 256}


@pytest.fixture(scope="module")
def sei():
    return simulate_experiment(preset("sei-shiners", seed=7))


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_counts_are_whole_numbers_within_the_converter(name):
    dataset = simulate_experiment(preset(name, **SMALL)).dataset
    assert dataset.intensity.dtype == np.uint16
    assert dataset.intensity.min() > 0
    assert dataset.scan_shape == (("frame", 6), ("y", 4), ("x", 5))
    assert set(dataset.columns) == {"time_s", "exposure_s", "x_um", "y_um"}
    assert "potential_v" not in dataset.columns  # a spectrometer does not know it
    assert dataset.metadata.started_at.utcoffset() is not None
    assert dataset.metadata.laser.wavelength_nm == 785.0


def test_saturation_is_reached_and_not_passed():
    settings = preset("sei-shiners", saturation_counts=4095, **SMALL)
    assert simulate_experiment(settings).dataset.intensity.max() == 4095


def test_residuals_are_noise_of_the_stated_variance(sei):
    truth = sei.truth
    good = ~truth.cosmic_mask
    z = ((sei.dataset.intensity - truth.expected_counts()) / np.sqrt(truth.variance_counts()))[good]
    assert z.mean() == pytest.approx(0, abs=5 / np.sqrt(z.size))
    assert z.var() == pytest.approx(1, abs=0.01)


def test_variance_against_mean_gives_the_gain_back(sei):
    truth = sei.truth
    good = ~truth.cosmic_mask
    expected = truth.expected_counts()
    light, residual = (expected - 300.0)[good], (sei.dataset.intensity - expected)[good]
    edges = np.quantile(light, np.linspace(0, 1, 13))
    which = np.digitize(light, edges[1:-1])
    mean = np.array([light[which == k].mean() for k in range(12)])
    variance = np.array([residual[which == k].var() for k in range(12)])
    assert 1 / np.polyfit(mean, variance, 1)[0] == pytest.approx(2.0, rel=0.02)


def test_cosmic_rays_are_where_the_mask_says(sei):
    truth = sei.truth
    z = (sei.dataset.intensity - truth.expected_counts()) / np.sqrt(truth.variance_counts())
    assert np.all(truth.cosmic_mask[z > 6.5])
    strong = truth.cosmic_rays > 10 * np.sqrt(truth.variance_counts())
    assert strong.sum() > 20
    assert np.all(z[strong] > 5)
    assert np.array_equal(truth.cosmic_rays > 0, truth.cosmic_mask)


def test_a_flash_is_as_wide_as_the_optics_and_in_one_spectrum(sei):
    truth = sei.truth
    light = truth.flash_light()
    hit = np.unique(truth.flash_spectrum)
    assert 3 <= hit.size <= 40
    assert np.array_equal(np.flatnonzero(light.max(axis=1) > 1), hit)
    lone = [k for k in range(truth.flash_event.size) if np.sum(truth.flash_spectrum == truth.flash_spectrum[k]) == 1]
    for k in lone:
        row = light[truth.flash_spectrum[k]]
        centre = np.sum(row * np.arange(row.size)) / row.sum()
        width = 2.354820045 * np.sqrt(np.sum(row * (np.arange(row.size) - centre) ** 2) / row.sum())
        assert centre == pytest.approx(truth.flash_position_px[k], abs=0.01)
        # The box of the pixel that the noise-free profile is sampled with is part of the width.
        assert width == pytest.approx(sei.settings.psf_fwhm_px, rel=0.02)


def test_bleaching_can_be_recovered_from_the_counts():
    s = preset("nothing-forms", frames=12, rows=4, columns=5, power_drift=0.0, cosmic_rate=0.0, flash_rate=0.0)
    experiment = simulate_experiment(s)
    shift = experiment.dataset.shift
    quiet = (shift > 1660) & (shift < 1700)  # no band of anything
    level = experiment.dataset.intensity[:, quiet].mean(axis=1).reshape(12, -1).mean(axis=1) - s.offset_counts
    exposure = np.arange(12) * s.exposure_s
    taus = np.linspace(5, 25, 401)
    misfit = []
    for tau in taus:
        model = np.column_stack([np.ones(12), np.exp(-exposure / tau)])
        misfit.append(np.sum((model @ np.linalg.lstsq(model, level, rcond=None)[0] - level) ** 2))
    assert taus[np.argmin(misfit)] == pytest.approx(s.bleaching_exposure_s, rel=0.05)


def test_the_background_is_five_to_a_hundred_times_the_interface_bands(sei):
    truth = sei.truth
    near = truth.concentrations[:, truth.near_field].max(axis=1)
    late = truth.start_s > 3500
    ratio = np.median(truth.fluorescence.max(axis=1)[late] / near[late])
    assert 5 < ratio < 100


# -- time and potential -----------------------------------------------------------------------------------------------


def test_every_spectrum_has_its_own_time(sei):
    s, truth, dataset = sei.settings, sei.truth, sei.dataset
    gap = np.diff(truth.start_s) - s.exposure_s
    assert gap.min() > 0
    pixel = np.arange(dataset.n_spectra - 1) % 80
    line_end, frame_end = pixel % 10 == 9, pixel == 79
    inside = gap[~line_end]
    assert inside.mean() == pytest.approx(s.stage_overhead_s, abs=0.01)
    assert inside.std() == pytest.approx(s.overhead_jitter_s, rel=0.15)
    assert gap[line_end & ~frame_end].mean() == pytest.approx(s.stage_overhead_s + s.line_return_s, abs=0.02)
    frames = np.diff(truth.start_s.reshape(16, 80)[:, 0])
    np.testing.assert_allclose(frames, frames[0], rtol=1e-9)
    np.testing.assert_allclose(dataset.columns["time_s"], truth.start_s - truth.start_s[0], atol=1e-6)


def test_positions_and_frames_follow_the_raster(sei):
    x, y = sei.dataset.as_cube(sei.dataset.columns["x_um"]), sei.dataset.as_cube(sei.dataset.columns["y_um"])
    assert np.all(np.ptp(x, axis=(0, 1)) == 0)
    assert np.all(np.ptp(y, axis=(0, 2)) == 0)
    np.testing.assert_allclose(np.diff(x[0, 0]), 1.5)
    assert np.array_equal(sei.dataset.frame_of(), np.repeat(np.arange(16), 80))


def test_the_frames_cover_the_whole_programme(sei):
    start, s = sei.truth.start_s, sei.settings
    assert start[0] == pytest.approx(s.map_delay_s)
    assert s.duration_s - 12 < start[-1] + s.exposure_s <= s.duration_s
    assert np.all(sei.truth.potential_v.reshape(16, 80)[0] == pytest.approx(2.8, abs=0.01))


def test_the_potential_of_each_pixel_is_that_of_the_trace(sei):
    """Mean over the exposure, by brute force from the potentiostat's rows."""
    truth, trace, s = sei.truth, sei.trace, sei.settings
    fine = truth.start_s[None, :] + np.linspace(0, s.exposure_s, 401)[:, None]
    seen = np.interp(fine, trace.time_s, trace.potential_v).mean(axis=0)
    np.testing.assert_allclose(truth.potential_v, seen, atol=5 * s.potential_noise_v)
    # A frame taken during a sweep is far from iso-potential.
    assert np.ptp(truth.potential_v.reshape(16, 80)[4]) > 0.25


def test_a_clock_that_is_ahead_moves_the_stamps_and_nothing_else():
    plain, ahead = (simulate_experiment(preset("sei-shiners", clock_offset_s=o, **SMALL)) for o in (0.0, 37.4))
    moved = ahead.dataset.metadata.started_at - plain.dataset.metadata.started_at
    assert moved == timedelta(seconds=37.4)
    assert np.array_equal(ahead.dataset.intensity, plain.dataset.intensity)
    assert np.array_equal(ahead.truth.potential_v, plain.truth.potential_v)


# -- chemistry ---------------------------------------------------------------------------------------------------------


def test_at_rest_there_is_only_electrolyte_and_electrode(sei):
    truth = sei.truth
    first = truth.concentrations[:80]
    assert first[:, truth.near_field].max() < 0.01
    assert first[:, ~truth.near_field].min() > 50


def test_species_appear_at_their_onset_and_not_before(sei):
    truth = sei.truth
    falling = truth.start_s < 3050
    for k in np.flatnonzero(truth.near_field):
        share = truth.coverage[:, k] / truth.coverage[:, k].max()
        before = falling & (truth.potential_v > truth.onset_potential_v[k] + 0.01)
        after = falling & (truth.potential_v < truth.onset_potential_v[k] - 0.01)
        assert share[before].max() < 0.06
        assert share[after].min() > 0.04
    assert np.all(np.diff(truth.onset_potential_v[truth.near_field]) < 0)


def test_one_species_goes_back_and_the_others_stay(sei):
    last = sei.truth.coverage[-1] / sei.truth.coverage.max(axis=0)
    by_name = dict(zip(sei.truth.library_ids, last, strict=True))
    assert by_name["polyvc"] > 0.99
    assert by_name["li2co3"] > 0.99
    assert 0.25 < by_name["ledc"] < 0.5


def test_the_rank_of_the_bands_is_the_number_of_components(sei):
    values = np.linalg.svd(sei.truth.bands() / np.sqrt(sei.truth.variance_counts()), compute_uv=False)
    floor = np.sqrt(1280) + np.sqrt(512)  # largest singular value of unit noise
    assert np.sum(values > floor) == 5


def test_pure_spectra_have_maximum_one_and_bands_at_their_place(sei):
    truth = sei.truth
    np.testing.assert_allclose(truth.pure_spectra.max(axis=1), 1.0)
    k = truth.component("li2co3")
    top = truth.shift_true_cm1[np.argmax(truth.pure_spectra[k])]
    strongest = truth.band_position_cm1[truth.band_component == k][0]
    assert top == pytest.approx(strongest, abs=1.7)
    with pytest.raises(KeyError, match="no component 'gold'"):
        truth.component("gold")


def test_drawn_bands_stay_within_the_uncertainty_of_the_literature(sei):
    truth = sei.truth
    materials = [ELECTROLYTE, ELECTRODES["sei"].material, *(s.material for s in NEAR_FIELD["sei"])]
    allowed = np.array([b.uncertainty_cm1 for m in materials for b in m.bands])
    moved = np.abs(truth.band_position_cm1 - truth.band_literature_cm1)
    assert np.all(moved <= 0.6 * allowed + 1e-9)
    assert moved.max() > 1.0


def test_every_band_cites_a_reference():
    bands = [b for m in (ELECTROLYTE, *(e.material for e in ELECTRODES.values())) for b in m.bands]
    bands += [b for group in NEAR_FIELD.values() for s in group for b in s.material.bands]
    assert {b.reference for b in bands} <= set(REFERENCES)


def test_enhancement_has_a_heavy_tail_and_flickers_slowly():
    s = preset("sei-shiners", rows=40, columns=50, frames=5, channels=16)
    enhancement = simulate_experiment(s).truth.enhancement.reshape(5, 2000)
    static = np.exp(np.log(enhancement).mean(axis=0))
    assert np.median(static) == pytest.approx(1.0, rel=0.1)
    plain = np.exp(np.random.default_rng(0).normal(0, s.enhancement_spread, 2000))
    assert np.quantile(static, 0.995) > 1.5 * np.quantile(plain, 0.995)
    log = np.log(enhancement) - np.log(enhancement).mean(axis=0)
    assert 0.03 < log.std() < 0.15


def test_where_nothing_forms_the_interface_is_empty():
    experiment = simulate_experiment("nothing-forms")
    truth = experiment.truth
    assert np.all(truth.concentrations[:, truth.near_field] == 0)
    assert np.all(truth.coverage[:, truth.near_field] == 0)
    assert np.all(np.isnan(truth.onset_potential_v))
    assert np.all(truth.concentrations[:, ~truth.near_field] > 0)
    # … but current flows, so a current alone is no evidence for an interface.
    assert experiment.trace.current_ma.min() < -0.5


def test_the_voltammogram_is_cathodic_on_the_way_down_and_anodic_on_the_way_back(sei):
    trace = sei.trace
    low = trace.potential_v < 0.3
    down = trace.time_s < 3050
    assert trace.current_ma[low & down].mean() < 0 < trace.current_ma[low & ~down].mean()
    positive = simulate_experiment("cei-shiners").trace
    high, up = positive.potential_v > 4.5, np.arange(len(positive)) < np.argmax(positive.potential_v)
    assert positive.current_ma[high & up].mean() > 0 > positive.current_ma[high & ~up].mean()


# -- settings ----------------------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_experiment():
    one, two = (simulate_experiment(preset("cei-shiners", seed=3, **SMALL)) for _ in range(2))
    assert one.dataset.identical(two.dataset)
    assert np.array_equal(one.trace.current_ma, two.trace.current_ma)
    other = simulate_experiment(preset("cei-shiners", seed=4, **SMALL))
    assert not np.array_equal(one.dataset.intensity, other.dataset.intensity)
    assert not np.array_equal(one.truth.band_position_cm1, other.truth.band_position_cm1)


def test_changing_one_effect_leaves_the_others_as_they_were():
    full, empty = (simulate_experiment(preset(n, **SMALL)).truth for n in ("sei-shiners", "nothing-forms"))
    for name in ("start_s", "enhancement", "cosmic_counts", "flash_position_px", "band_position_cm1"):
        assert np.array_equal(getattr(full, name), getattr(empty, name)), name


def test_a_large_raster_slows_the_sweep_so_that_the_frames_fit():
    s = preset("sei-shiners", rows=20, columns=20)
    assert s.scan_rate_v_per_s < 0.5e-3
    assert s.frames * s.raster_s < s.duration_s


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frames": 0}, "frames must be at least 1, but 0"),
        ({"gain_e_per_count": 0.0}, "gain_e_per_count must be above 0, but 0.0"),
        ({"cosmic_rate": -1.0}, "cosmic_rate must not be negative, but -1.0"),
        ({"bleaching_share": 1.2}, "bleaching_share must lie between 0 and 1, but 1.2"),
        ({"psf_fwhm_px": 0.5}, "psf_fwhm_px must be at least 1.0, but 0.5"),
        ({"exposure_s": float("nan")}, "exposure_s must be above 0, but nan"),
        ({"saturation_counts": 70_000}, "16 bits"),
        ({"scan_rate_mv_per_s": 50.0}, "16 frames need .* programme lasts .* slower scan_rate_mv_per_s"),
        ({"vertex_v": 2.8, "end_v": 2.8}, "no sweep"),
        ({"colour": 1}, "'colour' is no setting"),
    ],
)
def test_settings_that_make_no_sense_are_refused_with_the_value(changes, message):
    with pytest.raises(InvalidSettings, match=message):
        preset("sei-shiners", **changes)


def test_an_unknown_preset_lists_those_that_exist():
    with pytest.raises(SpectrodeError, match="no preset 'sers'; possible: sei-shiners, cei-shiners, nothing-forms"):
        simulate_experiment("sers")
    assert all(name == s.preset for name, s in ALL.items())


def test_zero_is_a_value():
    s = SimulationSettings(rest_s=0.0, start_v=0.0, vertex_v=-0.5, end_v=0.0, frames=2, rows=2, columns=2)
    assert s.duration_s == pytest.approx(1000.0)
    assert simulate_experiment(s).truth.potential_v.max() <= 0.0


def test_progress_is_told_and_stopping_is_obeyed():
    told = []
    simulate_experiment(preset("sei-shiners", **SMALL), progress=lambda done, of: told.append((done, of)))
    assert told == [(k, 6) for k in range(1, 7)]
    with pytest.raises(Cancelled, match="0 of 6 frames"):
        simulate_experiment(preset("sei-shiners", **SMALL), should_stop=lambda: True)


def test_the_generator_uses_neither_library_nor_unmixing():
    code = (
        "import sys; from spectrode.simulate import simulate_experiment, preset; "
        "simulate_experiment(preset('sei-shiners', frames=2, rows=2, columns=2)); "
        "print([m for m in sys.modules if m.startswith(('spectrode.library', 'spectrode.unmixing'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_presets_load_without_numpy():
    code = "import sys; from spectrode.simulate import PRESETS; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
