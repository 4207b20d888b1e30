"""One experiment in the window: spectra, trace, where the eye is, which band, what was found. No Qt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from spectrode.dataset import OperandoDataset
from spectrode.electrochemistry.trace import Trace
from spectrode.errors import ClockError, SpectrodeError

from .analysis import AnalysisRequest, AssignmentRow, ComponentView, assignment_rows, component_view
from .band import band_area
from .geometry import MapGeometry, geometry_of
from .join import AS_THE_FILES_SAY, JoinSettings, joined, placed
from .strip import Strip, strip_of

__all__ = ["ExperimentState", "SpectrumView"]

NO_BREAK = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True, eq=False)
class SpectrumView:
    """One curve of the spectrum plot."""

    index: int
    shift: NDArray[np.float64]
    intensity: NDArray[Any]
    label: str


class ExperimentState:
    """All decisions of the widget for one experiment.

    Parameters
    ----------
    dataset
        The spectra as read, or already joined with a trace.
    trace
        The potentiostat's record, if it is at hand.
    name
        For layers and lists; the title or file name of the spectra if not given.
    join
        ``(dataset, trace, settings) -> dataset`` that gives the spectra their potentials.

    Notes
    -----
    The signals say *what* changed; a view reads the new values from the properties.
    """

    data_changed = Signal()
    spectrum_changed = Signal()
    band_changed = Signal()
    strip_changed = Signal()
    result_changed = Signal()

    def __init__(
        self,
        dataset: OperandoDataset,
        trace: Trace | None = None,
        *,
        name: str | None = None,
        join: Callable[[OperandoDataset, Trace, JoinSettings], OperandoDataset] = joined,
    ) -> None:
        self.source = dataset
        self.dataset = dataset
        self.trace = trace
        self.settings = AS_THE_FILES_SAY
        self.geometry: MapGeometry = geometry_of(dataset)
        self.name = name or name_of(dataset)
        self.frame = 0
        self.cursor: int | None = None
        self.pinned: tuple[int, ...] = ()
        self.band: tuple[float, float] | None = None
        self.result: Any = None
        self._join = join
        self._placed_source = dataset
        self.placed_trace = trace
        """The trace with the zone and reference electrode it was joined with."""

    # -- data -----

    @property
    def is_joined(self) -> bool:
        """True if the spectra have potentials."""
        return "potential_v" in self.dataset.columns

    def set_trace(self, trace: Trace) -> None:
        """Take a trace in; it is joined by :meth:`join_trace`."""
        self.trace = self.placed_trace = trace
        self.dataset = self._placed_source = self.source
        self.settings = AS_THE_FILES_SAY
        self.strip_changed.emit()

    def join_trace(self, settings: JoinSettings) -> str:
        """Put spectra and trace on one clock and return a sentence about it.

        Raises
        ------
        SpectrodeError
            If there is no trace, or the two cannot be placed with what is known; nothing has changed then.
        """
        if self.trace is None:
            raise ClockError("there is no trace to join; open a potentiostat file first")
        source, trace = placed(self.source, self.trace, settings)
        dataset = self._join(source, trace, settings)
        self.dataset, self._placed_source, self.placed_trace, self.settings = dataset, source, trace, settings
        self.data_changed.emit()
        self.strip_changed.emit()
        known = np.isfinite(dataset.columns["potential_v"])
        return f"{int(known.sum())} of {dataset.n_spectra} spectra lie inside the trace and have a potential"

    # -- where the eye is -----

    def point_at(self, data_position: Any) -> bool:
        """Move to the spectrum under a position in layer coordinates; return whether there is one."""
        found = self.geometry.spectrum_at(data_position)
        if found is not None and found != self.cursor:
            self._move_to(found)
        return found is not None

    def set_frame(self, frame: int) -> None:
        """Show another frame; the marked pixel stays at its place and gets that frame's spectrum and moment."""
        if frame == self.frame:
            return
        self.frame = frame
        if self.cursor is not None:
            self._move_to(self.geometry.same_place_in_frame(self.cursor, frame))
        else:
            self.strip_changed.emit()

    def _move_to(self, spectrum: int | None) -> None:
        self.cursor = spectrum
        self.spectrum_changed.emit()
        self.strip_changed.emit()

    def pin(self) -> None:
        """Keep the marked spectrum in the plot; a second time on the same one removes it."""
        if self.cursor is None:
            return
        rest = tuple(p for p in self.pinned if p != self.cursor)
        self.pinned = rest if len(rest) < len(self.pinned) else (*self.pinned, self.cursor)
        self.spectrum_changed.emit()

    def clear_pins(self) -> None:
        """Remove all pinned spectra."""
        self.pinned = ()
        self.spectrum_changed.emit()

    def spectrum(self, index: int) -> SpectrumView:
        """Return one spectrum for the plot; masked channels are gaps."""
        row = self.dataset.intensity[index]
        row = np.asarray(row.compute() if self.dataset.is_lazy else row)
        if self.dataset.mask is not None and not self.dataset.mask[index].all():
            row = np.where(self.dataset.mask[index], np.nan, row)
        return SpectrumView(index, self.dataset.shift, row, self.short_label(index))

    @cached_property
    def mean_spectrum(self) -> SpectrumView | None:
        """Mean of about 200 spectra spread over the experiment: cheap also for what does not fit in memory."""
        rows = self.source.intensity[:: max(1, self.source.n_spectra // 200)]
        rows = np.asarray(rows.compute() if self.source.is_lazy else rows, dtype=float)
        usable = rows[np.isfinite(rows).all(axis=1)]
        if not usable.size:
            return None
        return SpectrumView(-1, self.source.shift, usable.mean(axis=0), "mean of the experiment")

    def shown_spectra(self) -> tuple[SpectrumView | None, tuple[SpectrumView, ...]]:
        """Return the spectrum under the mouse (a mean until the mouse was over the map) and the pinned ones."""
        current = self.mean_spectrum if self.cursor is None else self.spectrum(self.cursor)
        return current, tuple(self.spectrum(p) for p in self.pinned)

    # -- words -----

    def short_label(self, index: int) -> str:
        """Name of one spectrum for a legend: potential if known, else time, else its number."""
        potential = self._value("potential_v", index)
        if potential is not None:
            return f"#{index}, {potential:.2f} V"
        time = self._value("time_s", index)
        return f"#{index}" if time is None else f"#{index}, {time:.0f} s"

    def status(self) -> str:
        """Return position, time, potential, current and cycle of the marked spectrum, as far as known."""
        if self.cursor is None:
            return "Move the mouse over the map to see a spectrum; click to pin it."
        k = self.cursor
        x, y, z = (self._value(f"{axis}_um", k) for axis in "xyz")
        parts = [f"spectrum {k}"]
        if x is not None or y is not None:
            parts.append(", ".join(f"{n} {v:.1f} µm" for n, v in (("x", x), ("y", y), ("z", z)) if v is not None))
        parts.append(self._time_text(k))
        potential, current = self._value("potential_v", k), self._value("current_ma", k)
        if potential is not None:
            parts.append(f"{potential:.3f} V vs {self.dataset.metadata.cell.reference_electrode}")
        elif self.is_joined:
            parts.append("outside the trace")
        if current is not None:
            parts.append(f"{current:.3g} mA")
        cycle = self._value("cycle", k)
        if cycle is not None and cycle >= 0:
            parts.append(f"cycle {int(cycle)}")
        # A number and its unit stay on one line.
        return " · ".join(part.replace(" ", NO_BREAK) for part in parts if part)

    def _time_text(self, index: int) -> str:
        seconds = self._value("time_s", index)
        if seconds is None:
            return ""
        absolute = self.dataset.absolute_time(index)
        clock = "" if absolute is None else f" ({absolute:%Y-%m-%d %H:%M:%S %Z})"
        return f"{seconds:.1f} s{clock}"

    def _value(self, column: str, index: int) -> float | None:
        found = self.dataset.columns.get(column)
        return None if found is None or not np.isfinite(found[index]) else float(found[index])

    # -- band -----

    def default_band(self) -> tuple[float, float]:
        """Return a range to start from: a twentieth of the axis around the strongest band of the mean spectrum."""
        shift = self.dataset.shift
        if shift.size < 3:
            raise SpectrodeError(f"the spectra have {shift.size} channels; a band needs at least 3")
        ends, mean = np.array([shift[0], shift[-1]]), self.mean_spectrum
        centre = ends.mean()
        if mean is not None:
            flat = mean.intensity - np.interp(shift, ends, mean.intensity[[0, -1]])
            centre = shift[int(np.argmax(flat))]
        half = (ends[1] - ends[0]) / 40
        low, high = max(ends[0], centre - half), min(ends[1], centre + half)
        return float(low), float(high)

    def set_band(self, low: float, high: float) -> None:
        """Choose the range of the band image.

        Raises
        ------
        SpectrodeError
            If the range holds too few channels; the former range stays.
        """
        low, high = sorted((float(low), float(high)))
        if (low, high) == self.band:
            return
        band_area(self.dataset.select(slice(0, 0)), low, high)  # asks for the error only, not for the areas
        self.band = (low, high)
        self.band_changed.emit()

    def band_values(self) -> NDArray[np.float64] | None:
        """(spectra,) area of the chosen band over its local baseline; None if no range is chosen."""
        return None if self.band is None else band_area(self.dataset, *self.band)

    # -- strip -----

    def strip(self) -> Strip | None:
        """Return what the potential–current strip shows; None if there is nothing that can be placed in time."""
        return strip_of(
            self.dataset,
            self.placed_trace,
            frame=self.frame,
            spectrum=self.cursor,
        )

    # -- analysis -----

    def analysis_request(self, recipe: Any) -> AnalysisRequest:
        """Return what to ask of the core now: spectra and trace as they were joined, so that it can be repeated.

        Raises
        ------
        ClockError
            If a trace is open but not joined: the analysis would silently ignore it.
        """
        if self.trace is None:
            return AnalysisRequest(self.dataset, None, recipe, self.settings)
        if not self.is_joined:
            raise ClockError("the trace is open but not joined with the spectra; press Join first")
        return AnalysisRequest(self._placed_source, self.placed_trace, recipe, self.settings)

    def accept(self, result: Any) -> None:
        """Take the result of an analysis in."""
        self.result = result
        self.result_changed.emit()

    def rows(self) -> tuple[AssignmentRow, ...]:
        """Return the lines of the assignment table."""
        return assignment_rows(self.result)

    def component(self, row: int) -> ComponentView | None:
        """Return the component of one line of the table for the spectrum plot; None without such a line."""
        rows = self.rows()
        if not 0 <= row < len(rows) or self.result.decomposition is None:
            return None
        beside = None if self.cursor is None else self.spectrum(self.cursor).intensity
        return component_view(self.result, rows[row], beside)


def name_of(dataset: OperandoDataset) -> str:
    """Return a short name: title, or file name, or what it is."""
    from pathlib import Path

    if dataset.metadata.title:
        return dataset.metadata.title
    return Path(dataset.metadata.sources[0].path).stem if dataset.metadata.sources else "spectra"
