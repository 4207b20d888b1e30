"""Polynomial backgrounds by repeated clipping (modpoly, imodpoly).

A polynomial is fitted by projecting on a basis that is orthonormal over the channels in use, so that a round costs two
sums of products per coefficient. Where all channels are used, all spectra share one basis; where some are left out, a
spectrum gets its own by Gram and Schmidt's method, done twice for its rounding errors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .threads import over_rows

__all__ = ["PolynomialFits", "imodpoly", "modpoly"]

Floats = NDArray[Any]
_EPS = float(np.finfo(np.float64).eps)
_LOST = 1e-6
"""Share of its length that a basis vector may lose to the others before its direction is rounding error."""


@dataclass(frozen=True)
class PolynomialFits:
    """Backgrounds (spectra, channels), rounds taken (spectra,), last change (spectra,)."""

    background: NDArray[np.float64]
    iterations: NDArray[np.int64]
    change: NDArray[np.float64]


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc"})
def _dot(a, b):  # type: ignore[no-untyped-def]
    total = 0.0
    for i in range(a.size):
        total += a[i] * b[i]
    return total


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc"})
def _change(old, new, use):  # type: ignore[no-untyped-def]
    """Return norm(new - old) / norm(old) over the channels in use."""
    above = 0.0
    below = 0.0
    for i in range(old.size):
        difference = (new[i] - old[i]) * use[i]
        kept = old[i] * use[i]
        above += difference * difference
        below += kept * kept
    return np.sqrt(above) / max(np.sqrt(below), _EPS)


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc"})
def _deviation(values, fit, use):  # type: ignore[no-untyped-def]
    """Return the standard deviation of the residual over the channels in use."""
    count = 0.0
    mean = 0.0
    for i in range(values.size):
        count += use[i]
        mean += (values[i] - fit[i]) * use[i]
    mean /= count
    total = 0.0
    for i in range(values.size):
        residual = (values[i] - fit[i] - mean) * use[i]
        total += residual * residual
    return np.sqrt(total / count)


@njit(cache=True, nogil=True, fastmath={"contract"})
def _fit(values, seen, basis, out):  # type: ignore[no-untyped-def]
    """Write the polynomial that fits ``values`` best; ``seen`` is the basis with zeros where no channel is in use."""
    out[:] = 0.0
    for j in range(basis.shape[0]):
        coefficient = _dot(seen[j], values)
        vector = basis[j]
        for i in range(out.size):
            out[i] += coefficient * vector[i]


@njit(cache=True, nogil=True)
def _orthonormal(common, weight, basis, seen):  # type: ignore[no-untyped-def]
    """Write a basis of the same polynomials, orthonormal over channels of weight 1; False where these are too few."""
    for j in range(common.shape[0]):
        basis[j] = common[j]
        seen[j] = common[j] * weight
        before = np.sqrt(_dot(seen[j], seen[j]))
        for _ in range(2):
            for k in range(j):
                share = _dot(seen[k], seen[j])
                basis[j] -= share * basis[k]
                seen[j] -= share * seen[k]
        length = np.sqrt(_dot(seen[j], seen[j]))
        if not length > _LOST * max(before, 1e-3):
            return False
        basis[j] /= length
        seen[j] /= length
    return True


@njit(cache=True, nogil=True)
def _clip_modpoly(values, source, use, seen, basis, use_original, tol, rounds, fit, old):  # type: ignore[no-untyped-def]
    change = 0.0
    taken = 0
    for _ in range(rounds):
        old[:] = fit
        for i in range(fit.size):
            value = source[i] if use_original else values[i]
            values[i] = fit[i] if fit[i] < value else value
        _fit(values, seen, basis, fit)
        change = _change(old, fit, use)
        taken += 1
        if change < tol:
            break
    return taken, change


@njit(cache=True, nogil=True)
def _clip_imodpoly(  # type: ignore[no-untyped-def]
    values, source, use, seen, basis, use_original, tol, rounds, num_std, deviation, fit
):
    change = 0.0
    taken = 0
    for _ in range(rounds):
        margin = num_std * deviation
        for i in range(fit.size):
            value = source[i] if use_original else values[i]
            limit = fit[i] + margin
            values[i] = limit if limit < value else value
        _fit(values, seen, basis, fit)
        new = _deviation(values, fit, use)
        change = abs(deviation - new) / max(abs(new), _EPS)
        taken += 1
        if change < tol:
            break
        deviation = new
    return taken, change


@njit(cache=True, nogil=True)
def _rows(  # type: ignore[no-untyped-def]
    intensity, mask, common, improved, use_original, mask_peaks, tol, rounds, num_std, start, stop, out, taken, change
):
    m = intensity.shape[1]
    values, source, use, weight = np.empty(m), np.empty(m), np.ones(m), np.empty(m)
    fit, old = np.empty(m), np.empty(m)
    basis, seen = np.empty(common.shape), np.empty(common.shape)
    for row in range(start, stop):
        source[:] = intensity[row]
        values[:] = source
        shared = True
        if mask.size:
            for i in range(m):
                use[i] = 0.0 if mask[row, i] else 1.0
                shared = shared and not mask[row, i]
        if shared:
            basis[:] = common
            seen[:] = common
        elif not _orthonormal(common, use, basis, seen):
            continue
        _fit(values, seen, basis, fit)
        deviation = _deviation(values, fit, use)
        if mask_peaks:
            for i in range(m):
                weight[i] = 0.0 if fit[i] + deviation < values[i] else use[i]
            if not _orthonormal(common, weight, basis, seen):
                continue
        if improved:
            taken[row], change[row] = _clip_imodpoly(
                values, source, use, seen, basis, use_original, tol, rounds, num_std, deviation, fit
            )
        else:
            taken[row], change[row] = _clip_modpoly(
                values, source, use, seen, basis, use_original, tol, rounds, fit, old
            )
        out[row] = fit


def _vandermonde(shift: NDArray[np.float64], order: int) -> NDArray[np.float64]:
    """Return the powers of the axis mapped to -1 … 1."""
    low, high = shift[0], shift[-1]
    mapped = (2 * shift - low - high) / (high - low) if high > low else np.zeros(shift.size)
    return np.asarray(np.polynomial.polynomial.polyvander(mapped, order))


def _by_pseudoinverse(
    source: Floats, use: Floats, powers: Floats, improved: bool, use_original: bool, mask_peaks: bool,
    tol: float, rounds: int, num_std: float,
) -> tuple[Floats, int, float]:  # fmt: skip
    """Fit one spectrum as pybaselines does; for fewer channels in use than the polynomial has coefficients."""

    def fitted(weight: Floats, values: Floats) -> Floats:
        return np.asarray(powers @ (np.linalg.pinv(weight[:, None] * powers) @ (weight * values)))

    values, inside = source, use > 0
    weight = use
    fit = fitted(weight, values)
    deviation = float(np.std((values - fit)[inside]))
    if mask_peaks:
        weight = np.where(fit + deviation < values, 0.0, use)
    change = 0.0
    taken = 0
    for _ in range(rounds):
        old = fit
        taken += 1
        values = np.minimum(source if use_original else values, fit + num_std * deviation * improved)
        fit = fitted(weight, values)
        if improved:
            new = float(np.std((values - fit)[inside]))
            change = abs(deviation - new) / max(new, _EPS)
        else:
            change = float(np.linalg.norm((fit - old)[inside])) / max(float(np.linalg.norm(old[inside])), _EPS)
        if change < tol:
            break
        if improved:
            deviation = new
    return fit, taken, change


def _polynomials(
    intensity: Floats, shift: NDArray[np.float64], mask: NDArray[np.bool_] | None, poly_order: int, improved: bool,
    use_original: bool, mask_initial_peaks: bool, tol: float, max_iter: int, num_std: float,
) -> PolynomialFits:  # fmt: skip
    # Never read-only, so that there is one type to compile for.
    intensity = np.require(intensity, np.float64, ("C", "W"))
    powers = _vandermonde(shift, poly_order)
    left, sizes, _ = np.linalg.svd(powers, full_matrices=False)
    common = np.ascontiguousarray(left[:, sizes > 1e-15 * sizes[0]].T)
    n = intensity.shape[0]
    found = PolynomialFits(intensity.copy(), np.zeros(n, dtype=np.int64), np.zeros(n))
    gaps = np.zeros((0, 0), dtype=np.bool_) if mask is None else np.require(mask, np.bool_, ("C", "W"))
    over_rows(
        lambda start, stop: _rows(
            intensity, gaps, common, improved, use_original, mask_initial_peaks, tol, max_iter, num_std,
            start, stop, found.background, found.iterations, found.change,
        ),
        n,
    )  # fmt: skip
    for row in np.flatnonzero(found.iterations == 0):
        use = np.ones(shift.size) if mask is None else (~mask[row]).astype(np.float64)
        if use.any():
            found.background[row], found.iterations[row], found.change[row] = _by_pseudoinverse(
                intensity[row], use, powers, improved, use_original, mask_initial_peaks,
                tol, max_iter, num_std,
            )  # fmt: skip
    return found


def modpoly(
    intensity: Floats,
    shift: NDArray[np.float64],
    mask: NDArray[np.bool_] | None = None,
    *,
    poly_order: int,
    use_original: bool,
    mask_initial_peaks: bool,
    tol: float,
    max_iter: int,
) -> PolynomialFits:
    """Fit by clipping what stands above the fit, as Lieber and Mahadevan-Jansen (2003) do.

    Parameters
    ----------
    intensity
        (spectra, channels) finite.
    shift
        (channels,) increasing.
    mask
        (spectra, channels), True where a channel is left out of the fit and of the criterion.
    poly_order, use_original, mask_initial_peaks, tol, max_iter
        As of the step ``baseline.modpoly``.
    """
    return _polynomials(intensity, shift, mask, poly_order, False, use_original, mask_initial_peaks, tol, max_iter, 0.0)


def imodpoly(
    intensity: Floats,
    shift: NDArray[np.float64],
    mask: NDArray[np.bool_] | None = None,
    *,
    poly_order: int,
    use_original: bool,
    mask_initial_peaks: bool,
    tol: float,
    max_iter: int,
    num_std: float,
) -> PolynomialFits:
    """Fit by clipping what stands above the fit by ``num_std`` standard deviations, as Zhao et al. (2007) do.

    Parameters are those of :func:`modpoly`, and ``num_std`` of the step ``baseline.imodpoly``.
    """
    return _polynomials(
        intensity, shift, mask, poly_order, True, use_original, mask_initial_peaks, tol, max_iter, num_std
    )
