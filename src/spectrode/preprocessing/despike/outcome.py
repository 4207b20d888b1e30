"""What all spike steps return: the cleaned spectra, which channels were replaced, why, and how much was taken off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from ...pipeline.parameters import Between, Unit
from ...pipeline.step import StepOutput
from .reasons import SpikeReason

__all__ = ["Flags", "Floats", "LineWidth", "outcome"]

Floats = NDArray[Any]
Flags = NDArray[np.bool_]
LineWidth = Annotated[float, Between(1.0, 50), Unit("channels")]

_LEFT = (
    "{count} channels of {total} spectra may be cosmic rays or flashes of light: undecidable by width, and without "
    "neighbours left as they are"
)


def outcome(
    before: Floats,
    cleaned: Floats,
    shift: NDArray[np.float64],
    reason: NDArray[np.uint8],
    counts: Mapping[str, int] | None = None,
    notes: tuple[str, ...] = (),
    rows: NDArray[np.int64] | None = None,
) -> StepOutput:
    """Return the output of a spike step.

    Parameters
    ----------
    before, cleaned
        (spectra, channels).
    reason
        (spectra, channels) of :class:`SpikeReason`. Undecidable channels that were not changed are no spikes.
    rows
        The spectra in which there is a reason, if known. Nothing else is then read.

    Returns
    -------
    StepOutput
        With the products ``spikes`` (bool) and ``spike_reason`` (uint8), (spectra, channels), and ``removed``
        (spectra,): the sum of the counts taken off.
    """
    told: dict[str, int] = dict(counts or {})
    removed = np.zeros(before.shape[0])
    spikes = np.zeros(before.shape, dtype=bool)
    if rows is None:
        rows = np.flatnonzero(reason.any(axis=1))
    some = reason[rows]
    difference = before[rows].astype(np.float64) - cleaned[rows]
    stays = (some == SpikeReason.UNDECIDABLE_BY_WIDTH) & (difference == 0)
    there = (some != SpikeReason.NONE) & ~stays
    spikes[rows] = there
    removed[rows] = np.where(there, difference, 0.0).sum(axis=1)
    told[_LEFT] = int(np.count_nonzero(stays))
    numbers = np.bincount(some[there], minlength=len(SpikeReason))
    for why in SpikeReason:
        if why is not SpikeReason.NONE:
            told[why.sentence] = int(numbers[why])
    told["{count} of {total} spectra held spikes"] = int(np.count_nonzero(there.any(axis=1)))
    products = {"spikes": spikes, "spike_reason": reason, "removed": removed}
    return StepOutput(cleaned, shift, products, notes, told)
