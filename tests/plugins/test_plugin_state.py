"""What the widget decides, without Qt."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from napari_spectrode.state.analysis import AnalysisRequest, progress_percent, recipe_names
from napari_spectrode.state.experiment import ExperimentState
from napari_spectrode.state.join import JoinSettings
from napari_spectrode.state.session import DATASET_KEY, Session, layer_metadata
from napari_spectrode.state.strip import frame_spans, time_unit
from spectrode.dataset import OperandoDataset
from spectrode.errors import ClockError, InvalidDataset, SpectrodeError


@pytest.fixture
def experiment(truth):
    return ExperimentState(truth.dataset, truth.trace)


@pytest.fixture
def joined(experiment):
    experiment.join_trace(JoinSettings())
    return experiment


def _words(experiment):
    return experiment.status().replace("\N{NO-BREAK SPACE}", " ")


def _emitted(signal):
    calls = []
    signal.connect(lambda: calls.append(1))
    return calls


def test_state_needs_neither_qt_nor_napari():
    code = (
        "import sys, napari_spectrode.state.session, napari_spectrode.layers, napari_spectrode.reader, "
        "napari_spectrode.writer, napari_spectrode.sample_data\n"
        "bad = [m for m in ('napari', 'qtpy', 'PyQt6', 'PySide6', 'pyqtgraph', 'matplotlib') if m in sys.modules]\n"
        "sys.exit(', '.join(bad) or 0)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_pointing_moves_once(experiment):
    calls = _emitted(experiment.spectrum_changed)
    assert experiment.point_at((0, 1, 2))
    assert experiment.point_at((0, 1.2, 2.2))
    assert len(calls) == 1
    assert not experiment.point_at((0, 9, 9))
    assert experiment.cursor is not None  # leaving the map keeps the last spectrum


def test_spectrum_zero_is_a_spectrum(experiment):
    assert experiment.point_at((0, 0, 0))
    assert experiment.cursor == 0
    current, _ = experiment.shown_spectra()
    np.testing.assert_array_equal(current.intensity, experiment.dataset.intensity[0])
    assert _words(experiment).startswith("spectrum 0 · x -3.0 µm, y 7.0 µm · 0.0 s (2024-05-03 10:00:00 UTC)")


def test_moving_the_frame_moves_the_marked_spectrum_in_time(joined):
    joined.point_at((0, 2, 1))
    moment = joined.strip().moment
    joined.set_frame(1)
    assert joined.cursor == joined.geometry.spectrum_at((1, 2, 1))
    # one frame is 20 pixels of 10 s; the strip of 600 s is in minutes
    assert joined.strip().moment - moment == pytest.approx(200 / 60)


def test_pinning_twice_unpins(experiment):
    experiment.pin()
    assert experiment.pinned == ()
    experiment.point_at((0, 0, 0))
    experiment.pin()
    assert experiment.pinned == (0,)
    experiment.point_at((0, 0, 1))
    assert [v.index for v in experiment.shown_spectra()[1]] == [0]
    experiment.point_at((0, 0, 0))
    experiment.pin()
    assert experiment.pinned == ()


def test_band_values_and_change(experiment, truth):
    calls = _emitted(experiment.band_changed)
    assert experiment.band_values() is None
    experiment.set_band(1126, 1046)
    experiment.set_band(1046, 1126)
    assert len(calls) == 1
    np.testing.assert_allclose(experiment.band_values(), truth.area, rtol=1e-4)
    with pytest.raises(SpectrodeError, match="holds 0 channels"):
        experiment.set_band(5000, 6000)
    assert experiment.band == (1046, 1126)


def test_the_mean_is_shown_until_the_mouse_comes(experiment, truth):
    current, _ = experiment.shown_spectra()
    np.testing.assert_allclose(current.intensity, truth.dataset.intensity.mean(axis=0), rtol=1e-5)
    experiment.point_at((0, 0, 0))
    assert experiment.shown_spectra()[0].index == 0


def test_spectra_that_are_all_missing_have_no_mean():
    state = ExperimentState(OperandoDataset(np.full((4, 5), np.nan), np.arange(5.0), scan_shape=(("x", 4),)))
    assert state.shown_spectra() == (None, ())
    low, high = state.default_band()
    assert low < 2 < high


def test_the_first_range_surrounds_the_strongest_band(experiment):
    low, high = experiment.default_band()
    assert low < 1086 < high


def test_strip_marks_frame_and_moment(joined):
    joined.point_at((0, 0, 3))
    strip = joined.strip()
    assert strip.unit == "min"
    assert strip.potential_label == "E vs Li/Li+ (V)"
    assert strip.time[0] == pytest.approx(-0.5)  # the trace starts 30 s before the first spectrum
    assert strip.frame_span == pytest.approx((0, 194 / 60))
    assert strip.moment == pytest.approx(32 / 60)  # fourth pixel: starts at 30 s, 4 s long
    # the potential drawn at the marked moment is the one in the spectrum's column
    drawn = np.interp(strip.moment, strip.time, strip.potential_v)
    assert drawn == pytest.approx(joined.dataset.columns["potential_v"][3])


@pytest.mark.parametrize(
    "settings",
    [
        JoinSettings(offset_s=12.0),
        JoinSettings(offset_s=0.0, offset_from="trace_start"),
        JoinSettings(offset_s=45.0, offset_from="trace_start"),
    ],
)
def test_an_offset_moves_curve_and_column_alike(experiment, settings):
    experiment.join_trace(settings)
    experiment.point_at((0, 0, 3))
    strip = experiment.strip()
    drawn = np.interp(strip.moment, strip.time, strip.potential_v)
    assert drawn == pytest.approx(experiment.dataset.columns["potential_v"][3])


def test_an_unplaced_trace_is_not_drawn(experiment):
    assert experiment.strip() is None


def test_a_joined_file_without_its_trace_shows_its_own_potentials(joined):
    alone = ExperimentState(joined.dataset)
    strip = alone.strip()
    assert strip.from_spectra
    np.testing.assert_allclose(strip.potential_v, joined.dataset.columns["potential_v"])


def test_status_names_the_reference(joined):
    joined.point_at((0, 0, 0))
    assert "2.968 V vs Li/Li+" in _words(joined)  # 32 s after the start of the trace, 1 mV/s
    assert "cycle 1" in _words(joined)


def test_spectra_outside_the_trace_say_so(truth):
    short = truth.trace.replace(
        time_s=truth.trace.time_s[:50],
        potential_v=truth.trace.potential_v[:50],
        current_ma=truth.trace.current_ma[:50],
        columns={},
    )
    experiment = ExperimentState(truth.dataset, short)
    assert experiment.join_trace(JoinSettings()).startswith("2 of 60 spectra")
    experiment.point_at((2, 0, 0))
    assert "outside the trace" in _words(experiment)


def test_join_without_reference_asks_for_it(truth):
    experiment = ExperimentState(truth.dataset, truth.trace.replace(reference=None))
    with pytest.raises(InvalidDataset, match="names no reference electrode"):
        experiment.join_trace(JoinSettings())
    assert not experiment.is_joined
    experiment.join_trace(JoinSettings(reference="Na/Na+"))
    assert experiment.strip().reference == "Na/Na+"


def test_join_without_trace(truth):
    with pytest.raises(ClockError, match="no trace to join"):
        ExperimentState(truth.dataset).join_trace(JoinSettings())


def test_join_in_a_zone(truth):
    """A trace stamped 11:59:30 in Berlin (UTC+2 in May) started 30 s before spectra stamped 10:00 UTC."""
    local = truth.trace.replace(started_at=None, local_start=truth.trace.started_at.replace(hour=11, tzinfo=None))
    experiment = ExperimentState(truth.dataset, local)
    experiment.join_trace(JoinSettings(timezone="Europe/Berlin"))
    assert experiment.strip().time[0] == pytest.approx(-0.5)


@pytest.mark.parametrize(("text", "seconds"), [("", None), ("0", 0.0), ("-1,5", -1.5), (" 30 ", 30.0)])
def test_offset_text(text, seconds):
    assert JoinSettings.from_text(offset=text).offset_s == seconds


def test_bad_offset_text():
    with pytest.raises(ClockError, match="'soon' was typed"):
        JoinSettings.from_text(offset="soon")


def test_request_carries_placed_data(truth, fake_analyse):
    local = truth.trace.replace(started_at=None, local_start=truth.trace.started_at.replace(hour=11, tzinfo=None))
    experiment = ExperimentState(truth.dataset, local)
    with pytest.raises(ClockError, match="not joined"):
        experiment.analysis_request("sei-shiners")
    experiment.join_trace(JoinSettings(timezone="Europe/Berlin", offset_s=0.0))
    request = experiment.analysis_request("sei-shiners")
    assert request.trace.started_at == truth.trace.started_at
    assert "potential_v" not in request.dataset.columns
    seen = []
    request.run(lambda *a: seen.append(a), None, fake_analyse)
    assert fake_analyse.asked[0]["offset_s"] == 0.0
    assert fake_analyse.asked[0]["timezone"] == "Europe/Berlin"
    assert seen[0] == ("unmixing", 0, 4)


def test_rows_read_as_text(joined, make_result):
    calls = _emitted(joined.result_changed)
    joined.accept(make_result(joined.dataset))
    first, second = joined.rows()
    assert calls
    assert first.cells == (
        "component 1", "lithium carbonate", "assigned", "0.00", "established · measured", "1086", "191", "",
    )  # fmt: skip
    assert "1086.4 cm⁻¹ matches 1086.0 ± 2.0 cm⁻¹: CO3 sym. stretch" in first.explanation
    assert second.cells[1:4] == ("unassigned", "unassigned", "")
    assert second.cells[-1] == "1150"


def test_component_is_stretched_beside_the_marked_spectrum(joined, make_result):
    assert joined.component(0) is None
    joined.accept(make_result(joined.dataset))
    assert joined.component(0).marks == (1086.4,)
    np.testing.assert_allclose(joined.component(1).intensity, np.linspace(0, 1, 401))
    joined.point_at((0, 0, 3))
    row = joined.dataset.intensity[3]
    view = joined.component(1)
    assert (view.intensity[0], view.intensity[-1]) == pytest.approx((row.min(), row.max()))
    assert view.label == "component 2 (given) (scaled)"
    assert joined.component(-1) is None
    assert joined.component(2) is None


def test_recipes_start_with_the_main_one():
    assert recipe_names()[0] == "sei-shiners"


@pytest.mark.parametrize(("done", "total", "percent"), [(0, 0, None), (0, 4, 0), (4, 4, 100), (9, 4, 100)])
def test_percent(done, total, percent):
    assert progress_percent(done, total) == percent


def test_frame_spans_without_times_are_unknown():
    dataset = OperandoDataset(np.ones((4, 3)), np.arange(3.0), scan_shape=(("frame", 2), ("x", 2)))
    assert np.isnan(frame_spans(dataset)).all()
    state = ExperimentState(dataset)
    state.point_at((0, 0, 1))
    assert state.strip() is None
    assert _words(state) == "spectrum 1"


@pytest.mark.parametrize(("span", "unit"), [(0, "s"), (180, "s"), (600, "min"), (7201, "h")])
def test_time_unit(span, unit):
    assert time_unit(span)[0] == unit


def test_session_keeps_experiments_apart(truth, make_truth):
    session = Session()
    first = session.of_metadata({DATASET_KEY: truth.dataset})
    assert session.of_metadata({DATASET_KEY: truth.dataset}) is first
    second = session.of_metadata({DATASET_KEY: make_truth().dataset})
    assert second is not first
    assert session.active is second
    assert session.of_metadata(layer_metadata(first, "band")) is first
    assert session.of_metadata({"other": 1}) is None
    session.keep_only([first])
    assert session.active is first
    session.keep_only(())
    assert session.active is None


def test_request_without_trace_is_the_dataset(truth):
    request = ExperimentState(truth.dataset).analysis_request("raman-map")
    assert isinstance(request, AnalysisRequest)
    assert request.trace is None
    assert request.dataset is truth.dataset
