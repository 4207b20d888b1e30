"""What penalised splines need of the axis: basis, difference penalty, and where coefficients stand on the axis."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["SplineSystem", "knot_distance", "spline_system"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class SplineSystem:
    """A penalised spline over one axis.

    ``bandwidth`` is that of the whole symmetric matrix; arrays of bands are padded to it.
    """

    basis: Floats
    """(channels, degree + 1) values of the basis functions that are not zero."""
    pairs: Floats
    """(channels, (degree + 1)(degree + 2)/2) products of two of them."""
    first: Ints
    """(channels,) first of these basis functions."""
    bands: Floats
    """(functions, bandwidth + 1) lower bands of the penalty: element ``[k, d]`` is in row ``k + d``, column ``k``."""
    rows: Floats
    """(functions, 2 bandwidth + 1) its rows: element ``[k, c]`` stands in column ``k + c - bandwidth``."""
    left: Ints
    """(functions,) channel left of the middle of a basis function."""
    share: Floats
    """(functions,) how far the middle lies on the way to the next channel, within 0 and 1."""
    quadratics: Floats
    """(channels, 3) orthonormal polynomials, from which iasls starts."""

    @property
    def bandwidth(self) -> int:
        """Off-diagonals on one side."""
        return self.bands.shape[1] - 1


def knot_distance(shift: Floats, num_knots: int) -> float:
    """Return the distance of neighbouring knots in units of the axis."""
    return float(shift[-1] - shift[0]) / (num_knots - 1)


def spline_system(
    shift: Floats, num_knots: int, degree: int, lam: float, diff_order: int, *, slope_lam: float | None = None
) -> SplineSystem:
    """Build the system of P-splines with evenly spaced knots (Eilers and Marx 1996).

    Parameters
    ----------
    shift
        (channels,) increasing, at least two.
    num_knots
        Knots from the first to the last channel; there are ``num_knots + degree - 1`` coefficients.
    lam, diff_order
        Penalty ``lam |D c|^2`` on differences of the coefficients of this order.
    slope_lam
        Adds ``slope_lam |D1 B c|^2``, the penalty of iasls on differences of neighbouring channels.
    """
    from scipy.interpolate import BSpline

    distance = knot_distance(shift, num_knots)
    low, high = shift[0], shift[-1]
    steps = distance * np.arange(1, degree + 1)
    knots = np.concatenate([(low - steps)[::-1], np.linspace(low, high, num_knots), high + steps])
    design = BSpline.design_matrix(shift, knots, degree, extrapolate=True)
    order, functions = degree + 1, knots.size - degree - 1
    basis = np.ascontiguousarray(design.data.reshape(shift.size, order))
    first = design.indices.reshape(shift.size, order)[:, 0].astype(np.int64)
    pairs = np.stack([basis[:, k] * basis[:, k + d] for k in range(order) for d in range(order - k)], axis=1)
    penalty = lam * _squared_differences(functions, diff_order)
    slopes = np.zeros((functions, 1)) if slope_lam is None else slope_lam * _squared_slopes(basis, first, functions)
    reach = min(max(degree, penalty.shape[1] - 1, slopes.shape[1] - 1), functions - 1)
    bands = np.zeros((functions, reach + 1))
    for part in (penalty, slopes):
        width = min(part.shape[1], reach + 1)
        bands[:, :width] += part[:, :width]
    left, share = _middles(shift, knots, degree)
    return SplineSystem(basis, pairs, first, bands, _row_bands(bands), left, share, _quadratics(shift))


def first_difference_rows(functions: int, reach: int) -> Floats:
    """Return the squared first differences in the form of :attr:`SplineSystem.rows`."""
    bands = np.zeros((functions, reach + 1))
    bands[:, :2] = _squared_differences(functions, 1)
    return _row_bands(bands)


def _squared_differences(n: int, order: int) -> Floats:
    """Return the lower bands of D'D, where D takes differences of ``order`` of ``n`` numbers."""
    stencil = np.array([math.comb(order, r) * (-1.0) ** r for r in range(order + 1)])
    bands = np.zeros((n, order + 1))
    for r in range(order + 1):
        for s in range(r, order + 1):
            bands[r : r + n - order, s - r] += stencil[r] * stencil[s]
    return bands


def _squared_slopes(basis: Floats, first: Ints, functions: int) -> Floats:
    """Return the lower bands of (D1 B)'(D1 B), where D1 takes differences of neighbouring channels."""
    gap = np.diff(first)
    order = basis.shape[1]
    width = order + int(gap.max())
    slopes = np.zeros((gap.size, width))
    slopes[:, :order] -= basis[:-1]
    columns = gap[:, None] + np.arange(order)
    np.put_along_axis(slopes, columns, np.take_along_axis(slopes, columns, axis=1) + basis[1:], axis=1)
    bands = np.zeros((functions, width))
    for r in range(width):
        for s in range(r, width):
            # Beyond the last function there are only zeros to add.
            np.add.at(bands[:, s - r], np.minimum(first[:-1] + r, functions - 1), slopes[:, r] * slopes[:, s])
    return bands


def _row_bands(bands: Floats) -> Floats:
    n, reach = bands.shape[0], bands.shape[1] - 1
    rows = np.zeros((n, 2 * reach + 1))
    for d in range(reach + 1):
        rows[: n - d, reach + d] = bands[: n - d, d]
        rows[d:, reach - d] = bands[: n - d, d]
    return rows


def _quadratics(shift: Floats) -> Floats:
    """Return orthonormal quadratic polynomials over the channels, with columns of zeros where there are too few."""
    x = (2 * shift - shift[0] - shift[-1]) / (shift[-1] - shift[0])
    found = np.linalg.qr(np.vander(x, 3, increasing=True))[0]
    columns = np.zeros((shift.size, 3))
    columns[:, : found.shape[1]] = found
    return columns


def _middles(shift: Floats, knots: Floats, degree: int) -> tuple[Ints, Floats]:
    """Return where the middles of the basis functions lie between channels; outside, they take the end's value."""
    if degree % 2:
        middles = knots[1 + degree // 2 : knots.size - (degree - degree // 2)]
    else:
        between = 0.5 * (knots[1:] + knots[:-1])
        middles = between[degree // 2 : between.size - degree // 2]
    left = np.clip(np.searchsorted(shift, middles, side="right") - 1, 0, shift.size - 2)
    share = np.clip((middles - shift[left]) / (shift[left + 1] - shift[left]), 0.0, 1.0)
    return left.astype(np.int64), share
