"""Where spectra lie: scale, origin, and the way back from a place to its spectrum."""

from __future__ import annotations

import numpy as np
import pytest

from napari_spectrode.state.geometry import geometry_of
from spectrode.dataset import OperandoDataset


def _dataset(n, scan_shape=(), **columns):
    return OperandoDataset(np.ones((n, 4)), np.arange(4.0), columns=columns, scan_shape=scan_shape)


def test_grid_scale_and_origin_are_the_stage(truth):
    g = geometry_of(truth.dataset)
    assert g.kind == "image"
    assert g.sizes == (3, 4, 5)
    assert g.axis_labels == ("frame", "y", "x")
    assert g.units == ("pixel", "um", "um")
    np.testing.assert_allclose(g.scale, [1, -1.5, 2])
    np.testing.assert_allclose(g.translate, [0, 7, -3])
    assert not g.is_rotated
    assert g.frame_axis == 0


def test_every_place_leads_to_the_spectrum_measured_there(truth):
    g = geometry_of(truth.dataset)
    x, y = truth.dataset.columns["x_um"], truth.dataset.columns["y_um"]
    frame = truth.dataset.frame_of()
    for k in range(truth.dataset.n_spectra):
        world = np.array([frame[k], y[k], x[k]])
        assert g.spectrum_at((world - g.translate) / g.scale) == k


def test_a_pixel_reaches_half_a_step_and_no_further(truth):
    g = geometry_of(truth.dataset)
    assert g.spectrum_at((0, 0, 0.49)) == g.spectrum_at((0, 0, -0.49)) == g.spectrum_at((0, 0, 0))
    assert g.spectrum_at((0, 0, 0.51)) == g.spectrum_at((0, 0, 1))
    assert g.spectrum_at((0, 0, -0.51)) is None
    assert g.spectrum_at((0, 4.6, 0)) is None
    assert g.spectrum_at((np.nan, 0, 0)) is None


def test_an_interrupted_map_has_places_without_a_spectrum(make_truth):
    dataset = make_truth(missing=3).dataset
    g = geometry_of(dataset)
    assert (g.places < 0).sum() == 3
    # 4 rows: the last one runs backwards, so its end is at column 0
    assert g.spectrum_at((2, 3, 0)) is None
    assert g.spectrum_at((2, 3, 4)) is not None


def test_same_place_in_another_frame(make_truth):
    dataset = make_truth(missing=3).dataset
    g = geometry_of(dataset)
    first = g.spectrum_at((0, 3, 0))
    assert g.same_place_in_frame(first, 1) == g.spectrum_at((1, 3, 0))
    assert g.same_place_in_frame(first, 2) is None
    assert g.same_place_in_frame(first, 3) is None


def test_a_rotated_grid_keeps_its_angle():
    y, x = (a.ravel() for a in np.mgrid[:6, :7])
    turn = np.deg2rad(30)
    g = geometry_of(
        _dataset(
            42,
            (("y", 6), ("x", 7)),
            x_um=2 * x * np.cos(turn) - 2 * y * np.sin(turn),
            y_um=2 * x * np.sin(turn) + 2 * y * np.cos(turn),
        )
    )
    assert g.is_rotated
    np.testing.assert_allclose(g.matrix, 2 * np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]))


def test_a_line_is_an_image_of_one_row():
    t = np.arange(9)
    g = geometry_of(_dataset(9, (("x", 9),), x_um=0.3 * t + 4, y_um=0.4 * t))
    assert g.kind == "image"
    assert g.sizes == (1, 9)
    np.testing.assert_allclose(g.scale, [0.5, 0.5])
    assert g.spectrum_at((0, 8)) == 8


def test_a_series_at_one_point_is_a_row_in_pixels():
    g = geometry_of(_dataset(9, (("time", 9),), x_um=np.full(9, 3.0), y_um=np.zeros(9)))
    assert g.sizes == (1, 9)
    assert g.units == ("pixel", "pixel")
    assert g.frame_axis is None


def test_no_positions_means_pixels():
    g = geometry_of(_dataset(12, (("y", 3), ("x", 4))))
    assert g.units == ("pixel", "pixel")
    np.testing.assert_array_equal(g.scale, [1, 1])


def test_a_row_of_one_has_square_pixels():
    g = geometry_of(_dataset(5, (("y", 1), ("x", 5)), x_um=0.25 * np.arange(5), y_um=np.full(5, 9.0)))
    np.testing.assert_allclose(g.scale, [0.25, 0.25])
    np.testing.assert_allclose(g.translate, [9, 0])


@pytest.mark.parametrize("scan_shape", [(), (("point", 6),)])
def test_scattered_positions_are_points(scan_shape):
    x, y = np.array([0, 5, 1, 9, 3, 2.0]), np.array([0, 1, 7, 3, 3, 9.0])
    g = geometry_of(_dataset(6, scan_shape, x_um=x, y_um=y))
    assert g.kind == "points"
    np.testing.assert_array_equal(g.coordinates, np.stack([y, x], axis=1))
    assert g.spectrum_at((3, 9)) == 3
    assert g.spectrum_at((20, 20)) is None


def test_scattered_positions_in_frames():
    x, y = np.tile([0, 5, 1.0], 2), np.tile([0, 1, 7.0], 2)
    g = geometry_of(_dataset(6, (("frame", 2), ("point", 3)), x_um=x, y_um=y))
    assert g.kind == "points"
    assert g.frame_axis == 0
    assert g.spectrum_at((1, 7, 1)) == 5
    assert g.same_place_in_frame(5, 0) == 2


def test_a_volume_has_a_depth_slider():
    z, y, x = (a.ravel() for a in np.mgrid[:3, :4, :5])
    g = geometry_of(_dataset(60, (("z", 3), ("y", 4), ("x", 5)), x_um=1.0 * x, y_um=2.0 * y, z_um=-5.0 * z))
    np.testing.assert_allclose(g.scale, [-5, 2, 1])
    assert g.frame_axis is None


def test_no_spectra_at_all():
    g = geometry_of(_dataset(0))
    assert g.spectrum_at((0, 0)) is None
