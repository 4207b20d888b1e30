"""The area of one band in every spectrum, over a straight local baseline."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spectrode.dataset import OperandoDataset
from spectrode.errors import SpectrodeError

__all__ = ["band_area", "band_weights", "total_intensity"]

ANCHOR_FRACTION = 0.1
"""Share of the range at each end whose mean carries the baseline: one channel alone would be mostly noise."""


def band_weights(shift: NDArray[np.float64], low: float, high: float) -> tuple[slice, NDArray[np.float64]]:
    """Return the channels of a range and the weights whose sum of products with a spectrum is the band area.

    Area (trapezoid rule on the axis as it is, also when it is not uniform) and straight baseline are both linear in
    the intensities, so that one matrix–vector product serves a whole map series.

    Parameters
    ----------
    shift
        (channels,) increasing, cm-1.
    low, high
        The range in cm-1; either order.

    Raises
    ------
    SpectrodeError
        If the range holds fewer than three channels.
    """
    low, high = sorted((float(low), float(high)))
    first, last = int(np.searchsorted(shift, low, "left")), int(np.searchsorted(shift, high, "right"))
    x = shift[first:last]
    if x.size < 3:
        raise SpectrodeError(
            f"the range {low:.1f}–{high:.1f} holds {x.size} channels, but a band image needs at least 3; "
            f"the spectrum spans {shift[0]:.1f}–{shift[-1]:.1f}"
            if shift.size
            else "the dataset has no channels"
        )
    area = np.zeros(x.size)
    half = np.diff(x) / 2
    area[:-1] += half
    area[1:] += half
    n = max(1, min(round(ANCHOR_FRACTION * x.size), x.size // 2))
    left, right = x[:n].mean(), x[-n:].mean()
    # Area under the line through (left, a) and (right, b), integrated from x[0] to x[-1].
    length, middle = x[-1] - x[0], (x[-1] + x[0]) / 2
    share_right = length * (middle - left) / (right - left)
    area[:n] -= (length - share_right) / n
    area[-n:] -= share_right / n
    return slice(first, last), area


def band_area(dataset: OperandoDataset, low: float, high: float) -> NDArray[np.float64]:
    """(spectra,) area of the band between ``low`` and ``high`` over a straight baseline, counts × cm-1.

    The baseline runs through the means of the outermost tenth of the range at each end. Spectra with a masked or
    missing channel inside the range are NaN.

    Raises
    ------
    SpectrodeError
        If the range holds fewer than three channels.
    """
    channels, weights = band_weights(dataset.shift, low, high)
    part = dataset.intensity[:, channels]
    part = part.compute() if dataset.is_lazy else part
    kind = part.dtype if part.dtype.kind == "f" else np.dtype(np.float64)
    area = np.asarray(part @ weights.astype(kind), dtype=np.float64)
    if dataset.mask is not None:
        area[dataset.mask[:, channels].any(axis=1)] = np.nan
    return area


def total_intensity(dataset: OperandoDataset) -> NDArray[np.float64]:
    """(spectra,) sum over the channels in counts; NaN where every channel is masked."""
    if dataset.is_lazy:
        total = np.asarray(dataset.intensity.sum(axis=1, dtype=np.float64).compute())
    else:
        total = np.asarray(dataset.intensity.sum(axis=1, dtype=np.float64))
    if dataset.mask is not None:
        total[dataset.mask.all(axis=1)] = np.nan
    return total
