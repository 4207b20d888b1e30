"""Blocks computed by the workers of a ``dask.distributed`` cluster that sees the same files."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ..errors import Cancelled, SpectrodeError
from .job import Job, Result, computed_elsewhere

__all__ = ["results_from"]

_AHEAD = 2  # blocks under way for each thread of the workers: one is computed while another is sent
_WITHOUT_WORKERS_S = 60.0
_CONNECT_S = 10
_RETRIES = 10  # a block is computed anew if its worker goes away, so many times


def results_from(
    scheduler: str | Any,
    job: Job,
    pending: Iterable[tuple[int, int]],
    should_stop: Callable[[], bool] | None = None,
) -> Iterator[Result]:
    """Yield the blocks as they get ready, in any order.

    Parameters
    ----------
    scheduler
        Address such as ``tcp://10.0.0.1:8786``, or a ``distributed.Client``.
    pending
        (start, stop) of the blocks to be computed.

    Raises
    ------
    SpectrodeError
        If ``distributed`` is not installed, the scheduler cannot be reached, or it has no workers for a minute.
    Cancelled
        If ``should_stop`` says so.
    """
    try:
        import distributed
    except ImportError as error:
        raise SpectrodeError(
            f"a scheduler was given, but distributed cannot be imported ({error}); install it with: "
            "pip install 'spectrode[cluster]'"
        ) from None
    if not isinstance(scheduler, str):
        yield from _stream(distributed, scheduler, job, pending, should_stop)
        return
    try:
        client = distributed.Client(scheduler, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:  # TimeoutError is an OSError
        raise SpectrodeError(f"no scheduler answers at {scheduler} ({error or 'no answer'})") from None
    with client:
        yield from _stream(distributed, client, job, pending, should_stop)


def _stream(
    distributed: Any,
    client: Any,
    job: Job,
    pending: Iterable[tuple[int, int]],
    should_stop: Callable[[], bool] | None,
) -> Iterator[Result]:
    waiting, under_way = iter(pending), set[Any]()
    seen_workers = time.monotonic()
    try:
        while True:
            threads = sum(client.ncores().values())
            if threads:
                seen_workers = time.monotonic()
            elif time.monotonic() - seen_workers > _WITHOUT_WORKERS_S:
                raise SpectrodeError("the scheduler has had no workers for a minute; start some and run this again")
            while len(under_way) < max(2, _AHEAD * threads) and (span := next(waiting, None)) is not None:
                under_way.add(client.submit(computed_elsewhere, job, *span, pure=False, retries=_RETRIES))
            if not under_way:
                return
            if should_stop is not None and should_stop():
                raise Cancelled("the stream was cancelled; the blocks that are done are kept")
            try:
                with client.as_current():
                    done = distributed.wait(under_way, timeout=1, return_when="FIRST_COMPLETED").done
            except TimeoutError:
                continue
            for future in done:
                under_way.discard(future)
                yield future.result()
    finally:
        if under_way:
            client.cancel(list(under_way))
