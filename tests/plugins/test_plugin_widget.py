"""The widget on a viewer model: needs Qt, but neither a screen nor OpenGL (see test_plugin_window.py for those)."""

from __future__ import annotations

import gc

import numpy as np
import pytest

from spectrode.errors import SpectrodeError

pytestmark = [pytest.mark.gui]


@pytest.fixture
def docked(qtbot, truth, fake_analyse):
    """The widget with one joined experiment."""
    from napari.components import ViewerModel

    from napari_spectrode.state.experiment import ExperimentState
    from napari_spectrode.state.join import JoinSettings
    from napari_spectrode.widgets.main import SpectrodeWidget

    viewer = ViewerModel()
    widget = SpectrodeWidget(viewer, analyse=fake_analyse)
    qtbot.addWidget(widget)
    experiment = ExperimentState(truth.dataset, truth.trace)
    experiment.join_trace(JoinSettings())
    widget.show_experiment(experiment)
    return viewer, widget


def _world(experiment, k):
    columns = experiment.dataset.columns
    return (experiment.dataset.frame_of()[k], columns["y_um"][k], columns["x_um"][k])


def test_mouse_shows_the_spectrum_and_its_moment(docked):
    _, widget = docked
    widget.on_mouse(_world(widget.active, 3))
    _, y = widget.spectrum_plot._current.getData()
    np.testing.assert_array_equal(y, widget.active.dataset.intensity[3])
    assert "3" in widget.status.text().split(" · ")[0]
    assert widget.strip_plot._moments[0].value() == pytest.approx(32 / 60)
    assert widget.strip_plot._moments[0].isVisible()


def test_slider_moves_the_shaded_frame(docked):
    viewer, widget = docked
    viewer.dims.set_current_step(0, 2)
    assert widget.active.frame == 2
    assert widget.strip_plot._spans[0].getRegion() == pytest.approx((400 / 60, 594 / 60))


def test_first_frame_is_followed_from_the_start(docked):
    viewer, widget = docked
    # napari starts in the middle of the series; the strip must show that frame, not the first
    assert widget.active.frame == viewer.dims.current_step[0]


def test_click_pins(docked):
    _, widget = docked
    widget.on_mouse(_world(widget.active, 0))
    widget.on_click()
    assert len(widget.spectrum_plot._pins) == 1
    widget.clear_pins.click()
    assert not widget.spectrum_plot._pins


def test_dragging_the_range_makes_one_band_layer(docked, qtbot, truth):
    viewer, widget = docked
    for high in (1120, 1126):
        widget.spectrum_plot._region.setRegion((1046, high))
        qtbot.waitUntil(lambda high=high: widget.active.band == (1046, high))
    bands = [x for x in viewer.layers if x.metadata.get("spectrode_role") == "band"]
    assert len(bands) == 1
    np.testing.assert_allclose(np.sort(bands[0].data.ravel()), np.sort(truth.area), rtol=1e-4)
    viewer.layers.remove(bands[0])
    widget.spectrum_plot._region.setRegion((1050, 1126))
    qtbot.waitUntil(lambda: len(viewer.layers) == 2)


def test_analyse_gives_layers_and_table(docked, qtbot):
    viewer, widget = docked
    widget.panel.analyse.click()
    assert not widget.panel.analyse.isEnabled()
    assert widget.panel.cancel.isEnabled()
    qtbot.waitUntil(lambda: widget._job is None, timeout=10000)
    assert widget.table.rowCount() == 2
    assert widget.table.item(0, 1).text() == "lithium carbonate"
    roles = [x.metadata.get("spectrode_role") for x in viewer.layers]
    assert roles == ["total", "component 0", "component 1"]
    assert "2 spectra changed" in widget.message.text()
    assert not widget.panel.bar.isVisibleTo(widget.panel)
    widget.table.selectRow(0)
    assert len(widget.spectrum_plot._marks) == 1
    widget.table.selectRow(1)
    assert [x.visible for x in viewer.layers] == [True, False, True]
    assert viewer.layers.selection.active is viewer.layers[2]
    assert not widget.spectrum_plot._marks
    widget.table.selectRow(0)
    widget.table.clearSelection()
    assert not widget.spectrum_plot._marks


def test_progress_moves_the_bar(docked, qtbot):
    _, widget = docked
    seen = []
    widget.analyse("slow")
    widget._job.progressed.connect(lambda *a: seen.append(a))
    qtbot.waitUntil(lambda: len(seen) > 2, timeout=10000)
    assert widget.panel.bar.value() == 100 * seen[-1][1] // 400
    assert "unmixing" in widget.panel.bar.format()
    widget.panel.cancel.click()
    qtbot.waitUntil(lambda: widget._job is None, timeout=10000)


def test_cancel_changes_nothing(docked, qtbot):
    viewer, widget = docked
    widget.analyse("slow")
    widget.panel.cancel.click()
    qtbot.waitUntil(lambda: widget._job is None, timeout=10000)
    assert widget.message.text() == "cancelled; nothing was changed"
    assert len(viewer.layers) == 1
    assert widget.panel.analyse.isEnabled()


def test_errors_are_one_sentence_in_the_label(docked, qtbot):
    _, widget = docked

    def refuse(spectra, **options):
        raise SpectrodeError("there is no recipe 'x'")

    widget._analyse = refuse
    widget.analyse("x")
    qtbot.waitUntil(lambda: widget._job is None, timeout=10000)
    assert widget.message.text() == "⚠ there is no recipe 'x'"
    widget.load_maps(["/nowhere/map.wdf"])
    qtbot.waitUntil(lambda: widget._job is None, timeout=10000)
    assert "does not exist" in widget.message.text()


def test_unexpected_errors_do_not_escape(docked, qtbot, caplog):
    _, widget = docked

    def broken(spectra, **options):
        raise ZeroDivisionError("oh")

    widget._analyse = broken
    widget.analyse("x")
    qtbot.waitUntil(lambda: widget._job is None, timeout=10000)
    assert "please report it: ZeroDivisionError: oh" in widget.message.text()
    assert "a background run failed" in caplog.text


def test_bad_form_is_said(docked):
    _, widget = docked
    widget.form.offset.setText("soon")
    widget.form.button.click()
    assert "'soon' was typed" in widget.message.text()


def test_removing_layers_leaves_an_empty_widget(docked):
    viewer, widget = docked
    widget.on_mouse(_world(widget.active, 0))
    viewer.layers.clear()
    assert widget.active is None
    assert widget.table.rowCount() == 0
    widget.on_mouse((0, 0, 0))
    widget.on_click()
    widget.analyse("raman-map")
    assert "open a map first" in widget.message.text()


def test_experiment_closed_during_analysis(docked, qtbot):
    viewer, widget = docked
    widget.panel.analyse.click()
    viewer.layers.clear()
    qtbot.waitUntil(lambda: widget._job is None, timeout=10000)
    assert "was closed" in widget.message.text()
    assert len(viewer.layers) == 0


def test_two_experiments(docked, make_truth):
    from napari_spectrode.layers import add_layers, dataset_layers

    viewer, widget = docked
    first = widget.active
    other = make_truth(frames=2).dataset
    # opened through the viewer (a dropped file), not through the widget
    (layer,) = add_layers(viewer, dataset_layers(other))
    second = widget.active
    assert second is not first
    assert second.dataset is other
    widget.on_mouse(_world(second, 7))
    assert second.cursor == 7
    assert first.cursor is None
    viewer.layers.selection.active = viewer.layers[0]
    assert widget.active is first
    viewer.layers.remove(viewer.layers[0])
    assert widget.active is second
    viewer.layers.remove(layer)
    assert widget.active is None


def test_a_layer_that_is_not_ours_is_left_alone(docked):
    viewer, widget = docked
    experiment = widget.active
    viewer.add_image(np.zeros((5, 5)))
    assert widget.active is experiment
    widget.on_mouse((0, *_world(experiment, 0)[1:]))
    assert experiment.cursor == 0
    viewer.dims.ndisplay = 3


def test_closing_stops_listening(docked):
    viewer, widget = docked
    before = len(viewer.mouse_move_callbacks)
    widget.close()
    assert len(viewer.mouse_move_callbacks) == before - 1
    viewer.dims.set_current_step(0, 1)
    viewer.layers.clear()
    gc.collect()


def test_undocking_stops_listening_and_docking_again_resumes(docked, qtbot):
    from qtpy.QtWidgets import QWidget

    viewer, widget = docked
    dock = QWidget()
    qtbot.addWidget(dock)
    before = len(viewer.mouse_move_callbacks)
    widget.setParent(dock)
    assert len(viewer.mouse_move_callbacks) == before
    widget.setParent(None)
    assert len(viewer.mouse_move_callbacks) == before - 1
    viewer.dims.set_current_step(0, 0)
    widget.setParent(dock)
    assert len(viewer.mouse_move_callbacks) == before
    assert widget.active.frame == 0
    widget.setParent(None)


def test_closing_during_a_run_cancels_it(docked, qtbot):
    viewer, widget = docked
    widget.analyse("slow")
    widget.close()
    qtbot.waitUntil(lambda: widget._job is None, timeout=10000)
    assert len(viewer.layers) == 1


def test_theme_is_followed(docked):
    from napari_spectrode.widgets.theme import colours_of

    viewer, widget = docked
    viewer.theme = "light"
    widget.on_mouse(_world(widget.active, 0))
    widget.on_click()
    assert widget.spectrum_plot.backgroundBrush().color().name() == colours_of("light").background
    assert not colours_of("light").is_dark
    assert colours_of("dark").is_dark


def test_mouse_events_of_the_viewer_arrive(docked):
    from types import SimpleNamespace

    viewer, widget = docked
    position = _world(widget.active, 3)
    for callback in viewer.mouse_move_callbacks:
        callback(viewer, SimpleNamespace(position=position))
    assert widget.active.cursor == 3
    event = SimpleNamespace(position=position, pos=(10, 10), button=1, type="mouse_press")
    for end, pinned in (((40, 10), 0), ((11, 10), 1)):
        press = widget._link._pressed(viewer, event)
        event.pos, event.type = (10, 10), "mouse_press"
        next(press)
        event.pos, event.type = end, "mouse_release"
        assert next(press, None) is None
        assert len(widget.active.pinned) == pinned
