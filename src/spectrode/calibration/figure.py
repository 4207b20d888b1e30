"""One picture of a calibration: how well the lines agree, and what it does to the held-out standard."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import SpectrodeError
from .model import AxisPart, Calibration, Verification

__all__ = ["calibration_figure"]

_BLUE, _ORANGE, _GREY = "#0072B2", "#D55E00", "#777777"


def calibration_figure(calibration: Calibration) -> Any:
    """Draw residuals of the lamp lines, the uncertainty of the axis, and the held-out standard before and after.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    SpectrodeError
        If the calibration holds no axis.
    """
    from matplotlib.figure import Figure

    axis = calibration.axis
    if axis is None:
        raise SpectrodeError("a calibration without an axis has no lines to draw")
    rows = 1 if axis.verification is None else 2
    figure = Figure(figsize=(7.2, 3.0 * rows), layout="constrained")
    panels = np.atleast_1d(figure.subplots(rows, 1, sharex=True))
    _lines(panels[0], axis)
    if axis.verification is not None:
        _standard(panels[1], axis.verification)
    panels[-1].set_xlabel("Raman shift / cm$^{-1}$")
    return figure


def _lines(panel: Any, axis: AxisPart) -> None:
    nominal = np.array([line.nominal_nm for line in axis.lines])
    shift = axis.shift_cm1(nominal)
    slope = 1e7 / np.array([line.line_vacuum_nm for line in axis.lines]) ** 2
    # A line's residual is in wavelength; the same in wavenumbers has the other sign of the shift's own error.
    residual = slope * np.array([line.residual_nm for line in axis.lines])
    sigma = slope * np.array([line.sigma_nm for line in axis.lines])
    used = np.array([line.used for line in axis.lines])
    dense = np.linspace(*axis.valid_cm1, 200)
    band = 1.96 * axis.sigma_cm1(dense)
    panel.fill_between(dense, -band, band, color=_GREY, alpha=0.25, lw=0, label="95 % of the axis")
    panel.axhline(0, color=_GREY, lw=0.8)
    panel.errorbar(shift[used], residual[used], sigma[used], fmt="o", ms=4, lw=1, color=_BLUE, label="lamp lines")
    if not used.all():
        panel.errorbar(
            shift[~used], residual[~used], sigma[~used], fmt="x", ms=5, lw=1, color=_ORANGE, label="rejected"
        )
    if axis.laser_nominal_nm is not None:
        at = float(axis.shift_cm1(axis.laser_nominal_nm))
        panel.axvline(at, color=_GREY, lw=0.8, ls=":", label="line of the laser")
    panel.set_ylabel("line - map / cm$^{-1}$")
    panel.set_title(f"degree {len(axis.coefficients) - 1}, laser {axis.laser_vacuum_nm:.3f} nm (vacuum)", loc="left")
    # Below the axes' top by a free strip, so that the legend covers no point.
    low, high = panel.get_ylim()
    panel.set_ylim(low, high + 0.35 * (high - low))
    panel.legend(loc="upper center", ncol=4, frameon=False, fontsize="small")


def _standard(panel: Any, found: Verification) -> None:
    reference = np.array([line.reference_cm1 for line in found.lines])
    before = np.array([line.before_cm1 for line in found.lines]) - reference
    after = np.array([line.after_cm1 for line in found.lines]) - reference
    sigma = np.array([line.sigma_cm1 for line in found.lines])
    panel.axhspan(-found.standard_sigma_cm1, found.standard_sigma_cm1, color=_GREY, alpha=0.25, lw=0)
    panel.axhline(0, color=_GREY, lw=0.8)
    panel.plot(reference, before, "s", ms=5, mfc="none", color=_ORANGE, label=f"before, rms {found.rms_before_cm1:.2f}")
    panel.errorbar(
        reference, after, sigma, fmt="o", ms=4, lw=1, color=_BLUE, label=f"after, rms {found.rms_after_cm1:.2f}"
    )
    panel.set_ylabel("found - table / cm$^{-1}$")
    panel.set_title(f"held out: {found.standard} (grey: its own uncertainty)", loc="left")
    low, high = panel.get_ylim()
    panel.set_ylim(low, high + 0.3 * (high - low))
    panel.legend(loc="upper center", ncol=2, frameon=False, fontsize="small")
