"""Renishaw WDF: small files written from known numbers, damaged ones, and measured files of known content."""

from __future__ import annotations

import json
import math
import pickle
import random
import struct
import sys
import time
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from builders import wdf
from builders.wdf import Origin, Wdf
from spectrode.columns import SpectrumFlag
from spectrode.dataset import OperandoDataset
from spectrode.errors import UnreadableFile
from spectrode.readers import read, read_many
from spectrode.readers._wdf_blocks import MapArea, property_tree
from spectrode.readers._wdf_layout import flag_order
from spectrode.readers.registry import flag_unusable
from spectrode.readers.renishaw_wdf import READER

Write = Callable[[Wdf | bytes], Path]
CHANNELS = 5
AXIS = np.array([100.0, 101.5, 103.25, 105.0, 107.5])
SECOND = 10_000_000


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_file(content: Wdf | bytes) -> Path:
        path = tmp_path / "made.wdf"
        path.write_bytes(bytes(content))
        return path

    return to_file


def numbered(n: int) -> np.ndarray:
    """Spectra that say their own number: spectrum i is i·10 + channel + 1."""
    return np.arange(n)[:, None] * 10.0 + np.arange(CHANNELS) + 1.0


def times(n: int, step: float = 2.0) -> Origin:
    return Origin(wdf.TIME, wdf.FILETIME, wdf.T0 + np.arange(n) * round(step * SECOND), "Time")


def visits(order: str, nx: int, ny: int) -> list[tuple[int, int]]:
    """The points (x, y) of a map in the order in which the stage visits them, written out plainly."""
    rows = [[(x, y) for x in range(nx)] for y in range(ny)]
    columns = [[(x, y) for y in range(ny)] for x in range(nx)]
    lines = columns if "column" in order else rows
    if "snake" in order:
        lines = [line[::-1] if k % 2 else line for k, line in enumerate(lines)]
    return [point for line in lines for point in line]


FLAGS = {"rows": 0, "columns": 2, "snake rows": 4, "snake columns": 6}


def a_map(order: str = "rows", nx: int = 4, ny: int = 3, step: tuple[float, float] = (2.0, 5.0), **changes) -> Wdf:
    points = np.array(visits(order, nx, ny), dtype=float)
    x, y = -10.3 + points[:, 0] * step[0], 7.1 + points[:, 1] * step[1]
    made = Wdf(
        numbered(nx * ny),
        AXIS,
        measurement=wdf.MAPPING,
        origins=[Origin(wdf.X, wdf.UM, x, "X", True), Origin(wdf.Y, wdf.UM, y, "Y", True), times(nx * ny)],
        map_flags=FLAGS[order],
        location=(-10.3, 7.1, 0.0),
        step=(*step, 1.0),
        length=(nx, ny, 1),
    )
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def assert_regular(data: OperandoDataset) -> None:
    """Every pixel of the laid-out map sits where its row and column say, both rising."""
    x, y = data.as_cube(data.columns["x_um"]), data.as_cube(data.columns["y_um"])
    assert np.all(np.ptp(x, axis=0) < 1e-9)
    assert np.all(np.ptp(y, axis=1) < 1e-9)
    assert np.all(np.diff(x, axis=1) > 0)
    assert np.all(np.diff(y, axis=0) > 0)


# -- order of maps -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", FLAGS)
def test_map_lies_where_the_stage_was(write: Write, order: str) -> None:
    data = read(write(a_map(order)))
    assert data.scan_shape == (("y", 3), ("x", 4))
    assert_regular(data)
    np.testing.assert_array_equal(data.intensity, numbered(12))  # file order is kept
    cube = data.as_cube(data.intensity[:, 0])
    for k, (x, y) in enumerate(visits(order, 4, 3)):
        assert cube[y, x] == k * 10 + 1
    assert not [w for w in data.metadata.warnings if "contradict" in w]


@pytest.mark.parametrize("order", FLAGS)
def test_map_without_positions_follows_its_flags(write: Write, order: str) -> None:
    made = a_map(order)
    made.origins = made.origins[2:]
    data = read(write(made))
    cube = data.as_cube(data.intensity[:, 0])
    for k, (x, y) in enumerate(visits(order, 4, 3)):
        assert cube[y, x] == k * 10 + 1
    assert "x_um" not in data.columns
    assert any("taken from its flags" in w for w in data.metadata.warnings)


@pytest.mark.parametrize("order", FLAGS)
def test_flag_order_equals_the_plain_loop(order: str) -> None:
    area = MapArea(FLAGS[order], (0, 0, 0), (1, 1, 1), (5, 3, 2), 0)
    expected = [(x, y, z) for z in range(2) for x, y in visits(order, 5, 3)]
    np.testing.assert_array_equal(flag_order(area, 30), expected)
    np.testing.assert_array_equal(flag_order(area, 7), expected[:7])


@pytest.mark.parametrize("step", [(-2.0, 5.0), (2.0, -5.0), (-2.0, -5.0)])
def test_negative_steps_are_turned_towards_larger_coordinates(write: Write, step: tuple[float, float]) -> None:
    with_positions = read(write(a_map("snake rows", step=step)))
    assert_regular(with_positions)
    made = a_map("snake rows", step=step)
    made.origins = []
    np.testing.assert_array_equal(read(write(made)).as_cube(), with_positions.as_cube())


def test_positions_win_over_contradicting_flags(write: Write) -> None:
    data = read(write(a_map("columns", map_flags=0)))
    assert_regular(data)
    (warning,) = [w for w in data.metadata.warnings if "contradict" in w]
    assert "10 of 12 spectra" in warning
    assert "positions are trusted" in warning


def test_positions_off_the_planned_grid_make_their_own(write: Write) -> None:
    data = read(write(a_map("columns", location=(500.0, 500.0, 0.0))))
    assert data.scan_shape == (("y", 3), ("x", 4))
    assert_regular(data)
    assert any("grid of 3 × 4 (y × x) of their own" in w for w in data.metadata.warnings)


def test_scattered_positions_are_a_list_of_points(write: Write) -> None:
    made = a_map()
    rng = np.random.default_rng(3)
    made.origins[0].values, made.origins[1].values = rng.uniform(0, 50, 12), rng.uniform(0, 50, 12)
    data = read(write(made))
    assert data.scan_shape == ()
    np.testing.assert_array_equal(data.columns["x_um"], made.origins[0].values)
    assert any("list of points" in w for w in data.metadata.warnings)


def test_motor_jitter_does_not_break_the_grid(write: Write) -> None:
    made = a_map("snake columns")
    jitter = np.random.default_rng(1).uniform(-0.2, 0.2, 12)
    made.origins[0].values = made.origins[0].values + jitter
    data = read(write(made))
    place = [y * 4 + x for x, y in visits("snake columns", 4, 3)]
    np.testing.assert_array_equal(data.scan_index, place)


def test_one_position_for_all_falls_back_to_the_flags(write: Write) -> None:
    made = a_map("columns")
    made.origins[0].values, made.origins[1].values = np.zeros(12), np.zeros(12)
    data = read(write(made))
    np.testing.assert_array_equal(data.scan_index, [y * 4 + x for x, y in visits("columns", 4, 3)])
    assert any("share one position" in w for w in data.metadata.warnings)


def test_line_focus_map_needs_positions(write: Write) -> None:
    made = a_map("snake columns", map_flags=wdf.LINE_FOCUS)
    data = read(write(made))
    assert_regular(data)
    assert not [w for w in data.metadata.warnings if "contradict" in w]  # its order is not announced
    made.origins = []
    data = read(write(made))
    assert data.scan_shape == ()
    assert any("do not fix an order" in w for w in data.metadata.warnings)


def test_missing_map_block_and_wrong_plan(write: Write) -> None:
    for changes, words in (({"map_flags": None}, "no map block"), ({"length": (4, 4, 1)}, "plans 4 × 4 × 1 points")):
        data = read(write(a_map("columns", **changes)))
        assert_regular(data)
        assert any(words in w for w in data.metadata.warnings)


def test_volume_has_layers(write: Write) -> None:
    points = np.array([(x, y, z) for z in range(2) for x, y in visits("snake rows", 3, 2)], dtype=float)
    made = a_map("snake rows", 3, 4)
    made.length, made.step, made.location = (3, 2, 2), (1.0, 1.0, -4.0), (0.0, 0.0, 8.0)
    made.origins = [
        Origin(wdf.X, wdf.UM, points[:, 0]),
        Origin(wdf.Y, wdf.UM, points[:, 1]),
        Origin(wdf.Z, wdf.UM, 8.0 - 4.0 * points[:, 2]),
    ]
    data = read(write(made))
    assert data.scan_shape == (("z", 2), ("y", 2), ("x", 3))
    z = data.as_cube(data.columns["z_um"])
    assert np.all(z[0] == 4.0)
    assert np.all(z[1] == 8.0)
    assert np.all(data.as_cube(data.columns["x_um"]) == np.arange(3.0))


def test_oblique_line_scan(write: Write) -> None:
    steps = np.arange(6)
    made = Wdf(
        numbered(6),
        AXIS,
        measurement=wdf.MAPPING,
        origins=[Origin(wdf.X, wdf.UM, -5 + 3.0 * steps), Origin(wdf.Y, wdf.UM, 2 - 4.0 * steps)],
        map_flags=wdf.XY_LINE,
        location=(-5.0, 2.0, 0.0),
        step=(3.0, -4.0, 1.0),
        length=(6, 1, 1),
    )
    data = read(write(made))
    assert data.scan_shape == (("line", 6),)
    np.testing.assert_allclose(data.columns["distance_um"], 5.0 * steps)
    assert "scan_index" not in data.columns


@pytest.mark.parametrize(("unit", "factor"), [(wdf.MM, 1e3), (wdf.NM, 1e-3), (wdf.UM, 1.0)])
def test_positions_are_converted_to_um(write: Write, unit: int, factor: float) -> None:
    made = a_map()
    for origin in made.origins[:2]:
        origin.values, origin.unit = np.asarray(origin.values) / factor, unit
    data = read(write(made))
    np.testing.assert_allclose(data.columns["x_um"][:4], -10.3 + 2.0 * np.arange(4))
    assert data.scan_shape == (("y", 3), ("x", 4))


# -- interrupted -------------------------------------------------------------------------------------------------------


def interrupted(n: int, count: int | None) -> Wdf:
    made = a_map("snake rows", collected=count)
    made.spectra[n:] = 0
    made.origins[2].values = np.where(np.arange(12) < n, made.origins[2].values, 0)
    return made


@pytest.mark.parametrize("count", [7, 12])
def test_interrupted_map_keeps_the_plan_and_drops_the_unmeasured(write: Write, count: int) -> None:
    data = read(write(interrupted(7, count)))
    assert data.n_spectra == 7
    assert data.scan_shape == (("y", 3), ("x", 4))
    assert np.isfinite(data.columns["time_s"]).all()
    cube = data.as_cube(data.intensity[:, 0])
    assert np.isnan(cube).sum() == 5
    assert cube[1].tolist()[1:] == [61.0, 51.0, 41.0]  # the second row runs backwards
    assert any("7 of 12 planned spectra were measured" in w for w in data.metadata.warnings)


def test_undated_spectrum_with_light_stays_and_has_no_time(write: Write) -> None:
    made = a_map()
    made.origins[2].values = np.where(np.isin(np.arange(12), [4, 11]), 0, made.origins[2].values)
    data = read(write(made))
    assert data.n_spectra == 12
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(data.columns["time_s"])), [4, 11])
    assert data.absolute_time(4) is None
    assert np.all((data.columns["flags"] & SpectrumFlag.NO_TIME > 0) == np.isin(np.arange(12), [4, 11]))
    assert data.metadata.started_at is not None
    assert data.metadata.started_at.year == 2024


def test_measured_zeros_stay_and_are_flagged(write: Write) -> None:
    made = a_map()
    made.spectra[5] = 0
    data = read(write(made))
    assert data.n_spectra == 12
    np.testing.assert_array_equal(np.flatnonzero(data.columns["flags"] & SpectrumFlag.ALL_ZERO), [5])


def test_nothing_measured_is_said(write: Write) -> None:
    with pytest.raises(UnreadableFile, match="0 of 12 planned spectra"):
        read(write(a_map(collected=0)))


# -- time --------------------------------------------------------------------------------------------------------------


def test_times_are_exact_to_a_tick(write: Write) -> None:
    steps = np.array([0, 1, 3, 10**7 + 1, 10**12 + 7])  # ticks
    made = Wdf(numbered(5), AXIS, measurement=wdf.SERIES, origins=[Origin(wdf.TIME, wdf.FILETIME, wdf.T0 + steps)])
    data = read(write(made))
    assert data.metadata.started_at == datetime(2024, 3, 31, 1, 30, 0, 250001, tzinfo=UTC)
    np.testing.assert_array_equal(np.round(data.columns["time_s"] * SECOND), steps)
    assert data.columns["time_s"][3] == 1.0000001


def test_impossible_dates_are_left_out(write: Write) -> None:
    made = a_map()
    stamps = np.asarray(made.origins[2].values).copy()
    stamps[3], stamps[8] = 5, 2**62
    made.origins[2].values = stamps
    data = read(write(made))
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(data.columns["time_s"])), [3, 8])
    assert any("2 spectra are impossible dates" in w for w in data.metadata.warnings)


def ended(after_s: float) -> Wdf:
    made = Wdf(numbered(3), AXIS, measurement=wdf.SERIES, origins=[times(3, 5.0)], accumulations=2)
    made.start, made.end = wdf.T0 - 4 * SECOND - 1000, wdf.T0 + 10 * SECOND + round(after_s * SECOND)
    made.extra = [wdf.measurement(2, 2000)]
    return made


def test_stamps_at_the_end_of_exposures_are_recognised(write: Write) -> None:
    path = write(ended(0.3))
    data = read(path)
    assert data.metadata.stamp_refers_to == "end"
    np.testing.assert_array_equal(data.columns["time_s"], [0, 5, 10])
    np.testing.assert_allclose(data.exposure_bounds_s[0], [-4, 1, 6])
    np.testing.assert_allclose(data.exposure_bounds_s[1], [0, 5, 10])


def test_stamps_without_proof_stay_unknown(write: Write) -> None:
    path = write(ended(4.5))
    assert read(path).metadata.stamp_refers_to == "unknown"


def test_header_clock_that_disagrees_is_reported(write: Write) -> None:
    made = a_map(start=wdf.T0 + 3600 * SECOND, end=wdf.T0 + 3700 * SECOND)
    assert any("lie 3600.0 s before the start" in w for w in read(write(made)).metadata.warnings)


# -- exposure, accumulations, laser, columns ---------------------------------------------------------------------------


def test_cosmic_filter_inflates_the_header(write: Write) -> None:
    data = read(write(a_map(accumulations=4, extra=[wdf.measurement(2, 1500, cosmic=1, nd_percent=10.0)])))
    assert data.metadata.instrument.accumulations == 2
    np.testing.assert_array_equal(data.columns["exposure_s"], np.full(12, 3.0))
    np.testing.assert_array_equal(data.columns["irradiation_s"], np.full(12, 6.0))
    assert data.metadata.laser.power_fraction == pytest.approx(0.1)
    assert any("counts 4 accumulations, but 2 were set" in w for w in data.metadata.warnings)


def test_without_settings_the_header_counts(write: Write) -> None:
    data = read(write(a_map(accumulations=4)))
    assert data.metadata.instrument.accumulations == 4
    assert "exposure_s" not in data.columns


def test_temperature_focus_flags_and_exposure_lists(write: Write) -> None:
    made = Wdf(numbered(3), AXIS, measurement=wdf.SERIES)
    made.origins = [
        Origin(wdf.TEMPERATURE, wdf.KELVIN, [273.15, 300.0, 310.15], primary=True),
        Origin(wdf.FOCUS_TRACK, wdf.UM, [31.5, 25.75, 26.0]),
        Origin(wdf.FLAGS, 0, [0, 1, 0]),
        Origin(wdf.EXPOSURE, 13, [500.0, 250.0, 125.0]),
    ]
    data = read(write(made))
    assert data.scan_shape == (("temperature", 3),)
    np.testing.assert_allclose(data.columns["temperature_c"], [0.0, 26.85, 37.0])
    np.testing.assert_array_equal(data.columns["z_um"], [31.5, 25.75, 26.0])
    np.testing.assert_array_equal(data.columns["wdf_flags"], [0, 1, 0])
    np.testing.assert_array_equal(data.columns["exposure_s"], [0.5, 0.25, 0.125])


@pytest.mark.parametrize("wavenumber", [0.0, math.nan, math.inf, -5.0, 3.0, 1e9])
def test_laser_that_cannot_be_is_none(write: Write, wavenumber: float) -> None:
    data = read(write(a_map(laser_wavenumber=wavenumber)))
    assert data.metadata.laser.wavelength_nm is None
    assert any("laser" in w for w in data.metadata.warnings)


def test_header_texts_and_vendor_tree(write: Write) -> None:
    data = read(write(a_map(extra=[wdf.measurement(1, 1000), wdf.block("TEXT", "für µ\0".encode())])))
    meta = data.metadata
    assert (meta.title, meta.instrument.vendor, meta.instrument.software) == (
        "Si on Cu, 20 µm",
        "Renishaw",
        "WiRE 5.6.7.8",
    )
    assert meta.laser.wavelength_nm == pytest.approx(532.0, rel=1e-6)
    assert meta.vendor["WDF1"]["user"] == "Käthe"
    assert meta.vendor["WDF1"]["measurement_type"] == "mapping"
    assert meta.vendor["TEXT"] == "für µ"
    assert meta.vendor["WXDM"]["Items"]["Scan"]["Exposure Time"] == 1000
    assert meta.vendor["WMAP"]["length"] == [4, 3, 1]
    json.dumps(dict(meta.vendor), allow_nan=False)


def test_two_spectra_without_origin_stay_two(write: Write) -> None:
    data = read(write(Wdf(numbered(2), AXIS, axis_unit=0, measurement=0, application="")))
    assert (data.n_spectra, data.scan_shape, dict(data.columns)) == (2, (), {})
    assert data.metadata.started_at is None
    assert data.metadata.instrument.vendor is None


def test_single_spectrum_has_no_scan(write: Write) -> None:
    data = read(write(Wdf(numbered(1), AXIS, origins=[times(1)])))
    assert data.scan_shape == ()
    assert data.columns["time_s"].tolist() == [0.0]


# -- tracks, flags and blocks ------------------------------------------------------------------------------------------


def tracked(axes: np.ndarray, n: int = 4, **changes) -> Wdf:
    return a_map(nx=n, ny=1, axis=axes, flags=8, tracks=len(axes), length=(n, 1, 1), **changes)


def test_every_track_has_its_own_axis(write: Write) -> None:
    axes = np.array([AXIS, AXIS + 1, AXIS[::-1], AXIS + 1])
    path = write(tracked(axes))
    first = read(path)
    np.testing.assert_array_equal(first.shift, AXIS)
    np.testing.assert_array_equal(first.intensity, numbered(4)[:1])
    assert any("3 axes, track 1, track 2, track 3; the first was read" in w for w in first.metadata.warnings)
    for lazy in (False, True):
        second = read(path, dataset="track 2", lazy=lazy)  # two spectra share this axis
        np.testing.assert_array_equal(second.shift, AXIS + 1)
        np.testing.assert_array_equal(second.computed().intensity, numbered(4)[[1, 3]])
        np.testing.assert_allclose(second.columns["x_um"], [-8.3, -4.3])
        third = read(path, dataset="track 3", lazy=lazy)
        np.testing.assert_array_equal(third.shift, AXIS)
        np.testing.assert_array_equal(third.computed().intensity, numbered(4)[2:3, ::-1])
    assert first.metadata.vendor["WDF1"]["tracks"] == 4
    assert first.metadata.vendor["WDF1"]["flags_set"] == ["separate x-list for each spectrum"]


def test_tracks_on_one_axis_are_one_dataset(write: Write) -> None:
    data = read(write(tracked(np.array([AXIS] * 4))))
    np.testing.assert_array_equal(data.intensity, numbered(4))
    assert data.scan_shape == (("x", 4),)


@pytest.mark.parametrize(
    ("axes", "options", "said"),
    [
        ([AXIS, AXIS + 1], {}, "has 2 axes for 4 spectra"),
        ([AXIS, AXIS + 1, AXIS + 2, AXIS + 3], {"dataset": "track 5"}, "it holds track 1, track 2, track 3, track 4"),
        ([AXIS] * 4, {"dataset": "map"}, "it holds one, 'track 1'"),
        ([AXIS, AXIS + 1, AXIS + 2, AXIS * np.nan], {}, "block XLST is damaged"),
    ],
)
def test_tracks_that_cannot_be_told_apart(write: Write, axes: list, options: dict, said: str) -> None:
    with pytest.raises(UnreadableFile, match=said):
        read(write(tracked(np.array(axes))), **options)


def test_more_tracks_than_the_file_holds(write: Write) -> None:
    with pytest.raises(UnreadableFile, match=r"axes of 4000000000 tracks\) is short"):
        read(write(a_map(flags=8, tracks=4_000_000_000)))


def test_several_data_blocks_are_refused(write: Write) -> None:
    made = a_map(extra=[wdf.block("DATA", b"\0" * 240, 1)], flags=1)
    with pytest.raises(UnreadableFile, match="2 blocks DATA; which spectra belong to which axis is described nowhere"):
        read(write(made))


def test_flags_of_wire_are_understood(write: Write) -> None:
    flags = np.array([0, 1, 4, 5, 1 << 48, 0, 0, 0, 0, 0, 0, 0])
    made = a_map()
    made.origins.append(Origin(wdf.FLAGS, 0, flags))
    data = read(write(made))
    np.testing.assert_array_equal(data.columns["wdf_flags"], flags)
    np.testing.assert_array_equal(data.columns["flags"] == SpectrumFlag.SATURATED, flags & 1 == 1)
    (words,) = [w for w in data.metadata.warnings if "WiRE set flags" in w]
    assert "4 of 12 spectra (saturated: 2, cosmic ray found by software: 2, masked: 1)" in words


def test_all_blocks_are_listed_and_property_sets_read(write: Write) -> None:
    values = b"\1\2\3\4" * 1000
    tree = wdf.property_set({"Label": "G band"})
    analysis = wdf.block("MAP ", b"PSET" + struct.pack("<I", len(tree)) + tree + values, 7)
    unknown = wdf.block("ABCD", b"what WiRE will write in some years")
    data = read(write(a_map(extra=[analysis, wdf.block("BKXL", b"\0" * 36), unknown])))
    listed = [(b["name"], b["uid"], b["bytes"]) for b in data.metadata.vendor["blocks"]]
    assert [name for name, _, _ in listed] == ["WDF1", "DATA", "XLST", "ORGN", "WMAP", "MAP", "BKXL", "ABCD"]
    assert ("MAP", 7, 8 + len(tree) + len(values)) in listed
    assert data.metadata.vendor["MAP"] == {"Label": "G band"}
    assert "ABCD" not in data.metadata.vendor


def test_endless_chain_of_blocks_is_bounded(write: Write) -> None:
    data = read(write(bytes(a_map()) + wdf.block("NULL", b"") * 20_000))
    assert any("more than 10000 blocks" in w for w in data.metadata.warnings)


# -- lazily ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", wdf.examples())
def test_lazy_equals_eager(write: Write, name: str) -> None:
    path = write(wdf.examples()[name])
    lazy, eager = read(path, lazy=True), read(path)
    assert lazy.is_lazy
    assert not eager.is_lazy
    np.testing.assert_array_equal(lazy.as_cube(), eager.as_cube())
    assert lazy.metadata.sources[0].sha256 == ""
    whole = flag_unusable(lazy.computed())
    assert whole.replace(metadata=whole.metadata.replace(sources=eager.metadata.sources)).identical(eager)


def test_lazy_blocks(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spectrode.readers._lazy.BLOCK_BYTES", 4 * CHANNELS * 5)
    data = read(write(a_map(axis=AXIS[::-1])), lazy=True)
    assert data.intensity.chunks == ((5, 5, 2), (CHANNELS,))
    truth = numbered(12)[:, ::-1]
    np.testing.assert_array_equal(data.intensity.compute(), truth)
    np.testing.assert_array_equal(data.intensity[3].compute(), truth[3])
    np.testing.assert_array_equal(data.intensity[[11, 2, 2]].compute(), truth[[11, 2, 2]])
    np.testing.assert_array_equal(data.intensity[::-2, 1:3].compute(), truth[::-2, 1:3])
    np.testing.assert_array_equal(data.intensity.mean(axis=0).compute(), truth.mean(axis=0))
    again = pickle.loads(pickle.dumps(data.intensity))
    np.testing.assert_array_equal(again.compute(scheduler="processes"), truth)
    assert len(pickle.dumps(data.intensity)) < 20_000


def test_lazy_data_hold_no_file_and_notice_a_change(write: Write) -> None:
    path = write(a_map())
    data = read(path, lazy=True)
    np.asarray(data.intensity)
    if Path("/proc/self/maps").exists():
        assert str(path) not in Path("/proc/self/maps").read_text()
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UnreadableFile, match="has changed since"):
        data.computed()
    path.unlink()
    with pytest.raises(UnreadableFile, match="is not there any more"):
        data.computed()


def test_lazy_frames(tmp_path: Path) -> None:
    paths = []
    for k in range(3):
        paths.append(tmp_path / f"{k}.wdf")
        made = a_map()
        made.origins[2].values = np.asarray(made.origins[2].values) + k * 1000 * SECOND
        made.spectra = made.spectra + 1000.0 * k
        paths[-1].write_bytes(bytes(made))
    lazy, eager = read_many(paths, lazy=True), read_many(paths)
    assert lazy.is_lazy
    assert lazy.scan_shape == (("frame", 3), ("y", 3), ("x", 4))
    np.testing.assert_array_equal(lazy.as_cube(), eager.as_cube())


def test_a_long_undated_tail_is_not_searched_lazily(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spectrode.readers.renishaw_wdf._LAZY_TAIL_BYTES", 50)
    path = write(interrupted(7, 12))
    assert read(path).n_spectra == 7
    lazy = read(path, lazy=True)
    assert lazy.n_spectra == 12
    assert any("the last 5 spectra have no time; read lazily" in w for w in lazy.metadata.warnings)
    assert np.all((lazy.columns["flags"] & SpectrumFlag.NO_TIME > 0) == (np.arange(12) >= 7))


@pytest.mark.skipif(sys.platform == "win32", reason="its file system writes holes out")
def test_opening_takes_no_longer_for_a_large_file(tmp_path: Path) -> None:
    # Four gigabytes that are a hole in the file system: reading them would take seconds and memory.
    n, channels = 100_000, 10_000
    made = a_map(nx=400, ny=250)
    made.spectra, made.axis = np.zeros((1, channels)), np.linspace(3000, 100, channels)
    made.capacity = made.collected = n
    head, _, *rest = made.blocks()
    path = tmp_path / "large.wdf"
    with open(path, "wb") as stream:
        stream.write(head + struct.pack("<4sIQ", b"DATA", 0, 16 + 4 * n * channels))
        stream.seek(4 * n * channels - 4, 1)
        stream.write(struct.pack("<f", 7.0) + b"".join(rest))
    read(path, lazy=True)  # dask is imported once
    begin = time.perf_counter()
    data = read(path, lazy=True)
    seconds = time.perf_counter() - begin
    assert data.intensity.shape == (n, channels)
    assert data.intensity[-1, 0].compute() == 7.0
    assert seconds < 0.5  # some 15 ms on a quiet machine; benchmarks/read_wdf.py measures


# -- axes --------------------------------------------------------------------------------------------------------------


def test_descending_axis_is_turned_with_the_intensities(write: Write) -> None:
    data = read(write(a_map(axis=AXIS[::-1])))
    np.testing.assert_array_equal(data.shift, AXIS)
    np.testing.assert_array_equal(data.intensity, numbered(12)[:, ::-1])
    assert data.intensity.dtype == np.float32
    # Nothing was copied: the numbers lie in memory as in the file.
    assert data.intensity[:, ::-1].flags.c_contiguous
    assert data.intensity.dtype.isnative


@pytest.mark.parametrize(
    ("unit", "axis", "kind", "expected"),
    [
        (wdf.RAMAN_SHIFT, AXIS, "raman_shift", AXIS),
        (wdf.NM, AXIS * 5, "wavelength", AXIS * 5),
        (wdf.UM, AXIS / 128, "wavelength", AXIS / 128 * 1e3),
        (wdf.EV, np.array([1.0, 1.5, 2.0, 2.5, 3.0]), "wavelength", 1239.841984 / np.array([3.0, 2.5, 2.0, 1.5, 1.0])),
        (wdf.WAVENUMBER, 1e7 / 532.0 - AXIS, "raman_shift", AXIS),
    ],
)
def test_axis_units(write: Write, unit: int, axis: np.ndarray, kind: str, expected: np.ndarray) -> None:
    data = read(write(a_map(axis=axis, axis_unit=unit)))
    assert data.axis_kind == kind
    np.testing.assert_allclose(data.shift, expected, rtol=1e-5)
    # Each intensity stays with its place on the axis.
    turned = expected[0] != pytest.approx(
        {wdf.EV: 1239.841984, wdf.WAVENUMBER: AXIS[0]}.get(unit, expected[0]), rel=1e-3
    )
    np.testing.assert_array_equal(data.intensity, numbered(12)[:, ::-1] if turned else numbered(12))


def test_absolute_wavenumber_without_laser_stays_absolute(write: Write) -> None:
    data = read(write(a_map(axis=AXIS * 100, axis_unit=wdf.WAVENUMBER, laser_wavenumber=0.0)))
    assert data.axis_kind == "wavenumber"
    np.testing.assert_array_equal(data.shift, AXIS * 100)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"axis_unit": wdf.PIXELS}, "its axis is in pixels"),
        ({"axis": np.array([1.0, 2.0, 2.0, 3.0, 4.0])}, "block XLST is damaged"),
        ({"axis": np.array([1.0, 2.0, np.nan, 3.0, 4.0])}, "block XLST is damaged"),
        ({"n_x": 6}, "spectra of 5 points, but an axis of 6"),
        ({"n_y": 20}, "images of 5 × 20 points"),
        ({"n_points": 0, "n_x": 0}, "announces 12 spectra of 0 points"),
        ({"capacity": 0}, "announces 0 spectra"),
        ({"capacity": 13}, "block DATA .* is short"),
        ({"capacity": 2**60}, "block DATA .* is short"),
        ({"n_points": 2**32 - 1, "n_x": 2**32 - 1}, "block DATA .* is short"),
        ({"origins": [], "n_origins": 3}, "no block ORGN, but its header announces 3"),
        ({"extra": [wdf.block("DATA", b"")]}, "2 blocks DATA"),
    ],
)
def test_what_cannot_be_read_is_said(write: Write, changes: dict, words: str) -> None:
    with pytest.raises(UnreadableFile, match=words):
        READER.load(write(a_map(**changes)))


def test_origin_list_too_short_names_the_block(write: Write) -> None:
    made = a_map()
    made.origins[2].values = made.origins[2].values[:5]
    with pytest.raises(UnreadableFile, match="block ORGN is short"):
        read(write(made))


# -- white-light image -------------------------------------------------------------------------------------------------


def test_image_and_its_place_on_the_stage(write: Write) -> None:
    picture = wdf.jpeg((-100.0, 40.0), (80.0, 60.0))
    (image,) = read(write(a_map(extra=[wdf.block("WHTL", picture)]))).metadata.images
    assert image.x_um == pytest.approx((-100.0, -20.0))
    assert image.y_um == pytest.approx((40.0, 100.0))
    assert image.pixels.shape[:2] == (6, 8)
    assert image.pixels[0, 0] > 200 > 50 > image.pixels[-1, -1]


def test_broken_image_is_a_warning(write: Write) -> None:
    picture = wdf.jpeg((0.0, 0.0), (80.0, 60.0))
    for content in (b"", b"no picture", picture[: len(picture) // 2]):
        data = read(write(a_map(extra=[wdf.block("WHTL", content)])))
        assert data.metadata.images == ()
        assert any("WHTL" in w for w in data.metadata.warnings)


def test_without_pillow_there_is_no_image(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(a_map(extra=[wdf.block("WHTL", wdf.jpeg((0.0, 0.0), (8.0, 6.0)))]))
    monkeypatch.setitem(sys.modules, "PIL", None)
    data = read(path)
    assert data.metadata.images == ()
    assert any("Pillow is not installed" in w for w in data.metadata.warnings)


# -- property sets -----------------------------------------------------------------------------------------------------


def test_property_set_values_and_names() -> None:
    tree = {"n": 3, "deep": {"x": 2.5, "more": {"ok": True}}, "list": [1.0, 2.0], "text": "µm"}
    body = wdf.property_set(tree)
    assert property_tree(b"PSET" + struct.pack("<I", len(body)) + body + b"\n\0\0") == (tree, None)


def test_inner_sets_borrow_names_and_unknown_ids_keep_their_number() -> None:
    inner = b"i\0" + struct.pack("<Hi", 0x8001, 7) + b"i\0" + struct.pack("<Hi", 999, 8)
    body = b"k\0" + struct.pack("<HI", 0x8001, 4) + b"Gain" + b"p\0" + struct.pack("<HI", 1014, len(inner)) + inner
    found, problem = property_tree(b"PSET" + struct.pack("<I", len(body)) + body)
    assert (found, problem) == ({"InstrumentState": {"Gain": 7, "#999": 8}}, None)


def test_filetime_property_is_utc() -> None:
    body = b"t\0" + struct.pack("<Hq", 431, wdf.T0)
    found, _ = property_tree(b"PSET" + struct.pack("<I", len(body)) + body)
    assert found == {"Time": "2024-03-31T01:30:00.250001+00:00"}


def nested(depth: int) -> bytes:
    """Property sets in one another, deeper than in any real file."""
    body = b""
    for _ in range(depth):
        body = b"p\0" + struct.pack("<HI", 5, len(body)) + body
    return body


@pytest.mark.parametrize(
    "body",
    [
        b"u\0" + struct.pack("<HI", 1, 2**32 - 1),
        b"q\x80" + struct.pack("<HI", 1, 2**31),
        b"u\x80" + struct.pack("<HI", 1, 2**31),
        b"Z\0\0\0",
        b"i\0",
        nested(200),
        b"k\x40" + struct.pack("<HI", 1, 3) + b"abc" + b"i\0",
    ],
)
def test_damaged_property_set_keeps_what_came_before(body: bytes) -> None:
    good = wdf.property_set({"first": 1})
    found, problem = property_tree(b"PSET" + struct.pack("<I", len(good + body)) + good + body)
    assert found["first"] == 1
    assert problem


# -- damage ------------------------------------------------------------------------------------------------------------


def everything() -> Wdf:
    made = a_map("snake columns", accumulations=3, axis=AXIS[::-1])
    made.origins.append(Origin(wdf.Z, wdf.UM, np.full(12, 3.5)))
    made.origins.append(Origin(wdf.FLAGS, 0, np.zeros(12)))
    made.start, made.end = wdf.T0 - 40 * SECOND, wdf.T0 + 23 * SECOND
    made.extra = [
        wdf.block("TEXT", b"a map\0"),
        wdf.measurement(1, 1000, cosmic=1),
        wdf.pset_block("WXIS", {"Instrument type": "InVia"}),
        wdf.block("WHTL", wdf.jpeg((-20.0, 0.0), (40.0, 30.0))),
    ]
    return made


def legal(path: Path) -> OperandoDataset | str:
    """Read with numpy's and Pillow's warnings as errors: a legal dataset, or one sentence."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            data = READER.load(path)
        except UnreadableFile as error:
            return error.reason
    assert data.n_spectra > 0
    data.as_cube(data.intensity[:, 0])
    return data


def test_cut_at_any_byte(write: Write) -> None:
    whole = bytes(everything())
    full = legal(write(whole))
    assert isinstance(full, OperandoDataset)
    made = everything().blocks()
    essential = sum(map(len, made[:4]))  # header, spectra, axis, origins
    for length in range(len(whole)):
        found = legal(write(whole[:length]))
        assert isinstance(found, str) == (length < essential), f"{length} bytes: {found}"
        if isinstance(found, OperandoDataset):
            np.testing.assert_array_equal(found.intensity, full.intensity)
            assert found.scan_shape == full.scan_shape


@pytest.mark.parametrize(("k", "name"), [(0, "WDF1"), (1, "DATA"), (2, "XLST"), (3, "ORGN")])
def test_cut_inside_a_block_names_it(write: Write, k: int, name: str) -> None:
    made = everything().blocks()
    length = sum(map(len, made[:k])) + len(made[k]) - 3
    found = legal(write(b"".join(made)[:length]))
    assert isinstance(found, str)
    assert name in found
    assert "short" in found


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 2**31, 2**63, 2**64 - 1])
@pytest.mark.parametrize("k", range(1, 9))
def test_impossible_block_sizes(write: Write, k: int, size: int) -> None:
    made = everything().blocks()
    made[k] = made[k][:8] + struct.pack("<Q", size) + made[k][16:]
    found = legal(write(b"".join(made)))
    if k > 4 and isinstance(found, OperandoDataset):
        np.testing.assert_array_equal(found.intensity, numbered(12)[:, ::-1])


def test_flipped_bytes_never_surprise(write: Write) -> None:
    whole = bytes(everything())
    rng = random.Random(20240331)
    read_anyway = 0
    for trial in range(600):
        damaged = bytearray(whole)
        # Half of the trials hit the header and the heads, where the numbers are that sizes depend on.
        limit = 512 if trial % 2 else len(whole)
        for _ in range(rng.choice((1, 1, 2, 8))):
            damaged[rng.randrange(4, limit)] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        found = legal(write(bytes(damaged)))
        read_anyway += isinstance(found, OperandoDataset)
    assert 100 < read_anyway < 600  # both kinds of outcome were met


def test_file_is_closed_and_untouched(write: Write) -> None:
    # An open handle would be a ResourceWarning, which pytest turns into an error.
    path = write(everything())
    before = path.read_bytes()
    read(path)
    assert path.read_bytes() == before


def test_sniffs_content_not_name() -> None:
    assert READER.sniff(Path("x.bin"), b"WDF1\x01")
    assert not READER.sniff(Path("x.wdf"), b"PK\x03\x04")


# -- measured files ----------------------------------------------------------------------------------------------------

SharedData = Callable[[str], Path]


def measured(shared_data: SharedData, name: str) -> OperandoDataset:
    return read(shared_data(f"renishaw_wdf/{name}.wdf"))


def test_streamline(shared_data: SharedData) -> None:
    data = measured(shared_data, "renishaw_test_streamline")
    assert data.scan_shape == (("y", 49), ("x", 45))
    assert_regular(data)
    # The file's own words, found without this reader: the list of x positions begins 24 + 4 bytes into block ORGN.
    raw = shared_data("renishaw_wdf/renishaw_test_streamline.wdf").read_bytes()
    x = np.frombuffer(raw, "<f8", 2205, 3479421 + 16 + 4 + 24)
    y = np.frombuffer(raw, "<f8", 2205, 3479421 + 16 + 4 + 24 + 2205 * 8 + 24)
    np.testing.assert_array_equal(data.columns["x_um"], x)
    np.testing.assert_array_equal(data.columns["y_um"], y)
    np.testing.assert_allclose(np.diff(data.as_cube(x), axis=1), 2.6, atol=1e-6)
    np.testing.assert_allclose(np.diff(data.as_cube(y), axis=0), 2.6, atol=1e-6)
    spectra = np.frombuffer(raw, "<f4", 2205 * 394, 528).reshape(2205, 394)
    cube = data.as_cube()
    for k in (0, 1, 49, 1000, 2204):  # column-major: 49 spectra a column
        np.testing.assert_array_equal(cube[k % 49, k // 49], spectra[k])
    assert data.metadata.laser.wavelength_nm == pytest.approx(785.0, abs=0.01)
    assert (data.shift[0], data.shift[-1]) == pytest.approx((924.2, 1667.7), abs=0.05)
    steps = np.diff(data.columns["time_s"])
    assert data.metadata.started_at == datetime(2017, 10, 5, 11, 17, 36, 123887, tzinfo=UTC)
    assert (steps.min(), np.median(steps), steps.max()) == pytest.approx((0.0390022, 0.0600035, 2.44814), abs=1e-7)
    assert data.columns["time_s"][-1] == pytest.approx(227.4680104, abs=1e-7)
    assert not [w for w in data.metadata.warnings if "contradict" in w]
    (image,) = data.metadata.images
    assert image.x_um == pytest.approx((-8325.176, -7879.426))
    assert image.x_um[0] < x.min() < x.max() < image.x_um[1]
    assert image.y_um[0] < y.min() < y.max() < image.y_um[1]


def test_depth_series(shared_data: SharedData) -> None:
    data = measured(shared_data, "renishaw_test_zscan")
    assert data.scan_shape == (("z", 40),)
    np.testing.assert_allclose(data.columns["z_um"], -10 + 0.5 * np.arange(40))
    assert data.metadata.started_at == datetime(2017, 4, 10, 10, 7, 40, 497009, tzinfo=UTC)
    steps = np.diff(data.columns["time_s"])
    assert (steps.min(), np.median(steps), steps.max()) == pytest.approx((1.0260587, 1.0380594, 1.0670611), abs=1e-7)
    assert data.columns["time_s"][-1] == pytest.approx(40.5323183, abs=1e-7)
    assert int(np.count_nonzero(data.columns["flags"] & SpectrumFlag.ALL_ZERO)) == 20


def test_luminescence_maps_are_in_nm(shared_data: SharedData) -> None:
    data = measured(shared_data, "renishaw_test_map2")
    assert (data.scan_shape, data.n_channels) == ((("y", 20), ("x", 20)), 1015)
    assert data.axis_kind == "wavelength"
    assert (data.shift[0], data.shift[-1]) == pytest.approx((326.172, 412.448), abs=1e-3)
    assert data.metadata.laser.wavelength_nm == pytest.approx(325.0, abs=0.01)
    assert data.columns["time_s"][-1] == pytest.approx(3362.25, abs=0.01)
    assert np.median(np.diff(data.columns["time_s"])) == pytest.approx(8.41, abs=0.005)
    assert_regular(data)
    small = measured(shared_data, "renishaw_test_map")
    assert (small.scan_shape, small.n_channels) == ((("y", 3), ("x", 3)), 47)
    steps = np.diff(small.columns["time_s"])
    assert (steps.min(), steps.max()) == pytest.approx((4.70, 4.99), abs=0.005)
    assert small.metadata.instrument.accumulations == 2
    assert_regular(small)


def test_interrupted_acquisition(shared_data: SharedData) -> None:
    data = measured(shared_data, "interrupted_acquisition")
    assert (data.n_spectra, data.scan_shape) == (12, (("y", 4), ("x", 4)))
    cube = data.as_cube(data.intensity[:, 0])
    assert np.isfinite(cube[:3]).all()
    assert np.isnan(cube[3]).all()
    assert data.metadata.started_at is not None
    assert data.metadata.started_at.year == 2025
    assert np.isfinite(data.columns["time_s"]).all()


def test_time_series_and_focus_track(shared_data: SharedData) -> None:
    data = measured(shared_data, "renishaw_test_timeseries")
    assert (data.scan_shape, data.n_channels) == ((("time", 3),), 1007)
    assert np.diff(data.columns["time_s"]) == pytest.approx([3.088, 3.045], abs=5e-4)
    assert data.metadata.laser.wavelength_nm == pytest.approx(532.23, abs=0.005)
    track = measured(shared_data, "renishaw_test_focustrack")
    assert track.scan_shape == (("time", 3),)
    np.testing.assert_allclose(track.columns["z_um"], [31.6, 25.7, 25.79668], atol=1e-5)
    still = measured(shared_data, "renishaw_test_focustrack_invariant")
    assert still.scan_shape == (("z", 10),)
    assert np.all(still.columns["z_um"] == 0)


def test_linescan_is_five_points_of_forty_channels(shared_data: SharedData) -> None:
    data = measured(shared_data, "renishaw_test_linescan")
    assert (data.scan_shape, data.n_channels) == ((("line", 5),), 40)
    np.testing.assert_allclose(data.columns["distance_um"], 30.0 * np.arange(5), atol=1e-5)
    np.testing.assert_allclose(np.diff(data.columns["y_um"]), np.diff(data.columns["x_um"]))


def test_undefined_files(shared_data: SharedData) -> None:
    data = measured(shared_data, "renishaw_test_undefined")
    assert (data.n_spectra, data.scan_shape, dict(data.columns)) == (2, (), {})
    assert data.metadata.laser.wavelength_nm is None
    single = measured(shared_data, "single-spectrum_undefined-type")
    assert single.intensity.shape == (1, 1015)
    assert single.metadata.laser.wavelength_nm is None
    assert any("WXDA is cut short" in w for w in single.metadata.warnings)


@pytest.mark.parametrize(
    ("name", "counted", "real", "exposure"),
    [
        ("renishaw_test_exptime10_acc1", 3, 1, 10.0),
        ("renishaw_test_exptime1_acc2", 4, 2, 2.0),
        ("renishaw_test_exptime1_acc1", 3, 1, 1.0),
    ],
)
def test_accumulations_are_the_real_ones(
    shared_data: SharedData, name: str, counted: int, real: int, exposure: float
) -> None:
    data = measured(shared_data, name)
    assert data.metadata.vendor["WDF1"]["accumulations"] == counted
    assert data.metadata.instrument.accumulations == real
    assert data.columns["exposure_s"].tolist() == [exposure]
    assert data.columns["irradiation_s"].tolist() == [exposure / real * counted]
    assert any(f"counts {counted} accumulations, but {real} were set" in w for w in data.metadata.warnings)


@pytest.mark.parametrize("name", ["nCal_Qontor785_z005H12_100_1x3s", "raman_example"])
def test_equals_its_exported_text(shared_data: SharedData, name: str) -> None:
    data = measured(shared_data, name)
    table = np.loadtxt(shared_data(f"renishaw_wdf/{name}.txt"))[::-1]
    # The text has six decimals of the same float32 numbers.
    np.testing.assert_allclose(data.shift, table[:, 0], rtol=0, atol=5.1e-7)
    np.testing.assert_allclose(data.intensity[0], table[:, 1], rtol=0, atol=5.1e-7)


def test_stamps_of_all_files_with_proof_name_the_end(shared_data: SharedData) -> None:
    # 1 × 3 s: collection began 3.16 s before the stamp and the file was closed 0.17 s after it.
    data = measured(shared_data, "nCal_Qontor785_z005H12_100_1x3s")
    assert data.metadata.stamp_refers_to == "end"
    assert data.metadata.started_at == datetime(2022, 8, 22, 11, 50, 20, 673781, tzinfo=UTC)


def test_every_measured_file_is_legal(shared_data: SharedData) -> None:
    for path in sorted(shared_data("renishaw_wdf").glob("*.wdf")):
        data = read(path)
        assert data.metadata.started_at is None or 2015 < data.metadata.started_at.year < 2027, path.name
        json.dumps(dict(data.metadata.vendor), allow_nan=False)


def test_every_measured_file_lazily(shared_data: SharedData) -> None:
    for path in sorted(shared_data("renishaw_wdf").glob("*.wdf")):
        lazy, eager = read(path, lazy=True), read(path)
        assert lazy.is_lazy
        whole = flag_unusable(lazy.computed())
        assert whole.replace(metadata=whole.metadata.replace(sources=eager.metadata.sources)).identical(eager), (
            path.name
        )


def test_measured_file_damaged(shared_data: SharedData, write: Write) -> None:
    whole = shared_data("renishaw_wdf/renishaw_test_map.wdf").read_bytes()
    rng = random.Random(1)
    for _ in range(60):
        legal(write(whole[: rng.randrange(4, len(whole))]))
        damaged = bytearray(whole)
        for _ in range(20):
            damaged[rng.randrange(4, len(whole))] = rng.randrange(256)
        legal(write(bytes(damaged)))
