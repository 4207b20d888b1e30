"""Axis: simulated grating spectrometers with known truth, and instruments of a public round robin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from make_spectra import neon, nominal_nm, substance, true_nm

from spectrode import read
from spectrode.calibration import (
    Calibration,
    Spectrum,
    applied,
    calibrate_axis,
    check_path,
    find_peaks,
    lamp_lines,
    make_axis_calibration,
    match_lines,
    verified,
)
from spectrode.dataset import OperandoDataset
from spectrode.errors import SpectrodeError
from spectrode.metadata import Instrument, Laser, Metadata

LASER, REAL_LASER = 784.8, 785.013


def instrument(seed: int, offset: float = 0.35) -> tuple[np.ndarray, np.ndarray]:
    true = true_nm()
    return true, nominal_nm(true, offset + 0.001 * (seed % 7))


def calibrated(seed: int, offset: float = 0.35):  # type: ignore[no-untyped-def]
    true, nominal = instrument(seed, offset)
    silicon = substance(seed + 1, true, nominal, LASER, REAL_LASER, "silicon")
    return true, nominal, calibrate_axis(neon(seed, true, nominal, LASER), silicon)


@pytest.mark.parametrize("offset", [-0.6, 0.35, 0.9])
def test_the_true_axis_comes_back(offset: float) -> None:
    true, nominal, part = calibrated(1000, offset)
    inside = (nominal > part.valid_nm[0]) & (nominal < part.valid_nm[1])
    assert inside.mean() > 0.6
    error = part.shift_cm1(nominal) - (1e7 / REAL_LASER - 1e7 / true)
    assert np.abs(error[inside]).max() < 0.3
    assert part.laser_vacuum_nm == pytest.approx(REAL_LASER, abs=0.03)
    raw = 1e7 / LASER - 1e7 / nominal - (1e7 / REAL_LASER - 1e7 / true)
    assert np.abs(raw[inside]).max() > 3


def test_the_interval_of_the_axis_covers_the_truth() -> None:
    inside_95 = []
    for seed in range(2001, 2011):
        true, nominal, part = calibrated(seed)
        at = np.searchsorted(nominal, np.linspace(*part.valid_nm, 22)[1:-1])
        truth = 1e7 / REAL_LASER - 1e7 / true[at]
        found = part.shift_cm1(nominal[at])
        # The laser's part (0.05 cm-1 for silicon itself) is not varied in the simulation, so it is taken out.
        sigma = np.sqrt(np.maximum(part.sigma_cm1(found) ** 2 - 0.05**2, 1e-8))
        inside_95.append(np.mean(np.abs(found - truth) < 1.96 * sigma))
    assert np.mean(inside_95) > 0.85


def test_the_uncertainty_is_smallest_near_the_line_of_the_laser() -> None:
    _, _, part = calibrated(1000)
    sigma = part.sigma_cm1([520.45, 1500.0, 2200.0])
    assert sigma[0] == pytest.approx(part.laser_sigma_cm1, rel=1e-3)
    assert np.all(sigma[1:] > sigma[0])


def test_held_out_polystyrene_gets_better() -> None:
    true, nominal, part = calibrated(1002)
    check = substance(7, true, nominal, LASER, REAL_LASER, "polystyrene")
    found = verified(part, check).verification
    assert found.rms_after_cm1 < 0.35 < 1.0 < found.rms_before_cm1
    assert found.passed


def test_several_exposures_are_joined() -> None:
    true, nominal = instrument(1003)
    short, long = neon(1, true, nominal, LASER, 3.0), neon(1, true, nominal, LASER, 300.0)
    long = replace(long, intensity=np.minimum(long.intensity, 30_000))
    both = calibrate_axis([short, long], laser_vacuum_nm=(785.0, 0.01))
    alone = calibrate_axis(long, laser_vacuum_nm=(785.0, 0.01))
    assert len(both.lines) > len(alone.lines)
    silent = (nominal > both.valid_nm[0]) & (nominal < both.valid_nm[1])
    assert np.abs(both.vacuum_nm(nominal) - true)[silent].max() < 0.02


def test_what_is_no_neon_is_refused() -> None:
    true, nominal = instrument(1004)
    rng = np.random.default_rng(3)
    with pytest.raises(SpectrodeError, match=r"shows \d lines, but at least 6"):
        calibrate_axis(Spectrum.from_nm(nominal, rng.normal(100, 3, true.size), LASER), laser_vacuum_nm=(785, 0.01))
    refused = 0
    for seed in range(1005, 1011):
        rng = np.random.default_rng(seed)
        places = np.sort(rng.uniform(nominal[0] + 2, nominal[-1] - 2, 25))
        comb = 5000 * np.exp(-0.5 * ((nominal[:, None] - places) / 0.3) ** 2) @ rng.uniform(0.2, 1, 25)
        try:
            match_lines(find_peaks(nominal, rng.poisson(50 + comb)), lamp_lines("neon"))
        except SpectrodeError:
            refused += 1
    assert refused >= 5


def test_an_evenly_spaced_lamp_is_ambiguous() -> None:
    x = np.linspace(800, 900, 2000)
    even = replace(lamp_lines("neon"), vacuum_nm=tuple(np.arange(790.0, 911.0)), relative_intensity=(1.0,) * 121)
    y = 1000 * np.exp(-0.5 * ((x[:, None] - np.arange(801.3, 900)) / 0.1) ** 2).sum(axis=1)
    with pytest.raises(SpectrodeError, match="ambiguous"):
        match_lines(find_peaks(x, y), even)


def test_another_laser_and_a_missing_line_are_refused() -> None:
    true, nominal = instrument(1006)
    lamp = neon(5, true, nominal, LASER)
    elsewhere = substance(5, true, nominal, LASER, 787.0, "silicon")
    with pytest.raises(SpectrodeError, match=r"no line was found within 20 cm-1 of 520\.45"):
        calibrate_axis(lamp, elsewhere)
    with pytest.raises(SpectrodeError, match="the laser is unknown"):
        calibrate_axis(lamp)
    with pytest.raises(SpectrodeError, match=r"instrument says 784\.8 nm"):
        calibrate_axis(lamp, laser_vacuum_nm=(787.0, 0.01))


def dataset(spectrum: Spectrum, **stated: str) -> OperandoDataset:
    about = Metadata(laser=Laser(wavelength_nm=spectrum.laser_nm), instrument=Instrument(**stated))
    return OperandoDataset(intensity=spectrum.intensity[None], shift=spectrum.shift_cm1, metadata=about)


def test_another_optical_path_is_refused() -> None:
    true, nominal = instrument(1007)
    lamp, silicon = neon(1, true, nominal, LASER), substance(2, true, nominal, LASER, REAL_LASER, "silicon")
    check = substance(3, true, nominal, LASER, REAL_LASER, "polystyrene")
    good = make_axis_calibration(dataset(lamp), dataset(silicon), dataset(check), optical_path="x20")
    assert good.flags == ()
    with pytest.raises(SpectrodeError, match="the objective differs: neon 'x20', silicon 'x100'"):
        make_axis_calibration(dataset(lamp, objective="x20"), dataset(silicon, objective="x100"), dataset(check))
    flagged = make_axis_calibration(
        dataset(lamp, objective="x20"), dataset(silicon, objective="x100"), dataset(check), allow_other_path=True
    )
    assert "the objective differs" in flagged.flags[0]
    # From the data: an axis that was right already, and a lamp that came in by another way, 0.4 nm beside.
    right = nominal_nm(true, 0.0, 0.0) * 0 + true
    lamp_elsewhere = neon(1, true, right + 0.4 * np.linspace(-1, 1, true.size), REAL_LASER)
    with pytest.raises(SpectrodeError, match="makes the held-out polystyrene worse"):
        make_axis_calibration(
            dataset(lamp_elsewhere),
            dataset(substance(2, true, right, REAL_LASER, REAL_LASER, "silicon")),
            dataset(substance(3, true, right, REAL_LASER, REAL_LASER, "polystyrene")),
        )
    binned = Spectrum(check.shift_cm1[:-1:2], check.intensity[:-1:2] + check.intensity[1::2], LASER)
    with pytest.raises(SpectrodeError, match=r"channels of the check spectrum are 2\.0\d times as wide"):
        make_axis_calibration(dataset(lamp), dataset(silicon), dataset(binned))
    with pytest.raises(SpectrodeError, match="made for optical path 'x20', but the spectra are of 'x100'"):
        check_path(good, "x100")
    check_path(good, "")


def test_application_and_its_refusals() -> None:
    true, nominal, part = calibrated(1008)
    calibration = Calibration(created="2026-01-01T00:00:00+00:00", axis=part)
    shift = 1e7 / LASER - 1e7 / nominal
    inside = (nominal > part.valid_nm[0]) & (nominal < part.valid_nm[1])
    counts = np.arange(2.0 * inside.sum()).reshape(2, -1)
    y, x, spread, notes = applied(calibration, counts, shift[inside], laser_nm=LASER, variance=counts)
    np.testing.assert_array_equal(y, counts)
    np.testing.assert_array_equal(spread, counts)
    np.testing.assert_allclose(x, 1e7 / REAL_LASER - 1e7 / true[inside], atol=0.3)
    assert "standard uncertainty" in notes[0]
    with pytest.raises(SpectrodeError, match=r"laser of 784\.8 nm, but the spectra were measured with 532 nm"):
        applied(calibration, counts, shift[inside], laser_nm=532.0)
    whole = np.ones((1, shift.size))
    short = replace(calibration, axis=replace(part, valid_nm=(830.0, 900.0)))
    with pytest.raises(SpectrodeError, match="holds only from"):
        applied(short, whole, shift, laser_nm=LASER)
    cropped = applied(short, whole, shift, laser_nm=LASER, outside="crop")
    assert cropped[0].shape == (1, np.count_nonzero((nominal >= 830) & (nominal <= 900)))
    # The instrument's software took another wavelength for the same laser: the shifts move back by themselves.
    other = 1e7 / 784.9 - 1e7 / nominal[inside]
    _, x2, _, notes = applied(calibration, counts, other, laser_nm=784.9)
    np.testing.assert_allclose(x2, x, atol=1e-8)
    assert any("no longer holds" in note for note in notes)


ROBIN = "calibration_round_robin"


def test_round_robin_785(shared_data: Callable[[str], Path]) -> None:
    folder = shared_data(f"{ROBIN}/ICV_BW785")
    files = [read(folder / name) for name in ("Ne_785nm_x20_50ms.txt", "S0B02_iRPlus785_Z050_100_5500ms.txt")]
    made = make_axis_calibration(*files, read(folder / "PST02_iRPlus785_Z020_100_1300ms.txt"))
    assert sum(line.used for line in made.axis.lines) >= 25
    assert made.axis.laser_vacuum_nm == pytest.approx(784.98, abs=0.03)
    assert made.axis.verification.rms_after_cm1 <= 0.45
    assert made.axis.verification.passed
    crossed = make_axis_calibration(*files, read(folder / "PST02_iRPlus785_Z100_100_9000ms.txt"))
    assert any("neon x20, silicon x50, check x100" in flag for flag in crossed.flags)


def test_round_robin_paths_that_do_not_belong_together(shared_data: Callable[[str], Path]) -> None:
    folder = shared_data(f"{ROBIN}/ICV_BW532")
    lamps = [read(folder / f"Ne_532nm_x100_{time}ms.txt") for time in (110, 2000)]
    silicon, check = "S0B02_iRPlus532_Z{}_100_{}ms.txt", "PST02_iRPlus532_Z{}_100_{}.txt"
    made = make_axis_calibration(
        lamps, read(folder / silicon.format("100", 22000)), read(folder / check.format("100", "50000ms"))
    )
    assert made.axis.verification.rms_after_cm1 < 0.5 < made.axis.verification.rms_before_cm1
    with pytest.raises(SpectrodeError, match="makes the held-out polystyrene worse"):
        make_axis_calibration(
            lamps, read(folder / silicon.format("050", 30000)), read(folder / check.format("050", "2500msx5"))
        )


def test_round_robin_another_grating(shared_data: Callable[[str], Path]) -> None:
    folder = shared_data(f"{ROBIN}/FMNT-M_Ho785")
    lamp = read(folder / "NeonSNQ043_iR785_OP01.txt")
    same, other = (read(folder / f"PST10_iR785_{name}.txt") for name in ("OP01_40000msx4", "OP02_50000msx2"))
    options = {"laser_nm": 785.0, "laser_line_cm1": 1001.4, "laser_line_sigma_cm1": 0.3}
    assert make_axis_calibration(lamp, same, same, **options).axis.verification.rms_after_cm1 < 0.6
    with pytest.raises(SpectrodeError, match=r"0\.4\d times as wide"):
        make_axis_calibration(lamp, other, other, **options)
