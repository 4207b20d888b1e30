"""What the report says about the removed background: bleaching, and dependence on potential."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..fluorescence import FluorescenceReport, SweepTrend

__all__ = ["BLEACHING_COLUMNS", "bleaching_rows", "fluorescence_sentences"]

_DIRECTIONS = {1: "rising potential", -1: "falling potential", 0: "at rest"}
_MODELS = {
    "single": "one exponential",
    "double": "two exponentials",
    "stretched": "a stretched exponential",
}
BLEACHING_COLUMNS = (
    "place", "model", "tau_1", "tau_1_low", "tau_1_high", "tau_2", "tau_2_low", "tau_2_high", "tau_unit",
    "amplitude_1_counts", "amplitude_2_counts", "offset_counts", "beta", "reason",
)  # fmt: skip


def fluorescence_sentences(report: FluorescenceReport) -> list[str]:
    """Return what was found, each finding with its interval, or why nothing can be said."""
    pooled, unit = report.pooled, report.unit_of_exposure
    found = []
    if pooled.reason[0]:
        found.append(f"Bleaching of all places together: not identifiable, because {pooled.reason[0]}.")
    else:
        times = " and ".join(
            f"{t:.3g} {unit} (95 %: {low:.3g} to {high:.3g})"
            for t, low, high in zip(pooled.tau[0], pooled.tau_low[0], pooled.tau_high[0], strict=True)
            if math.isfinite(t)
        )
        model = str(pooled.model[0])
        beta = f", β = {pooled.beta[0]:.2f} ± {pooled.beta_error[0]:.2f}" if model == "stretched" else ""
        found.append(f"Bleaching of all places together: {_MODELS[model]}, τ = {times}{beta}.")
    places = int(np.prod(report.pixel_shape))
    if places > 1:
        known = report.pixel.identifiable
        words = f"Place by place it is identifiable in {int(known.sum())} of {places}"
        first = report.pixel.tau[known, 0]
        if first.size:
            low, middle, high = np.quantile(first, [0.1, 0.5, 0.9])
            words += f", median τ {middle:.3g} {unit} (10 to 90 % of the places: {low:.3g} to {high:.3g})"
        found.append(words + "; see bleaching.csv.")
    if report.potential is not None:
        found += [_slope(sweep) for sweep in report.potential.sweeps if math.isfinite(sweep.slope_per_v)]
        found.append(f"Potential and time: {report.potential.statement}.")
    return found


def _slope(sweep: SweepTrend) -> str:
    low, high = sweep.slope_interval
    words = f"Slope of the mean background, {_DIRECTIONS[sweep.direction]}: {sweep.slope_per_v:.3g} counts/V"
    return f"{words} (95 %: {low:.3g} to {high:.3g}), drift in time included."


def bleaching_rows(report: FluorescenceReport) -> list[dict[str, Any]]:
    """Return one row a place of the scan, in C order; what is not identifiable is empty and has its reason."""
    fits = report.pixel
    rows = []
    for k, reason in enumerate(fits.reason):
        row: dict[str, Any] = {"place": k, "model": str(fits.model[k]), "tau_unit": report.unit_of_exposure}
        for i in range(2):
            row[f"tau_{i + 1}"] = fits.tau[k, i]
            row[f"tau_{i + 1}_low"] = fits.tau_low[k, i]
            row[f"tau_{i + 1}_high"] = fits.tau_high[k, i]
            row[f"amplitude_{i + 1}_counts"] = fits.amplitude[k, i]
        row["offset_counts"], row["beta"], row["reason"] = fits.offset[k], fits.beta[k], str(reason)
        rows.append({n: "" if isinstance(v, float) and not math.isfinite(v) else v for n, v in row.items()})
    return rows
