"""Removal of cosmic rays. The raw counts are not lost: every step tells which channels it replaced, why, and by how
much (products ``spikes``, ``spike_reason`` with the numbers of :class:`SpikeReason`, ``removed``).

Light passes the spectrograph, so every real signal, however bright and however short its flash, is a sum of positive
copies of the instrument's line shape. Charge set free by a particle does not pass it. A band is therefore never
removed for being strong or for being seen in one spectrum only, as with the intensity flashes of SERS.

``despike.auto`` and ``despike.neighbours`` fit a few channels by such sums, and by such sums and a spike. The noise,
as variance against counts, and the width of the line shape are taken from the data.

``despike.whitaker_hayes`` needs no fit: for a Gaussian line shape of standard deviation s channels, a sum f obeys at
every channel x and wherever the lines lie

    f(x - 1) f(x + 1) >= f(x)^2 exp(-1 / s^2)

(divide f by a Gaussian centred at zero: what remains is a sum of exponentials of x, which is log-convex; equality
holds for a single line).

Saturated channels are light too. No spike step takes them for spikes; ``despike.detector`` masks them.

Run these steps on the detector's own channels: resampling broadens a spike to the width of a line.
"""

from __future__ import annotations

from .detector import detector
from .event import classify_event
from .reasons import SpikeReason
from .single import modified_z_score, prominence, sharper_than_light, whitaker_hayes
from .spatial import auto, neighbours
from .table import neighbour_table

__all__ = [
    "SpikeReason",
    "auto",
    "classify_event",
    "detector",
    "modified_z_score",
    "neighbour_table",
    "neighbours",
    "prominence",
    "sharper_than_light",
    "whitaker_hayes",
]
