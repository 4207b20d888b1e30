"""The unmixing of a dataset as a recipe asks for it: events set aside, rank, factorisation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..columns import SpectrumFlag
from ..dataset import OperandoDataset
from ..errors import SpectrodeError, StepError
from ..pipeline.execute import fill_gaps
from .known import named_spectra
from .result import Decomposition

if TYPE_CHECKING:
    from ..pipeline.recipe import Recipe
    from .bands import ProfileBands
    from .rank import RankEstimate

__all__ = ["Unmixed", "unmixed_by_recipe", "usable_spectra"]

Progress = Callable[[str, int, int], None]
ShouldStop = Callable[[], bool]
Flags = NDArray[np.bool_]

_STARTS = 2  # of each search for an extreme; more hardly widen the interval and take as much longer
_FEWEST_CHANNELS = 0.5  # share of the channels that a spectrum must have to take part


@dataclass(frozen=True, eq=False)
class Unmixed:
    """What came out; both None where the recipe skips unmixing."""

    decomposition: Decomposition | None = None
    rank: RankEstimate | None = None
    bands: ProfileBands | None = None


def usable_spectra(dataset: OperandoDataset) -> Flags:
    """(spectra,) True where a spectrum can be used: finite, and not masked as a whole."""
    use = np.isfinite(dataset.intensity).all(axis=1)
    if dataset.mask is not None:
        use &= ~dataset.mask.all(axis=1)
    return np.asarray(use)


def unmixed_by_recipe(
    dataset: OperandoDataset,
    recipe: Recipe,
    *,
    progress: Progress | None = None,
    should_stop: ShouldStop | None = None,
) -> tuple[OperandoDataset, Unmixed]:
    """Unmix processed spectra.

    Spectra with some missing or masked channels take part with the others, as long as they have half of them.

    Returns
    -------
    dataset : OperandoDataset
        With spectra that hold an event of their own flagged.
    unmixed : Unmixed

    Raises
    ------
    SpectrodeError
        If nothing is left to unmix, or the recipe asks for what the dataset does not have.
    Cancelled
        If ``should_stop`` says so.
    """
    settings = recipe.unmixing
    if settings.method == "none":
        return dataset, Unmixed()
    from .events import with_fitted
    from .rank import estimate_rank

    values, usable = _with_gaps(dataset)
    if not usable.any():
        raise SpectrodeError("no spectrum is left to unmix: all are empty, masked or not finite")
    gaps = bool(np.isnan(values[usable]).any())
    finite = _filled(values, dataset.shift) if gaps else values
    dataset = _with_events(dataset, recipe, finite, usable)
    events = _flagged(dataset, SpectrumFlag.EVENT)
    use = usable & ~events
    known = named_spectra(settings.known, dataset.replace(intensity=finite), recipe, use)
    if progress is not None:
        progress("rank", 0, 1)
    # Not with the dataset's variance: the background's part of it is shared by neighbouring channels, and the criteria
    # ask for noise that is not.
    rank = estimate_rank(finite, max_components=settings.max_components, use=use, should_stop=should_stop)
    if progress is not None:
        progress("rank", 1, 1)
    possible = int(min(use.sum(), dataset.n_channels))
    components = settings.components or min(max(rank.suggested, len(known) + 1), settings.max_components, possible)
    told = None if progress is None else lambda done, total: progress("unmixing", done, total)
    if recipe.constraints or settings.weights != "none" or (gaps and settings.method == "mcr_als"):
        found = _constrained(dataset, recipe, values, use, known, components, told, should_stop)
    else:
        from .unmix import unmix

        found = unmix(
            finite,
            dataset.shift,
            method=settings.method,
            components=components,
            known=known or None,
            max_iterations=settings.max_iterations,
            tolerance=settings.tolerance,
            seed=settings.seed,
            use=use,
            progress=told,
            should_stop=should_stop,
        )
    found, bands = _with_bands(found, finite, recipe, progress, should_stop)
    return dataset, Unmixed(with_fitted(found, finite, usable & events), rank, bands)


def _with_bands(
    found: Decomposition,
    values: NDArray[np.float64],
    recipe: Recipe,
    progress: Progress | None,
    should_stop: ShouldStop | None,
) -> tuple[Decomposition, ProfileBands | None]:
    """Return how far noise and rotation can move the components, and the decomposition with what that tells."""
    if not recipe.unmixing.resamples:
        return found, None
    from .bands import profile_bands

    notes = []
    try:
        bands = profile_bands(
            values,
            found,
            resamples=recipe.unmixing.resamples,
            starts=_STARTS,
            seed=recipe.unmixing.seed,
            progress=None if progress is None else lambda done, total: progress("intervals", done, total),
            should_stop=should_stop,
        )
    except StepError as error:
        return replace(found, notes=(*found.notes, f"No intervals: {error}.")), None
    if recipe.constraints:
        notes.append("The intervals know non-negativity and known spectra only; the constraints narrow them further.")
    return replace(found, notes=(*found.notes, *bands.notes, *notes)), bands


def _constrained(
    dataset: OperandoDataset,
    recipe: Recipe,
    values: NDArray[np.float64],
    use: Flags,
    known: dict[str, NDArray[np.float64]],
    components: int,
    progress: Callable[[int, int], None] | None,
    should_stop: ShouldStop | None,
) -> Decomposition:
    from .constraints.tables import from_tables
    from .unmix import unmix_constrained

    settings = recipe.unmixing
    if settings.method != "mcr_als":
        raise SpectrodeError(f"constraints and weights need method mcr_als, but the recipe asks for {settings.method}")
    blocks = None
    if settings.blocks:
        column = dataset.frame_of() if settings.blocks == "frame" else dataset.columns.get(settings.blocks)
        if column is None:
            have = ", ".join(("frame", *dataset.columns))
            raise SpectrodeError(f"unmixing.blocks: there is no column {settings.blocks!r}; possible: {have}")
        _, blocks = np.unique(np.asarray(column), return_inverse=True)
    weights = _weights(dataset, values, components) if settings.weights == "noise" else None
    references = named_spectra(_references(recipe), dataset, recipe, use)
    return unmix_constrained(
        values,
        dataset.shift,
        components=components,
        constraints=from_tables(recipe.constraints),
        known=known or None,
        references=references,
        columns={"frame": dataset.frame_of(), **dataset.columns},
        blocks=blocks,
        weights=weights,
        max_iterations=settings.max_iterations,
        tolerance=settings.tolerance,
        seed=settings.seed,
        use=use,
        progress=progress,
        should_stop=should_stop,
    ).decomposition


def _weights(dataset: OperandoDataset, values: NDArray[np.float64], components: int) -> NDArray[np.float64]:
    """Return 1/variance of every value: the dataset's own, else of photons and what was subtracted from them."""
    if dataset.variance is not None:
        variance = np.asarray(dataset.variance, dtype=np.float64)
        return np.where(np.isfinite(variance) & (variance > 0), 1.0 / np.where(variance > 0, variance, 1.0), 0.0)
    from .constraints.noise import noise_weights

    background = dataset.columns.get("background_mean")
    level = 0.0 if background is None else np.nan_to_num(np.asarray(background))[:, None]
    return noise_weights(_filled(values, dataset.shift), background=level, rank=components)


def _references(recipe: Recipe) -> list[str]:
    """Return the spectra that constraints name and that are not held as components."""
    words = [str(table["known"]) for table in recipe.constraints if "known" in table]
    return [word for word in dict.fromkeys(words) if word not in recipe.unmixing.known]


def _with_gaps(dataset: OperandoDataset) -> tuple[NDArray[np.float64], Flags]:
    """Return the spectra with NaN at masked channels, and which have enough channels to take part."""
    values = np.asarray(dataset.intensity)
    if dataset.mask is not None and dataset.mask.any():
        values = np.where(dataset.mask, np.nan, values)
    present = np.isfinite(values)
    if present.all():
        return values, np.ones(len(values), dtype=bool)
    return np.where(present, values, np.nan), np.asarray(present.mean(axis=1) >= _FEWEST_CHANNELS)


def _filled(values: NDArray[np.float64], shift: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the spectra with missing channels interpolated, for what cannot do without; all-missing ones stay."""
    missing = np.isnan(values)
    return fill_gaps(values, shift, missing & ~missing.all(axis=1, keepdims=True))


def _with_events(
    dataset: OperandoDataset, recipe: Recipe, values: NDArray[np.float64], usable: Flags
) -> OperandoDataset:
    """Flag spectra that hold an event of their own, if the recipe sets them aside."""
    settings = recipe.unmixing
    if not settings.set_aside_events:
        return dataset
    from .events import event_spectra

    events = event_spectra(values, max_components=settings.max_components, use=usable)
    if not events.any():
        return dataset
    text = (
        f"{int(events.sum())} of {dataset.n_spectra} spectra hold an event of their own (a missed cosmic ray or a "
        "flash seen once); they took no part in finding components and are flagged"
    )
    return dataset.with_flags(SpectrumFlag.EVENT, events).replace(metadata=dataset.metadata.warn(text))


def _flagged(dataset: OperandoDataset, flag: SpectrumFlag) -> Flags:
    flags = dataset.columns.get("flags", np.zeros(dataset.n_spectra, dtype=np.int64))
    return np.asarray((flags & int(flag)) != 0)
