"""Free solvent (or anion) against that bound to lithium, from the two bands that one mode has in the two states.

Positions, their uncertainties and their sources are those of the reference library. Both bands of a pair share width
and shape; all pairs and neighbours that lie close together are fitted at once. Areas turn into amounts only with the
ratio of the two states' scattering cross sections, which differs from 1 (Morita et al., J. Chem. Soc. Faraday Trans.
94, 1998, 3451; Seo et al., J. Phys. Chem. C 119, 2015, 14038): without it only a fraction of the area is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import SpectrodeError
from ...library import Library
from ...library.entry import Band, Entry
from .lines import Line, LineFit, fit_lines

__all__ = ["Coordination", "CoordinationPair", "coordination", "coordination_pairs"]

Floats = NDArray[np.float64]
Status = Literal["resolved", "one line is enough", "not resolvable at this resolution", "absent"]

_FARTHEST_CM1 = 25.0
_STRONG = 0.3  # relative intensity from which a neighbour takes part in the fit
_ROOM_CM1 = 35.0
_TYPICAL_FWHM = 10.0
_WIDEST = 3.5  # times the typical width: instruments broaden
_LEAST_REACH_CM1 = 1.5
_LEAST_GAIN = 15.0  # in the information criterion, for any band at all: about five standard deviations
_LEAST_BIC = 6.0
_MOST_CORRELATION = 0.95
_LEAST_SEPARATION = 0.4  # of the fitted width: nearer lines are one line, whatever a fit says
_DRAWS = 4000


@dataclass(frozen=True)
class CoordinationPair:
    """One mode in two states, as the library has it."""

    entry_id: str
    free: Band
    bound: Band

    @property
    def name(self) -> str:
        """Such as ``ec 893/904``."""
        return f"{self.entry_id} {self.free.position_cm1:g}/{self.bound.position_cm1:g}"

    @property
    def sources(self) -> tuple[str, ...]:
        """Ids of the sources of both positions."""
        return tuple(dict.fromkeys(s.id for b in (self.free, self.bound) for s in b.sources))


@dataclass(frozen=True)
class Coordination:
    """What one pair says about one spectrum. Numbers are NaN unless ``status`` is ``resolved``."""

    pair: CoordinationPair
    status: Status
    ratio: float
    """Area of the bound band over that of the free one."""
    ratio_interval: tuple[float, float]
    """95 %."""
    fraction: float
    """Bound share: of the amount if ``relative_scattering`` was given, else of the area."""
    fraction_interval: tuple[float, float]
    of_area: bool
    """Whether ``fraction`` is of the area only."""
    free_cm1: float
    bound_cm1: float
    fwhm_cm1: float
    correlation: float
    """Between the two areas; near -1 they can hardly be told apart."""
    neighbour_correlation: float
    """Largest magnitude between either area and that of any other line in the fit; 0 without others."""
    words: str


def coordination_pairs(library: Library, ids: Sequence[str]) -> tuple[CoordinationPair, ...]:
    """Return every pair of a free and a bound band (to lithium, in contact pairs or aggregates) of some entries.

    A bound band belongs to the strongest free band of the same entry within 25 cm-1. Entries without such bands give
    no pair.
    """
    return tuple(p for i in ids for p in _pairs_of(library.get(i)))


def coordination(
    shift: ArrayLike,
    spectrum: ArrayLike,
    library: Library,
    solvents: Sequence[str],
    *,
    present: Sequence[str] = (),
    relative_scattering: float | None = None,
    relative_scattering_u: float = 0.0,
    seed: int = 0,
) -> tuple[Coordination, ...]:
    """Return how much of each solvent (or anion) is bound, one result for each pair within the spectrum.

    Parameters
    ----------
    shift, spectrum
        (channels,) of a component or a mean spectrum.
    solvents
        Ids of the entries to judge (``ec``, ``dmc``, ``pf6`` …).
    present
        Ids of other entries in the sample; their strong bands nearby take part in the fit.
    relative_scattering, relative_scattering_u
        Scattering cross section of the bound state over that of the free one, with its standard uncertainty. Without
        it fractions are of areas only, and the sentences say so.
    seed
        Of the draws that intervals are made from.

    Raises
    ------
    SpectrodeError
        If ``relative_scattering`` is not positive, or the library lacks an entry.
    """
    if relative_scattering is not None and not (relative_scattering > 0 and relative_scattering_u >= 0):
        raise SpectrodeError(
            f"relative_scattering must be positive and its uncertainty not negative, but they are "
            f"{relative_scattering} and {relative_scattering_u}"
        )
    x, y = np.asarray(shift, dtype=np.float64), np.asarray(spectrum, dtype=np.float64)
    pairs = [
        p
        for p in coordination_pairs(library, solvents)
        if x.size and x.min() <= p.free.position_cm1 - 15 and x.max() >= p.bound.position_cm1 + 15
    ]
    others = [b for i in dict.fromkeys((*solvents, *present)) for b in _strong(library.get(i))]
    scattering = (relative_scattering, relative_scattering_u)
    return tuple(_judged(x, y, pair, pairs, others, scattering, seed) for pair in pairs)


def _pairs_of(entry: Entry) -> list[CoordinationPair]:
    raman = entry.bands("raman")
    pairs = []
    for bound in raman:
        if bound.coordination not in ("li_coordinated", "cip", "agg"):
            continue
        near = [
            b
            for b in raman
            if b.coordination == "free" and 0 < abs(b.position_cm1 - bound.position_cm1) <= _FARTHEST_CM1
        ]
        if near:
            pairs.append(CoordinationPair(entry.id, max(near, key=lambda b: b.rel_intensity), bound))
    return pairs


def _strong(entry: Entry) -> list[Band]:
    """Return the bands that can disturb a fit; one of several states of a mode stands for all."""
    return [b for b in entry.bands("raman") if b.rel_intensity >= _STRONG and b.coordination in ("na", "free")]


# ---- one pair -------------------------------------------------------------------------------------------------------


def _judged(
    x: Floats,
    y: Floats,
    pair: CoordinationPair,
    pairs: list[CoordinationPair],
    others: list[Band],
    scattering: tuple[float | None, float],
    seed: int,
) -> Coordination:
    own_places = (pair.free.position_cm1, pair.bound.position_cm1)
    beside = _neighbours(pair, pairs, others, min(own_places) - _ROOM_CM1, max(own_places) + _ROOM_CM1)
    # Neighbours are taken in whole: of a band cut in half only the sum with the background is known.
    places = [*own_places, *(line.position_cm1 for line in beside)]
    low, high = min(places) - _ROOM_CM1, max(places) + _ROOM_CM1
    own = (_line("free", pair.free, pair.name), _line("bound", pair.bound, pair.name))

    def fitted(*lines: Line) -> LineFit:
        return fit_lines(x, y, (*lines, *beside), window_cm1=(low, high))

    both, none = fitted(*own), fitted()
    single = fitted(_line_of_either(pair))
    best_single = min((fitted(own[0]), fitted(own[1]), single), key=lambda f: f.bic)
    width = float(both.fwhm_cm1[0])
    apart = abs(float(both.position_cm1[1] - both.position_cm1[0]))
    correlation = both.area_correlation
    mutual = float(correlation[0, 1])
    foreign = float(np.abs(correlation[:2, 2:]).max(initial=0.0))
    if min(both.bic, best_single.bic) > none.bic - _LEAST_GAIN:
        return _without(pair, "absent", both, mutual, foreign, "neither band stands out of the noise")
    listed = abs(pair.bound.position_cm1 - pair.free.position_cm1)
    blurred = listed < _LEAST_SEPARATION * float(best_single.fwhm_cm1[0])
    if blurred or apart < _LEAST_SEPARATION * width or abs(mutual) > _MOST_CORRELATION or both.at_bound[0]:
        why = (
            f"the bands lie {listed:.3g} cm-1 apart, lines are {best_single.fwhm_cm1[0]:.3g} cm-1 wide, and the areas "
            f"correlate by {mutual:.2f}"
        )
        return _without(pair, "not resolvable at this resolution", both, mutual, foreign, why)
    if both.bic > best_single.bic - _LEAST_BIC:
        place = float(best_single.position_cm1[0])
        is_free = abs(place - pair.free.position_cm1) < abs(place - pair.bound.position_cm1)
        state = "free" if is_free else "bound"
        why = (
            f"a single line at {place:.1f} cm-1, near the {state} state, explains as much (the other is weak or absent)"
        )
        return _without(pair, "one line is enough", both, mutual, foreign, why)
    return _resolved(pair, both, mutual, foreign, scattering, seed)


def _line(name: str, band: Band, group: str) -> Line:
    reach = max(band.uncertainty_cm1, _LEAST_REACH_CM1)
    width = band.fwhm_cm1 or _TYPICAL_FWHM
    return Line(name, band.position_cm1, reach, width, 0.4 * width, _WIDEST * width, group)


def _line_of_either(pair: CoordinationPair) -> Line:
    middle = 0.5 * (pair.free.position_cm1 + pair.bound.position_cm1)
    reach = 0.5 * abs(pair.bound.position_cm1 - pair.free.position_cm1) + 2.0
    return Line("either", middle, reach, _TYPICAL_FWHM, 0.4 * _TYPICAL_FWHM, _WIDEST * _TYPICAL_FWHM)


def _neighbours(
    pair: CoordinationPair, pairs: list[CoordinationPair], others: list[Band], low: float, high: float
) -> list[Line]:
    """Return the lines of other pairs and bands within the window, one for each place."""
    taken = [pair.free.position_cm1, pair.bound.position_cm1]
    states = [b for p in pairs if p.entry_id != pair.entry_id for b in (p.free, p.bound)]
    lines: list[Line] = []
    for band in (*states, *others):
        inside = low <= band.position_cm1 <= high
        if inside and all(abs(band.position_cm1 - t) > 3.0 for t in taken):
            taken.append(band.position_cm1)
            lines.append(_line(f"other {band.position_cm1:g}", band, "others"))
    return lines


def _without(
    pair: CoordinationPair, status: Status, fit: LineFit, mutual: float, foreign: float, why: str
) -> Coordination:
    none = (np.nan, np.nan)
    places = (float(fit.position_cm1[0]), float(fit.position_cm1[1]), float(fit.fwhm_cm1[0]))
    words = f"{pair.name}: {status}: {why}."
    return Coordination(pair, status, np.nan, none, np.nan, none, True, *places, mutual, foreign, words)


def _resolved(
    pair: CoordinationPair,
    fit: LineFit,
    mutual: float,
    foreign: float,
    scattering: tuple[float | None, float],
    seed: int,
) -> Coordination:
    rng = np.random.default_rng(seed)
    areas = fit.area[:2]
    drawn = rng.multivariate_normal(areas, fit.area_covariance[:2, :2], _DRAWS, method="eigh")
    drawn = np.maximum(drawn, 1e-9 * float(areas.sum()))
    factor, spread = scattering
    of_area = factor is None
    scale = 1.0 if factor is None else factor
    scales = np.maximum(scale + spread * rng.standard_normal(_DRAWS), 1e-3 * scale)
    ratio = float(areas[1] / max(float(areas[0]), 1e-300))
    fraction = float(areas[1] / scale / (areas[1] / scale + areas[0]))
    fractions = drawn[:, 1] / scales / (drawn[:, 1] / scales + drawn[:, 0])
    ratio_interval = _interval(drawn[:, 1] / drawn[:, 0])
    fraction_interval = _interval(fractions)
    what = (
        "of the area (not of the amount: the relative scattering of the two states was not given)"
        if of_area
        else f"of the amount (with a relative scattering of {scale:g})"
    )
    recalled = "recalled" if "recalled" in (pair.free.provenance, pair.bound.provenance) else "seen"
    words = (
        f"{pair.name}: bound {100 * fraction:.0f} % ({100 * fraction_interval[0]:.0f} to "
        f"{100 * fraction_interval[1]:.0f} %) {what}; positions from {', '.join(pair.sources)} ({recalled})."
    )
    return Coordination(
        pair,
        "resolved",
        ratio,
        ratio_interval,
        fraction,
        fraction_interval,
        of_area,
        float(fit.position_cm1[0]),
        float(fit.position_cm1[1]),
        float(fit.fwhm_cm1[0]),
        mutual,
        foreign,
        words,
    )


def _interval(values: Floats) -> tuple[float, float]:
    low, high = np.quantile(values, (0.025, 0.975))
    return float(low), float(high)
