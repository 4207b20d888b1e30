"""Axes: published refractive index and neon lines, silicon standards, and simulated lines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from spectrode.dataset import OperandoDataset
from spectrode.errors import StepError
from spectrode.metadata import Laser, Metadata
from spectrode.preprocessing import calibrate

SHIFT = np.linspace(400, 650, 200)


def silicon(position: float, n: int = 1, noise: float = 5.0, fwhm: float = 4.5, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return 200 + 1000 / (1 + ((SHIFT - position) / (fwhm / 2)) ** 2) + rng.normal(0, noise, (n, SHIFT.size))


def test_shift() -> None:
    out = calibrate.shift(np.ones((2, 3)), [1.0, 2.0, 3.0], shift_cm1=-0.5)
    np.testing.assert_array_equal(out.shift, [0.5, 1.5, 2.5])
    np.testing.assert_array_equal(out.intensity, 1)


@pytest.mark.parametrize("measure", ["mean", "each"])
@pytest.mark.parametrize("offset", [-6.3, 0.0, 0.21, 4.8])
def test_reference_line(measure: str, offset: float) -> None:
    counts = silicon(520.45 + offset, n=9)
    out = calibrate.reference_line(counts, SHIFT, measure=measure)
    np.testing.assert_allclose(out.shift, SHIFT - offset, atol=0.03)
    np.testing.assert_array_equal(out.intensity, counts)
    assert f"{offset:+.1f}"[1:3] in out.notes[0] or offset == 0.0
    assert "±" in out.notes[0]


def test_stated_uncertainty_is_the_scatter() -> None:
    fits = [calibrate.measure_line(silicon(521.3, seed=s, noise=30)[0], SHIFT, 520.45) for s in range(60)]
    scatter = np.std([f.position_cm1 for f in fits])
    stated = np.median([f.uncertainty_cm1 for f in fits])
    assert stated == pytest.approx(scatter, rel=0.3)
    assert abs(np.mean([f.position_cm1 for f in fits]) - 521.3) < 3 * scatter / np.sqrt(60)
    assert np.median([f.fwhm_cm1 for f in fits]) == pytest.approx(4.5, abs=0.2)


@pytest.mark.parametrize("fwhm", [7.0, 9.0, 12.0])
def test_coarse_axis_falls_back_on_three_channels(fwhm: float) -> None:
    x = np.arange(400.0, 650.0, 4.5)
    errors = []
    for place in np.linspace(518, 523, 11):
        y = 500 * np.exp(-4 * np.log(2) * ((x - place) / fwhm) ** 2) + np.random.default_rng(2).normal(0, 2, x.size)
        found = calibrate.measure_line(y, x, 520.45)
        assert found.method == "three channels"
        errors.append(abs(found.position_cm1 - place) / found.uncertainty_cm1)
    assert np.max(errors) < 3


def test_missing_and_masked_channels_are_left_out() -> None:
    counts = silicon(522.0, n=4)
    counts[1, 95] = np.nan
    mask = np.zeros(counts.shape, bool)
    mask[:, 92] = True
    counts[:, 92] = 1e6
    out = calibrate.reference_line(counts, SHIFT, mask=mask)
    np.testing.assert_allclose(out.shift, SHIFT - 1.55, atol=0.03)


def test_no_line_is_refused() -> None:
    with pytest.raises(StepError, match=r"no line was found within 15 cm-1 of 520\.45 cm-1"):
        calibrate.reference_line(np.random.default_rng(1).normal(100, 5, (3, 200)), SHIFT)


def test_a_broad_hump_is_no_line() -> None:
    hump = 1000 * np.exp(-(((SHIFT - 525) / 40) ** 2)) + np.random.default_rng(1).normal(0, 1, (3, 200))
    with pytest.raises(StepError, match="no line was found"):
        calibrate.reference_line(hump, SHIFT)


def test_a_far_line_is_refused() -> None:
    with pytest.raises(StepError, match=r"found at 528\.\d+ cm-1, .* at most 3 cm-1 are allowed"):
        calibrate.reference_line(silicon(528.2), SHIFT, max_shift_cm1=3)


def test_a_line_outside_the_axis_is_refused() -> None:
    with pytest.raises(StepError, match="outside the axis, which runs from 400 to 650"):
        calibrate.reference_line(silicon(520), SHIFT, position_cm1=1001.4)


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("S0B_HLR633_Z010_100_40sx5.txt", 518.5, 519.1),
        ("S0P_HLR633_Z010_100_40sx5.txt", 518.5, 519.1),
        ("S0N_HLR633_Z010_100_15sx5.txt", 520.0, 520.4),
    ],
)
def test_silicon_of_the_round_robin(shared_data: Callable[[str], Path], name: str, low: float, high: float) -> None:
    # Fitted by other programs: 518.65 to 518.96, S0N 520.18.
    x, y = np.loadtxt(shared_data(f"calibration_round_robin/TOP_Ho633/{name}"), unpack=True)
    found = calibrate.measure_line(y, x, 520.45)
    assert low < found.position_cm1 < high
    out = calibrate.reference_line(y, x)
    again = calibrate.measure_line(out.intensity, out.shift, 520.45)
    assert again.position_cm1 == pytest.approx(520.45, abs=0.02)


# -- wavelengths ------------------------------------------------------------------------------------------------------


def test_refractive_index_of_air() -> None:
    # (n - 1) 1e6 by Ciddor at vacuum wavelengths, standard air.
    for vacuum, excess in ((532, 278.208), (633, 276.530), (785, 275.143), (850, 274.767)):
        air = vacuum / (1 + excess * 1e-6)
        assert calibrate.air_to_vacuum_nm(air) == pytest.approx(vacuum, rel=2e-9)


@pytest.mark.parametrize(
    ("laser", "lines"),
    [
        (785.0, {811.8549: 424.77, 813.6406: 451.79, 830.0325: 694.44, 849.5360: 970.96, 885.3867: 1447.45}),
        (633.0, {638.2991: 135.48, 650.6528: 432.85, 692.9467: 1370.64, 703.2413: 1581.84}),
        (532.0, {585.24878: 1714.98, 588.1895: 1800.38, 640.2248: 3181.80}),
    ],
)
def test_neon_lines(laser: float, lines: dict[float, float]) -> None:
    found = calibrate.raman_shift_cm1(list(lines), laser, laser_medium="vacuum")
    np.testing.assert_allclose(found, list(lines.values()), atol=0.006)


def test_the_price_of_a_wrong_medium() -> None:
    right = calibrate.raman_shift_cm1(849.5360, 785.0, laser_medium="vacuum")
    mixed = calibrate.raman_shift_cm1(849.5360, 785.0, axis_medium="vacuum", laser_medium="vacuum")
    assert abs(mixed - right) == pytest.approx(3.23, abs=0.03)


def wavelength_dataset(laser_nm: float | None = 785.0) -> OperandoDataset:
    axis = np.linspace(790.0, 900.0, 50)
    return OperandoDataset(
        np.ones((2, 50)), axis, metadata=Metadata(laser=Laser(wavelength_nm=laser_nm)), axis_kind="wavelength"
    )


def test_to_raman_shift() -> None:
    converted = calibrate.to_raman_shift(wavelength_dataset())
    assert converted.axis_kind == "raman_shift"
    air = 1e7 / calibrate.air_to_vacuum_nm(785.0) - 1e7 / calibrate.air_to_vacuum_nm(converted_axis := 790.0)
    assert converted.shift[0] == pytest.approx(air, abs=1e-6)
    assert converted_axis == 790.0
    assert np.all(np.diff(converted.shift) > 0)
    assert converted.history[-1].parameters == {"laser_nm": 785.0, "axis_medium": "air", "laser_medium": "air"}


def test_given_laser_goes_before_that_of_the_file() -> None:
    assert calibrate.to_raman_shift(wavelength_dataset(), 784.5).history[-1].parameters["laser_nm"] == 784.5


def test_luminescence_is_warned_of() -> None:
    converted = calibrate.to_raman_shift(wavelength_dataset(), 325.0)
    assert "luminescence" in converted.metadata.warnings[-1]


@pytest.mark.parametrize(
    ("dataset", "laser", "message"),
    [
        (wavelength_dataset(None), None, "laser wavelength is not in the metadata; give laser_nm"),
        (wavelength_dataset(), 0.0, "between 100 and 5000 nm"),
        (OperandoDataset(np.ones((1, 2)), np.array([1.0, 2.0])), 785.0, "must be a wavelength in nm"),
    ],
)
def test_what_cannot_be_converted(dataset: OperandoDataset, laser: float | None, message: str) -> None:
    with pytest.raises(StepError, match=message):
        calibrate.to_raman_shift(dataset, laser)


# -- saved calibrations and drift -------------------------------------------------------------------------------------


def saved(path: Path, **changes: object) -> Path:
    """Write a calibration that moves nominal wavelengths by +0.1 nm, for a laser of 532 nm; return its path."""
    from spectrode.calibration import AxisPart, Calibration, save_calibration

    values = {
        "nominal_laser_nm": 532.0,
        "centre_nm": 560.0,
        "half_nm": 30.0,
        "coefficients": (0.1, 0.0),
        "covariance": ((1e-6, 0.0), (0.0, 1e-6)),
        "scatter_nm": 0.0,
        "valid_nm": (530.0, 600.0),
        "laser_vacuum_nm": 532.1,
        "laser_nominal_nm": 547.0,
        "laser_sigma_cm1": 0.05,
        "laser_from": "test",
        "lines": (),
        **changes,
    }
    save_calibration(Calibration("2026-01-01T00:00:00+00:00", optical_path="x20", axis=AxisPart(**values)), path)
    return path


def test_apply_moves_the_axis_and_keeps_counts_and_variance(tmp_path: Path) -> None:
    counts = silicon(520.45, n=3)
    file = str(saved(tmp_path / "cal.toml"))
    out = calibrate.apply(counts, SHIFT, variance=counts, laser_nm=532.0, file=file, optical_path="x20")
    wavelength = 1e7 / (1e7 / 532.0 - SHIFT) + 0.1
    np.testing.assert_allclose(out.shift, 1e7 / 532.1 - 1e7 / wavelength, rtol=1e-12)
    np.testing.assert_array_equal(out.intensity, counts)
    np.testing.assert_array_equal(out.products["variance"], counts)
    assert out.notes[0].startswith("calibration cal.toml, SHA-256 ")


def test_apply_refuses_in_one_sentence(tmp_path: Path) -> None:
    counts = silicon(520.45)
    file = str(saved(tmp_path / "cal.toml"))
    cases = [
        ({"file": str(tmp_path / "none.toml")}, "cannot be read"),
        ({"file": file, "laser_nm": 785.0}, "laser of 532 nm, but the spectra were measured with 785 nm"),
        ({"file": file, "optical_path": "x100"}, "optical path 'x20', but the spectra are of 'x100'"),
    ]
    for given, message in cases:
        with pytest.raises(StepError, match=message) as caught:
            calibrate.apply(counts, SHIFT, **given)
        assert str(caught.value).startswith("calibrate.apply: ")
        assert "\n" not in str(caught.value)
    file = str(saved(tmp_path / "short.toml", valid_nm=(545.0, 549.0)))
    with pytest.raises(StepError, match="holds only from"):
        calibrate.apply(counts, SHIFT, file=file)
    cut = calibrate.apply(counts, SHIFT, file=file, outside="crop")
    assert 0 < cut.shift.size < SHIFT.size


def test_a_changed_calibration_file_is_read_again(tmp_path: Path) -> None:
    file = saved(tmp_path / "cal.toml")
    first = calibrate.apply(silicon(520.45), SHIFT, file=str(file))
    saved(file, coefficients=(0.25, 0.0), laser_from="another")
    second = calibrate.apply(silicon(520.45), SHIFT, file=str(file))
    assert np.all(second.shift > first.shift)


def test_drift_is_undone() -> None:
    moves = np.linspace(-1.0, 1.0, 60)
    counts = np.concatenate([silicon(520.45 + d, seed=1000 + k) for k, d in enumerate(moves)])
    out = calibrate.drift(counts, SHIFT, time_s=10.0 * np.arange(60), variance=np.ones_like(counts))
    np.testing.assert_allclose(out.products["shift_correction_cm1"], -moves, atol=0.1)
    left = [calibrate.measure_line(row, SHIFT, 520.45).position_cm1 for row in out.intensity]
    assert np.std(left) < 0.06
    assert 0.4 < np.median(out.products["variance"]) <= 1
    known = calibrate.drift(counts + 0.0, SHIFT + 2.0, to="known", correct="report")
    np.testing.assert_array_equal(known.intensity, counts)
    np.testing.assert_allclose(known.products["shift_correction_cm1"], -moves - 2, atol=0.1)


def test_a_line_too_weak_leaves_the_spectra_alone() -> None:
    noise = np.random.default_rng(5).normal(100, 5, (30, SHIFT.size))
    out = calibrate.drift(noise, SHIFT)
    np.testing.assert_array_equal(out.intensity, noise)
    assert "not identifiable" in out.notes[0]
    assert np.all(np.isnan(out.products["shift_correction_cm1"]))
