"""What an analysis got right and wrong, and in which stage: rank, unmixing, assignment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .truth import Component, Experiment, Species, Truth

if TYPE_CHECKING:
    from ..assignment import Assignment
    from ..library import Library
    from ..results import AnalysisResult
    from ..unmixing.bands import ProfileBands

__all__ = ["ClaimJudged", "Judgement", "SpeciesJudged", "UnknownJudged", "judge"]

Array = NDArray[np.float64]

Q_LIMIT = 0.05
_PURE = 0.9
"""Share of a component's area from one true component, from which it counts as that one."""
_EXPLAINED = 0.9
"""Cosine between a component and the best sum of true spectra, below which it is an artefact."""
_AT_BAND_CM1 = 6.0
_ORACLE_NOISE = 0.005
_OWN = 0.7
_SEEN = 3.0
_RECOGNISED = 0.7
"""Cosine from which a component can be said to be the true one, so that its concentrations can be compared."""


@dataclass(frozen=True)
class SpeciesJudged:
    """One compound of the library that was there."""

    id: str
    kind: str
    snr: float
    bands: int
    """Bands in range that reach a signal-to-noise ratio of 10."""
    own_bands: int
    """Of these, those that hold at least 70 % of the component's light there: no blend partner covers them."""
    found: bool
    """A claim names it."""
    found_in_class: bool
    """A claim, or an assignment called ambiguous, names it or lists it among the alternatives."""
    cosine: float
    """Of the component that fits its true component best."""
    stage: str
    """Empty if found; else ``assignment`` (not named even on the true spectrum), ``rank`` or ``unmixing``."""


@dataclass(frozen=True)
class ClaimJudged:
    """One statement that a compound is there."""

    id: str
    group: str
    component: int
    status: str
    q_value: float | None
    score: float
    alternatives: tuple[str, ...]
    wrong: bool
    """The compound named is not there."""
    wrong_in_class: bool
    """Neither it nor any listed alternative is there."""
    stage: str
    """Empty if right; else what the component was: ``pure`` or ``mixed`` (of true spectra), or ``artefact``."""


@dataclass(frozen=True)
class UnknownJudged:
    """One compound that no library holds."""

    snr: float
    unassigned: bool
    """No wrong claim rests on its bands, or stands on its component."""
    cosine: float


@dataclass(frozen=True)
class Judgement:
    """One experiment, judged; numbers and words only, so that it can be kept as a line of JSON."""

    seed: int
    scenario: str
    true_components: int
    suggested: int
    used: int
    species: tuple[SpeciesJudged, ...] = ()
    claims: tuple[ClaimJudged, ...] = ()
    unknowns: tuple[UnknownJudged, ...] = ()
    covered: int = 0
    """Concentrations inside their 95 % interval …"""
    intervals: int = 0
    """… of so many; 0 where the analysis gave none."""
    by_q_value: bool = False
    """Whether claims are those with q < 0.05; if the analysis gave no q-values, they are those called assigned."""
    seconds: float = 0.0
    error: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers, words and lists."""
        return asdict(self)

    @classmethod
    def from_dict(cls, table: dict[str, Any]) -> Judgement:
        """Return what :meth:`to_dict` was made of."""
        values = dict(table)
        values["species"] = tuple(SpeciesJudged(**s) for s in values["species"])
        values["claims"] = tuple(
            ClaimJudged(**{**c, "alternatives": tuple(c["alternatives"])}) for c in values["claims"]
        )
        values["unknowns"] = tuple(UnknownJudged(**u) for u in values["unknowns"])
        return cls(**values)

    @property
    def rank_error(self) -> int:
        """Components used minus components there to be seen."""
        return self.used - self.true_components


def judge(
    experiment: Experiment,
    result: AnalysisResult,
    library: Library,
    *,
    bands: ProfileBands | None = None,
    seconds: float = 0.0,
) -> Judgement:
    """Compare an analysis with the truth.

    Parameters
    ----------
    library
        The one that the analysis used; wanted for the group of each claimed species, and to find out whether a species
        that was missed would have been named on its true spectrum.
    bands
        95 % bands of the decomposition, to count how many true concentrations they hold.
    """
    truth, found = experiment.truth, result.decomposition
    shift = np.asarray(result.dataset.shift)
    true = np.array([_on_axis(experiment, c.spectrum, shift) for c in truth.components])
    estimated = np.zeros((0, shift.size)) if found is None else np.asarray(found.spectra)
    cosine = _cosines(true, estimated)
    pairs = _pairs(cosine)
    by_q = any(row.q_value is not None for row in result.assignments)
    claims = [row for row in result.assignments if _is_claim(row, by_q)]
    judged = tuple(_claim(row, truth, true, estimated, library) for row in claims)
    classes = [row for row in result.assignments if row in claims or row.status == "ambiguous"]
    used = 0 if found is None else found.n_components
    short = used < truth.rank()
    species = tuple(
        _species(
            s,
            _own_bands(s, c, experiment),
            float(cosine[i].max(initial=0.0)),
            claims,
            classes,
            short,
            shift,
            true[i],
            result,
            library,
        )
        for i, c in enumerate(truth.components)
        for s in c.species
        if s.id is not None
    )
    unknowns = tuple(
        _unknown(c, float(cosine[i].max(initial=0.0)), pairs.get(i), claims, judged, experiment)
        for i, c in enumerate(truth.components)
        if c.kind == "unknown"
    )
    covered, intervals = _coverage(bands, truth, pairs, cosine)
    return Judgement(
        seed=experiment.seed,
        scenario=truth.scenario,
        true_components=truth.rank(),
        suggested=0 if result.rank is None else result.rank.suggested,
        used=used,
        species=species,
        claims=judged,
        unknowns=unknowns,
        covered=covered,
        intervals=intervals,
        by_q_value=by_q,
        seconds=round(seconds, 3),
    )


# ---- components -----------------------------------------------------------------------------------------------------


def _on_axis(experiment: Experiment, spectrum: Array, shift: Array) -> Array:
    """Return a true spectrum on the channels that are left after the recipe, as the stated axis shows it."""
    return np.asarray(np.interp(shift, experiment.dataset.shift, spectrum))


def _cosines(a: Array, b: Array) -> Array:
    """Return (rows of a, rows of b) cosines."""
    if not len(b):
        return np.zeros((len(a), 0))
    lengths = np.outer(np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1))
    return np.asarray((a @ b.T) / np.maximum(lengths, 1e-300))


def _pairs(cosine: Array) -> dict[int, int]:
    """Return {true component: estimated component}, each used once, so that the cosines add up to the most."""
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(-cosine)
    return dict(zip(rows.tolist(), columns.tolist(), strict=True))


def _makeup(true: Array, spectrum: Array) -> str:
    """Return whether a component is ``pure``, ``mixed`` or an ``artefact``, from its best sum of true spectra."""
    from scipy.optimize import nnls

    weights, _ = nnls(true.T, spectrum)
    model = weights @ true
    if _cosines(model[None], spectrum[None])[0, 0] < _EXPLAINED:
        return "artefact"
    area = weights * true.sum(axis=1)
    return "pure" if area.max() >= _PURE * area.sum() else "mixed"


# ---- claims ---------------------------------------------------------------------------------------------------------


def _is_claim(row: Assignment, by_q: bool) -> bool:
    if row.compound_id is None:
        return False
    return row.q_value is not None and row.q_value < Q_LIMIT if by_q else row.status == "assigned"


def _named(row: Assignment) -> set[str]:
    """Return every id that a row says it may be."""
    return {i for i in (row.compound_id, *row.alternatives, *row.indistinguishable) if i is not None}


def _claim(row: Assignment, truth: Truth, true: Array, estimated: Array, library: Library) -> ClaimJudged:
    assert row.compound_id is not None
    wrong = row.compound_id not in truth.present
    return ClaimJudged(
        id=row.compound_id,
        group=library.get(row.compound_id).group,
        component=row.component,
        status=row.status,
        q_value=row.q_value,
        score=round(row.score, 4),
        alternatives=tuple(sorted(_named(row) - {row.compound_id})),
        wrong=wrong,
        wrong_in_class=not _named(row) & truth.present,
        stage=_makeup(true, estimated[row.component]) if wrong else "",
    )


def _species(
    species: Species,
    own_bands: int,
    cosine: float,
    claims: Sequence[Assignment],
    classes: Sequence[Assignment],
    short: bool,
    shift: Array,
    spectrum: Array,
    result: AnalysisResult,
    library: Library,
) -> SpeciesJudged:
    assert species.id is not None
    found = any(row.compound_id in species.accept for row in claims)
    in_class = any(_named(row) & species.accept for row in classes)
    stage = ""
    if not found:
        named = _named_on_truth(species, shift, spectrum, result, library)
        stage = "assignment" if not named else "rank" if short else "unmixing"
    return SpeciesJudged(
        id=species.id,
        kind=species.kind,
        snr=round(species.snr, 2),
        bands=species.bands_above(10.0),
        own_bands=own_bands,
        found=found,
        found_in_class=in_class,
        cosine=round(cosine, 4),
        stage=stage,
    )


def _own_bands(species: Species, component: Component, experiment: Experiment) -> int:
    """Return how many bands well above the noise are not covered by another species of the same blend."""
    axis = experiment.dataset.shift - experiment.truth.axis_error_cm1
    places = [n.position_cm1 for n, snr in zip(species.lines, species.band_snr, strict=True) if snr >= 10.0]
    own = np.interp(places, axis, species.spectrum)
    return int(np.count_nonzero(own >= _OWN * np.interp(places, axis, component.spectrum)))


def _named_on_truth(species: Species, shift: Array, spectrum: Array, result: AnalysisResult, library: Library) -> bool:
    """Return whether the assignment names the species when it is given the true component spectrum."""
    from ..assignment import assign_components

    noisy = spectrum + np.random.default_rng(0).normal(0.0, _ORACLE_NOISE, spectrum.size)
    rows = assign_components(shift, noisy, library, settings=result.recipe.assignment)
    by_q = any(row.q_value is not None for row in rows)
    return any(row.compound_id in species.accept and _is_claim(row, by_q) for row in rows)


def _unknown(
    component: Component,
    cosine: float,
    estimated: int | None,
    claims: Sequence[Assignment],
    judged: Sequence[ClaimJudged],
    experiment: Experiment,
) -> UnknownJudged:
    error = experiment.truth.axis_error_cm1
    true_axis = experiment.dataset.shift - error
    places = np.array([n.position_cm1 for s in component.species for n in s.lines])
    stated = places + np.interp(places, true_axis, error)
    mistaken = False
    for row, verdict in zip(claims, judged, strict=True):
        if not verdict.wrong_in_class:
            continue
        at = [np.abs(stated - m.observed_cm1).min() <= _AT_BAND_CM1 for m in row.matched]
        rests = bool(at) and 2 * sum(map(bool, at)) >= len(at)
        mistaken |= rests or (estimated is not None and row.component == estimated and cosine >= 0.8)
    return UnknownJudged(round(component.snr, 2), not mistaken, round(cosine, 4))


def _coverage(bands: ProfileBands | None, truth: Truth, pairs: dict[int, int], cosine: Array) -> tuple[int, int]:
    """Return (true concentrations inside their band, all) for the components that were found, (0, 0) without bands."""
    inside = total = 0
    for true, estimated in pairs.items() if bands is not None else ():
        component = truth.components[true]
        if component.snr < _SEEN or cosine[true, estimated] < _RECOGNISED:
            continue
        assert bands is not None
        low, high = bands.concentrations_lower[:, estimated], bands.concentrations_upper[:, estimated]
        usable = np.isfinite(low) & np.isfinite(high)
        inside += int(np.count_nonzero((component.concentrations >= low) & (component.concentrations <= high) & usable))
        total += int(np.count_nonzero(usable))
    return inside, total
