"""Lines on a polynomial background, fitted together, with the covariance of everything derived from them.

Pseudo-Voigt lines are given by their area, so that its uncertainty follows directly; lines of one group share width and
shape. The asymmetric line is that of Breit, Wigner and Fano (Ferrari and Robertson, Phys. Rev. B 61, 2000, 14095).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import SpectrodeError

__all__ = ["Line", "LineFit", "fit_lines", "pseudo_voigt"]

Floats = NDArray[np.float64]

_GAUSS_AREA = np.sqrt(np.pi / (4 * np.log(2)))
_LORENTZ_AREA = np.pi / 2
_STEEPEST_FANO = 1.0  # |1/q|: beyond it the maximum lies where the line's own wing should be
_AT_BOUND = 1e-3
_MOST_STEPS = 200


@dataclass(frozen=True)
class Line:
    """What is known of a line before the fit."""

    name: str
    position_cm1: float
    reach_cm1: float
    """How far the fitted position may lie from it."""
    fwhm_cm1: float
    narrowest_cm1: float
    widest_cm1: float
    group: str = ""
    """Lines of one group share width and shape; empty shares with none."""
    fano: bool = False
    """Breit-Wigner-Fano instead of pseudo-Voigt."""
    mixing: float | None = None
    """Lorentzian share of the area where it is given, 0 to 1; fitted if None."""


@dataclass(frozen=True, eq=False)
class LineFit:
    """Fitted lines in the order given, each array (lines,). Uncertainties are standard ones."""

    names: tuple[str, ...]
    position_cm1: Floats
    """Of the maximum."""
    position_u: Floats
    fwhm_cm1: Floats
    fwhm_u: Floats
    area: Floats
    area_u: Floats
    height: Floats
    height_u: Floats
    area_covariance: Floats
    """(lines, lines)."""
    height_covariance: Floats
    at_bound: NDArray[np.bool_]
    """Whether position or width of a line ended at the limit it was given."""
    bic: float
    """Bayesian information criterion of the fit; smaller is better, on the same channels only."""
    noise: float
    """Standard deviation of the residual."""
    background: Floats
    curve: Floats
    """(channels used,) the whole fit."""
    shift: Floats

    def index(self, name: str) -> int:
        """Return the place of a line by its name."""
        return self.names.index(name)

    @property
    def area_correlation(self) -> Floats:
        """(lines, lines) correlation of the areas; 0 where an area has no uncertainty."""
        scale = np.where(self.area_u > 0, self.area_u, np.inf)
        return np.asarray(self.area_covariance / np.outer(scale, scale))


def pseudo_voigt(x: ArrayLike, position: float, fwhm: float, mixing: float) -> Floats:
    """Return a line of area 1; ``mixing`` is the Lorentzian share of the area, 0 to 1."""
    z = (np.asarray(x, dtype=np.float64) - position) / fwhm
    gauss = np.exp(-4 * np.log(2) * z**2) / (fwhm * _GAUSS_AREA)
    lorentz = 1 / (1 + 4 * z**2) / (fwhm * _LORENTZ_AREA)
    return np.asarray(mixing * lorentz + (1 - mixing) * gauss)


def fit_lines(
    shift: ArrayLike,
    spectrum: ArrayLike,
    lines: Sequence[Line],
    *,
    window_cm1: tuple[float, float],
    background_order: int = 1,
) -> LineFit:
    """Fit lines and a polynomial background to a stretch of one spectrum.

    Parameters
    ----------
    shift, spectrum
        (channels,); channels that are not finite are left out.
    window_cm1
        First and last Raman shift that take part.
    background_order
        Of the polynomial: 0 constant, 1 line; higher bends more and takes more of wide lines.

    Raises
    ------
    SpectrodeError
        If the window holds too few channels for the parameters.

    Notes
    -----
    Uncertainties are scaled by the scatter of the residual and by how far neighbouring residuals follow each other,
    so that a model that does not fit is not also called certain.
    """
    from scipy.optimize import least_squares

    x, y = np.asarray(shift, dtype=np.float64), np.asarray(spectrum, dtype=np.float64)
    if x.shape != y.shape or x.ndim != 1:
        raise SpectrodeError(f"shift and spectrum must be two lists of equal length, not {x.shape} and {y.shape}")
    use = (x >= window_cm1[0]) & (x <= window_cm1[1]) & np.isfinite(y)
    x, y = x[use], y[use]
    model = _Model(tuple(lines), x, background_order)
    if x.size < model.size + 5:
        raise SpectrodeError(
            f"{len(lines)} lines between {window_cm1[0]:g} and {window_cm1[1]:g} cm-1 have {model.size} parameters, "
            f"but only {x.size} channels lie there"
        )
    level, scale = float(np.median(y)), float(np.ptp(y)) or 1.0
    target = (y - level) / scale
    start, low, high = model.start(target)
    free = high > low  # what is given has a range of no width

    def whole(p: Floats) -> Floats:
        out = start.copy()
        out[free] = p
        return out

    if lines:
        result = least_squares(
            lambda p: model.curve(whole(p)) - target,
            start[free],
            jac=lambda p: model.jacobian(whole(p))[:, free],
            bounds=(low[free], high[free]),
            x_scale=model.scales()[free],
            max_nfev=_MOST_STEPS,
        )
        best = whole(result.x)
    else:
        best = np.asarray(np.linalg.lstsq(model.powers, target, rcond=None)[0], dtype=np.float64)
    jacobian = model.jacobian(best)
    parameters = int(np.count_nonzero(free))
    residual = target - model.curve(best)
    power = float(residual @ residual)
    sigma2 = power / max(x.size - parameters, 1) * _following(residual)
    covariance = sigma2 * _inverse(jacobian, free)
    return _result(model, best, covariance, level, scale, power, x, low, high, parameters)


def _inverse(jacobian: Floats, free: NDArray[np.bool_]) -> Floats:
    """Return the inverse of the normal equations of the free parameters, zero for those given."""
    a = jacobian[:, free]
    scale = np.linalg.norm(a, axis=0)
    scale[scale < 1e-12 * max(float(scale.max(initial=0.0)), 1e-300)] = 1.0
    out = np.zeros((free.size, free.size))
    out[np.ix_(free, free)] = np.linalg.pinv((a / scale).T @ (a / scale)) / np.outer(scale, scale)
    return out


def _following(residual: Floats) -> float:
    """Return how much less the channels count because residuals follow each other; 1 if they do not."""
    power = float(residual @ residual)
    if power <= 0 or residual.size < 8:
        return 1.0
    follows = float(residual[1:] @ residual[:-1]) / power
    return 1.0 if follows < 2 / np.sqrt(residual.size) else min((1 + follows) / (1 - follows), 20.0)


class _Model:
    """Order of the parameters: areas, positions, then width and shape of each group, Fano terms, background."""

    def __init__(self, lines: tuple[Line, ...], x: Floats, order: int) -> None:
        self.lines, self.x = lines, x
        groups = list(dict.fromkeys(line.group or f"#{k}" for k, line in enumerate(lines)))
        self.group = [groups.index(line.group or f"#{k}") for k, line in enumerate(lines)]
        self.n, self.groups = len(lines), len(groups)
        self.fanos = [k for k, line in enumerate(lines) if line.fano]
        middle, half = 0.5 * (x[0] + x[-1]) if x.size else 0.0, 0.5 * float(np.ptp(x)) if x.size else 1.0
        self.powers = ((x - middle) / (half or 1.0))[:, None] ** np.arange(order + 1)
        self.size = 2 * self.n + 2 * self.groups + len(self.fanos) + order + 1

    def parts(self, p: Floats) -> tuple[Floats, Floats, Floats, Floats, Floats, Floats]:
        n, g, f = self.n, self.groups, len(self.fanos)
        cuts = np.cumsum([n, n, g, g, f])
        areas, positions, widths, mixing, fano, background = np.split(p, cuts)
        return areas, positions, widths, mixing, fano, background

    def curve(self, p: Floats) -> Floats:
        background = self.parts(p)[-1]
        total: Floats = self.powers @ background
        for k in range(self.n):
            total = total + self.line(p, k)
        return total

    def line(self, p: Floats, k: int) -> Floats:
        areas, positions, widths, mixing, fano, _ = self.parts(p)
        width = widths[self.group[k]]
        if k not in self.fanos:
            return np.asarray(areas[k] * pseudo_voigt(self.x, positions[k], width, mixing[self.group[k]]))
        steep = fano[self.fanos.index(k)]
        z = 2 * (self.x - positions[k]) / width
        return np.asarray(areas[k] / (width * _LORENTZ_AREA * (1 + steep**2)) * (1 + z * steep) ** 2 / (1 + z**2))

    def jacobian(self, p: Floats) -> Floats:
        """Return (channels, parameters) derivatives of the curve."""
        areas, positions, widths, mixing, _, _ = self.parts(p)
        n, g = self.n, self.groups
        out = np.zeros((self.x.size, self.size))
        out[:, self.size - self.powers.shape[1] :] = self.powers
        for k in range(n):
            own = (k, n + k, 2 * n + self.group[k], 2 * n + g + self.group[k])
            if k in self.fanos:
                for j in (*own[:3], 2 * n + 2 * g + self.fanos.index(k)):
                    step = 1e-6 * max(abs(float(p[j])), 1e-3)
                    moved = p.copy()
                    moved[j] += step
                    out[:, j] += (self.line(moved, k) - self.line(p, k)) / step
                continue
            width, share = widths[self.group[k]], mixing[self.group[k]]
            z = (self.x - positions[k]) / width
            gauss = np.exp(-4 * np.log(2) * z**2) / (width * _GAUSS_AREA)
            lorentz = 1 / (1 + 4 * z**2) / (width * _LORENTZ_AREA)
            # Derivatives with respect to z of either shape, with the width in front kept.
            slope = share * lorentz * -8 * z / (1 + 4 * z**2) + (1 - share) * gauss * -8 * np.log(2) * z
            shape = share * lorentz + (1 - share) * gauss
            out[:, own[0]] += shape
            out[:, own[1]] += -areas[k] * slope / width
            out[:, own[2]] += -areas[k] * (slope * z + shape) / width
            out[:, own[3]] += areas[k] * (lorentz - gauss)
        return out

    def height(self, p: Floats, k: int) -> float:
        areas, _, widths, mixing, _, _ = self.parts(p)
        width, share = widths[self.group[k]], mixing[self.group[k]]
        if k in self.fanos:
            # At its maximum the line is 1 + 1/q² times its value at the resonance.
            return float(areas[k] / (width * _LORENTZ_AREA))
        return float(areas[k] / width * (share / _LORENTZ_AREA + (1 - share) / _GAUSS_AREA))

    def position(self, p: Floats, k: int) -> float:
        _, positions, widths, _, fano, _ = self.parts(p)
        steep = fano[self.fanos.index(k)] if k in self.fanos else 0.0
        return float(positions[k] + 0.5 * widths[self.group[k]] * steep)

    def start(self, y: Floats) -> tuple[Floats, Floats, Floats]:
        positions = np.array([line.position_cm1 for line in self.lines])
        reach = np.array([line.reach_cm1 for line in self.lines])
        members = [[line for line, g in zip(self.lines, self.group, strict=True) if g == k] for k in range(self.groups)]
        widths = np.array([np.mean([m.fwhm_cm1 for m in ms]) for ms in members])
        narrow = np.array([min(m.narrowest_cm1 for m in ms) for ms in members])
        wide = np.array([max(m.widest_cm1 for m in ms) for ms in members])
        low = np.concatenate([np.zeros(self.n), positions - reach, narrow, np.zeros(self.groups)])
        high = np.concatenate([np.full(self.n, np.inf), positions + reach, wide, np.ones(self.groups)])
        first = np.concatenate([np.ones(self.n), positions, widths, np.full(self.groups, 0.5)])
        for k, ms in enumerate(members):
            if ms[0].mixing is not None:
                at = 2 * self.n + self.groups + k
                first[at] = low[at] = high[at] = ms[0].mixing
        bends = self.powers.shape[1]
        fanos = len(self.fanos)
        low = np.concatenate([low, np.full(fanos, -_STEEPEST_FANO), np.full(bends, -np.inf)])
        high = np.concatenate([high, np.full(fanos, _STEEPEST_FANO), np.full(bends, np.inf)])
        first = np.concatenate([first, np.full(fanos, -0.05), np.zeros(bends)])
        first[: self.n], first[first.size - bends :] = self._linear(first, y)
        return first, low, high

    def _linear(self, p: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Return areas and background that fit best with everything else as it is."""
        from scipy.optimize import nnls

        one = np.eye(self.n)
        shapes = [self.line(np.concatenate([one[k], p[self.n :]]), k) for k in range(self.n)]
        design = np.stack([*shapes, *self.powers.T, *(-self.powers.T)], axis=1)
        found, _ = nnls(design, y, maxiter=100 * design.shape[1])
        bends = self.powers.shape[1]
        areas = np.maximum(found[: self.n], 1e-3 * max(float(found[: self.n].max(initial=0.0)), 1e-6))
        return areas, found[self.n : self.n + bends] - found[self.n + bends :]

    def scales(self) -> Floats:
        widths = np.array([np.mean([ln.fwhm_cm1 for ln, g in self._grouped() if g == k]) for k in range(self.groups)])
        own = widths[self.group]
        parts = [own, 0.2 * own, 0.2 * widths, np.full(self.groups, 0.3), np.full(len(self.fanos), 0.1)]
        return np.concatenate([*parts, np.ones(self.powers.shape[1])])

    def _grouped(self) -> list[tuple[Line, int]]:
        return list(zip(self.lines, self.group, strict=True))


def _result(
    model: _Model,
    best: Floats,
    covariance: Floats,
    level: float,
    scale: float,
    power: float,
    x: Floats,
    low: Floats,
    high: Floats,
    parameters: int,
) -> LineFit:
    n = model.n

    def derived(of: Callable[[Floats, int], float]) -> tuple[Floats, Floats]:
        """Return values of all lines and their covariance, by the derivatives with respect to every parameter."""
        values = np.array([of(best, k) for k in range(n)])
        steps = 1e-6 * np.maximum(np.abs(best), 1e-3)
        slopes = np.zeros((n, best.size))
        for j, step in enumerate(steps):
            moved = best.copy()
            moved[j] += step
            slopes[:, j] = (np.array([of(moved, k) for k in range(n)]) - values) / step
        return values, slopes @ covariance @ slopes.T

    area, area_cov = derived(lambda p, k: float(model.parts(p)[0][k]))
    height, height_cov = derived(model.height)
    position, position_cov = derived(model.position)
    width, width_cov = derived(lambda p, k: float(model.parts(p)[2][model.group[k]]))
    span = np.where(np.isfinite(high - low), high - low, np.inf)
    touching = (best - low < _AT_BOUND * span) | (high - best < _AT_BOUND * span)
    _, at_position, at_width, *_ = model.parts(touching.astype(float))
    at_bound = np.array([bool(at_position[k] or at_width[model.group[k]]) for k in range(n)], dtype=bool)
    background = level + scale * (model.powers @ model.parts(best)[-1])
    return LineFit(
        names=tuple(line.name for line in model.lines),
        position_cm1=position,
        position_u=_root(position_cov),
        fwhm_cm1=width,
        fwhm_u=_root(width_cov),
        area=scale * area,
        area_u=scale * _root(area_cov),
        height=scale * height,
        height_u=scale * _root(height_cov),
        area_covariance=scale**2 * area_cov,
        height_covariance=scale**2 * height_cov,
        at_bound=at_bound,
        bic=x.size * float(np.log(max(power, 1e-300) / x.size)) + parameters * float(np.log(x.size)),
        noise=scale * float(np.sqrt(power / max(x.size - parameters, 1))),
        background=background,
        curve=level + scale * model.curve(best),
        shift=x,
    )


def _root(covariance: Floats) -> Floats:
    return np.asarray(np.sqrt(np.maximum(np.diag(covariance), 0.0)))
