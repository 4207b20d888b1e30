"""The potential–current strip: the trace on the spectra's time scale, with the shown frame and the pixel's moment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spectrode.dataset import OperandoDataset
from spectrode.electrochemistry.trace import Trace

__all__ = ["Strip", "frame_spans", "strip_of", "time_unit", "trace_start_s"]


@dataclass(frozen=True, eq=False)
class Strip:
    """What the strip draws. All times are in ``unit`` after the start of the spectra.

    Parameters
    ----------
    time, potential_v
        (rows,) the trace; or the spectra's own potentials where the trace itself is not at hand.
    current_ma
        (rows,), cathodic negative; None if not recorded.
    spans
        (frames, 2) start and end of each frame; NaN where unknown.
    frame
        Index of the displayed frame.
    moment
        Middle of the marked spectrum's exposure; None if no spectrum is marked or its time is unknown.
    """

    time: NDArray[np.float64]
    potential_v: NDArray[np.float64] | None
    current_ma: NDArray[np.float64] | None
    spans: NDArray[np.float64]
    frame: int
    moment: float | None
    unit: str
    reference: str | None
    from_spectra: bool = False
    """True if the values are those of the spectra, because no trace is loaded."""

    @property
    def frame_span(self) -> tuple[float, float] | None:
        """Start and end of the displayed frame."""
        if not 0 <= self.frame < len(self.spans) or not np.all(np.isfinite(self.spans[self.frame])):
            return None
        start, end = self.spans[self.frame]
        return float(start), float(end)

    @property
    def potential_label(self) -> str:
        """Axis label with the reference electrode and the unit."""
        return f"E vs {self.reference} (V)" if self.reference else "E (V)"


def time_unit(span_s: float) -> tuple[str, float]:
    """Return the unit that makes a span readable, and its seconds."""
    if span_s > 2 * 3600:
        return "h", 3600.0
    return ("min", 60.0) if span_s > 180 else ("s", 1.0)


def frame_spans(dataset: OperandoDataset) -> NDArray[np.float64]:
    """(frames, 2) first start and last end of the exposures of each frame, s; NaN for a frame without times."""
    frame = dataset.frame_of()
    n = int(frame.max()) + 1 if frame.size else 0
    spans = np.full((n, 2), np.nan)
    start = dataset.columns.get("time_s")
    if start is None:
        return spans
    exposure = dataset.columns.get("exposure_s")
    end = start if exposure is None else start + np.where(np.isfinite(exposure), exposure, 0.0)
    good = np.isfinite(start)
    low, high = np.full(n, np.inf), np.full(n, -np.inf)
    np.minimum.at(low, frame[good], start[good])
    np.maximum.at(high, frame[good], end[good])
    seen = np.isfinite(low)
    spans[seen, 0], spans[seen, 1] = low[seen], high[seen]
    return spans


def strip_of(
    dataset: OperandoDataset,
    trace: Trace | None,
    *,
    frame: int,
    spectrum: int | None,
) -> Strip | None:
    """Put together what the strip shows.

    Parameters
    ----------
    dataset
        Joined with the trace; otherwise the trace could only be drawn in the wrong place, and is not.
    frame, spectrum
        Displayed frame and marked spectrum.

    Returns
    -------
    Strip or None
        None if there is neither a placed trace nor a potential in the dataset.
    """
    start = None if trace is None else trace_start_s(dataset, trace)
    from_spectra = trace is None or start is None
    if from_spectra:
        found = _from_columns(dataset)
        if found is None:
            return None
        time, potential, current = found
    else:
        assert trace is not None
        assert start is not None
        time, potential, current = trace.time_s + start, trace.potential_v, trace.current_ma
    spans = frame_spans(dataset)
    everything = np.concatenate([time, spans.ravel()])
    everything = everything[np.isfinite(everything)]
    unit, seconds = time_unit(float(np.ptp(everything)) if everything.size else 0.0)
    moment = None
    if spectrum is not None and "time_s" in dataset.columns:
        middle = float(dataset.mid_time_s[spectrum])
        moment = middle / seconds if np.isfinite(middle) else None
    reference = dataset.metadata.cell.reference_electrode or (trace.reference if trace is not None else None)
    return Strip(time / seconds, potential, current, spans / seconds, frame, moment, unit, reference, from_spectra)


def trace_start_s(dataset: OperandoDataset, trace: Trace) -> float | None:
    """Return when the trace's ``time_s`` is zero on the dataset's time scale, by the dataset's own record of the join.

    None if the dataset is not joined.
    """
    joins = [record for record in dataset.history if record.name == "join_in_time"]
    if not joins or not len(trace):
        return None
    offset = float(joins[-1].parameters["offset_s"])
    if joins[-1].parameters["offset_from"] == "trace_start":
        return -(float(trace.time_s[0]) + offset)
    start, zero = trace.started_at, dataset.metadata.started_at
    return None if start is None or zero is None else (start - zero).total_seconds() - offset


def _from_columns(
    dataset: OperandoDataset,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64] | None] | None:
    if "potential_v" not in dataset.columns or "time_s" not in dataset.columns:
        return None
    order = np.argsort(dataset.mid_time_s)
    order = order[np.isfinite(dataset.mid_time_s[order])]
    current = dataset.columns.get("current_ma")
    return (
        dataset.mid_time_s[order],
        np.asarray(dataset.columns["potential_v"])[order],
        None if current is None else np.asarray(current)[order],
    )
