"""Experiments in processes of their own on this machine.

Each experiment gets a fresh process: its memory is given back when it ends, and one that is killed for want of memory
takes no other with it.
"""

from __future__ import annotations

import multiprocessing as mp
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from ..errors import Cancelled
from .done import sweep
from .work import Outcome, Task, run_task

__all__ = ["run_in_processes"]

# Read by the numerical libraries when they are loaded, which in a fresh process is after this.
_THREADS = ("SPECTRODE_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_POLL_S = 0.5


@dataclass
class _Running:
    task: Task
    process: Any
    pipe: Connection
    outcome: Outcome | None = None


def run_in_processes(
    tasks: Sequence[Task],
    workers: int,
    stage: Callable[[str, str, int, int], None],
    should_stop: Callable[[], bool] | None,
) -> Iterator[Outcome]:
    """Run tasks, at most ``workers`` at a time, and yield outcomes as they come.

    Raises
    ------
    Cancelled
        If ``should_stop`` said so; the running ones are ended.
    """
    context = mp.get_context("spawn")
    waiting = list(tasks)
    running: list[_Running] = []
    threads = max(1, _processors() // min(workers, len(tasks)))
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                running.append(_start(context, waiting.pop(0), threads))
            wait([r.pipe for r in running] + [r.process.sentinel for r in running], timeout=_POLL_S)
            if should_stop is not None and should_stop():
                raise Cancelled("the batch was cancelled; finished results stay")
            for one in list(running):
                outcome = _heard(one, stage)
                if outcome is not None:
                    running.remove(one)
                    yield outcome
    finally:
        for one in running:
            _end(one)


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _start(context: Any, task: Task, threads: int) -> _Running:
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(task, sender, threads), name=task.name, daemon=True)
    process.start()
    sender.close()  # ours; the pipe ends when the process does
    return _Running(task, process, receiver)


def _work(task: Task, pipe: Connection, threads: int) -> None:
    # Ctrl-C goes to the whole group of processes; the first one decides and ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in _THREADS:
        os.environ.setdefault(name, str(threads))
    pipe.send(run_task(task, lambda *a: pipe.send((task.name, *a))))
    pipe.close()


def _heard(one: _Running, stage: Callable[[str, str, int, int], None]) -> Outcome | None:
    """Pass on what a process has said; return its outcome when it has ended."""
    _listen(one, stage)
    if one.process.is_alive() and one.outcome is None:
        return None
    one.process.join()
    _listen(one, stage)  # a last word may have come between the two looks
    one.pipe.close()
    if one.outcome is not None:
        return one.outcome
    _sweep_after(one.task)
    code = one.process.exitcode
    how = f"was ended by signal {-code}" if code is not None and code < 0 else f"ended with code {code}"
    return Outcome(one.task.name, "failed", f"its process {how}, perhaps for want of memory")


def _listen(one: _Running, stage: Callable[[str, str, int, int], None]) -> None:
    try:
        while one.pipe.poll():
            said = one.pipe.recv()
            if isinstance(said, Outcome):
                one.outcome = said
            else:
                stage(*said)
    except (EOFError, OSError):  # the process has ended and closed its side
        one.process.join()


def _sweep_after(task: Task) -> None:
    """Remove what a process that died has left."""
    sweep(Path(task.out), task.name)


def _end(one: _Running) -> None:
    if one.process.is_alive():
        one.process.terminate()
    one.process.join()
    one.pipe.close()
    _sweep_after(one.task)
