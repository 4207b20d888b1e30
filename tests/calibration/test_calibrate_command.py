"""The command line, from files of simulated spectra to a calibration and its figure."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from make_spectra import neon, nominal_nm, substance, true_nm
from typer.testing import CliRunner

from spectrode.calibration import Calibration, Spectrum, calibration_figure, load_calibration
from spectrode.cli_calibrate import calibration_app
from spectrode.errors import SpectrodeError

LASER, REAL_LASER = 784.8, 785.013


def write(path: Path, spectrum: Spectrum) -> str:
    np.savetxt(path, np.column_stack([spectrum.shift_cm1, spectrum.intensity]), fmt="%.4f", delimiter="\t")
    return str(path)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("lamp")
    true = true_nm()
    nominal = nominal_nm(true)
    spectra = {name: substance(9, true, nominal, LASER, REAL_LASER, name) for name in ("silicon", "polystyrene")}
    spectra["neon"] = neon(8, true, nominal, LASER)
    return {name: write(folder / f"{name}.txt", spectrum) for name, spectrum in spectra.items()}


def test_axis_show_and_figure(files: dict[str, str], tmp_path: Path) -> None:
    runner, output = CliRunner(), tmp_path / "cal.toml"
    options = ["--neon", files["neon"], "--silicon", files["silicon"], "--check", files["polystyrene"]]
    options += ["--laser-nm", str(LASER), "--optical-path", "x20", "-o", str(output)]
    made = runner.invoke(calibration_app, ["axis", *options, "--figure", str(tmp_path / "cal.png")])
    assert made.exit_code == 0, made.output
    assert "held-out polystyrene" in made.output
    assert (tmp_path / "cal.png").read_bytes().startswith(b"\x89PNG")
    calibration = load_calibration(output)
    assert calibration.axis.laser_vacuum_nm == pytest.approx(REAL_LASER, abs=0.03)
    assert [source.role for source in calibration.sources] == ["neon", "silicon", "check"]
    assert all(len(source.sha256) == 64 for source in calibration.sources)
    shown = runner.invoke(calibration_app, ["show", str(output), "--lines"])
    assert shown.exit_code == 0
    assert shown.output.count("±") == len(calibration.axis.lines)


def test_intensity_joins_an_axis(files: dict[str, str], tmp_path: Path) -> None:
    x = np.linspace(150, 3000, 900)
    light = write(tmp_path / "srm.txt", Spectrum(x, 1e4 * (1 + x / 3000), 785.0))
    output = tmp_path / "cal.json"
    arguments = ["intensity", light, "--srm", "2241", "--laser-nm", "785", "-o", str(output)]
    made = CliRunner().invoke(calibration_app, arguments)
    assert made.exit_code == 0, made.output
    assert load_calibration(output).intensity.standard == "NIST SRM 2241"
    assert "backscattering" in made.output


def test_errors_are_sentences_and_leave_nothing(files: dict[str, str], tmp_path: Path) -> None:
    output = tmp_path / "cal.toml"
    swapped = ["--neon", files["silicon"], "--silicon", files["neon"], "--laser-nm", str(LASER), "-o", str(output)]
    failed = CliRunner().invoke(calibration_app, ["axis", *swapped])
    assert isinstance(failed.exception, SpectrodeError)
    assert "lines, but at least 6 are needed" in str(failed.exception)
    failed = CliRunner().invoke(calibration_app, ["axis", "--neon", files["neon"], "-o", str(output)])
    assert "does not state its laser wavelength" in str(failed.exception)
    assert not output.exists()


def test_a_figure_needs_an_axis() -> None:
    with pytest.raises(SpectrodeError, match="no lines to draw"):
        calibration_figure(Calibration("2026-01-01T00:00:00+00:00"))
