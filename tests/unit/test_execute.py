"""Steps run block by block: what a block must hold, the sample of a survey, and the memory that a run takes."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectrode.errors import Cancelled, StepError
from spectrode.kernels.threads import use_threads
from spectrode.pipeline.execute import BLOCK, run_step, survey_rows, with_halo
from spectrode.pipeline.step import StepOutput, step

SHIFT = np.linspace(300, 1900, 256)


@step("test.halved", register=False)
def halved(intensity, shift):
    """Take half of it."""
    intensity *= 0.5
    return StepOutput(intensity, shift, {"background": intensity.copy()})


@given(st.integers(0, 100_000))
def test_a_survey_takes_all_or_spread_runs(total: int) -> None:
    rows, runs = survey_rows(total)
    assert rows.size == runs.size == min(total, 2048)
    assert np.unique(rows).size == rows.size
    assert np.all((rows >= 0) & (rows < total))
    together = np.diff(runs) == 0
    assert np.all(np.diff(rows)[together] == 1)
    if total > 2048:
        assert rows[0] == 0
        assert rows[-1] == total - 1


@given(st.data())
def test_a_block_holds_its_neighbours(data: st.DataObject) -> None:
    total = data.draw(st.integers(1, 60))
    start = data.draw(st.integers(0, total - 1))
    rows = np.arange(start, data.draw(st.integers(start + 1, total)))
    table = data.draw(st.lists(st.lists(st.integers(-1, total - 1), min_size=3, max_size=3), min_size=rows.size))
    neighbours = np.array(table[: rows.size])
    held, local = with_halo(rows, neighbours)
    np.testing.assert_array_equal(held[: rows.size], rows)
    assert np.unique(held).size == held.size
    assert set(held) == set(rows) | set(neighbours[neighbours >= 0])
    np.testing.assert_array_equal(np.where(local >= 0, held[local], -1), neighbours)


def test_a_run_takes_little_more_than_its_result() -> None:
    data = np.random.default_rng(1000).random((20_000, SHIFT.size), dtype=np.float32)
    tracemalloc.start()
    out = halved(data, SHIFT, keep=())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    np.testing.assert_array_equal(out.intensity, data * np.float32(0.5))
    assert not out.products
    assert peak < 1.2 * data.nbytes


def test_products_are_kept_by_name() -> None:
    data = np.ones((3, SHIFT.size))
    assert set(halved(data, SHIFT).products) == {"background"}
    assert set(halved(data, SHIFT, keep=("background",)).products) == {"background"}
    assert not halved(data, SHIFT, keep=("variance",)).products


def test_a_run_can_be_cancelled_between_blocks() -> None:
    data = np.ones((2000, SHIFT.size))
    seen: list[int] = []
    with pytest.raises(Cancelled, match=r"test\.halved"):
        run_step(
            halved.spec,
            data,
            SHIFT,
            progress=lambda done, total: seen.append(done),
            should_stop=lambda: bool(seen),
        )
    assert seen == [BLOCK]


@step("test.threaded", register=False, threaded=True)
def threaded(intensity, shift):
    """Say how bright each spectrum is."""
    if np.any(intensity[:, 0] < 0):
        raise StepError("test.threaded cannot work on negative counts")
    return StepOutput(
        intensity * 2, shift, {"scale": intensity.sum(axis=1)}, ("told once",), {"{count} seen": len(intensity)}
    )


def test_threads_change_nothing() -> None:
    data = np.random.default_rng(1001).random((5 * BLOCK + 7, SHIFT.size))
    with use_threads(1):
        alone = threaded(data, SHIFT)
    done: list[int] = []
    with use_threads(3):
        together = run_step(threaded.spec, data, SHIFT, progress=lambda k, n: done.append(k))
    np.testing.assert_array_equal(together.intensity, alone.intensity)
    np.testing.assert_array_equal(together.products["scale"], alone.products["scale"])
    assert together.notes == alone.notes == ("told once", f"{len(data)} seen")
    assert done == sorted(done)
    assert done[-1] == len(data)


def test_an_error_on_a_thread_is_the_callers() -> None:
    data = np.ones((6 * BLOCK, SHIFT.size))
    data[3 * BLOCK, 0] = -1
    with use_threads(2), pytest.raises(StepError, match="negative counts"):
        threaded(data, SHIFT)
