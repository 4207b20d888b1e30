"""Spikes that neighbouring spectra do not show, and the default that also judges spectra without neighbours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from ...pipeline.parameters import Between, Unit
from ...pipeline.step import StepOutput, step
from .event import ATOM
from .outcome import Floats, LineWidth, outcome
from .survey import UNDECIDABLE_BELOW, spike_survey, trusted_width
from .table import FRAMES, ScanShape, neighbourhood

__all__ = ["auto", "neighbours"]

Evidence = Annotated[float, Between(1, 1e6)]
Rows = NDArray[np.int64]

_BLOCK = 128
_CENTRAL = 2  # channels from the middle within which a line alone may explain what stands out there


@step("despike.neighbours", cite="Schulze2014", neighbourhood=neighbourhood, survey=spike_survey, any_axis=True)
def neighbours(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    survey: Mapping[str, Any],
    neighbours: Rows,
    evidence: Evidence = 8.0,
    line_width: LineWidth | None = None,
    frames: Annotated[int, Between(1, 20), Unit("frames")] = FRAMES,
) -> StepOutput:
    """Remove spikes that neighbouring spectra in space and time do not show and that light cannot make.

    What stands out against the scaled median of the neighbours (the eight around it in a map, the frames before and
    after) is fitted as light, that is by the neighbours' spectrum and by lines as wide as the instrument's or wider,
    and as light with a spike of one to five channels. A band that flashes up in one spectrum is light and stays. The
    replacement is the fit without the spike, with noise of the size of the data's put back, that follows from the
    counts beside it. Spectra with fewer than three neighbours are left alone. Without a scan shape the spectra count as
    a series in time.

    Parameters
    ----------
    evidence
        Chi-squared by which the spike must fit better than light, over 4 for each further channel; larger finds fewer
        spikes.
    line_width
        Full width at half maximum of the instrument's lines; larger finds wider spikes, but must not exceed what the
        spectrometer resolves or lines are lost. If not given, that of the narrowest line that recurs in the data, at
        most 2.2.
    frames
        How many frames before and after are looked at; larger is steadier where little changes in time.

    Raises
    ------
    StepError
        If the scan shape has fewer places than there are spectra.
    """
    return _judged(intensity, shift, survey, neighbours, line_width, near=evidence, alone=np.inf)


def _neighbours_if_scanned(
    rows: Rows, total: int, scan_shape: ScanShape | None, scan_index: Rows | None, parameters: Mapping[str, Any]
) -> Rows:
    """Return the neighbours in a scan; none for a list of points, of which nothing says that they are alike."""
    if not scan_shape:
        return np.full((rows.size, 1), -1, dtype=np.int64)
    return neighbourhood(rows, total, scan_shape, scan_index, parameters)


@step(
    "despike.auto",
    cite=("Whitaker2018", "Schulze2014"),
    neighbourhood=_neighbours_if_scanned,
    survey=spike_survey,
    any_axis=True,
)
def auto(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    survey: Mapping[str, Any],
    neighbours: Rows,
    evidence: Evidence = 14.0,
    evidence_beside: Evidence = 8.0,
    line_width: LineWidth | None = None,
) -> StepOutput:
    """Remove spikes by all evidence there is: sharper than light can be, absent in the neighbours, known noise.

    Whatever stands out is fitted twice: as light, by lines as wide as the instrument's or wider and by what the
    neighbours show, and as light with a spike of one to five channels. The better fit must be better by ``evidence``,
    or by ``evidence_beside`` where three or more neighbours do not show it. A flash of light, however strong and
    short, is as wide as the instrument's lines and stays. Where these are narrower than 1.6 channels, width tells
    nothing: then what no neighbour shows is removed, and spectra without neighbours are left alone.

    Parameters
    ----------
    evidence
        Chi-squared by which the spike must fit better than light in a spectrum without neighbours, over 4 for each
        further channel; larger finds fewer spikes.
    evidence_beside
        The same where the neighbours do not show it.
    line_width
        Full width at half maximum of the instrument's lines; larger finds wider spikes, but must not exceed what the
        spectrometer resolves or lines are lost. If not given, that of the narrowest line that recurs in the data, at
        most 2.2; 1.8 if nothing recurs.

    Raises
    ------
    StepError
        If the scan shape has fewer places than there are spectra.
    """
    return _judged(intensity, shift, survey, neighbours, line_width, near=evidence_beside, alone=evidence)


def _judged(
    intensity: Floats,
    shift: NDArray[np.float64],
    survey: Mapping[str, Any],
    table: Rows,
    line_width: float | None,
    *,
    near: float,
    alone: float,
) -> StepOutput:
    from ...kernels.despike import HIT, NOT_JUDGED, search
    from ...kernels.light import line_atoms
    from ...kernels.threads import over_rows

    n = table.shape[0]
    width = trusted_width(survey) if line_width is None else line_width
    undecidable = width < UNDECIDABLE_BELOW
    atoms = line_atoms(ATOM * width)
    lines = atoms[:, :-1]
    central = np.ascontiguousarray(lines[:, abs(np.argmax(lines, axis=0) - lines.shape[0] // 2) <= _CENTRAL])
    cleaned = np.empty_like(intensity[:n]) if intensity.shape[1] >= 5 else np.array(intensity[:n])
    recurrence = np.asarray(survey.get("recurrence", np.zeros((3, 1))))
    reason = np.zeros(cleaned.shape, dtype=np.uint8)
    state = np.zeros(n, dtype=np.uint8)
    if cleaned.shape[1] >= 5:
        noise, activity = np.asarray(survey["noise"]), np.full(intensity.shape[0], -1.0)
        over_rows(
            lambda start, stop: search(
                *(intensity, table, start, stop, atoms, central, noise, alone, near),
                *(undecidable, recurrence, activity, cleaned, reason, state),
            ),
            n,
            block=_BLOCK,
        )
    lonely = (state & NOT_JUDGED) != 0
    if np.isinf(alone):
        counts = {"{count} of {total} spectra have too few neighbours to be judged": int(np.count_nonzero(lonely))}
    else:
        counts = {"{count} of {total} spectra judged on their own (no neighbours in the scan)": int(lonely.sum())}
    note = f"lines of the instrument taken to be {width:.2f} channels wide ({_source(survey, line_width)})"
    return outcome(intensity[:n], cleaned, shift, reason, counts, notes=(note,), rows=np.flatnonzero(state & HIT))


def _source(survey: Mapping[str, Any], line_width: float | None) -> str:
    if line_width is not None:
        return "as given"
    measured = float(survey["line_width"])
    if measured <= 0:
        return "no line in the data tells"
    if trusted_width(survey) < measured:
        return f"the narrowest line that recurs has {measured:.2f}, which may be its own width"
    return "the narrowest line that recurs"
