"""Smoothness as a length on the axis rather than as ``lam``, which counts in channels.

Where all weights are 1, a Whittaker smoother of order d passes the share ``1 / (1 + lam (2 sin(w / 2))^(2 d))`` of a
ripple of w radians a channel. The cut-off is the period of which half passes; for periods of many channels
``2 sin(w / 2)`` is w itself, which gives ``lam = (cutoff / (2 pi D))^(2 d)`` for channels D apart (Eilers, Anal. Chem.
2003, 75, 3631).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ...errors import SpectrodeError

__all__ = ["cutoff_from_lam", "lam_from_cutoff"]


def lam_from_cutoff(cutoff_cm1: float, shift: ArrayLike, diff_order: int = 2) -> float:
    """Return the ``lam`` that belongs to a cut-off on this axis.

    Parameters
    ----------
    cutoff_cm1
        Period in cm-1 of the ripple that passes to half; larger is smoother.
    shift
        (channels,) axis in cm-1; the median distance of its channels counts.
    diff_order
        Order of the differences that are penalised.

    Raises
    ------
    SpectrodeError
        If the cut-off is not above two distances of channels, the shortest period that an axis can hold.
    """
    distance = _distance(shift)
    if not cutoff_cm1 > 2 * distance:
        raise SpectrodeError(
            f"a cut-off of {cutoff_cm1:g} cm-1 is too short for channels {distance:g} cm-1 apart; it must exceed twice "
            "their distance"
        )
    return float((cutoff_cm1 / (2 * np.pi * distance)) ** (2 * diff_order))


def cutoff_from_lam(lam: float, shift: ArrayLike, diff_order: int = 2) -> float:
    """Return the cut-off in cm-1 of a ``lam`` on this axis, the inverse of :func:`lam_from_cutoff`.

    Raises
    ------
    SpectrodeError
        If ``lam`` is not above zero, or the axis has fewer than two channels.
    """
    if not lam > 0:
        raise SpectrodeError(f"lam must be above 0 to have a cut-off, but it is {lam:g}")
    return float(2 * np.pi * _distance(shift) * lam ** (1 / (2 * diff_order)))


def _distance(shift: ArrayLike) -> float:
    axis = np.asarray(shift, dtype=np.float64)
    if axis.size < 2:
        raise SpectrodeError(f"a cut-off needs an axis of at least 2 channels, but it has {axis.size}")
    return float(np.median(np.abs(np.diff(axis))))
