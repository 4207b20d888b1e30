"""The data type: checked once at construction, never half-valid, the caller's arrays untouched."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from spectrode.columns import SpectrumFlag
from spectrode.dataset import OperandoDataset, concat, stack_frames
from spectrode.errors import InvalidDataset
from spectrode.metadata import Cell, Metadata


def make(n=6, c=4, **changes):
    values = {
        "intensity": np.arange(n * c, dtype=float).reshape(n, c),
        "shift": np.linspace(100, 200, c),
        "columns": {"time_s": np.arange(n, dtype=float)},
    }
    return OperandoDataset(**{**values, **changes})


def test_arrays_are_read_only_and_the_callers_stay_writable():
    mine = np.ones((2, 3))
    dataset = make(intensity=mine, shift=[1, 2, 3], columns={})
    with pytest.raises(ValueError, match="read-only"):
        dataset.intensity[0, 0] = 5
    mine[0, 0] = 7
    assert mine.flags.writeable


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"intensity": np.ones(3)}, r"must be \(spectra, channels\)"),
        ({"intensity": np.ones((2, 3), dtype=complex), "shift": [1, 2, 3], "columns": {}}, "real numbers"),
        ({"shift": [4, 3, 2, 1]}, "increase strictly"),
        ({"shift": [1, 2, np.nan, 4]}, "finite"),
        ({"shift": [1, 2, 3]}, "one value a channel"),
        ({"columns": {"time_s": np.zeros(5)}}, "one value a spectrum"),
        ({"columns": {"cycle": np.full(6, 0.5)}}, "whole numbers"),
        ({"columns": {"potential_v": np.zeros(6)}}, "reference_electrode"),
        ({"scan_shape": (("y", 2), ("x", 2))}, "4 places, but there are 6"),
        ({"scan_shape": (("y", 2), ("y", 3))}, "must differ"),
        ({"columns": {"scan_index": np.arange(6)}}, "needs a scan_shape"),
        ({"scan_shape": (("x", 6),), "columns": {"scan_index": [0, 0, 1, 2, 3, 4]}}, "at most once"),
        ({"mask": np.zeros((6, 3), dtype=bool)}, "shape of intensity"),
        ({"axis_kind": "energy"}, "not known"),
    ],
)
def test_inconsistent_parts_are_refused_in_words(changes, words):
    with pytest.raises(InvalidDataset, match=words):
        make(**changes)


def test_zero_volts_at_zero_seconds_are_values():
    dataset = make(
        n=1, columns={"time_s": [0.0], "potential_v": [0.0]}, metadata=Metadata(cell=Cell(reference_electrode="Li/Li+"))
    )
    assert dataset.columns["potential_v"][0] == 0
    assert dataset.mid_time_s[0] == 0


def test_cube_puts_column_major_and_interrupted_maps_in_place():
    # 2 rows × 3 columns, recorded column by column, stopped after four spectra.
    dataset = make(
        n=4,
        columns={"scan_index": [0, 3, 1, 4], "x_um": [0, 0, 1, 1], "y_um": [0, 1, 0, 1]},
        scan_shape=(("y", 2), ("x", 3)),
    )
    x = dataset.as_cube(dataset.columns["x_um"])
    np.testing.assert_array_equal(x, [[0, 1, np.nan], [0, 1, np.nan]])
    assert dataset.as_cube().shape == (2, 3, 4)
    assert np.isnan(dataset.as_cube()[:, 2]).all()


def test_mid_time_is_half_an_exposure_later():
    dataset = make(columns={"time_s": np.arange(6.0), "exposure_s": [2, 2, 2, 2, 2, np.nan]})
    np.testing.assert_allclose(dataset.mid_time_s, [1, 2, 3, 4, 5, 5])


@pytest.mark.parametrize(("kind", "middle"), [("start", 11), ("unknown", 11), ("middle", 10), ("end", 9)])
def test_a_stamp_may_name_the_begin_the_middle_or_the_end(kind, middle):
    dataset = make(n=1, columns={"time_s": [10.0], "exposure_s": [2.0]}, metadata=Metadata(stamp_refers_to=kind))
    np.testing.assert_allclose(dataset.mid_time_s, [middle])
    np.testing.assert_allclose(np.subtract(*dataset.exposure_bounds_s[::-1]), [2.0])


def test_joined_parts_have_one_meaning_of_time():
    start = datetime(2024, 1, 1, tzinfo=UTC)
    parts = [
        make(
            n=1,
            columns={"time_s": [10.0], "exposure_s": [2.0]},
            metadata=Metadata(started_at=start, stamp_refers_to=kind),
        )
        for kind in ("start", "end")
    ]
    whole = concat(parts)
    np.testing.assert_allclose(whole.mid_time_s, [11, 9])


def test_frames_are_in_time_order_whatever_the_order_of_files():
    start = datetime(2024, 3, 1, 12, tzinfo=UTC)
    maps = [
        make(
            intensity=np.full((6, 4), float(k)),
            scan_shape=(("y", 2), ("x", 3)),
            metadata=Metadata(started_at=start + timedelta(seconds=100 * k)),
        )
        for k in (2, 0, 1)
    ]
    whole = stack_frames(maps)
    assert whole.scan_shape == (("frame", 3), ("y", 2), ("x", 3))
    np.testing.assert_array_equal(whole.as_cube()[:, 0, 0, 0], [0, 1, 2])
    np.testing.assert_array_equal(whole.columns["time_s"][::6], [0, 100, 200])
    assert whole.metadata.started_at == start


def test_an_interrupted_last_frame_keeps_its_pixels_in_place():
    full = make(scan_shape=(("y", 2), ("x", 3)))
    part = make(n=4, scan_shape=(("y", 2), ("x", 2)))
    whole = stack_frames([full, part])
    cube = whole.as_cube()
    np.testing.assert_array_equal(cube[1, :, :2], part.as_cube())
    assert np.isnan(cube[1, :, 2]).all()
    assert any("differ in size" in w for w in whole.metadata.warnings)


def test_frames_without_a_start_keep_the_given_order_and_say_so():
    whole = stack_frames([make(scan_shape=(("x", 6),)), make(scan_shape=(("x", 6),))])
    assert any("no start time" in w for w in whole.metadata.warnings)
    assert np.isnan(whole.columns["time_s"][6:]).all(), "the second file's time relative to the first is unknown"


def test_axes_that_differ_cannot_be_joined():
    with pytest.raises(InvalidDataset, match="one axis"):
        concat([make(), make(shift=np.linspace(100, 201, 4))])


def test_selecting_and_joining_gives_the_same_spectra_back():
    dataset = make()
    again = concat([dataset.select(slice(0, 2)), dataset.select(slice(2, None))])
    np.testing.assert_array_equal(again.intensity, dataset.intensity)


def test_flags_add_up():
    dataset = make().with_flags(SpectrumFlag.ALL_ZERO, np.arange(6) == 0)
    dataset = dataset.with_flags(SpectrumFlag.DESPIKED, np.arange(6) <= 1)
    assert SpectrumFlag.words(int(dataset.columns["flags"][0])) == "all_zero+despiked"
    assert SpectrumFlag.words(int(dataset.columns["flags"][2])) == ""


def test_content_hash_sees_numbers_and_not_words():
    dataset = make()
    assert dataset.content_hash() == dataset.replace(metadata=Metadata(title="x")).content_hash()
    assert dataset.content_hash() != make(intensity=np.zeros((6, 4))).content_hash()
