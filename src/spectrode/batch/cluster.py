"""Experiments as tasks on a dask cluster. dask.distributed is imported here only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from ..errors import Cancelled, SpectrodeError
from .done import finished
from .work import Outcome, Task, run_task

__all__ = ["run_on_cluster"]

_CONNECT_S = 20
_POLL_S = 0.5


def run_on_cluster(
    tasks: Sequence[Task],
    scheduler: Any,
    stage: Callable[[str, str, int, int], None],
    should_stop: Callable[[], bool] | None,
) -> Iterator[Outcome]:
    """Run each task on a cluster and yield outcomes as they come.

    Parameters
    ----------
    scheduler
        An address such as ``tcp://host:8786``, or a ``distributed.Client``, which stays open.

    Raises
    ------
    SpectrodeError
        If dask.distributed is not installed, or nobody answers at the address.
    Cancelled
        If ``should_stop`` said so.
    """
    try:
        from distributed import Client
    except ImportError:
        raise SpectrodeError(
            "a scheduler was given, but dask.distributed is not installed; install it with: "
            "pip install 'spectrode[cluster]'"
        ) from None
    if isinstance(scheduler, Client):
        client, closing = scheduler, nullcontext()
    else:
        try:
            client = Client(str(scheduler), timeout=_CONNECT_S)
        except (OSError, ValueError, TypeError) as error:
            raise SpectrodeError(f"no dask scheduler answers at {scheduler} ({error})") from None
        closing = client
    with closing:
        yield from _gathered(client, tasks, stage, should_stop)


def _gathered(
    client: Any,
    tasks: Sequence[Task],
    stage: Callable[[str, str, int, int], None],
    should_stop: Callable[[], bool] | None,
) -> Iterator[Outcome]:
    from distributed import wait

    # Not pure: the same task submitted by a later batch must run again. The scheduler itself gives a task whose worker
    # died to another one, `distributed.scheduler.allowed-failures` times.
    pending = {client.submit(run_on_worker, task, pure=False, key=f"spectrode-{task.name}-{k}"): task
               for k, task in enumerate(tasks)}  # fmt: skip
    for task in tasks:
        stage(task.name, "waiting for the cluster", 0, 1)
    try:
        while pending:
            try:
                ended = wait(list(pending), timeout=_POLL_S, return_when="FIRST_COMPLETED").done
            except TimeoutError:
                ended = set()
            if should_stop is not None and should_stop():
                raise Cancelled("the batch was cancelled; finished results stay")
            for future in ended:
                yield _outcome(future, pending.pop(future))
    finally:
        if pending:
            client.cancel(list(pending), force=True)


def run_on_worker(task: Task) -> Outcome:
    """Run a task within a dask worker, on its share of the worker's threads."""
    from distributed import get_worker

    from ..kernels.threads import n_threads, use_threads

    with use_threads(max(1, n_threads() // max(1, get_worker().state.nthreads))):
        return run_task(task)


def _outcome(future: Any, task: Task) -> Outcome:
    error = future.exception() if future.status == "error" else None
    if future.status == "cancelled":
        return Outcome(task.name, "failed", "its task was cancelled on the cluster")
    if error is not None:
        if type(error).__name__ == "KilledWorker":
            reason = "the workers that ran it died, one after another, perhaps for want of memory"
        else:
            reason = f"the cluster could not run it ({type(error).__name__}: {error})"
        return Outcome(task.name, "failed", " ".join(reason.split()))
    outcome: Outcome = future.result()
    if outcome.status == "done" and finished(Path(task.out) / task.name) is None:
        return Outcome(
            task.name, "failed", f"its worker wrote into {task.out}, but the result is not there on this machine; the "
            "output folder must be on a disk that all workers share",
        )  # fmt: skip
    return outcome
