"""The docked widget: passes wishes to the state and draws what the state says."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, Qt, QTimer
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QSplitter, QVBoxLayout, QWidget

from spectrode.errors import SpectrodeError

from ..jobs import Job
from ..layers import add_layers, band_layer, component_layers, experiment_layers
from ..state.analysis import recipe_names
from ..state.experiment import ExperimentState
from ..state.session import EXPERIMENT_KEY, ROLE_KEY, Session, layer_metadata
from .analysis_panel import AnalysisPanel
from .assignment_table import AssignmentTable
from .join_form import JoinForm
from .spectrum_plot import SpectrumPlot
from .strip_plot import StripPlot
from .theme import colours_of
from .viewer_link import ViewerLink, show_scale_bar

if TYPE_CHECKING:
    from napari import Viewer

__all__ = ["SpectrodeWidget"]

BAND_EVERY_MS = 40
"""While the range is dragged, the band image follows at this pace."""


class SpectrodeWidget(QWidget):
    """Spectra, electrochemistry and analysis beside the maps of a viewer.

    Parameters
    ----------
    napari_viewer
        The viewer to dock in; napari passes it by this name.
    analyse
        Replaces :func:`spectrode.analyse`, for tests.
    """

    def __init__(
        self, napari_viewer: Viewer, parent: QWidget | None = None, *, analyse: Callable[..., Any] | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("SpectrodeWidget")
        self.viewer = napari_viewer
        self.session = Session()
        self._analyse = analyse
        self._shown: ExperimentState | None = None
        self._job: Job | None = None
        self._build()
        self._band_timer = QTimer(self, singleShot=True, interval=BAND_EVERY_MS)
        self._connect()
        self._link = ViewerLink(napari_viewer, self)
        self.destroyed.connect(self._link.disconnect)
        self.session.active_changed.connect(self._show_active)
        self._say("")
        self.on_theme()
        self.on_layers()
        self._show_active()

    # -- construction -----

    def _build(self) -> None:
        self.open_map = QPushButton("Open map(s)…")
        self.open_map.setToolTip("One map, or several maps of one experiment, which become frames in time order")
        self.open_trace = QPushButton("Open trace…")
        self.open_trace.setToolTip("The potentiostat's file, or the files of one sequence")
        self.clear_pins = QPushButton("Clear pinned")
        self.form = JoinForm()
        self.title = QLabel()
        self.title.setTextFormat(Qt.TextFormat.PlainText)
        self.message = QLabel()
        self.status = QLabel()
        for label in (self.message, self.status):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            # A long file name must wrap, not widen the dock.
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.spectrum_plot = SpectrumPlot()
        self.strip_plot = StripPlot()
        self.panel = AnalysisPanel(recipe_names())
        self.table = AssignmentTable()
        files = QHBoxLayout()
        for button in (self.open_map, self.open_trace, self.clear_pins):
            files.addWidget(button)
        below = QWidget()
        below_layout = QVBoxLayout(below)
        below_layout.setContentsMargins(0, 0, 0, 0)
        below_layout.addWidget(self.panel)
        below_layout.addWidget(self.table)
        splitter = self._splitter = QSplitter(Qt.Orientation.Vertical)
        for widget, stretch in ((self.spectrum_plot, 4), (self.strip_plot, 3), (below, 2)):
            splitter.addWidget(widget)
            splitter.setStretchFactor(splitter.count() - 1, stretch)
        splitter.setChildrenCollapsible(False)
        layout = QVBoxLayout(self)
        layout.addLayout(files)
        layout.addWidget(self.form)
        layout.addWidget(self.message)
        layout.addWidget(self.title)
        layout.addWidget(self.status)
        layout.addWidget(splitter, 1)
        self.setMinimumWidth(420)

    def _connect(self) -> None:
        self.open_map.clicked.connect(self._ask_for_maps)
        self.open_trace.clicked.connect(self._ask_for_traces)
        self.clear_pins.clicked.connect(self._clear_pins)
        self.form.join_requested.connect(self.join)
        self.spectrum_plot.range_changed.connect(self._range_dragged)
        self._band_timer.timeout.connect(self._apply_band)
        self.panel.analyse_requested.connect(self.analyse)
        self.panel.cancel_requested.connect(self.cancel)
        self.table.row_selected.connect(self._show_component)

    @property
    def active(self) -> ExperimentState | None:
        """The experiment that is shown."""
        return self.session.active

    # -- what the viewer says -----

    def on_layers(self) -> None:
        """Layers were added, removed or selected: find out which experiment is looked at."""
        found: list[ExperimentState] = []
        selected = self.viewer.layers.selection.active
        chosen: ExperimentState | None = None
        for layer in self.viewer.layers:
            experiment = self.session.of_metadata(layer.metadata)
            if experiment is None:
                continue
            layer.metadata[EXPERIMENT_KEY] = experiment
            found.append(experiment)
            chosen = experiment if layer is selected else chosen
        self.session.keep_only(found)
        if chosen is not None:
            self.session.activate(chosen)
        self.on_step()

    def on_mouse(self, world: Any) -> None:
        """The mouse moved over the canvas."""
        layer = self._layer()
        if self.active is not None and layer is not None:
            self.active.point_at(layer.world_to_data(world))

    def on_click(self) -> None:
        """The map was clicked: pin the spectrum there."""
        if self.active is not None and self._layer() is not None:
            self.active.pin()

    def on_step(self) -> None:
        """The frame slider moved."""
        experiment, layer = self.active, self._layer()
        if experiment is None or layer is None or experiment.geometry.frame_axis is None:
            return
        place = layer.world_to_data(self.viewer.dims.point)
        experiment.set_frame(round(float(place[experiment.geometry.frame_axis])))

    def on_theme(self) -> None:
        """Follow the viewer's colours."""
        colours = colours_of(self.viewer.theme)
        self.spectrum_plot.set_colours(colours)
        self.strip_plot.set_colours(colours)

    def _layer(self) -> Any:
        """The layer whose coordinates count: the selected one if it belongs to the experiment, else the topmost."""
        if self.active is None:
            return None
        own = [x for x in self.viewer.layers if x.metadata.get(EXPERIMENT_KEY) is self.active]
        selected = self.viewer.layers.selection.active
        return selected if selected in own else (own[-1] if own else None)

    # -- what the state says -----

    def _show_active(self) -> None:
        if self._shown is not None:
            for signal, draw in self._drawings(self._shown):
                signal.disconnect(draw, missing_ok=True)
        self._shown = self.active
        self._band_timer.stop()
        self.spectrum_plot.clear_component()
        if self.active is None:
            self._draw_nothing()
            return
        for signal, draw in self._drawings(self.active):
            signal.connect(draw)
        self.title.setText(self.active.name)
        self.form.show_settings(self.active.settings, self.active.dataset.metadata.cell.reference_electrode)
        self.spectrum_plot.set_axis_label(self.active.dataset.axis_label)
        self._draw_spectrum()
        self._draw_strip()
        self._draw_range()
        self.table.show_rows(self.active.rows())

    def _drawings(self, experiment: ExperimentState) -> list[tuple[Any, Callable[[], None]]]:
        return [
            (experiment.spectrum_changed, self._draw_spectrum),
            (experiment.strip_changed, self._draw_strip),
            (experiment.band_changed, self._draw_band),
            (experiment.data_changed, self._update_metadata),
            (experiment.result_changed, self._draw_result),
        ]

    def _draw_nothing(self) -> None:
        self.title.setText("")
        self.status.setText("Open a map, or drop one on the viewer.")
        self.spectrum_plot.show_spectra(None, ())
        self.spectrum_plot.show_range(None)
        self.strip_plot.show_strip(None)
        self.table.show_rows(())

    def _draw_spectrum(self) -> None:
        if self.active is not None:
            self.spectrum_plot.show_spectra(*self.active.shown_spectra())
            self.status.setText(self.active.status())
            self.clear_pins.setEnabled(bool(self.active.pinned))

    def _draw_strip(self) -> None:
        if self.active is not None:
            self.strip_plot.show_strip(self.active.strip())

    def _draw_range(self) -> None:
        assert self.active is not None
        shift = self.active.dataset.shift
        try:
            band = self.active.band or self.active.default_band()
        except SpectrodeError as error:
            self._say(str(error), wrong=True)
            band = None
        bounds = (float(shift[0]), float(shift[-1])) if shift.size else None
        self.spectrum_plot.show_range(band, bounds)

    def _draw_band(self) -> None:
        if self.active is not None:
            add_layers(self.viewer, [band_layer(self.active)])

    def _draw_result(self) -> None:
        if self.active is None:
            return
        shown = add_layers(self.viewer, component_layers(self.active))
        self.table.show_rows(self.active.rows())
        if shown:
            self.viewer.layers.selection.active = shown[0]
            height = sum(self._splitter.sizes())
            self._splitter.setSizes([int(height * share) for share in (0.36, 0.28, 0.36)])

    def _update_metadata(self) -> None:
        assert self.active is not None
        for layer in self.viewer.layers:
            if layer.metadata.get(EXPERIMENT_KEY) is self.active:
                layer.metadata = layer_metadata(self.active, layer.metadata.get(ROLE_KEY, "total"))
        self._draw_spectrum()

    def _show_component(self, row: int) -> None:
        """Draw the component of a line of the table, and bring its map to the front."""
        view = None if self.active is None else self.active.component(row)
        if self.active is None or view is None:
            self.spectrum_plot.clear_component()
            return
        self.spectrum_plot.show_component(view.shift, view.intensity, view.label, view.marks)
        wanted = f"component {self.active.rows()[row].component}"
        for layer in self.viewer.layers:
            role = str(layer.metadata.get(ROLE_KEY, ""))
            if layer.metadata.get(EXPERIMENT_KEY) is self.active and role.startswith("component "):
                layer.visible = role == wanted
                if layer.visible:
                    self.viewer.layers.selection.active = layer

    # -- wishes -----

    def _range_dragged(self, low: float, high: float) -> None:
        if not self._band_timer.isActive():
            self._band_timer.start()

    def _apply_band(self) -> None:
        if self.active is None:
            return
        self._try(lambda: self.active.set_band(*self.spectrum_plot.band_range))

    def _clear_pins(self) -> None:
        if self.active is not None:
            self.active.clear_pins()

    def _ask_for_maps(self) -> None:
        paths, _ = QFileDialog.getOpenFileNames(self, "Open map(s)")
        if paths:
            self.load_maps(paths)

    def _ask_for_traces(self) -> None:
        paths, _ = QFileDialog.getOpenFileNames(self, "Open potentiostat file(s)")
        if paths:
            self.load_traces(paths)

    def load_maps(self, paths: list[str]) -> None:
        """Read maps in the background and show them."""
        from spectrode.readers import read_many

        self._start(lambda progress, should_stop: read_many(paths), "reading", self._maps_read)

    def _maps_read(self, dataset: Any) -> None:
        self.show_experiment(ExperimentState(dataset))
        self._say("; ".join(dataset.metadata.warnings))

    def show_experiment(self, experiment: ExperimentState) -> None:
        """Add an experiment's map to the viewer and look at it."""
        add_layers(self.viewer, experiment_layers(experiment))
        self.session.add(experiment)
        show_scale_bar(self.viewer)

    def load_traces(self, paths: list[str]) -> None:
        """Read the potentiostat's files in the background, and join them with what the form says."""
        from spectrode.electrochemistry.readers import read_traces

        experiment = self.active
        if experiment is None:
            self._say("open the map first, so that the trace has spectra to belong to", wrong=True)
            return
        self._start(
            lambda progress, should_stop: read_traces(paths),
            "reading",
            lambda trace: self._trace_read(experiment, trace),
        )

    def _trace_read(self, experiment: ExperimentState, trace: Any) -> None:
        experiment.set_trace(trace)
        if experiment is self.active:
            self.join()

    def join(self) -> None:
        """Join spectra and trace with what the form says."""
        experiment = self.active
        if experiment is None:
            self._say("open a map and a trace first", wrong=True)
            return
        said = self._try(lambda: experiment.join_trace(self.form.settings()))
        if said:
            self._say("; ".join((said, *experiment.placed_trace.warnings)))

    def analyse(self, recipe: str) -> None:
        """Run the analysis of the shown experiment in the background."""
        experiment = self.active
        if experiment is None:
            self._say("open a map first", wrong=True)
            return
        request = self._try(lambda: experiment.analysis_request(recipe))
        if request is None:
            return

        def run(progress: Any, should_stop: Any) -> Any:
            return request.run(progress, should_stop, self._analyse)

        self._start(run, "analysing", lambda result: self._analysed(experiment, result))

    def _analysed(self, experiment: ExperimentState, result: Any) -> None:
        if experiment not in self.session:
            self._say(f"{experiment.name} was closed while it was analysed; its result is dropped")
            return
        experiment.accept(result)
        if experiment is not self.active:
            add_layers(self.viewer, component_layers(experiment))
        self._say("; ".join(getattr(result, "warnings", ())) or "analysis finished")

    def cancel(self) -> None:
        """Ask the running job to stop."""
        if self._job is not None:
            self._job.cancel()
            self._say("stopping…")

    # -- jobs and words -----

    def _start(self, function: Callable[..., Any], stage: str, done: Callable[[Any], None]) -> None:
        if self._job is not None:
            self._say("something is still running; wait for it or cancel it", wrong=True)
            return
        self._say("")
        job = self._job = Job(function, self)
        job.progressed.connect(self.panel.show_progress)
        job.succeeded.connect(lambda result: self._try(lambda: done(result)))
        job.failed.connect(lambda text: self._say(text, wrong=True))
        job.cancelled.connect(lambda: self._say("cancelled; nothing was changed"))
        job.ended.connect(self._job_ended)
        self.panel.set_running(True, stage)
        job.start()

    def _job_ended(self) -> None:
        self._job = None
        self.panel.set_running(False)

    def _try(self, wish: Callable[[], Any]) -> Any:
        """Do something; say in the label what the core objects to."""
        try:
            return wish()
        except SpectrodeError as error:
            self._say(str(error), wrong=True)
            return None

    def _say(self, text: str, *, wrong: bool = False) -> None:
        self.message.setText(f"⚠ {text}" if wrong and text else text)
        self.message.setVisible(bool(text))

    def event(self, event: Any) -> bool:
        """Notice being docked and undocked: napari takes a closed dock's content out, but does not close it."""
        if event.type() == QEvent.Type.ParentChange and hasattr(self, "_link"):
            if self.parent() is None:
                self._let_go()
            else:
                self._link.connect()
                self.on_layers()
        return bool(super().event(event))

    def closeEvent(self, event: Any) -> None:  # noqa: N802 - Qt calls it by this name
        """Stop listening and working."""
        self._let_go()
        super().closeEvent(event)

    def _let_go(self) -> None:
        self._link.disconnect()
        if self._job is not None:
            self._job.cancel()
