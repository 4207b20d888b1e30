"""Draw a band list as a spectrum, for a view beside data and for simulation. Never a measured reference."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import LibraryError
from .entry import Entry, Technique

__all__ = ["LineShape", "render"]

LineShape = Literal["lorentzian", "gaussian", "pseudo_voigt"]


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
    position = np.array([b.position_cm1 for b in bands])[:, None]
    width = np.array([fwhm_cm1 if b.fwhm_cm1 is None else b.fwhm_cm1 for b in bands])[:, None]
    height = np.array([b.rel_intensity for b in bands])
    reduced = (np.asarray(shift, dtype=np.float64)[None, :] - position) / (width / 2)
    lorentzian = 1.0 / (1.0 + reduced**2)
    gaussian = np.exp(-np.log(2.0) * reduced**2)
    shape = {"lorentzian": lorentzian, "gaussian": gaussian, "pseudo_voigt": 0.5 * (lorentzian + gaussian)}[line_shape]
    drawn: NDArray[np.float64] = height @ shape
    return drawn
