"""Tables against published check values; A9.1, A9.2 and A9.4 of the project's science notes."""

from __future__ import annotations

import numpy as np
import pytest

from spectrode.calibration import lamp_lines, luminescence_standard, planck_photons, shift_standard
from spectrode.errors import SpectrodeError
from spectrode.preprocessing.calibrate import air_to_vacuum_nm, raman_shift_cm1

AT = np.array([200, 500, 1000, 1500, 2000, 2500, 3000])


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("2241", (0.14209, 0.21794, 0.39671, 0.62983, 0.85376, 0.98843, 0.98060)),
        ("2242a", (0.06169, 0.11071, 0.25916, 0.48804, 0.74288, 0.93570, 0.99896)),
        ("2244", (0.52609, 0.72567, 0.96194, 0.97812, 0.79870, 0.53213, 0.29366)),
        ("2245", (0.07160, 0.15247, 0.42491, 0.81236, 0.99883, 0.76053, 0.36562)),
        ("2246a", (0.25425, 0.36390, 0.58374, 0.80704, 0.96384, 0.99360, 0.88210)),
    ],
)
def test_luminescence_at_the_check_values(number: str, expected: tuple[float, ...]) -> None:
    np.testing.assert_allclose(luminescence_standard(number)(AT), expected, atol=5.1e-6)


@pytest.mark.parametrize(("number", "top"), [("2241", 2723), ("2242a", 2966), ("2244", 1282)])
def test_luminescence_maximum(number: str, top: int) -> None:
    x = np.arange(200, 3400.0)
    assert abs(x[np.argmax(luminescence_standard(number)(x))] - top) <= 1


def test_a_certificate_ends_where_it_ends() -> None:
    y = luminescence_standard("SRM 2241")([199.9, 200.0, 3500.0, 3500.1])
    np.testing.assert_array_equal(np.isnan(y), [True, False, False, True])
    with pytest.raises(SpectrodeError, match=r"2243.*possible: 2241, 2242a"):
        luminescence_standard("2243")


def test_polystyrene_of_astm_e1840() -> None:
    expected = (620.9, 795.8, 1001.4, 1031.8, 1155.3, 1450.5, 1583.1, 1602.3, 2852.4, 2904.5, 3054.3)
    assert shift_standard("polystyrene").lines_cm1 == expected
    assert shift_standard("calcite").lines_cm1 == (155.21, 281.26, 711.95, 1085.91, 1435.22, 1748.91)
    assert shift_standard("silicon").lines_cm1 == (520.45,)
    for name in ("polystyrene", "cyclohexane", "naphthalene", "sulfur", "acetamidophenol", "benzonitrile", "calcite"):
        found = shift_standard(name)
        assert set(found.check_cm1) <= set(found.lines_cm1)
        assert found.source
    with pytest.raises(SpectrodeError, match="possible: silicon, polystyrene"):
        shift_standard("aspirin")


@pytest.mark.parametrize(("nm", "excess"), [(532, 278.208), (633, 276.530), (785, 275.143), (850, 274.767)])
def test_refractive_index_of_air(nm: float, excess: float) -> None:
    # The published values are at vacuum wavelengths; n changes by 1e-9 over the difference.
    air = nm / (1 + excess * 1e-6)
    assert (nm / air - 1) * 1e6 == pytest.approx((float(air_to_vacuum_nm(air)) / air - 1) * 1e6, abs=6e-4)


@pytest.mark.parametrize(
    ("laser", "air", "shift"),
    [
        *((785, 811.8549, 424.77), (785, 837.7607, 805.55), (785, 849.5360, 970.96), (785, 885.3867, 1447.45)),
        *((633, 638.2991, 135.48), (633, 650.6528, 432.85), (633, 703.2413, 1581.84)),
        *((532, 585.24878, 1714.98), (532, 588.1895, 1800.38), (532, 640.2248, 3181.80)),
    ],
)
def test_neon_lines_as_raman_shifts(laser: float, air: float, shift: float) -> None:
    assert float(raman_shift_cm1(air, laser, laser_medium="vacuum")) == pytest.approx(shift, abs=0.0051)
    lamp = lamp_lines("neon")
    nearest = int(np.argmin(np.abs(np.array(lamp.air_nm) - air)))
    assert 1e7 / laser - 1e7 / lamp.vacuum_nm[nearest] == pytest.approx(shift, abs=0.012)


def test_taking_both_in_air_and_mixing_them() -> None:
    right = 1e7 / 785 - 1e7 / 850
    air = [v / (1 + n * 1e-6) for v, n in ((785, 275.143), (850, 274.767))]
    assert 1e7 / air[0] - 1e7 / air[1] - right == pytest.approx(0.27, abs=0.01)
    assert 1e7 / 785 - 1e7 / air[1] - right == pytest.approx(-3.23, abs=0.01)


def test_a_lamp_that_is_not_tabulated() -> None:
    with pytest.raises(SpectrodeError, match="possible: neon"):
        lamp_lines("argon")


def test_planck_has_its_published_maximum() -> None:
    # Photons per unit wavenumber, v^2/(exp(x)-1), are most at x = 1.59362 (root of x = 2(1 - exp(-x))).
    v = np.linspace(500, 20_000, 400_000)
    top = v[np.argmax(planck_photons(v, 3000.0))]
    assert 1.438776877 * top / 3000 == pytest.approx(1.593624, abs=1e-3)
