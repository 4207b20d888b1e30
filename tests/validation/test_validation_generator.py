"""The generator: what it draws agrees with textbooks and with the library's numbers, and it shares no code."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import brentq

import spectrode.validation as validation
from spectrode.library import load_library
from spectrode.validation.compounds import sample_of, unknown_compound
from spectrode.validation.experiment import GUARDED_SEEDS, make_experiment
from spectrode.validation.growth import course, film, hot_spots, potentials
from spectrode.validation.instrument import Detector, axis_with_error, measured
from spectrode.validation.lines import SHAPES, Line, draw, voigt

GENERATOR = ("lines", "compounds", "growth", "instrument", "experiment", "truth")
FOREIGN = ("unmixing", "assignment", "simulate", "render", "kernels", "preprocessing", "pipeline", "analysis")


@pytest.mark.parametrize("name", GENERATOR)
def test_generator_imports_nothing_of_what_it_judges(name):
    source = (Path(validation.__file__).parent / f"{name}.py").read_text(encoding="utf-8")
    imported = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            imported |= set((node.module or "").split(".")) | {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            imported |= {part for alias in node.names for part in alias.name.split(".")}
    assert not imported & set(FOREIGN)


@pytest.mark.parametrize(
    ("shape", "parameter"),
    [("pearson7", 1.0), ("pearson7", 6.0), ("voigt", 0.1), ("voigt", 0.9), ("asymmetric", 0.2), ("asymmetric", -0.25)],
)
def test_a_line_has_its_height_and_its_width(shape, parameter):
    line = Line(1000.0, 14.0, 1.0, shape, parameter)

    def above_half(x: float) -> float:
        return float(SHAPES[shape](np.array([x]), line)[0]) - 0.5

    left, right = brentq(above_half, 900.0, 1000.0), brentq(above_half, 1000.0, 1100.0)
    assert above_half(1000.0) == pytest.approx(0.5, abs=1e-9)
    # The width of a Voigt profile is an approximation good to 0.02 %.
    assert right - left == pytest.approx(14.0, rel=5e-4)


def test_voigt_is_the_convolution_of_its_parts():
    x = np.linspace(-400.0, 400.0, 160_001)
    line = Line(0.0, 20.0, 1.0, "voigt", 0.5)
    lorentz = 10.0
    gauss = np.sqrt((20.0 - 0.5346 * lorentz) ** 2 - 0.2166 * lorentz**2) / 2.354820045
    offsets = np.linspace(-8 * gauss, 8 * gauss, 4001)
    weights = np.exp(-0.5 * (offsets / gauss) ** 2)
    places = np.array([0.0, 5.0, 10.0, 30.0, 80.0])
    direct = np.array([(weights / (1.0 + ((p - offsets) / (lorentz / 2)) ** 2)).sum() for p in places])
    np.testing.assert_allclose(np.interp(places, x, voigt(x, line)), direct / direct[0], rtol=1e-6)


def test_a_sample_lies_within_the_library_s_uncertainty():
    rng = np.random.default_rng(1001)
    entry = load_library().get("li2co3")
    bands = entry.bands("raman")
    for _ in range(50):
        sample = sample_of(entry, rng, low=350.0, high=1850.0, resolution_cm1=5.0)
        assert sample is not None
        assert max(line.height for line in sample.lines) == pytest.approx(1.0)
        for line in sample.lines:
            assert any(abs(line.position_cm1 - b.position_cm1) <= b.uncertainty_cm1 for b in bands)
            assert line.fwhm_cm1 >= 5.0


def test_a_dissolved_salt_has_no_band_of_its_crystal():
    rng = np.random.default_rng(1002)
    entry = load_library().get("pf6")
    fluid = [b for b in entry.bands("raman") if b.state in ("liquid", "solution")]
    strongest = max(fluid, key=lambda b: b.rel_intensity)
    for _ in range(30):
        sample = sample_of(entry, rng, low=350.0, high=1850.0, resolution_cm1=5.0, dissolved=True)
        assert sample is not None
        assert any(abs(n.position_cm1 - strongest.position_cm1) < 10.0 for n in sample.lines)
        assert all(abs(n.position_cm1 - 771.0) > 6.0 or n.height < 0.9 for n in sample.lines)


def test_an_unknown_has_two_to_seven_bands_apart():
    rng = np.random.default_rng(1003)
    for _ in range(100):
        places = [n.position_cm1 for n in unknown_compound(rng, low=380.0, high=1850.0, resolution_cm1=4.0).lines]
        assert 2 <= len(places) <= 7
        assert min(np.diff(places)) > 15.0
        assert min(places) > 400.0
        assert max(places) < 1800.0


def test_noise_is_that_of_counting_and_reading():
    rng = np.random.default_rng(1004)
    detector = Detector(gain=2.0, read_e=5.0, offset=100.0, cosmic_rays=0.0)
    expected = np.tile([20.0, 400.0, 9000.0], (40_000, 1))
    counts, noise = measured(rng, expected, detector)
    # The variance of a variance from n values is 2/n of its square: 0.7 % here.
    np.testing.assert_allclose(counts.var(axis=0), 4.0 * (expected[0] + 25.0), rtol=0.04)
    np.testing.assert_allclose(noise[0] ** 2, 4.0 * (expected[0] + 25.0))
    np.testing.assert_allclose(counts.mean(axis=0), 2.0 * expected[0] + 100.0, rtol=0.01)


def test_the_axis_is_wrong_by_three_wavenumbers_at_most():
    rng = np.random.default_rng(1005)
    largest = 0.0
    for _ in range(200):
        stated, true = axis_with_error(rng, low=400.0, high=1800.0, channels=512)
        assert (np.diff(stated) > 0).all()
        assert true[[0, -1]] == pytest.approx([400.0, 1800.0])
        largest = max(largest, float(np.abs(stated - true).max()))
    assert 2.0 < largest <= 3.0


def test_growth_films_and_hot_spots_keep_their_limits():
    rng = np.random.default_rng(1006)
    for _ in range(100):
        amount, place = course(rng, 6), film(rng, 8)
        assert amount.min() >= 0.0
        assert amount.max() == pytest.approx(1.0)
        assert place.min() >= 0.0
        assert place.max() == pytest.approx(1.0)
    spots = np.concatenate([hot_spots(rng, 6, 64) for _ in range(100)])
    assert 0.8 < np.median(spots) < 1.25
    assert np.quantile(spots, 0.999) > 4.0  # heavy-tailed
    assert spots.max() <= 20.0
    assert np.all(np.abs(potentials(rng, 6, cathodic=False)) < 5.0)


def test_counts_are_the_sum_of_what_the_truth_says():
    experiment = make_experiment(1010)
    truth, data = experiment.truth, np.asarray(experiment.dataset.intensity, dtype=float)
    model = truth.background + sum(np.outer(c.concentrations, c.spectrum) for c in truth.components)
    residual = np.median(data - model, axis=0)  # cosmic rays are rare; the median leaves the detector's offset
    assert np.ptp(residual) < 0.03 * np.ptp(np.median(model, axis=0))


def test_a_seed_gives_one_experiment_and_all_scenarios_occur():
    first, again = make_experiment(1011), make_experiment(1011)
    assert np.array_equal(first.dataset.intensity, again.dataset.intensity)
    assert first.truth.present == again.truth.present
    many = [make_experiment(seed).truth for seed in range(1020, 1060)]
    assert {t.scenario for t in many} == {"nothing forms", "with an unknown", "known products"}
    for truth in many:
        kinds = [c.kind for c in truth.components]
        assert kinds[0] == "electrolyte"
        assert not truth.present & truth.absent
        assert ("unknown" in kinds) == (truth.scenario == "with an unknown")
        if truth.scenario == "nothing forms":
            assert set(kinds) <= {"electrolyte", "electrode"}
        for component in truth.components:
            assert component.spectrum.max() == pytest.approx(1.0)
            assert (component.concentrations >= 0).all()
            total = sum(s.spectrum for s in component.species)
            np.testing.assert_allclose(total, component.spectrum, atol=1e-12)


def test_signal_to_noise_agrees_with_the_data():
    experiment = make_experiment(1012)
    electrolyte = experiment.truth.components[0]
    rich = electrolyte.concentrations >= np.quantile(electrolyte.concentrations, 0.9)
    data = np.asarray(experiment.dataset.intensity, dtype=float)[rich]
    # Differences of neighbouring channels where no band lies hold the noise alone, times the square root of two.
    flat = np.flatnonzero(sum(c.spectrum for c in experiment.truth.components) < 0.02)
    flat = flat[:-1][np.diff(flat) == 1]
    noise = 1.4826 * np.median(np.abs(data[:, flat + 1] - data[:, flat])) / np.sqrt(2.0)
    top = max(line.height for s in electrolyte.species for line in s.lines)
    seen = np.quantile(electrolyte.concentrations, 0.95) * top / noise
    assert 0.3 * seen < electrolyte.snr < 1.2 * seen  # shot noise at a band's top lowers it


def test_rank_leaves_out_what_cannot_be_seen():
    truth = make_experiment(1013).truth
    assert truth.rank(snr=1e9) == 0
    assert truth.rank(snr=0.0, correlation=1.1) == len(truth.components)
    assert truth.rank(snr=0.0, correlation=-1.0) == 1


def test_guarded_seeds_are_not_the_development_seeds():
    assert min(GUARDED_SEEDS) > 4999
    assert len(GUARDED_SEEDS) == 200


def test_draw_adds_lines():
    x = np.linspace(400.0, 600.0, 201)
    a, b = Line(450.0, 10.0, 2.0), Line(550.0, 20.0, 0.5, "voigt", 0.4)
    np.testing.assert_allclose(draw(x, (a, b)), draw(x, (a,)) + draw(x, (b,)))
