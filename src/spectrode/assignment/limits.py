"""From which amount on would a species have been assigned in this spectrum?

Without that number "no lithium carbonate was found" says nothing. For each entry its bands are drawn with the
uncertainties of the library, as they would stand in this spectrum: lost if they fall below the noise or under a peak
that is there. The amount at which the assignment's own rule names the species in 95 of 100 draws is its detection
limit.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..library.collection import Library
from .evidence import TYPICAL_FWHM_CM1, Observed, density_at
from .explain import prior_of
from .match import Answer, answers_of, least_evidence
from .references import References
from .settings import AssignmentSettings
from .verdicts import cost_of_strangers, why_never

__all__ = ["LIMIT_COLUMNS", "DetectionLimit", "detection_limits", "limit_rows", "limits_of"]

Floats = NDArray[np.float64]

_DRAWS = 200
_AMOUNTS = 24
_SPAN = 3000.0  # from the limit of a single band to this many times it
_HIDES = 0.7
_POSITION_SHARE = 0.6  # of a band's stated uncertainty
LIMIT_COLUMNS = (
    "component", "compound_id", "compound", "height", "share_of_strongest", "crowded_bands_cm1", "can_be_assigned",
    "reason",
)  # fmt: skip


@dataclass(frozen=True)
class DetectionLimit:
    """The least amount of one species that would have been assigned in one component spectrum."""

    component: int
    compound_id: str
    compound: str
    height: float | None
    """Height of its strongest band in range (units of the spectrum) found with the power asked for; None if never."""
    share_of_strongest: float | None
    """The same over the highest peak of the component."""
    crowded_cm1: tuple[float, ...]
    """Its bands that peaks which are there would hide at this amount."""
    reason: str
    """Why it can never be assigned, or empty."""


def detection_limits(
    shift: ArrayLike,
    spectra: ArrayLike,
    library: Library,
    *,
    settings: AssignmentSettings | None = None,
    noise: ArrayLike | None = None,
    power: float = 0.95,
    seed: int = 0,
) -> list[DetectionLimit]:
    """Return the detection limit of every entry in every component.

    Parameters
    ----------
    shift, spectra, library, settings, noise
        As for :func:`spectrode.assignment.assign_components`. The noise must be that of the component spectrum, so
        that the averaging over many measured spectra is in it; it is estimated from the spectrum if not given.
    power : float
        Share of the draws in which the species must be found, 0.5 to 0.99; larger gives higher limits.
    seed : int
        Of the draws.
    """
    settings = AssignmentSettings() if settings is None else settings
    out: list[DetectionLimit] = []
    for component, answer in enumerate(answers_of(shift, spectra, library, settings=settings, noise=noise)):
        out += limits_of(component, answer, power, seed)
    return out


def limit_rows(limits: list[DetectionLimit]) -> list[dict[str, str]]:
    """Return rows of text in the order of :data:`LIMIT_COLUMNS`; components from 1, what is not known is empty."""
    return [
        {
            "component": str(d.component + 1),
            "compound_id": d.compound_id,
            "compound": d.compound,
            "height": "" if d.height is None else f"{d.height:.4g}",
            "share_of_strongest": "" if d.share_of_strongest is None else f"{d.share_of_strongest:.4f}",
            "crowded_bands_cm1": ";".join(f"{c:.1f}" for c in d.crowded_cm1),
            "can_be_assigned": "yes" if d.height is not None else "no",
            "reason": d.reason,
        }
        for d in limits
    ]


def limits_of(
    component: int, answer: Answer, power: float = 0.95, seed: int = 0, ids: Collection[str] | None = None
) -> list[DetectionLimit]:
    """Return the detection limit of every entry (or of ``ids``) in one component; see :func:`detection_limits`."""
    references, observed = answer.references, answer.observed
    prior = prior_of(references) - cost_of_strangers(observed, answer.explanation.taken)
    highest = float(observed.height.max(initial=0.0))
    found = []
    for n, entry in enumerate(references.entries):
        if ids is not None and entry.id not in ids:
            continue
        reason = why_never(entry)
        height: float | None = None
        crowded: tuple[float, ...] = ()
        if not reason:
            own = [m for v in answer.verdicts if (m := v.member).entry == n]
            covered = np.zeros(len(observed.peaks), bool)
            for m in own:
                covered |= m.new
            height, crowded = _limit(references, observed, n, float(prior[n]), ~covered, power, seed)
            reason = "" if height is not None else "too few bands stand free in this spectrum, whatever the amount"
        share = None if height is None or highest <= 0 else height / highest
        found.append(DetectionLimit(component, entry.id, entry.name, height, share, crowded, reason))
    return found


def _limit(
    references: References,
    observed: Observed,
    entry: int,
    prior: float,
    others: NDArray[np.bool_],
    power: float,
    seed: int,
) -> tuple[float | None, tuple[float, ...]]:
    """Return the amount (bisected on a grid) and the bands that are crowded there."""
    slots = np.array([n for n in references.slots_of_entry(entry) if references.slot_expected[n]], dtype=np.intp)
    if not slots.size:
        return None, ()
    bands = np.array([int(np.flatnonzero(references.band_slot == n)[0]) for n in slots], dtype=np.intp)
    strength = references.slot_strength[slots] / references.slot_strength[slots].max()
    width = np.nan_to_num(references.fwhm[bands], nan=TYPICAL_FWHM_CM1)
    limit = observed.limit(width)
    amounts = np.geomspace(float(limit.min()), _SPAN * float(limit.min()), _AMOUNTS)
    rng = np.random.default_rng([seed, entry])
    share = _draws(references, observed, entry, bands, strength, limit, amounts, others, prior, rng)
    enough = np.flatnonzero(share >= power)
    if not enough.size:
        return None, ()
    first = int(enough[0])
    cover = _cover(observed, references.position[bands], others)
    hidden = cover >= amounts[first] * strength
    return float(amounts[first]), tuple(float(p) for p in references.position[bands][hidden])


def _cover(observed: Observed, position: Floats, others: NDArray[np.bool_]) -> Floats:
    """Return the height of what is there at each position."""
    if not others.any():
        return np.zeros(position.shape)
    apart = np.abs(position[..., None] - observed.position[others])
    near = apart <= _HIDES * observed.fwhm[others]
    return np.asarray(np.where(near, observed.height[others], 0.0).max(axis=-1))


def _draws(
    references: References,
    observed: Observed,
    entry: int,
    bands: NDArray[np.intp],
    strength: Floats,
    limit: Floats,
    amounts: Floats,
    others: NDArray[np.bool_],
    prior: float,
    rng: np.random.Generator,
) -> Floats:
    """Return (amounts,) the share of draws in which the rule of the assignment names the species."""
    settings = observed.settings
    shape = (_DRAWS, bands.size)
    spread = references.uncertainty[bands]
    offset = _POSITION_SHARE * spread * rng.standard_normal(shape)
    factor = np.exp(0.6 * references.log_height[bands] * rng.standard_normal(shape))
    axis = settings.axis_uncertainty_cm1
    position = references.position[bands] + offset + axis * rng.standard_normal((_DRAWS, 1))
    cover = _cover(observed, position, others)
    spread2 = spread**2
    density = density_at(references, observed, references.position[bands])
    presence, log_height = references.presence[bands], references.log_height[bands]
    base = np.log(presence) - 0.5 * offset**2 / spread2 - 0.5 * np.log(2 * np.pi * spread2) - np.log(density)
    out = np.zeros(amounts.size)
    for i, amount in enumerate(amounts):
        height = amount * strength * factor
        seen = (height >= limit) & (height > cover)
        log_range = np.log(np.maximum(3.0 * max(float(observed.height.max(initial=0.0)), amount) / limit, 3.0))
        scale = -0.5 * (np.log(factor) / log_height) ** 2 + np.log(log_range / (np.sqrt(2 * np.pi) * log_height))
        expected = 1 / (1 + np.exp(-1.7 * np.log(amount * strength / np.maximum(2 * limit, cover)) / log_height))
        gone = np.log1p(-presence * expected)
        evidence = np.where(seen, np.maximum(base + scale, gone), gone).sum(axis=1) + prior
        # One axis shift common to all bands is fitted along.
        evidence -= 0.5 * np.log1p(axis**2 * np.where(seen, 1 / spread2, 0.0).sum(axis=1))
        # Integrating over the amount costs about the logarithm of its range over what the bands leave of it.
        evidence -= np.log(np.maximum(24 * 0.4 / np.sqrt(np.maximum(seen.sum(axis=1), 1)), 1.0))
        number = seen.sum(axis=1) >= (1 if references.only_band[entry] else settings.min_bands)
        strongest = np.take_along_axis(seen, np.argmax(strength * (cover <= amount * strength), axis=1)[:, None], 1)[
            :, 0
        ]
        out[i] = float(np.mean((evidence >= least_evidence(settings)) & number & strongest))
    return out
