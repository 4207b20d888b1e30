"""Line shapes and point-spread function of the simulator, against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from spectrode.simulate.instrument import Spectrograph, narrow_lines
from spectrode.simulate.lineshapes import blur_pixels, on_pixels, pseudo_voigt
from spectrode.simulate.settings import SimulationSettings


def _fwhm(x: np.ndarray, y: np.ndarray) -> float:
    """Width at half height by linear interpolation on both flanks."""
    top = int(np.argmax(y))
    half = y[top] / 2
    left = np.interp(half, y[: top + 1], x[: top + 1])
    right = np.interp(-half, -y[top:], x[top:])
    return float(right - left)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_pseudo_voigt_is_half_as_high_half_a_width_from_its_centre(share):
    x = np.array([1000.0, 1005.0, 995.0])
    assert pseudo_voigt(x, 1000.0, 10.0, share)[0] == pytest.approx([1.0, 0.5, 0.5])


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_area_of_the_pseudo_voigt(share):
    x = np.linspace(-20_000, 20_000, 800_001)
    area = np.trapezoid(pseudo_voigt(x, 0.0, 8.0, share)[0], x)
    gaussian, lorentzian = 8.0 / 2 * np.sqrt(np.pi / np.log(2)), np.pi * 8.0 / 2
    assert area == pytest.approx(share * lorentzian + (1 - share) * gaussian, rel=1e-3)


def test_blurring_keeps_the_area_and_adds_variances():
    x = np.arange(-400, 401) / 8
    line = np.exp(-0.5 * (x / 1.5) ** 2)[None, :]
    blurred = blur_pixels(line, 3.0, 8)[0]
    assert blurred.sum() == pytest.approx(line.sum(), rel=1e-6)
    variance = np.sum(blurred * x**2) / blurred.sum()
    assert variance == pytest.approx(1.5**2 + (3.0 / 2.354820045) ** 2, rel=1e-4)


@pytest.mark.parametrize("width", [2.2, 2.4, 4.0])
def test_a_narrow_line_is_as_wide_as_the_point_spread_function(width):
    # The profile over positions finer than a pixel: what a pixel sees as a line moves across it.
    positions = np.linspace(20, 40, 801)
    seen = narrow_lines(positions, 61, width)[:, 30]
    assert _fwhm(positions, seen) == pytest.approx(width, rel=0.03)
    assert seen.max() == pytest.approx(1.0)


def test_two_ways_to_the_same_line():
    """A band without width of its own rendered by convolution equals the closed form of a narrow line."""
    axis = lambda pixel: 2.0 * pixel + 500.0  # noqa: E731
    rendered = on_pixels(lambda nu: pseudo_voigt(nu, 500.0 + 2.0 * 30.4, 0.6, 0.0), axis, 64, 2.6)[0]
    closed = narrow_lines(np.array([30.4]), 64, 2.6)[0]
    np.testing.assert_allclose(rendered / rendered.max(), closed / closed.max(), atol=0.01)


def test_a_band_is_widened_by_the_point_spread_function():
    axis = lambda pixel: 1.0 * pixel  # noqa: E731
    seen = on_pixels(lambda nu: pseudo_voigt(nu, 100.0, 6.0, 0.0), axis, 200, 4.0)[0]
    assert _fwhm(np.arange(200.0), seen) == pytest.approx(np.hypot(6.0, 4.0), rel=0.01)


def test_the_axis_is_even_in_wavelength_and_spans_what_was_asked():
    optics = Spectrograph(SimulationSettings())
    shift = optics.true_shift(np.arange(512))
    assert shift[[0, -1]] == pytest.approx([300.0, 1900.0])
    wavelength = 1e7 / (1e7 / 785.0 - shift)
    np.testing.assert_allclose(np.diff(wavelength), np.diff(wavelength)[0], rtol=1e-6)
    assert np.all(np.diff(shift) > 0)
    assert np.diff(shift)[0] > 1.2 * np.diff(shift)[-1]


def test_the_reported_axis_is_off_by_offset_and_stretch():
    optics = Spectrograph(SimulationSettings(axis_offset_cm1=0.5, axis_stretch=1e-3))
    error = optics.reported_shift(np.array([1000.0, 1500.0])) - np.array([1000.0, 1500.0])
    assert error == pytest.approx([0.5, 1.0])
