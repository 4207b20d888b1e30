"""Threads for the kernels: blocks of rows on a pool, while the kernels hold no interpreter lock.

numba's own threading is not used. Its OpenMP layer takes its number of threads from ``OMP_NUM_THREADS``, which cluster
scripts set to 1 for other reasons, and its default layer must not be entered from two threads at a time, as happens
within a dask worker.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar

from ..errors import SpectrodeError

__all__ = ["THREADS_VARIABLE", "n_threads", "over_rows", "use_threads"]

THREADS_VARIABLE = "SPECTRODE_NUM_THREADS"

_chosen: ContextVar[int | None] = ContextVar("spectrode_threads", default=None)


def n_threads() -> int:
    """Return how many threads kernels run on.

    The number given to :func:`use_threads`, or that of the environment variable ``SPECTRODE_NUM_THREADS``, or the
    processors that this process may use.

    Raises
    ------
    SpectrodeError
        If the variable is not a whole number above zero.
    """
    chosen = _chosen.get()
    if chosen is not None:
        return chosen
    text = os.environ.get(THREADS_VARIABLE, "").strip()
    if text:
        if not text.isdigit() or int(text) < 1:
            raise SpectrodeError(f"{THREADS_VARIABLE} must be a whole number above 0, but it is {text!r}")
        return int(text)
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


@contextmanager
def use_threads(n: int) -> Iterator[None]:
    """Run kernels called inside the ``with`` block on ``n`` threads.

    Raises
    ------
    SpectrodeError
        If ``n`` is below 1.
    """
    if n < 1:
        raise SpectrodeError(f"kernels need at least 1 thread, but {n} were asked for")
    token = _chosen.set(n)
    try:
        yield
    finally:
        _chosen.reset(token)


def over_rows(function: Callable[[int, int], object], n_rows: int, *, block: int = 64) -> None:
    """Call ``function(start, stop)`` for all blocks of rows, on as many threads as :func:`n_threads` says.

    Parameters
    ----------
    function
        Works on the rows ``start`` to ``stop`` and writes its results where they belong; blocks do not overlap.
    n_rows
        Rows in all.
    block
        Rows a call: enough for the call's overhead not to count, few enough for all threads to end together.
    """
    starts = range(0, n_rows, block)
    threads = min(n_threads(), len(starts))
    if threads <= 1:
        for start in starts:
            function(start, min(start + block, n_rows))
        return
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(function, start, min(start + block, n_rows)) for start in starts]:
            done.result()
