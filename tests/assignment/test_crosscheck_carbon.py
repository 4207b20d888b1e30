"""Carbon bands: simulated ones of other shapes than the fit's, spectra without carbon, and measured ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import voigt_profile

from spectrode.assignment.crosschecks import Line, fit_carbon, fit_lines
from spectrode.errors import SpectrodeError, UnknownFormat
from spectrode.readers.registry import read

Floats = NDArray[np.float64]
SHIFT = np.linspace(850.0, 1950.0, 420)


def lorentz(position: float, height: float, fwhm: float) -> Floats:
    return height / (1 + ((SHIFT - position) / (0.5 * fwhm)) ** 2)


@pytest.mark.parametrize("seeds", [range(1000, 1012), pytest.param(range(1012, 1040), marks=pytest.mark.slow)])
def test_positions_and_ratio_lie_in_their_intervals(seeds: range) -> None:
    held: dict[str, list[bool]] = {"d": [], "g": [], "ratio": []}
    for seed in seeds:
        rng = np.random.default_rng(seed)
        d, g = rng.uniform(1325, 1360), rng.uniform(1575, 1600)
        ratio = rng.uniform(0.4, 1.6)
        # Voigt lines: the instrument adds a Gaussian that neither Lorentzian nor pseudo-Voigt has exactly.
        shapes = [voigt_profile(SHIFT - p, 3.0, w / 2) for p, w in ((d, 70.0), (g, 45.0))]
        y = 200 + 0.02 * SHIFT + 100 * (ratio * shapes[0] / shapes[0].max() + shapes[1] / shapes[1].max())
        found = fit_carbon(SHIFT, y + 1.5 * rng.standard_normal(SHIFT.size))
        assert found.found
        bands = found.bands
        held["d"].append(abs(bands["D1"].position_cm1 - d) < 2 * bands["D1"].position_u)
        held["g"].append(abs(bands["G"].position_cm1 - g) < 2 * bands["G"].position_u)
        held["ratio"].append(abs(found.ratio_height - ratio) < 2 * found.ratio_height_u)
        assert found.ratio_height == pytest.approx(ratio, rel=0.1)
    for name, right in held.items():
        assert np.mean(right) >= 0.8, name


def test_no_carbon_in_noise_nor_in_polymers_and_carbonates() -> None:
    wrong = 0
    for seed in range(1040, 1056):
        rng = np.random.default_rng(seed)
        y = 100 + 0.05 * SHIFT + 2 * rng.standard_normal(SHIFT.size)
        if seed % 2:
            for position, height in (
                (1063, 40),
                (1090, 60),
                (1130, 30),
                (1295, 40),
                (1440, 90),
                (1462, 30),
                (1750, 20),
            ):
                y = y + lorentz(position, height * rng.uniform(0.5, 1.5), 12)
        wrong += fit_carbon(SHIFT, y).found
    assert wrong == 0


def test_graphite_without_defects_has_an_upper_limit() -> None:
    rng = np.random.default_rng(1080)
    found = fit_carbon(SHIFT, 50 + lorentz(1581, 100, 16) + rng.standard_normal(SHIFT.size))
    assert found.found
    assert "no D band" in found.reason
    assert found.ratio_height < 0.05
    assert np.isnan(found.ratio_height_u)


def test_extra_bands_are_taken_where_they_are_needed_only() -> None:
    rng = np.random.default_rng(1081)
    two = lorentz(1345, 100, 90) + lorentz(1590, 90, 60)
    noise = 0.7 * rng.standard_normal(SHIFT.size)
    assert fit_carbon(SHIFT, two + noise).model in ("D1 + G", "D1 + G (Lorentzian)")
    third = 40 * np.exp(-4 * np.log(2) * ((SHIFT - 1500) / 110) ** 2)
    more = fit_carbon(SHIFT, two + third + noise)
    assert "D3" in more.model
    assert more.bic[more.model] == min(more.bic.values())
    assert more.bands["D3"].height == pytest.approx(40, rel=0.15)


def test_an_asymmetric_g_is_found_by_its_maximum() -> None:
    rng = np.random.default_rng(1082)
    z = 2 * (SHIFT - 1590) / 60
    fano = 100 * (1 - 0.25 * z) ** 2 / (1 + z**2)
    y = fano + lorentz(1340, 60, 90) + 0.7 * rng.standard_normal(SHIFT.size)
    found = fit_carbon(SHIFT, y, fano=True, extra_bands=False)
    assert "asymmetric" in found.model
    true_top = 1590 - 0.25 * 30  # Γ/2q beside the resonance
    assert found.bands["G"].position_cm1 == pytest.approx(true_top, abs=1)
    assert found.bands["G"].height == pytest.approx(100 * (1 + 0.25**2), rel=0.03)


def test_height_and_area_agree_with_the_closed_form() -> None:
    line = Line("a", 1400.0, 20.0, 40.0, 10.0, 100.0, mixing=1.0)
    fit = fit_lines(SHIFT, 7 + lorentz(1405, 50, 42), [line], window_cm1=(1000, 1800))
    assert fit.area[0] == pytest.approx(np.pi / 2 * 50 * 42, rel=1e-6)
    assert fit.height[0] == pytest.approx(50, rel=1e-6)
    assert fit.position_cm1[0] == pytest.approx(1405, abs=1e-5)
    with pytest.raises(SpectrodeError, match="channels lie there"):
        fit_lines(SHIFT, SHIFT, [line], window_cm1=(1400, 1410))


def test_a_spectrum_that_does_not_reach_is_refused() -> None:
    with pytest.raises(SpectrodeError, match="1280 to 1650"):
        fit_carbon(SHIFT[SHIFT > 1400], SHIFT[SHIFT > 1400])


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_measured_positions(shared_data: Callable[[str], Path], number: int) -> None:
    dataset = read(shared_data(f"carbon_fit/testDW38C_pos{number}.txt"))
    for fano in (False, True):
        found = fit_carbon(dataset.shift, np.asarray(dataset.intensity)[0], fano=fano)
        assert 1330 <= found.bands["D1"].position_cm1 <= 1345
        assert 1573 <= found.bands["G"].position_cm1 <= 1595
        assert found.ratio_height > 0.8


def test_measured_silicon_has_no_carbon(shared_data: Callable[[str], Path]) -> None:
    dataset = read(shared_data("carbon_fit/Si_spectrum01.txt"))
    assert not fit_carbon(dataset.shift, np.asarray(dataset.intensity)[0]).found


def test_malformed_files_are_refused_or_told(shared_data: Callable[[str], Path]) -> None:
    with pytest.raises(UnknownFormat, match="not one of the known formats"):
        read(shared_data("carbon_fit/empty-lines_1.txt"))
    holed = read(shared_data("carbon_fit/wrong-values-in-lines_pos1.txt"))
    assert any("not numbers" in w for w in holed.metadata.warnings)
    whole = read(shared_data("carbon_fit/testDW38C_pos1.txt"))
    a, b = (fit_carbon(d.shift, np.asarray(d.intensity)[0]) for d in (holed, whole))
    assert a.bands["G"].position_cm1 == pytest.approx(b.bands["G"].position_cm1, abs=0.2)
