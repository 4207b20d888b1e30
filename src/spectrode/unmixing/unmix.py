"""From spectra to components: checks, start, factorisation, order, and one result."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import StepError
from .blocks import SpectraBlocks, Subspace, principal_subspace, usable_spectra
from .initial import Start, initial_spectra
from .mcr_als import Factors, Fit, Progress, ShouldStop, fit_concentrations, mcr_als
from .nmf import nmf
from .result import Decomposition

if TYPE_CHECKING:
    from .als import AlsResult
    from .constraints.base import Constraint
    from .constraints.noise import Scaling

__all__ = ["Constrained", "Method", "unmix", "unmix_constrained"]

Method = Literal["mcr_als", "nmf"]

_SHOWN = 20
_NOTHING = 1e-9
"""Share of all intensity that is rounding."""

Array = NDArray[np.float64]


def unmix(
    intensity: Any,
    shift: ArrayLike,
    *,
    method: Method = "mcr_als",
    components: int,
    known: Mapping[str, ArrayLike] | None = None,
    initial: Start | ArrayLike = "purest",
    max_iterations: int = 500,
    tolerance: float = 1e-6,
    restarts: int = 0,
    seed: int = 0,
    use: NDArray[np.bool_] | None = None,
    progress: Progress | None = None,
    should_stop: ShouldStop | None = None,
) -> Decomposition:
    """Unmix spectra into non-negative component spectra and concentrations, ``intensity ≈ C S``.

    The factorisation is not unique in general: with non-negativity alone a whole family of components fits equally
    well (rotational ambiguity; Lawton & Sylvestre), and a lower lack of fit does not mean better components. Pure
    spectra, bands of their own, and known spectra narrow it.

    Parameters
    ----------
    intensity
        (spectra, channels), any real type, background subtracted; small negative values are legal. Never changed, never
        copied whole (``nmf`` needs one copy). Spectra with missing values take no part and get NaN concentrations;
        spectra that are zero everywhere get 0.
    shift
        (channels,) the axis, to check that it fits.
    method
        ``mcr_als``: alternating exact non-negative least squares. ``nmf``: coordinate descent, cannot hold known
        spectra. Both end with exact non-negative concentrations for the spectra found.
    components
        Number of components, the known ones included.
    known
        Name → (channels,) spectrum on the same axis that is held fixed in shape; its scale is free. It may have small
        negative values, which stay. Known components come first, in the order given.
    initial
        Start of the unknown spectra: a way to choose them (see
        :func:`~spectrode.unmixing.initial.initial_spectra`), or (unknown, channels) spectra.
    max_iterations, tolerance
        Stop after so many iterations, or when the residual norm changes by less than this fraction in one. Smaller
        is slower and closer to the optimum.
    restarts
        Further runs, each from other randomly drawn spectra; the run with the lowest lack of fit is kept, and a note
        says how far they spread.
    seed
        Of all that is drawn. The same input and seed give the same result.
    use
        (spectra,) bool, False = take no part.
    progress
        Called with (iterations done, most iterations possible).
    should_stop
        Asked before each iteration.

    Returns
    -------
    Decomposition
        Unknown components follow the known ones, ordered by total contribution, largest first, and are named
        ``component i`` by their place, counted from 1.

    Raises
    ------
    StepError
        If the input does not fit together or holds fewer usable spectra or channels than components.
    Cancelled
        If ``should_stop`` says so.

    References
    ----------
    W. H. Lawton, E. A. Sylvestre, Technometrics 13 (1971) 617.
    A. de Juan, R. Tauler, Crit. Rev. Anal. Chem. 36 (2006) 163.
    J. Jaumot et al., Chemometr. Intell. Lab. Syst. 76 (2005) 101.
    """
    used, empty = usable_spectra("unmix", intensity, use)
    blocks = SpectraBlocks(intensity, used)
    _check_numbers(method, components, max_iterations, tolerance, restarts)
    _check_size(blocks, np.asarray(shift), components)
    fixed_names, fixed = _checked_known(known, blocks.channels, components, method)
    data = principal_subspace(blocks, max(_SHOWN, components))
    free = components - len(fixed)
    leading = data.truncated(components)
    starts = [_start(leading, initial, free, fixed, seed)]
    if free:
        others = range(seed + 1, seed + 1 + restarts)
        starts += [initial_spectra(leading, free, start="random", seed=other) for other in others]
    counter = _Counter(progress, len(starts) * max_iterations)
    run = _Run(blocks, fixed, method, max_iterations, tolerance, counter, should_stop)
    factors, fit, spread = run.best(starts)
    return _result(factors, fit, fixed_names, method, data, used, empty, spread)


@dataclass(frozen=True, eq=False)
class Constrained:
    """A decomposition under constraints, and the fit behind it with what each constraint forced."""

    decomposition: Decomposition
    fit: AlsResult


def unmix_constrained(
    intensity: Any,
    shift: ArrayLike,
    *,
    components: int,
    constraints: Sequence[Constraint] = (),
    known: Mapping[str, ArrayLike] | None = None,
    references: Mapping[str, ArrayLike] | None = None,
    columns: Mapping[str, ArrayLike] | None = None,
    blocks: ArrayLike | None = None,
    weights: ArrayLike | Scaling | None = None,
    initial: Start | ArrayLike = "purest",
    max_iterations: int = 500,
    tolerance: float = 1e-6,
    seed: int = 0,
    use: NDArray[np.bool_] | None = None,
    progress: Progress | None = None,
    should_stop: ShouldStop | None = None,
) -> Constrained:
    """Unmix spectra as :func:`unmix` does, with constraints, weights, and spectra that are partly missing.

    The data is copied into memory once. Components keep their order, as constraints name them: the known ones first,
    then ``component i`` by its place, counted from 1.

    Parameters
    ----------
    intensity, shift, components, initial, max_iterations, tolerance, seed, use, progress, should_stop
        As in :func:`unmix`. A spectrum with some missing values takes part with the others.
    constraints
        See :mod:`spectrode.unmixing.constraints`.
    known
        Name → spectrum of a component that is held in shape. An ``equal_spectrum`` of that component and reference
        lets its axis move.
    references
        Name → spectrum that constraints refer to, beside the known ones.
    columns, blocks, weights
        As in :func:`~spectrode.unmixing.als.als`, of all spectra.

    Returns
    -------
    Constrained

    Raises
    ------
    StepError
        If the input does not fit together, or a constraint lacks what it needs.
    Cancelled
        If ``should_stop`` says so.
    """
    from .als import als  # here, so that the plain path does not load what only constraints need

    _check_numbers("mcr_als", components, max_iterations, tolerance, 0)
    data = _with_gaps(intensity, use)
    present = np.isfinite(data)
    taking_part, empty = _taking_part(data, present)
    filled = SpectraBlocks(_filled(data, present), taking_part)
    _check_size(filled, np.asarray(shift), components)
    names, fixed = _checked_known(known, filled.channels, components, "mcr_als")
    subspace = principal_subspace(filled, max(_SHOWN, components))
    start = _start(subspace.truncated(components), initial, components - len(fixed), fixed, seed)
    names += _unknown_names(len(names), components, names)
    held = _held(names[: len(fixed)], constraints)
    fit = als(
        data[taking_part],
        np.vstack([fixed, start]),
        constraints=[*constraints, *held],
        shift=shift,
        names=names,
        columns={name: np.asarray(values)[taking_part] for name, values in (columns or {}).items()},
        blocks=None if blocks is None else np.asarray(blocks)[taking_part],
        known={**(references or {}), **(known or {})},
        weights=_chosen_weights(weights, taking_part),
        max_iterations=max_iterations,
        tolerance=tolerance,
        progress=progress,
        should_stop=should_stop,
    )
    given = [name in names[: len(fixed)] for name in names]
    for one in constraints:
        if one.kind == "equal_spectrum":
            place = one.components[0]  # type: ignore[attr-defined]
            given[names.index(place) if isinstance(place, str) else place] = True
    return Constrained(_decomposition(fit, data, taking_part, empty, tuple(given), subspace), fit)


def _with_gaps(intensity: Any, use: NDArray[np.bool_] | None) -> Array:
    """Return a float64 copy, with NaN where a value is missing, infinite or not to be used."""
    usable_spectra("unmix", intensity, use)
    data = np.array(intensity, dtype=np.float64)
    data[~np.isfinite(data)] = np.nan
    if use is not None:
        data[~np.asarray(use, dtype=bool)] = np.nan
    return data


def _taking_part(data: Array, present: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return (used, empty): spectra with something in them, and complete ones that are zero everywhere."""
    something = np.asarray(np.where(present, data != 0, False).any(axis=1))
    return something, np.asarray(present.all(axis=1) & ~something)


def _filled(data: Array, present: NDArray[np.bool_]) -> Array:
    """Return the data with gaps at the channel's mean: good enough to choose where to start, and used for no more."""
    if present.all():
        return data
    count = np.maximum(present.sum(axis=0), 1)
    return np.where(present, data, np.where(present, data, 0.0).sum(axis=0) / count)


def _held(known: tuple[str, ...], constraints: Sequence[Constraint]) -> list[Constraint]:
    """Return what keeps known spectra, except those that a constraint given already keeps."""
    from .constraints.known import EqualSpectrum

    kept = {c.components[0] for c in constraints if isinstance(c, EqualSpectrum)}
    return [EqualSpectrum((name,), name) for place, name in enumerate(known) if not {name, place} & kept]


def _chosen_weights(weights: ArrayLike | Scaling | None, rows: NDArray[np.bool_]) -> ArrayLike | Scaling | None:
    from .constraints.noise import Scaling

    if isinstance(weights, Scaling):
        return Scaling(np.asarray(weights.rows)[rows], weights.columns)
    return None if weights is None else np.asarray(weights)[rows]


def _decomposition(
    fit: AlsResult,
    data: Array,
    used: NDArray[np.bool_],
    empty: NDArray[np.bool_],
    known: tuple[bool, ...],
    subspace: Subspace,
) -> Decomposition:
    """Return the fit with spectra scaled to a maximum of 1 and a place for every spectrum."""
    top = fit.spectra.max(axis=1)
    concentrations = np.full((len(used), len(top)), np.nan)
    residual_rms = np.full(len(used), np.nan)
    concentrations[empty], residual_rms[empty] = 0.0, 0.0
    concentrations[used] = fit.concentrations * top
    residual = data[used] - fit.concentrations @ fit.spectra
    residual_rms[used] = np.sqrt(np.nanmean(residual**2, axis=1))
    left_out = int(np.count_nonzero(~used & ~empty))
    notes = list(fit.notes) + [one.sentence() for one in fit.forced]
    if left_out:
        notes.append(f"{left_out} spectra took no part: not in use, or without any value.")
    return Decomposition(
        spectra=fit.spectra / top[:, None],
        concentrations=concentrations,
        names=fit.names,
        known=known,
        method="mcr_als",
        lack_of_fit_percent=fit.lack_of_fit_percent,
        iterations=fit.iterations,
        converged=fit.converged,
        singular_values=subspace.singular_values,
        residual_rms=residual_rms,
        notes=tuple(notes),
    )


class _Counter:
    """Progress over several runs, each of which may end early."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress = progress
        self._total = total
        self._before = 0

    def __call__(self, done: int, _limit: int) -> None:
        if self._progress is not None:
            self._progress(self._before + done, self._total)

    def next_run(self, limit: int) -> None:
        self._before += limit
        if self._progress is not None:
            self._progress(self._before, self._total)


def _check_numbers(method: str, components: int, max_iterations: int, tolerance: float, restarts: int) -> None:
    if method not in get_args(Method):
        raise StepError(f"unmix: method {method!r} is not known; possible: {', '.join(get_args(Method))}")
    for name, value, least in (
        ("components", components, 1),
        ("max_iterations", max_iterations, 1),
        ("restarts", restarts, 0),
    ):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
            raise StepError(f"unmix: {name} needs a whole number from {least}, but {value!r} was given")
    if not (math.isfinite(tolerance) and tolerance >= 0):
        raise StepError(f"unmix: tolerance needs a number from 0, but {tolerance!r} was given")


def _check_size(blocks: SpectraBlocks, shift: NDArray[Any], components: int) -> None:
    if shift.shape != (blocks.channels,):
        raise StepError(
            f"unmix: shift must have one value for each of {blocks.channels} channels, but has {shift.shape}"
        )
    if blocks.n < components:
        raise StepError(
            f"unmix: {components} components were asked for, but only {blocks.n} of {len(blocks.used)} spectra are "
            "usable (in use, complete and not zero everywhere); as many are needed"
        )
    if blocks.channels < components:
        raise StepError(f"unmix: {components} components were asked for, but there are only {blocks.channels} channels")


def _checked_known(
    known: Mapping[str, ArrayLike] | None, channels: int, components: int, method: str
) -> tuple[tuple[str, ...], Array]:
    """Return names and spectra (j, channels), each with a maximum of 1."""
    if not known:
        return (), np.empty((0, channels))
    if method == "nmf":
        raise StepError("unmix: method 'nmf' cannot hold known spectra fixed; method 'mcr_als' can")
    if len(known) > components:
        raise StepError(f"unmix: {len(known)} spectra are known, but only {components} components were asked for")
    spectra = np.empty((len(known), channels))
    for row, (name, values) in zip(spectra, known.items(), strict=True):
        spectrum = np.asarray(values, dtype=np.float64)
        if spectrum.shape != (channels,):
            raise StepError(
                f"unmix: the known spectrum {name!r} must have {channels} channels, but has shape {spectrum.shape}"
            )
        if not np.isfinite(spectrum).all() or not (spectrum.max() > 0):
            raise StepError(f"unmix: the known spectrum {name!r} must be finite and somewhere above zero, but is not")
        row[:] = spectrum / spectrum.max()
    return tuple(known), spectra


def _start(subspace: Subspace, initial: Start | ArrayLike, free: int, fixed: Array, seed: int) -> Array:
    if isinstance(initial, str):
        known = fixed if len(fixed) else None
        return initial_spectra(subspace, free, start=initial, known=known, seed=seed)  # type: ignore[arg-type]
    spectra = np.array(initial, dtype=np.float64)
    wanted = (free, subspace.loadings.shape[0])
    if spectra.shape != wanted:
        raise StepError(
            f"unmix: initial spectra must have shape {wanted} (without the known), but have {spectra.shape}"
        )
    if not np.isfinite(spectra).all() or (spectra < 0).any() or not spectra.any(axis=1).all():
        raise StepError("unmix: initial spectra must be finite, not negative and not zero everywhere, but are not")
    return np.asarray(spectra / spectra.max(axis=1, keepdims=True))


@dataclass(frozen=True, eq=False)
class _Run:
    """A factorisation that lacks only its start."""

    blocks: SpectraBlocks
    fixed: Array
    method: Method
    max_iterations: int
    tolerance: float
    counter: _Counter
    should_stop: ShouldStop | None

    def best(self, starts: list[Array]) -> tuple[Factors, Fit, list[float]]:
        """Return the run of lowest lack of fit, and the lacks of fit of all."""
        kept: tuple[Factors, Fit] | None = None
        spread: list[float] = []
        for start in starts:
            factors = _exactly_known(self._from(start), self.fixed)
            fit = fit_concentrations(self.blocks, factors.spectra)
            self.counter.next_run(self.max_iterations)
            spread.append(fit.lack_of_fit_percent)
            if kept is None or spread[-1] < kept[1].lack_of_fit_percent:
                kept = factors, fit
        assert kept is not None
        return *kept, spread

    def _from(self, start: Array) -> Factors:
        if self.method == "nmf":
            return nmf(
                self.blocks,
                start,
                max_iterations=self.max_iterations,
                tolerance=self.tolerance,
                progress=self.counter,
                should_stop=self.should_stop,
            )
        return mcr_als(
            self.blocks,
            np.vstack([self.fixed, start]),
            fixed=np.arange(len(self.fixed) + len(start)) < len(self.fixed),
            max_iterations=self.max_iterations,
            tolerance=self.tolerance,
            progress=self.counter,
            should_stop=self.should_stop,
        )


def _exactly_known(factors: Factors, fixed: Array) -> Factors:
    """Scale every spectrum to a maximum of 1, the known ones to the very numbers that were given."""
    spectra = factors.spectra / factors.spectra.max(axis=1, keepdims=True)
    spectra[: len(fixed)] = fixed
    return Factors(spectra, factors.iterations, factors.converged, factors.notes)


def _result(
    factors: Factors,
    fit: Fit,
    known: tuple[str, ...],
    method: str,
    data: Subspace,
    used: NDArray[np.bool_],
    empty: NDArray[np.bool_],
    spread: list[float],
) -> Decomposition:
    k, j = len(factors.spectra), len(known)
    contribution = fit.concentrations.sum(axis=0) * factors.spectra.sum(axis=1)
    order = np.concatenate([np.arange(j), j + np.argsort(-contribution[j:], kind="stable")])
    names = known + _unknown_names(j, k, known)
    concentrations = np.full((len(used), k), np.nan)
    residual_rms = np.full(len(used), np.nan)
    concentrations[empty], residual_rms[empty] = 0.0, 0.0
    concentrations[used] = fit.concentrations[:, order]
    residual_rms[used] = np.sqrt(fit.residual_squares / factors.spectra.shape[1])
    notes = list(factors.notes)
    notes += [
        f"{names[i]} contributes nothing; fewer components would do."
        for i in range(k)
        if not contribution[order[i]] > _NOTHING * contribution.sum()
    ]
    if len(spread) > 1:
        notes.append(
            f"{len(spread)} runs from different starts gave a lack of fit from {min(spread):.4g} to {max(spread):.4g} "
            "%; the lowest was kept."
        )
    left_out = int(np.count_nonzero(~used & ~empty))
    if left_out:
        notes.append(f"{left_out} spectra took no part: not in use, or with missing values.")
    return Decomposition(
        spectra=factors.spectra[order],
        concentrations=concentrations,
        names=names,
        known=(True,) * j + (False,) * (k - j),
        method=method,
        lack_of_fit_percent=fit.lack_of_fit_percent,
        iterations=factors.iterations,
        converged=factors.converged,
        singular_values=data.singular_values,
        residual_rms=residual_rms,
        notes=tuple(notes),
    )


def _unknown_names(first: int, k: int, taken: tuple[str, ...]) -> tuple[str, ...]:
    names = []
    for place in range(first + 1, k + 1):
        name = f"component {place}"
        while name in taken:
            name += "'"
        names.append(name)
    return tuple(names)
