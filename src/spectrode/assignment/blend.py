"""Does a spectrum itself ask for bands that lie under the peaks of others?

Two species whose bands merge (EC at 893 and 904 with EMC at 901, seen as one peak at 898) share a peak in the list, and
the list cannot say whether both are there. The spectrum can: around the shared peaks it is fitted with the bands of all
species that are established, and again with those of the species in question. Every band may move within its stated
uncertainty, change its width, and have a height within the factor to which listed ratios hold; these are Gaussian
priors, so that the ratio of the two marginal likelihoods follows by Laplace's approximation (MacKay, Neural Comput. 4
(1992) 415). What the line shape does not describe counts as noise, correlated over a band's width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .evidence import TYPICAL_FWHM_CM1, Observed
from .explain import Member
from .references import References

__all__ = ["MOST_BLEND_EVIDENCE", "Blend", "blend_of"]

Floats = NDArray[np.float64]

MOST_BLEND_EVIDENCE = 4.0
"""Nats either way: the spectrum may decide between neighbours, but may not carry a name alone."""

_WINDOW = 2.5  # widths to both sides of a shared band
_SPREAD_WIDTH = 0.3
_SPREAD_FREE = (1.0, 3.0, 0.4)  # log height, cm-1, log width of a peak that nobody explains
_ETA = (0.5, 0.3)
_ITERATIONS = 12
_MODEL_ERROR = 0.01  # of the local maximum: no line shape is better than that
_STANDS_OUT = 4.0


@dataclass(frozen=True, eq=False)
class Blend:
    """What the spectrum says about the bands of one entry that lie under the peaks of others."""

    evidence: float
    """Nats, for the bands being there."""
    slots: tuple[int, ...]
    """Modes among them that stand out of their own uncertainty."""


@dataclass(frozen=True, eq=False)
class _Bands:
    """Bands of one fit with their priors, (bands,) each; heights and widths as logarithms."""

    height: Floats
    position: Floats
    width: Floats
    spread_height: Floats
    spread_position: Floats
    spread_width: Floats

    @staticmethod
    def joined(parts: Sequence[_Bands]) -> _Bands:
        fields = ("height", "position", "width", "spread_height", "spread_position", "spread_width")
        return _Bands(*(np.concatenate([getattr(p, f) for p in parts]) for f in fields))


def blend_of(
    shift: Floats,
    spectrum: Floats,
    references: References,
    observed: Observed,
    members: Sequence[Member],
    own: Member,
) -> Blend:
    """Return the evidence for the bands of ``own`` that ``members`` (the others) hide.

    Parameters
    ----------
    shift, spectrum : (channels,) arrays
    members : sequence of Member
        The species that are established beside it.
    own : Member
        The species in question, with its amount from the peaks that are its own.
    """
    resolution = _resolution(references, observed, [*members, own])
    hidden = _hidden_bands(references, observed, members, own)
    if not hidden.size:
        return Blend(0.0, ())
    inside = np.zeros(shift.size, bool)
    reach = _WINDOW * np.maximum(_widths(references, hidden, resolution), TYPICAL_FWHM_CM1)
    for position, r in zip(references.position[hidden] + own.shift, reach, strict=True):
        inside |= np.abs(shift - position) <= r
    inside &= np.isfinite(spectrum)
    if inside.sum() < 12:
        return Blend(0.0, ())
    x, y = shift[inside], spectrum[inside]
    base = _established(references, observed, members, own, (float(x[0]), float(x[-1])), resolution)
    more = _of_member(references, own, hidden, resolution)
    rest = _Bands.joined([*base, more])
    richest = _fit(x, y, rest, observed.noise)
    width = max(float(np.median(np.exp(rest.width))), observed.step)
    model_error = max(float(np.mean((y - richest) ** 2)) - observed.noise**2, (_MODEL_ERROR * float(np.ptp(y))) ** 2)
    # A misfit of the shape reaches over about a band's width and counts once, not once per channel.
    variance = observed.noise**2 + model_error * max(width / observed.step / 2.0, 1.0)
    with_it, heights, errors = _marginal(x, y, rest, float(np.sqrt(variance)))
    without = _marginal(x, y, _Bands.joined(base), float(np.sqrt(variance)))[0] if base else -np.inf
    out = [
        int(references.band_slot[b])
        for b, h, e in zip(hidden, heights[-hidden.size :], errors[-hidden.size :], strict=True)
        if h >= _STANDS_OUT * e
    ]
    return Blend(float(np.clip(with_it - without, -MOST_BLEND_EVIDENCE, MOST_BLEND_EVIDENCE)), tuple(sorted(set(out))))


def _resolution(references: References, observed: Observed, members: Sequence[Member]) -> float:
    """Return the instrument's width in cm-1 from the peaks whose own width is known; 0 where none is."""
    extra = [
        observed.fwhm[p] ** 2 - references.fwhm[b] ** 2
        for m in members
        for p, b in m.pairs
        if np.isfinite(references.fwhm[b]) and not observed.broad[p]
    ]
    return float(np.sqrt(max(float(np.median(extra)), 0.0))) if extra else 0.0


def _widths(references: References, bands: NDArray[np.intp], resolution: float) -> Floats:
    own = np.nan_to_num(references.fwhm[bands], nan=TYPICAL_FWHM_CM1)
    return np.asarray(np.hypot(own, resolution))


def _hidden_bands(
    references: References, observed: Observed, members: Sequence[Member], own: Member
) -> NDArray[np.intp]:
    """Return the expected bands of an entry without a peak of its own, but under another peak."""
    taken = np.zeros(len(observed.peaks), bool)
    for m in members:
        taken |= m.explained
    mine = {b for p, b in own.pairs if not taken[p]}
    others = np.ones(len(observed.peaks), bool)
    others[[p for p, _ in own.pairs if not taken[p]]] = False
    done = {int(references.band_slot[b]) for b in mine}
    out = []
    for band in np.flatnonzero(references.band_entry == own.entry):
        slot = int(references.band_slot[band])
        if slot in done or not references.slot_expected[slot]:
            continue
        apart = np.abs(observed.position - references.position[band] - own.shift)
        if np.any(others & (apart <= np.maximum(observed.fwhm, references.uncertainty[band]))):
            out.append(int(band))
            done.add(slot)
    return np.array(out, dtype=np.intp)


def _of_member(references: References, member: Member, bands: NDArray[np.intp], resolution: float) -> _Bands:
    amount = np.array(member.amount)[references.slot_high[references.band_slot[bands]].astype(int)]
    return _Bands(
        np.log(amount * references.relative[bands]),
        references.position[bands] + member.shift,
        np.log(_widths(references, bands, resolution)),
        references.log_height[bands],
        references.uncertainty[bands],
        np.full(bands.size, _SPREAD_WIDTH),
    )


def _established(
    references: References,
    observed: Observed,
    members: Sequence[Member],
    own: Member,
    window: tuple[float, float],
    resolution: float,
) -> list[_Bands]:
    """Return the bands of all members in the window, and the peaks there that no member explains."""
    low, high = window[0] - TYPICAL_FWHM_CM1, window[1] + TYPICAL_FWHM_CM1
    parts: list[_Bands] = []
    taken = np.zeros(len(observed.peaks), bool)
    for m in members:
        taken |= m.explained
        near = (references.position + m.shift >= low) & (references.position + m.shift <= high)
        bands = np.flatnonzero((references.band_entry == m.entry) & near)
        if bands.size:
            parts.append(_of_member(references, m, bands, resolution))
    mine = [(p, b) for p, b in own.pairs if not taken[p]]
    taken[[p for p, _ in mine]] = True
    near_own = [b for p, b in mine if low <= observed.position[p] <= high]
    if near_own:
        parts.append(_of_member(references, own, np.array(near_own, dtype=np.intp), resolution))
    left = np.flatnonzero(~taken & (observed.position >= low) & (observed.position <= high))
    if left.size:
        spread = [np.full(left.size, s) for s in _SPREAD_FREE]
        height, width = np.log(np.maximum(observed.height[left], 1e-300)), np.log(observed.fwhm[left])
        parts.append(_Bands(height, observed.position[left], width, spread[0], spread[1], spread[2]))
    return parts


def _model(x: Floats, p: Floats, n: int) -> tuple[Floats, Floats]:
    """Return the spectrum and its derivatives by log heights, positions, log widths, shape, and the straight line."""
    height, position, width, eta = np.exp(p[:n]), p[n : 2 * n], np.exp(p[2 * n : 3 * n]), p[3 * n]
    u = (x[:, None] - position) / (width / 2)
    lorentz, gauss = 1 / (1 + u**2), np.exp(-np.log(2.0) * u**2)
    shape = eta * lorentz + (1 - eta) * gauss
    slope = eta * -2 * u * lorentz**2 + (1 - eta) * -2 * np.log(2.0) * u * gauss
    line = np.stack([np.ones(x.size), (x - x.mean()) / max(float(np.ptp(x)), 1e-9)], axis=1)
    value = shape @ height + line @ p[3 * n + 1 :]
    jacobian = np.concatenate(
        [
            shape * height,
            -slope * height / (width / 2),
            -slope * u * height,
            ((lorentz - gauss) @ height)[:, None],
            line,
        ],
        axis=1,
    )
    return value, jacobian


def _solve(x: Floats, y: Floats, bands: _Bands, sigma: float) -> tuple[Floats, Floats, Floats, Floats]:
    """Return the parameters at the maximum, their prior mean and spread, and the curvature (Levenberg–Marquardt)."""
    n, scale = bands.height.size, max(float(np.ptp(y)), 1e-300)
    prior = np.concatenate([bands.height, bands.position, bands.width, [_ETA[0]], [float(y.min()), 0.0]])
    spread = np.concatenate([bands.spread_height, bands.spread_position, bands.spread_width, [_ETA[1]], [scale, scale]])
    p, damping = prior.copy(), 1e-2
    value, jacobian = _model(x, p, n)
    cost = float(np.sum((y - value) ** 2) / sigma**2 + np.sum(((p - prior) / spread) ** 2))
    for _ in range(_ITERATIONS):
        curvature = jacobian.T @ jacobian / sigma**2 + np.diag(spread**-2.0)
        gradient = jacobian.T @ (y - value) / sigma**2 - (p - prior) / spread**2
        step = np.linalg.solve(curvature + damping * np.diag(np.diag(curvature)), gradient)
        trial = p + np.clip(step, -2 * spread, 2 * spread)
        trial[3 * n] = np.clip(trial[3 * n], 0.0, 1.0)
        new_value, new_jacobian = _model(x, trial, n)
        new_cost = float(np.sum((y - new_value) ** 2) / sigma**2 + np.sum(((trial - prior) / spread) ** 2))
        if new_cost < cost:
            done = cost - new_cost < 1e-3
            p, value, jacobian, cost, damping = trial, new_value, new_jacobian, new_cost, damping * 0.3
            if done:
                break
        else:
            damping *= 8.0
    return p, prior, spread, jacobian.T @ jacobian / sigma**2 + np.diag(spread**-2.0)


def _fit(x: Floats, y: Floats, bands: _Bands, noise: float) -> Floats:
    p, *_ = _solve(x, y, bands, max(noise, _MODEL_ERROR * float(np.ptp(y)), 1e-300))
    return _model(x, p, bands.height.size)[0]


def _marginal(x: Floats, y: Floats, bands: _Bands, sigma: float) -> tuple[float, Floats, Floats]:
    """Return the log marginal likelihood (Laplace), and the heights with their standard errors."""
    n = bands.height.size
    p, prior, spread, curvature = _solve(x, y, bands, sigma)
    value, _ = _model(x, p, n)
    cost = float(np.sum((y - value) ** 2) / sigma**2 + np.sum(((p - prior) / spread) ** 2))
    _, log_determinant = np.linalg.slogdet(curvature * np.outer(spread, spread))
    error = np.sqrt(np.maximum(np.diag(np.linalg.pinv(curvature))[:n], 0.0))
    height = np.exp(p[:n])
    return -0.5 * (cost + float(log_determinant)), height, height * error
