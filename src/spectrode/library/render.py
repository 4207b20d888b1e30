"""Draw a band list as a spectrum, for a view beside data and for simulation. Never a measured reference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import LibraryError
from .entry import Band, Entry, Technique

__all__ = ["INTENSITY_UNCERTAINTY", "LineShape", "render", "render_uncertainty"]

LineShape = Literal["lorentzian", "gaussian", "pseudo_voigt"]

INTENSITY_UNCERTAINTY = {"measured": 0.10, "estimate": 0.40, "class_default": 0.60}
"""Relative standard uncertainty taken for an intensity, by what it rests on. An assumption: sources state none, and
even measured ratios change with excitation, polarisation and the instrument's response."""


def render(
    entry: Entry,
    shift: NDArray[Any],
    *,
    fwhm_cm1: float = 8.0,
    line_shape: LineShape = "lorentzian",
    technique: Technique = "raman",
    states: tuple[str, ...] = (),
) -> NDArray[np.float64]:
    """Return a drawn spectrum of an entry's bands.

    Parameters
    ----------
    entry : Entry
        The species.
    shift : (channels,) array
        Raman shift or wavenumber in cm-1.
    fwhm_cm1 : float
        Full width at half maximum in cm-1 for bands whose own width is not known; larger is broader. A band with a
        known width keeps it.
    line_shape : {"lorentzian", "gaussian", "pseudo_voigt"}
        ``pseudo_voigt`` is the equal mixture of the two others.
    technique : {"raman", "ir"}
        Which bands to draw.
    states : tuple of str
        Draw only bands of these physical states; empty draws all.

    Returns
    -------
    (channels,) float64 array
        Each band's maximum is its relative intensity.

    Raises
    ------
    LibraryError
        If the entry has no band of this technique (and these states), or the width or line shape cannot be.
    """
    if not fwhm_cm1 > 0:
        raise LibraryError(f"render: fwhm_cm1 must be above 0 cm-1, but {fwhm_cm1!r} was given")
    if line_shape not in ("lorentzian", "gaussian", "pseudo_voigt"):
        raise LibraryError(f"render: line_shape is {line_shape!r}; possible: lorentzian, gaussian, pseudo_voigt")
    if technique == "raman" and entry.no_raman_reason is not None:
        raise LibraryError(f"{entry.id} cannot be drawn: {entry.no_raman_reason}")
    bands = [b for b in entry.bands(technique) if not states or b.state in states]
    if not bands:
        held = ", ".join(sorted({b.state for b in entry.bands(technique)})) or "none"
        asked = ", ".join(states) or "any"
        raise LibraryError(f"{entry.id} has no {technique} band to draw in the state {asked}; states held: {held}")
    drawn: NDArray[np.float64] = _shapes(bands, shift, fwhm_cm1, line_shape).T @ _heights(bands)
    return drawn


def render_uncertainty(
    entry: Entry,
    shift: NDArray[Any],
    *,
    fwhm_cm1: float = 8.0,
    line_shape: LineShape = "lorentzian",
    technique: Technique = "raman",
    states: tuple[str, ...] = (),
) -> NDArray[np.float64]:
    """Return the standard uncertainty of the spectrum that :func:`render` draws with the same arguments.

    Each band's position (its ``uncertainty_cm1``, taken as a standard uncertainty) and intensity
    (:data:`INTENSITY_UNCERTAINTY`) are propagated to first order, bands independent of one another. On the flank of a
    narrow band, where first order ends, it is an upper estimate.

    Returns
    -------
    (channels,) float64 array
    """
    render(entry, shift, fwhm_cm1=fwhm_cm1, line_shape=line_shape, technique=technique, states=states)  # checks all
    bands = [b for b in entry.bands(technique) if not states or b.state in states]
    shape = _shapes(bands, shift, fwhm_cm1, line_shape)
    step = 0.01
    later = _shapes(bands, np.asarray(shift, dtype=np.float64) + step, fwhm_cm1, line_shape)
    slope = (later - shape) / step
    height = _heights(bands)[:, None]
    from_position = height * slope * np.array([b.uncertainty_cm1 for b in bands])[:, None]
    from_height = height * shape * np.array([INTENSITY_UNCERTAINTY[b.rel_intensity_basis] for b in bands])[:, None]
    # No displacement can change the intensity by more than the band is high.
    from_position = np.clip(from_position, -height, height)
    return np.asarray(np.sqrt((from_position**2 + from_height**2).sum(axis=0)))


def _heights(bands: Sequence[Band]) -> NDArray[np.float64]:
    return np.array([b.rel_intensity for b in bands])


def _shapes(bands: Sequence[Band], shift: NDArray[Any], fwhm_cm1: float, line_shape: LineShape) -> NDArray[np.float64]:
    """(bands, channels) line shapes with a maximum of 1."""
    position = np.array([b.position_cm1 for b in bands])[:, None]
    width = np.array([fwhm_cm1 if b.fwhm_cm1 is None else b.fwhm_cm1 for b in bands])[:, None]
    reduced = (np.asarray(shift, dtype=np.float64)[None, :] - position) / (width / 2)
    lorentzian: NDArray[np.float64] = 1.0 / (1.0 + reduced**2)
    gaussian: NDArray[np.float64] = np.exp(-np.log(2.0) * reduced**2)
    if line_shape == "lorentzian":
        return lorentzian
    return gaussian if line_shape == "gaussian" else 0.5 * (lorentzian + gaussian)
