"""Backgrounds of maps in which neighbours help, and of edges where they must not."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from builders.backgrounds import Known, bleaching_map, design
from spectrode.preprocessing.baseline import auto, map_aware
from spectrode.preprocessing.baseline.map_aware import neighbours_in_scan

SHAPE = (("frame", 3), ("y", 8), ("x", 8))


def _errors(known: Known) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    alone = auto(known.intensity, known.shift).products["background"]
    together = map_aware(known.intensity, known.shift, scan_shape=SHAPE).products["background"]
    return np.abs(alone - known.background).mean(axis=1), np.abs(together - known.background).mean(axis=1)


@pytest.mark.parametrize("particles", [0, 2])
def test_neighbours_help_where_the_noise_is_high(particles: int) -> None:
    alone, together = _errors(bleaching_map(1010, frames=3, side=8, noise=0.2, particles=particles))
    assert together.mean() < 0.85 * alone.mean()
    # Pixel by pixel, so that a few bad ones do not make the mean.
    assert np.mean(together < alone) > 0.65


@pytest.mark.parametrize("particles", [0, 2])
def test_they_do_no_harm_where_it_is_low(particles: int) -> None:
    alone, together = _errors(bleaching_map(1011, frames=3, side=8, noise=0.004, particles=particles))
    assert together.mean() <= 1.05 * alone.mean()


@pytest.mark.parametrize("noise", [0.2, 0.02, 0.004])
def test_nor_at_edges(noise: float) -> None:
    known = bleaching_map(1012, frames=3, side=8, noise=noise, particles=2)
    alone, together = _errors(known)
    edge = known.kind.astype(bool)
    assert edge.sum() > 20
    assert together[edge].mean() <= 1.05 * alone[edge].mean()


def test_one_spectrum_gets_what_it_gets_alone() -> None:
    known = design(1013, repeats=1)
    a, b = auto(known.intensity[3], known.shift), map_aware(known.intensity[3], known.shift)
    for key, product in a.products.items():
        np.testing.assert_array_equal(b.products[key], product)
    assert b.products["neighbours_used"] == 0


def test_unlike_neighbours_are_not_used() -> None:
    shift = np.linspace(300, 1900, 500)
    shapes = np.array([1 + 0.5 * np.sin(shift / 150), np.exp(-shift / 600) * 3])
    y = shapes[[0, 1] * 4] + 0.005 * np.random.default_rng(1014).standard_normal((8, 500))
    used = map_aware(y, shift, frames=1).products["neighbours_used"]
    np.testing.assert_array_equal(used, 0)


def test_neighbours_of_a_map_series() -> None:
    table = neighbours_in_scan(
        np.array([0, 22]), 27, (("frame", 3), ("y", 3), ("x", 3)), None, {"reach": 1, "frames": 1}
    )
    assert table.shape == (2, 10)
    assert set(table[0][table[0] >= 0]) == {1, 3, 4, 9}
    assert set(table[1][table[1] >= 0]) == {18, 19, 20, 21, 23, 24, 25, 26, 13}


def test_neighbours_of_an_interrupted_map_recorded_column_by_column() -> None:
    # 2 × 3 map of which five pixels exist; file order runs down the columns.
    index = np.array([0, 3, 1, 4, 2])
    table = neighbours_in_scan(np.arange(5), 5, (("y", 2), ("x", 3)), index, {"reach": 1, "frames": 1})
    assert set(table[4][table[4] >= 0]) == {2, 3}
    assert set(table[0][table[0] >= 0]) == {1, 2, 3}


def test_a_series_without_a_scan_has_the_spectra_before_and_after() -> None:
    table = neighbours_in_scan(np.arange(4), 4, None, None, {"reach": 1, "frames": 2})
    assert set(table[0][table[0] >= 0]) == {1, 2}
    assert set(table[2][table[2] >= 0]) == {0, 1, 3}
