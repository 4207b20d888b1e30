"""Spectra that hold an event of their own: a cosmic ray that was missed, a flash that lives in one spectrum only."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .nnls import solve_nnls
from .result import Decomposition

__all__ = ["event_spectra", "with_fitted"]

_FEW = 4.0
"""A direction carried by fewer spectra than this is an event, not a component: a component needs several spectra to be
told from one."""
_SHARE = 0.1
_MOST = 0.02
"""At most this fraction of the spectra is set aside; more would be chemistry."""


def event_spectra(intensity: Any, *, max_components: int, use: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
    """Find spectra that would make a component by themselves.

    The leading singular vectors of the noise-scaled data are asked how many spectra carry them (participation number
    ``(Σu²)² / Σu⁴``). Spectra that dominate a direction carried by fewer than four are set aside, and the question is
    asked again until no such direction is left.

    Parameters
    ----------
    intensity
        (spectra, channels), finite where ``use`` is True.
    max_components
        How many directions are looked at; larger also finds weaker events.
    use
        (spectra,) spectra to look at; all if not given.

    Returns
    -------
    (spectra,) bool array
        True for a spectrum with an event of its own. All False for fewer than 20 spectra, where nothing can be said.
    """
    values = np.asarray(intensity)
    chosen = np.ones(values.shape[0], dtype=bool) if use is None else use.copy()
    events = np.zeros(values.shape[0], dtype=bool)
    budget = int(_MOST * chosen.sum())
    if chosen.sum() < 20:
        return events
    scale = _noise_of_channels(values[chosen])
    rows = np.flatnonzero(chosen)
    scaled = np.asarray(values[rows], dtype=np.float64) / scale
    gram = scaled.T @ scaled
    kept = np.ones(rows.size, dtype=bool)
    while True:
        found = np.flatnonzero(kept)[_dominant(gram, scaled[kept], max_components)]
        if found.size == 0 or np.count_nonzero(~kept) + found.size > budget:
            events[rows[~kept]] = True
            return events
        kept[found] = False
        gram -= scaled[found].T @ scaled[found]


def with_fitted(decomposition: Decomposition, intensity: Any, rows: NDArray[np.bool_]) -> Decomposition:
    """Give concentrations to spectra that took no part, by non-negative least squares on the spectra that were found.

    Parameters
    ----------
    rows
        (spectra,) True where concentrations are to be filled in.
    """
    if not rows.any():
        return decomposition
    spectra = decomposition.spectra
    data = np.asarray(intensity)[rows].astype(np.float64)
    fitted = solve_nnls(spectra @ spectra.T, data @ spectra.T)
    concentrations, residual = decomposition.concentrations.copy(), decomposition.residual_rms.copy()
    concentrations[rows] = fitted
    residual[rows] = np.sqrt(np.mean((data - fitted @ spectra) ** 2, axis=1))
    # They did take part in the end, and the dataset's own flags say why not from the beginning.
    notes = tuple(note for note in decomposition.notes if "took no part" not in note)
    return replace(decomposition, concentrations=concentrations, residual_rms=residual, notes=notes)


def _noise_of_channels(values: NDArray[Any]) -> NDArray[np.float64]:
    """(channels,) noise from the differences between successive spectra; robust against bands that come and go."""
    steps = np.abs(np.diff(np.asarray(values, dtype=np.float64), axis=0))
    noise = np.median(steps, axis=0) / (0.6745 * np.sqrt(2))
    floor = float(np.median(noise)) or 1.0
    return np.asarray(np.maximum(noise, 0.1 * floor))


def _dominant(gram: NDArray[np.float64], scaled: NDArray[np.float64], max_components: int) -> NDArray[np.int64]:
    """Return the rows that carry most of a direction which only few rows carry."""
    from scipy.linalg import eigh

    channels = gram.shape[0]
    count = min(max_components, channels, scaled.shape[0])
    _, vectors = eigh(gram, subset_by_index=[channels - count, channels - 1])
    weight = (scaled @ vectors) ** 2
    total = weight.sum(axis=0)
    share = weight / np.where(total > 0, total, 1.0)
    participation = 1.0 / np.maximum((share**2).sum(axis=0), 1e-300)
    lonely = participation < _FEW
    return np.flatnonzero((share[:, lonely] > _SHARE).any(axis=1))
