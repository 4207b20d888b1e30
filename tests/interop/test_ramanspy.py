"""RamanSPy: containers both ways, our steps in its pipelines, its steps in our recipes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from spectrode.dataset import OperandoDataset
from spectrode.errors import InvalidDataset, StepError
from spectrode.interop import ramanspy as bridge
from spectrode.pipeline.step import step_spec
from spectrode.preprocessing import baseline, despike

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "contracts"))
from step_contract import CHECKS, SHIFT, Case, spectra


@pytest.fixture(scope="module")
def package():
    return bridge.ramanspy_package()


def test_nothing_is_imported_before_it_is_needed() -> None:
    code = (
        "import sys, spectrode.interop.ramanspy as b, spectrode.pipeline.step as s; s.registered_steps(); "
        "sys.exit('ramanspy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# -- our steps in its pipelines ---------------------------------------------------------------------------------------


def test_our_steps_run_in_its_pipeline(package) -> None:
    y = spectra(12)
    pipeline = package.preprocessing.Pipeline(
        [
            bridge.as_ramanspy("crop.range", low_cm1=500, high_cm1=1300),
            package.preprocessing.denoise.SavGol(window_length=7, polyorder=2),
            bridge.as_ramanspy("baseline.arpls", lam=1e5),
        ]
    )
    image = package.SpectralImage(y.reshape(3, 4, -1), SHIFT)
    out = pipeline.apply(image)
    assert isinstance(out, package.SpectralImage)
    assert out.shape == (3, 4)
    assert out.spectral_axis[0] >= 500
    kept = (SHIFT >= 500) & (SHIFT <= 1300)
    smoothed = package.preprocessing.denoise.SavGol(window_length=7, polyorder=2).apply(
        package.SpectralContainer(y[:, kept], SHIFT[kept])
    )
    expected = baseline.arpls(smoothed.spectral_data, SHIFT[kept], lam=1e5).intensity
    np.testing.assert_allclose(out.spectral_data.reshape(12, -1), expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(image.spectral_data.reshape(12, -1), y)


def test_one_spectrum_and_a_volume(package) -> None:
    step = bridge.as_ramanspy("smooth.savgol")
    assert step.apply(package.Spectrum(spectra(1)[0], SHIFT)).spectral_data.shape == (200,)
    assert step.apply(package.SpectralVolume(spectra(8).reshape(2, 2, 2, -1), SHIFT)).shape == (2, 2, 2)


def test_neighbours_are_those_of_the_image(package) -> None:
    rng = np.random.default_rng(1)
    y = 100 + rng.normal(0, 2, (6, 7, 80))
    y[3, 4, 40] += 200
    axis = np.arange(80.0)
    cleaned = bridge.as_ramanspy("despike.neighbours").apply(package.SpectralImage(y, axis)).spectral_data
    flat = despike.neighbours(y.reshape(42, 80), axis, scan_shape=(("x", 6), ("y", 7)), scan_index=None)
    np.testing.assert_array_equal(cleaned.reshape(42, 80), flat.intensity)
    assert abs(cleaned[3, 4, 40] - 100) < 10


def test_columns_are_given_with_the_parameters(package) -> None:
    step = bridge.as_ramanspy("normalise.exposure", exposure_s=np.full(4, 2.0))
    out = step.apply(package.SpectralContainer(spectra(4), SHIFT))
    np.testing.assert_allclose(out.spectral_data, spectra(4) / 2)


def test_a_wrong_parameter_is_told(package) -> None:
    with pytest.raises(StepError, match=r"baseline\.arpls: parameter lam needs float between"):
        bridge.as_ramanspy("baseline.arpls", lam=-1).apply(package.Spectrum(spectra(1)[0], SHIFT))


# -- its steps in our recipes -----------------------------------------------------------------------------------------


def test_an_allowed_step_gives_what_ramanspy_gives(package) -> None:
    y = spectra()
    ours = step_spec("ramanspy.baseline.ARPLS").call(y, SHIFT, lam=1e4)
    theirs = package.preprocessing.baseline.ARPLS(lam=1e4).apply(package.SpectralContainer(y, SHIFT))
    np.testing.assert_allclose(ours.intensity, theirs.spectral_data, rtol=1e-12)


def test_parameters_are_those_of_its_constructor() -> None:
    parameters = step_spec("ramanspy.baseline.ASLS").parameters
    assert {k: p.default for k, p in parameters.items()} == {
        "lam": 1e6,
        "p": 1e-2,
        "diff_order": 2,
        "max_iter": 50,
        "tol": 1e-3,
    }
    with pytest.raises(StepError, match=r"ramanspy\.denoise\.SavGol: parameter window_length must be given"):
        step_spec("ramanspy.denoise.SavGol").call(spectra(), SHIFT)


def test_a_missing_step_lists_the_allowed_ones() -> None:
    with pytest.raises(StepError, match=r"no step 'ramanspy\.denoise\.Magic'; possible: ramanspy\.baseline\.AIRPLS"):
        step_spec("ramanspy.denoise.Magic")


@pytest.mark.parametrize("name", bridge.REFUSED)
def test_a_refused_step_says_why(name: str) -> None:
    with pytest.raises(StepError, match=f"ramanspy.{name} cannot be used in a recipe: ") as caught:
        step_spec(f"ramanspy.{name}")
    assert bridge.REFUSED[name] in str(caught.value)


def test_every_step_of_ramanspy_is_judged(package) -> None:
    found = set()
    for family in ("baseline", "denoise", "despike", "normalise", "misc"):
        module = getattr(package.preprocessing, family)
        for name, kind in vars(module).items():
            ours = isinstance(kind, type) and kind.__module__ == module.__name__
            if ours and issubclass(kind, package.preprocessing.PreprocessingStep) and name != "PybaselinesCorrector":
                found.add(f"{family}.{name}")
    assert found == bridge.ALLOWED | set(bridge.REFUSED)
    assert not bridge.ALLOWED & set(bridge.REFUSED)


# Strict: the day one of these passes, the step can move to the allowed ones.


@pytest.mark.parametrize("check", ["independence", "lost_spectrum", "lost_channel"])
@pytest.mark.xfail(strict=True, raises=AssertionError, reason="RamanSPy 0.2.10 filters along all axes of the data")
def test_gaussian_keeps_spectra_apart(check: str) -> None:
    CHECKS[check](bridge.unchecked_step("ramanspy.denoise.Gaussian"), Case())


@pytest.mark.xfail(strict=True, raises=StepError, reason="RamanSPy 0.2.10 passes x_data twice to apply_along_axis")
def test_fabc_runs() -> None:
    CHECKS["shape_and_axis"](bridge.unchecked_step("ramanspy.baseline.FABC"), Case())


@pytest.mark.xfail(
    not hasattr(np, "trapz"), strict=True, raises=StepError, reason="RamanSPy 0.2.10 needs numpy.trapz (until 2.3)"
)
@pytest.mark.filterwarnings("ignore:`trapz` is deprecated:DeprecationWarning")
def test_auc_runs() -> None:
    CHECKS["shape_and_axis"](bridge.unchecked_step("ramanspy.normalise.AUC"), Case())


@pytest.mark.parametrize("name", ["misc.Cropper", "misc.BackgroundSubtractor"])
@pytest.mark.xfail(strict=True, raises=StepError, reason="its parameters are objects, which a recipe cannot hold")
def test_steps_with_objects_for_parameters(name: str) -> None:
    CHECKS["shape_and_axis"](bridge.unchecked_step(f"ramanspy.{name}"), Case())


@pytest.mark.xfail(strict=True, raises=AssertionError, reason="RamanSPy 0.2.10 takes any steep line for a spike")
def test_whitaker_hayes_keeps_a_resolved_line() -> None:
    x = np.arange(300.0)
    line = 1000 * np.exp(-4 * np.log(2) * ((x - 150) / 3) ** 2)
    y = 100 + line + np.random.default_rng(1).normal(0, 2, 300)
    cleaned = bridge.unchecked_step("ramanspy.despike.WhitakerHayes").call(y, x).intensity
    assert cleaned[150] > 0.9 * y[150]


# -- containers -------------------------------------------------------------------------------------------------------


def scanned(*scan: tuple[str, int]) -> OperandoDataset:
    n = int(np.prod([size for _, size in scan]))
    return OperandoDataset(np.arange(n * 4.0).reshape(n, 4), np.arange(4.0), scan_shape=scan)


def test_a_map_becomes_an_image_with_x_first(package) -> None:
    dataset = scanned(("y", 2), ("x", 3))
    image = bridge.to_ramanspy(dataset)
    assert isinstance(image, package.SpectralImage)
    assert image.shape == (3, 2)
    np.testing.assert_array_equal(image.spectral_data[2, 1], dataset.intensity[1 * 3 + 2])
    back = bridge.from_ramanspy(image)
    assert back.scan_shape == dataset.scan_shape
    np.testing.assert_array_equal(back.intensity, dataset.intensity)


def test_a_map_recorded_by_columns(package) -> None:
    dataset = scanned(("y", 2), ("x", 3)).with_columns(scan_index=[0, 3, 1, 4, 2, 5])
    image = bridge.to_ramanspy(dataset)
    np.testing.assert_array_equal(image.spectral_data[0, 1], dataset.intensity[1])


def test_a_stack_of_maps(package) -> None:
    dataset = scanned(("z", 2), ("y", 3), ("x", 4))
    volume = bridge.to_ramanspy(dataset)
    assert isinstance(volume, package.SpectralVolume)
    assert volume.shape == (4, 3, 2)
    back = bridge.from_ramanspy(volume)
    assert back.scan_shape == dataset.scan_shape
    np.testing.assert_array_equal(back.intensity, dataset.intensity)


def test_spectrum_list_and_series(package) -> None:
    one = OperandoDataset(np.ones((1, 4)), np.arange(4.0))
    assert isinstance(bridge.to_ramanspy(one), package.Spectrum)
    assert bridge.from_ramanspy(bridge.to_ramanspy(one)).intensity.shape == (1, 4)
    many = OperandoDataset(np.ones((5, 4)), np.arange(4.0))
    assert bridge.to_ramanspy(many).shape == (5,)
    assert bridge.from_ramanspy(bridge.to_ramanspy(many)).scan_shape == ()
    series = bridge.to_ramanspy(scanned(("frame", 2), ("y", 3), ("x", 4)))
    assert series.shape == (2, 3, 4)
    assert bridge.from_ramanspy(series).scan_shape == (("dim0", 2), ("dim1", 3), ("dim2", 4))


def test_what_is_no_container_is_refused() -> None:
    with pytest.raises(InvalidDataset, match="a ramanspy container is needed, but list was given"):
        bridge.from_ramanspy([1, 2])


def test_nanometres_are_refused() -> None:
    with pytest.raises(InvalidDataset, match="in nm"):
        bridge.to_ramanspy(OperandoDataset(np.ones((1, 2)), np.array([500.0, 501.0]), axis_kind="wavelength"))
