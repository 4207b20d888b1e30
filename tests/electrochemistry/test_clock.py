"""Joining spectra and trace in time, against closed forms and a slow plain version."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spectrode.columns import SpectrumFlag
from spectrode.dataset import OperandoDataset
from spectrode.electrochemistry.clock import join_in_time
from spectrode.electrochemistry.readers import read_trace, read_traces
from spectrode.electrochemistry.readers.registry import join_traces
from spectrode.electrochemistry.trace import Trace
from spectrode.errors import ClockError
from spectrode.metadata import Cell, Metadata, SourceFile

START = datetime(2024, 1, 10, 10, 0, 0, tzinfo=UTC)


def spectra(time: Any, exposure: Any = None, started_at: datetime | None = START, **fields: Any) -> OperandoDataset:
    time = np.atleast_1d(np.asarray(time, dtype=float))
    columns: dict[str, Any] = {"time_s": time}
    if exposure is not None:
        columns["exposure_s"] = np.broadcast_to(np.asarray(exposure, dtype=float), time.shape)
    metadata = fields.pop("metadata", Metadata(started_at=started_at))
    return OperandoDataset(np.ones((time.size, 2)), np.array([1.0, 2.0]), columns, metadata=metadata, **fields)


def trace(time: Any, potential: Any, started_at: datetime | None = START, **fields: Any) -> Trace:
    fields = {"reference": "Li/Li+"} | fields
    return Trace(np.asarray(time, dtype=float), np.asarray(potential, dtype=float), started_at=started_at, **fields)


def one(dataset: OperandoDataset, name: str) -> float:
    return float(dataset.columns[name][0])


# -- potential ------------------------------------------------------------------------------------------------------


def test_mean_over_a_vertex_of_a_triangle() -> None:
    wave = trace([0, 100, 200], [0.0, 1.0, 0.0])  # 10 mV/s
    joined = join_in_time(spectra([10, 95, 96, 150], 10.0), wave)
    # Before the vertex the mean is the middle; around it, it is the area of the cut-off corner.
    corner = 1.0 - (4**2 / 2 + 6**2 / 2) * 0.01 / 10
    np.testing.assert_allclose(joined.columns["potential_v"], [0.15, 0.975, corner, 0.45], rtol=1e-13)
    np.testing.assert_allclose(joined.columns["potential_spread_v"], [0.1, 0.05, 0.06, 0.1], rtol=1e-12)
    np.testing.assert_array_equal(joined.columns["sweep"], [1, 1, -1, -1])
    assert joined.metadata.cell.reference_electrode == "Li/Li+"


def test_a_step_inside_an_exposure_counts_by_its_share() -> None:
    step = trace([0, 10, 10, 20], [1.0, 1.0, 3.0, 3.0])
    joined = join_in_time(spectra([0, 6, 7.5, 10], [10, 5, 5, 10]), step)
    np.testing.assert_allclose(joined.columns["potential_v"], [1.0, 1.4, 2.0, 3.0], rtol=1e-13)
    np.testing.assert_allclose(joined.columns["potential_spread_v"], [0.0, 2.0, 2.0, 0.0], atol=1e-13)


@pytest.mark.parametrize("exposure", [None, 0.0, np.nan])
def test_an_unknown_exposure_gives_the_value_at_its_start(exposure: float | None) -> None:
    ramp = trace([0, 10, 10, 20], [0.0, 1.0, 2.0, 3.0])
    joined = join_in_time(spectra([0, 5, 10, 20], exposure), ramp)
    np.testing.assert_allclose(joined.columns["potential_v"], [0, 0.5, 2.0, 3.0])
    np.testing.assert_array_equal(joined.columns["potential_spread_v"], 0)
    assert not joined.columns["flags"].any()


def test_zero_volts_and_zero_seconds_are_values() -> None:
    joined = join_in_time(spectra([0.0], 0.0), trace([0, 1], [0.0, 0.0]))
    assert one(joined, "potential_v") == 0.0
    assert joined.metadata.warnings == ()


def _slow_mean_and_spread(time: np.ndarray, value: np.ndarray, a: float, b: float) -> tuple[float, float]:
    """Walk over the intervals one by one."""
    area, seen = 0.0, []
    for t0, t1, v0, v1 in zip(time[:-1], time[1:], value[:-1], value[1:], strict=True):
        lo, hi = max(a, t0), min(b, t1)
        if hi <= lo:
            continue
        ends = [v0 + (v1 - v0) * (t - t0) / (t1 - t0) for t in (lo, hi)]
        area += (hi - lo) * sum(ends) / 2
        seen += ends
    return area / (b - a), max(seen) - min(seen)


def test_fast_equals_slow() -> None:
    rng = np.random.default_rng(7)
    time = np.sort(np.round(rng.uniform(0, 100, 200), 1))  # with equal times among them
    time[[0, -1]] = 0, 100
    value = rng.normal(3, 1, 200)
    begin = rng.uniform(0, 80, 300)
    exposure = rng.choice([0.01, 0.5, 3.0, 20.0], 300)
    joined = join_in_time(spectra(begin, exposure), trace(time, value))
    slow = np.array([_slow_mean_and_spread(time, value, a, a + e) for a, e in zip(begin, exposure, strict=True)])
    np.testing.assert_allclose(joined.columns["potential_v"], slow[:, 0], rtol=1e-11)
    np.testing.assert_allclose(joined.columns["potential_spread_v"], slow[:, 1], rtol=1e-9, atol=1e-12)


def test_pixels_of_one_frame_have_their_own_potentials() -> None:
    # A raster map of 2 frames of 3 x 4 pixels, 1 s each, in a sweep of 1 mV/s.
    time = np.arange(24.0)
    dataset = spectra(time, 1.0, scan_shape=(("frame", 2), ("y", 3), ("x", 4)))
    joined = join_in_time(dataset, trace([0, 100], [3.0, 3.1]))
    cube = joined.as_cube(joined.columns["potential_v"])
    assert cube.shape == (2, 3, 4)
    np.testing.assert_allclose(cube, 3.0 + 1e-3 * (np.arange(24).reshape(2, 3, 4) + 0.5), rtol=1e-13)
    np.testing.assert_allclose(joined.columns["potential_spread_v"], 1e-3, rtol=1e-9)


# -- current and charge ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["instantaneous", "interval_mean"])
def test_constant_current(kind: Any) -> None:
    steady = trace([0, 7, 20, 100], np.zeros(4), current_ma=np.full(4, 3.6), current_kind=kind)
    joined = join_in_time(spectra([0, 10, 50], 10.0), steady)
    np.testing.assert_allclose(joined.columns["current_ma"], 3.6, rtol=1e-14)
    np.testing.assert_allclose(joined.columns["charge_mah"], [0.005, 0.015, 0.055], rtol=1e-13)


def test_ramp_of_current_of_both_kinds() -> None:
    time = np.array([0, 10, 20, 40.0])
    ramp = trace(time, np.zeros(4), current_ma=3.6 * time, current_kind="instantaneous")
    joined = join_in_time(spectra([2, 8, 15], 6.0), ramp)
    middle = np.array([5, 11, 18.0])
    np.testing.assert_allclose(joined.columns["current_ma"], 3.6 * middle, rtol=1e-13)
    np.testing.assert_allclose(joined.columns["charge_mah"], 1e-3 * middle**2 / 2, rtol=1e-13)
    # The same charge as a mean over the interval that ends at each row: constant within it.
    means = 3.6 * np.array([0, 5, 15, 30])
    steps = trace(time, np.zeros(4), current_ma=means, current_kind="interval_mean")
    joined = join_in_time(spectra([2, 8, 15], 6.0), steps)
    np.testing.assert_allclose(
        joined.columns["current_ma"], 3.6 * np.array([5, (2 * 5 + 4 * 15) / 6, (5 * 15 + 30) / 6])
    )
    np.testing.assert_allclose(joined.columns["charge_mah"], 1e-3 * np.array([25, 50 + 15, 50 + 15 * 8]), rtol=1e-13)


@pytest.mark.parametrize("kind", ["instantaneous", "interval_mean"])
def test_mean_current_times_time_is_the_charge(kind: Any) -> None:
    rng = np.random.default_rng(2)
    time = np.cumsum(rng.uniform(0.1, 2, 100))
    wild = trace(time, np.zeros(100), current_ma=rng.normal(size=100), current_kind=kind)
    begin, exposure = time[0] + rng.uniform(0, 50, 40), rng.uniform(0.01, 10, 40)
    joined = join_in_time(spectra(begin, exposure), wild)
    at_ends = [
        join_in_time(spectra(t), wild).columns["charge_mah"] for t in (begin, begin + exposure)
    ]  # zero exposure: the charge at that time
    passed = 3600 * (at_ends[1] - at_ends[0])
    np.testing.assert_allclose(joined.columns["current_ma"] * exposure, passed, rtol=1e-9, atol=1e-12)


def test_the_instruments_charge_is_used_where_it_wrote_one() -> None:
    counted = trace([0, 10], [0, 0], current_ma=[1.0, 1.0], charge_mah=[2.0, 4.0])
    assert one(join_in_time(spectra([4], 2.0), counted), "charge_mah") == pytest.approx(3.0)


def test_a_charge_alone_gives_the_current() -> None:
    counted = trace([0, 10, 10, 20], np.zeros(4), charge_mah=[0.0, 0.01, 0.01, 0.03])
    joined = join_in_time(spectra([0, 5, 10], 10.0), counted)
    np.testing.assert_allclose(joined.columns["current_ma"], [3.6, 5.4, 7.2], rtol=1e-12)


def test_no_current_is_nan_not_zero() -> None:
    joined = join_in_time(spectra([0], 1.0), trace([0, 10], [0, 0]))
    assert np.isnan(one(joined, "current_ma"))
    assert np.isnan(one(joined, "charge_mah"))
    assert [one(joined, c) for c in ("cycle", "half_cycle", "step", "sweep")] == [1, 0, -1, 0]


def test_labels_are_those_of_the_interval_around_mid_exposure() -> None:
    columns = {"cycle": np.array([0, 0, 1]), "half_cycle": np.array([0, 0, 2]), "step": np.array([5, 5, 6])}
    labelled = trace([0, 10, 20], [0, 0, 0], current_ma=[1.0, 1, -1], current_kind="interval_mean", columns=columns)
    joined = join_in_time(spectra([0, 4, 8, 9, 18], 2.0), labelled)  # mid-exposures 1, 5, 9, 10, 19
    np.testing.assert_array_equal(joined.columns["cycle"], [0, 0, 0, 0, 1])
    np.testing.assert_array_equal(joined.columns["half_cycle"], [0, 0, 0, 0, 2])
    np.testing.assert_array_equal(joined.columns["step"], [5, 5, 5, 5, 6])
    np.testing.assert_array_equal(joined.columns["sweep"], [1, 1, 1, 1, -1])


# -- outside, gaps, missing values ----------------------------------------------------------------------------------


def test_nothing_is_extrapolated() -> None:
    joined = join_in_time(spectra([-1, -0.5, 0, 9, 9.5, 20, np.nan], 1.0), trace([0, 10], [1.0, 2.0]))
    flags = joined.columns["flags"]
    np.testing.assert_array_equal(flags & SpectrumFlag.OUTSIDE_TRACE > 0, [1, 1, 0, 0, 1, 1, 0])
    np.testing.assert_array_equal(flags & SpectrumFlag.NO_TIME > 0, [0, 0, 0, 0, 0, 0, 1])
    bad = flags > 0
    for name in ("potential_v", "potential_spread_v", "current_ma", "charge_mah"):
        assert np.isnan(joined.columns[name][bad]).all()
    for name in ("cycle", "half_cycle", "step"):
        assert (joined.columns[name][bad] == -1).all()
    assert (joined.columns["sweep"][bad] == 0).all()
    np.testing.assert_allclose(joined.columns["potential_v"][~bad], [1.05, 1.95])
    assert "4 of 7 spectra are not wholly inside the trace; they have no potential and are flagged" in (
        joined.metadata.warnings
    )
    assert "1 of 7 spectra have no time and so no potential" in joined.metadata.warnings


def test_a_microsecond_of_overhang_is_inside() -> None:
    joined = join_in_time(spectra([-5e-7, 9], [1.0, 1 + 5e-7]), trace([0, 10], [0.0, 10.0]))
    np.testing.assert_allclose(joined.columns["potential_v"], [0.5, 9.5], atol=1e-6)


def test_gaps_between_parts_are_left_empty_unless_they_are_short() -> None:
    part = np.array([0, 0, 0, 1, 1, 1])
    far = trace([0, 10, 20, 60, 70, 80], [1, 1, 1, 2, 2, 2.0], columns={"part": part}, current_ma=np.full(6, 3.6))
    joined = join_in_time(spectra([10, 15, 19, 30, 59, 60], [5, 5, 2, 5, 2, 5]), far)
    np.testing.assert_array_equal(joined.columns["potential_v"], [1, 1, np.nan, np.nan, np.nan, 2])
    np.testing.assert_array_equal(joined.columns["flags"] > 0, [0, 0, 1, 1, 1, 0])
    assert any(w.startswith("3 of 6 spectra fall into a gap") for w in joined.metadata.warnings)
    np.testing.assert_allclose(joined.columns["charge_mah"][[1, 5]], [0.0175, 0.0225])
    near = trace([0, 10, 20, 40, 50, 60], [1, 1, 1, 2, 2, 2.0], columns={"part": part})
    joined = join_in_time(spectra([25], 10.0), near)
    assert one(joined, "potential_v") == pytest.approx(1.5)
    assert not joined.columns["flags"].any()


def test_rows_without_a_potential_are_not_bridged_unless_they_are_few() -> None:
    time = np.arange(0, 100, 1.0)
    potential = 0.01 * time
    potential[20] = np.nan
    potential[50:60] = np.nan
    joined = join_in_time(spectra([19.5, 49.5, 54, 59.5, 70], 1.0), trace(time, potential, current_ma=np.ones(100)))
    np.testing.assert_allclose(joined.columns["potential_v"], [0.2, np.nan, np.nan, np.nan, 0.705])
    # The trace was running: they are not outside, and their current is known.
    assert not joined.columns["flags"].any()
    np.testing.assert_allclose(joined.columns["current_ma"], 1.0)
    assert "3 of 5 spectra fall where the trace recorded no potential" in joined.metadata.warnings


def test_a_trace_without_any_potential_joins_with_nan() -> None:
    joined = join_in_time(spectra([0], 1.0), trace([0, 10], [np.nan, np.nan], current_ma=[1, 1]))
    assert np.isnan(one(joined, "potential_v"))
    assert one(joined, "current_ma") == 1


# -- where the zero is ----------------------------------------------------------------------------------------------


def test_clock_offset_is_added_to_the_spectrometers_clock() -> None:
    ramp = trace([0, 1000], [0.0, 1.0], started_at=START - timedelta(seconds=100))
    assert one(join_in_time(spectra([5]), ramp), "potential_v") == pytest.approx(0.105)
    assert one(join_in_time(spectra([5]), ramp, offset_s=37.4), "potential_v") == pytest.approx(0.1424)
    joined = join_in_time(spectra([5]), ramp, offset_s=0.0, offset_from="clock")
    assert one(joined, "potential_v") == pytest.approx(0.105)
    assert dict(joined.history[-1].parameters) == {"offset_s": 0.0, "offset_from": "clock"}


def test_offset_from_the_trace_start_counts_from_its_first_row() -> None:
    ramp = trace([700, 800], [0.0, 1.0], started_at=None)
    joined = join_in_time(spectra([0, 10]), ramp, offset_s=30.0)
    np.testing.assert_allclose(joined.columns["potential_v"], [0.3, 0.4])
    assert dict(joined.history[-1].parameters) == {"offset_s": 30.0, "offset_from": "trace_start"}
    # Zero is an offset; and known clocks can be set aside.
    known = trace([700, 800], [0.0, 1.0], started_at=START - timedelta(days=9))
    joined = join_in_time(spectra([0, 10]), known, offset_s=0.0, offset_from="trace_start")
    np.testing.assert_allclose(joined.columns["potential_v"], [0.0, 0.1])


LOCAL = datetime(2024, 1, 10, 11, 2, 29, 886000)


@pytest.mark.parametrize(
    ("dataset", "record", "options", "says"),
    [
        (
            spectra([0]),
            trace([0, 1], [0, 0], None, local_start=LOCAL),
            {},
            r"^the trace states 2024-01-10 11:02:29.886 without a time zone; give timezone=… \(--timezone\), or "
            r"offset_s \(--offset\), the seconds from the trace's first row to the start of the first spectrum$",
        ),
        (
            spectra([0], started_at=None),
            trace([0, 1], [0, 0], None),
            {},
            r"^the trace has no absolute start and the spectra have no absolute start; give offset_s \(--offset\), the",
        ),
        (
            spectra([0], metadata=Metadata(local_start=LOCAL)),
            trace([0, 1], [0, 0]),
            {"offset_from": "clock", "offset_s": 1.0},
            "^the spectra state 2024-01-10 11:02:29.886 without a time zone; give timezone",
        ),
        (spectra([0]), trace([0, 1], [0, 0]), {"offset_from": "trace_start"}, r"needs offset_s \(--offset\)"),
        (spectra([0]), trace([0, 1], [0, 0]), {"offset_from": "begin"}, "'begin' is not known; possible: clock"),
        (spectra([0]), trace([0, 1], [0, 0]), {"offset_s": np.nan}, "must be a finite number of seconds"),
        (spectra([0]), trace([0, 1], [0, 0], reference=None), {}, r"which reference electrode .* \(--reference\)"),
        (spectra([0]), trace([], []), {}, "the trace has no rows"),
        (
            OperandoDataset(np.ones((1, 2)), np.array([1.0, 2.0]), {"x_um": np.zeros(1)}),
            trace([0, 1], [0, 0]),
            {},
            r"have no times \(no column time_s\).*the dataset has x_um",
        ),
        (
            spectra([0, 10], 2.0),
            trace([0, 60], [0, 0], START + timedelta(hours=1)),
            {},
            r"^the spectra run from 2024-01-10 10:00:00Z to 2024-01-10 10:00:12Z, the trace from "
            r"2024-01-10 11:00:00Z to 2024-01-10 11:01:00Z: no exposure lies wholly inside the trace; check the dates "
            r"and time zones, or give offset_s \(--offset\); .* use offset_from='trace_start' \(--offset-from "
            r"trace-start\)$",
        ),
        (
            spectra([0, 10], 2.0),
            trace([0, 60], [0, 0], START + timedelta(hours=1)),
            {"offset_s": 5.0},
            r"with a clock offset of 5 s: no exposure lies wholly inside the trace; .*--offset-from trace-start",
        ),
        (
            spectra([0, 10], 2.0, None),
            trace([100, 160], [0, 0], None),
            {"offset_s": 60.0},
            "^the spectra run from 60.000 s to 72.000 s after the trace's first row, the trace to 60.000 s, with an "
            "offset of 60 s: no exposure",
        ),
        (spectra([np.nan]), trace([0, 60], [0, 0]), {}, "none of the spectra has a time of its own"),
        (
            spectra([50]),
            trace([0, 1, 100, 101], np.zeros(4), columns={"part": np.array([0, 0, 1, 1])}),
            {},
            "they lie in its gaps",
        ),
    ],
)
def test_what_cannot_be_joined_says_why(
    dataset: OperandoDataset, record: Trace, options: dict[str, Any], says: str
) -> None:
    with pytest.raises(ClockError, match=says) as caught:
        join_in_time(dataset, record, **options)
    assert "\n" not in str(caught.value)


def test_the_dataset_is_left_as_it_was_and_the_result_says_where_it_is_from() -> None:
    source = SourceFile("a.mpt", "eclab-mpt", "0" * 64, 1, "trace")
    record = trace([0, 10], [1.0, 2.0], sources=(source,), warnings=("a warning of the trace",))
    dataset = spectra([0, 1], 1.0, metadata=Metadata(started_at=START, cell=Cell(reference_electrode="SHE")))
    before = dataset.content_hash()
    joined = join_in_time(dataset, record)
    assert dataset.content_hash() == before
    assert "potential_v" not in dataset.columns
    assert joined.metadata.sources == (source,)
    assert "a warning of the trace" in joined.metadata.warnings
    assert any("named the reference electrode 'SHE'" in w for w in joined.metadata.warnings)
    assert joined.history[-1].name == "join_in_time"
    assert join_in_time(joined, record).metadata.sources == (source,)


def test_no_spectra_at_all() -> None:
    joined = join_in_time(spectra([]), trace([0, 10], [1.0, 2.0]))
    assert joined.columns["potential_v"].shape == (0,)


# -- laws -----------------------------------------------------------------------------------------------------------


@st.composite
def experiments(draw: Any) -> tuple[OperandoDataset, Trace]:
    """A random trace with steps, missing potentials and parts, and spectra in and around it."""
    n = draw(st.integers(4, 40))
    seed = draw(st.integers(0, 2**31))
    rng = np.random.default_rng(seed)
    time = np.cumsum(rng.choice([0.0, 0.25, 1.0, 7.5], n))
    potential = rng.normal(3, 1, n)
    potential[rng.uniform(size=n) < 0.1] = np.nan
    columns = {"part": np.sort(rng.integers(0, 3, n)), "step": rng.integers(0, 3, n)}
    kind: Any = draw(st.sampled_from(["instantaneous", "interval_mean"]))
    record = trace(time, potential, current_ma=rng.normal(size=n), current_kind=kind, columns=columns)
    m = draw(st.integers(1, 12))
    begin = rng.integers(-8, 8 * max(int(time[-1]), 1) + 8, m) / 8
    exposure = rng.choice([0.0, 0.125, 1.0, 4.0], m)
    return spectra(begin, exposure), record


NAMES = ("potential_v", "potential_spread_v", "current_ma", "charge_mah", "cycle", "half_cycle", "step", "sweep")


def joined_or_none(dataset: OperandoDataset, record: Trace, **options: Any) -> OperandoDataset | None:
    try:
        return join_in_time(dataset, record, **options)
    except ClockError as error:
        if "the spectra run from" not in str(error):
            raise
        return None


def assert_same(a: OperandoDataset | None, b: OperandoDataset | None, atol: float = 0.0) -> None:
    assert (a is None) == (b is None)
    if a is None or b is None:
        return
    for name in (*NAMES, "flags"):
        np.testing.assert_allclose(a.columns[name], b.columns[name], rtol=0, atol=atol, err_msg=name)


@settings(deadline=None, max_examples=120)
@given(experiments(), st.data())
def test_a_spectrum_does_not_depend_on_its_neighbours(experiment: tuple[OperandoDataset, Trace], data: Any) -> None:
    dataset, record = experiment
    whole = joined_or_none(dataset, record)
    chosen = data.draw(st.permutations(range(dataset.n_spectra)))[: data.draw(st.integers(1, dataset.n_spectra))]
    some = joined_or_none(dataset.select(np.array(chosen)), record)
    if whole is None:
        assert some is None
    elif some is None:
        assert (whole.columns["flags"][chosen] > 0).all()
    else:
        assert_same(whole.select(np.array(chosen)), some)


@settings(deadline=None, max_examples=80)
@given(experiments(), st.integers(-(10**6), 10**6), st.integers(-800, 800))
def test_only_the_difference_of_the_clocks_counts(
    experiment: tuple[OperandoDataset, Trace], both: int, offset: int
) -> None:
    dataset, record = experiment
    plain = joined_or_none(dataset, record)
    moved = timedelta(seconds=both)
    later = dataset.replace(metadata=dataset.metadata.replace(started_at=START + moved))
    assert_same(plain, joined_or_none(later, record.replace(started_at=START + moved)))
    # An offset undoes a clock that is wrong by as much (eighths of a second are exact in binary).
    wrong = dataset.replace(metadata=dataset.metadata.replace(started_at=START - timedelta(seconds=offset / 8)))
    assert_same(plain, joined_or_none(wrong, record, offset_s=offset / 8))
    # And a change of the zero of either time axis.
    start = record.started_at
    assert start is not None
    shifted = record.replace(time_s=record.time_s + 64.0, started_at=start - timedelta(seconds=64))
    assert_same(plain, joined_or_none(dataset, shifted), atol=1e-9)


@settings(deadline=None, max_examples=40)
@given(experiments(), st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata", "+05:45"]))
def test_the_zone_in_which_a_start_is_written_does_not_matter(
    experiment: tuple[OperandoDataset, Trace], zone: str
) -> None:
    from spectrode._time import parse_zone

    dataset, record = experiment
    plain = joined_or_none(dataset, record)
    local = START.astimezone(parse_zone(zone)).replace(tzinfo=None)
    naive = record.replace(started_at=None, local_start=local)
    assert_same(plain, joined_or_none(dataset, naive.in_zone(zone)))
    assert_same(plain, joined_or_none(dataset, record.replace(started_at=START.astimezone(parse_zone(zone)))))


def test_a_run_over_the_change_of_daylight_saving() -> None:
    # The trace starts at 01:30 summer time; the spectra two hours later, at 02:30 winter time on the wall clock.
    berlin = ZoneInfo("Europe/Berlin")
    ramp = trace([0, 14400], [0.0, 14.4], None, local_start=datetime(2024, 10, 27, 1, 30)).in_zone("Europe/Berlin")
    began = datetime(2024, 10, 27, 2, 30, fold=1, tzinfo=berlin)
    joined = join_in_time(spectra([0], started_at=began), ramp)
    assert one(joined, "potential_v") == pytest.approx(7.2)
    # Two files of one run, one on either side of the change.
    late = trace([0, 3600], [9.0, 9.0], None, local_start=datetime(2024, 10, 27, 5, 0)).in_zone("Europe/Berlin")
    both = join_traces([late, ramp])
    np.testing.assert_array_equal(both.time_s, [0, 14400, 16200, 19800])


@settings(deadline=None, max_examples=60)
@given(experiments())
def test_the_mean_lies_within_the_spread(experiment: tuple[OperandoDataset, Trace]) -> None:
    dataset, record = experiment
    joined = joined_or_none(dataset, record)
    if joined is None:
        return
    potential, spread = joined.columns["potential_v"], joined.columns["potential_spread_v"]
    np.testing.assert_array_equal(np.isnan(potential), np.isnan(spread))
    known = ~np.isnan(spread)
    assert (spread[known] >= 0).all()
    finite = record.potential_v[np.isfinite(record.potential_v)]
    if known.any():
        assert potential[known].min() >= finite.min() - 1e-9
        assert potential[known].max() <= finite.max() + 1e-9


# -- measured files -------------------------------------------------------------------------------------------------


def test_spectra_along_a_measured_cyclic_voltammogram(shared_data) -> None:  # type: ignore[no-untyped-def]
    cv = read_trace(shared_data("echem/biologic/Pt_poly_cv.mpt"), reference="RHE", timezone="Europe/Copenhagen")
    assert cv.started_at == datetime(2020, 7, 29, 8, 31, 1, tzinfo=UTC)
    # 100 mV/s: an exposure of 0.5 s on a straight part spans 50 mV around its middle.
    dataset = spectra(np.arange(0, 160, 0.5), 0.5, started_at=cv.started_at)
    joined = join_in_time(dataset, cv)
    inside = joined.columns["flags"] == 0
    np.testing.assert_array_equal(inside, (dataset.columns["time_s"] >= 2.59) & (dataset.columns["time_s"] <= 151.7))
    middle = np.interp(dataset.mid_time_s, cv.time_s, cv.potential_v)
    np.testing.assert_allclose(joined.columns["potential_v"][inside], middle[inside], atol=0.015)
    assert np.median(joined.columns["potential_spread_v"][inside]) == pytest.approx(0.05, abs=0.001)
    assert set(joined.columns["sweep"][inside]) == {-1, 1}
    assert joined.columns["cycle"][inside].max() == 5


def test_a_chain_in_a_loop_gives_every_spectrum_its_technique(shared_data) -> None:  # type: ignore[no-untyped-def]
    names = ("ocv", "cp", "ca", "gcpl", "geis", "peis", "mb")
    chain = read_traces([shared_data(f"echem/biologic/{n}.issue_149.mpt") for n in names], timezone="UTC")
    dataset = spectra(np.arange(1.0, 799.0, 0.5), 0.5, started_at=chain.started_at)
    joined = join_in_time(dataset, chain.replace(reference="Li/Li+"))
    lost = joined.columns["flags"] > 0
    # Only the three breaks of over two seconds between GEIS and PEIS are gaps: 3.1 + 2.6 + 2.6 s.
    begin = dataset.columns["time_s"][lost]
    assert 18 <= lost.sum() <= 22
    assert all(((begin > lo) & (begin < hi)).any() for lo, hi in ((76, 81), (476, 480), (676, 680)))
    assert np.isfinite(joined.columns["potential_v"][~lost]).all()
    # Chronopotentiometry runs from 11 to 20 s at 20 µA, in each of the four passes.
    for start in (11.0, 211.5, 411.5, 611.0):
        during = (dataset.columns["time_s"] > start + 1) & (dataset.columns["time_s"] < start + 8)
        np.testing.assert_allclose(joined.columns["current_ma"][during], 0.0200, atol=1e-4)


def test_a_file_without_a_start_needs_an_offset(shared_data) -> None:  # type: ignore[no-untyped-def]
    cycled = read_trace(shared_data("echem/biologic/gcpl.pr_182.1.mpt"), reference="Li/Li+", timezone="UTC")
    with pytest.raises(ClockError, match="the trace has no absolute start; give offset_s"):
        join_in_time(spectra([0], 10.0), cycled)
    joined = join_in_time(spectra([0, 1000], 10.0), cycled, offset_s=150000.0)
    middle = np.interp([150005, 151005], cycled.time_s, cycled.potential_v)
    np.testing.assert_allclose(joined.columns["potential_v"], middle, atol=1e-3)
