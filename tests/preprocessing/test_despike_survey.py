"""The survey's grouping equals a stable sort; neighbours in file order equal those by an index."""

from __future__ import annotations

import numpy as np
import pytest

from spectrode.kernels.survey import medians_by_level
from spectrode.preprocessing.despike.table import neighbour_table


@pytest.mark.parametrize("step", [0.0, 1.0, 40.0])
@pytest.mark.parametrize(("size", "groups"), [(1, 1), (59, 1), (1000, 7), (4096, 24)])
def test_medians_in_groups_are_those_of_a_stable_sort(size: int, groups: int, step: float) -> None:
    rng = np.random.default_rng(1001)
    keys, values = rng.normal(0, 100, size), rng.normal(size=size)
    if step:
        keys = np.round(keys / step) * step  # many are equal, across the bounds of groups too
    parts = np.array_split(np.argsort(keys, kind="stable"), groups)
    starts = np.cumsum([0, *(part.size for part in parts[:-1])])
    found = medians_by_level(keys, values, np.sort(keys), starts)
    assert found.tolist() == [np.median(values[part]) for part in parts]


@pytest.mark.parametrize("measured", [63, 50])
def test_file_order_is_an_index_that_counts(measured: int) -> None:
    scan = (("y", 7), ("x", 9))
    table = neighbour_table(measured, scan, None, frames=2)
    assert np.array_equal(table, neighbour_table(measured, scan, np.arange(measured), frames=2))
    assert (table[measured - 1] < measured).all()
