"""One experiment of a batch, as it runs: here, in a process of its own, or on a cluster.

Only plain values go in and come out; what was found is on the disk. The module imports nothing heavy, so that a
starting process can set its threads before numpy is loaded.
"""

from __future__ import annotations

import shutil
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from ..results import AnalysisResult

__all__ = ["Outcome", "Status", "Task", "run_task"]

Progress = Callable[[str, int, int], None]
Status = Literal["done", "done before", "failed", "left out", "not run"]

# matplotlib's settings are global to a process, and a cluster's worker may run several tasks in one.
_DRAWING = threading.Lock()


@dataclass(frozen=True)
class Task:
    """Everything that running one experiment needs; picklable, with absolute paths."""

    name: str
    out: str
    spectra: tuple[str, ...]
    traces: tuple[str, ...]
    recipe_text: str
    options: Mapping[str, Any]
    fingerprint: Mapping[str, Any]
    keep_earlier: bool = True


@dataclass(frozen=True)
class Outcome:
    """How one experiment ended."""

    name: str
    status: Status
    reason: str = ""
    seconds: float = 0.0
    summary: Mapping[str, Any] = field(default_factory=dict)
    """The numbers of the index; see :mod:`spectrode.batch.summary`."""


def run_task(task: Task, progress: Progress | None = None, should_stop: Callable[[], bool] | None = None) -> Outcome:
    """Analyse one experiment and put its folder in place; whatever is wrong with it becomes the reason.

    Raises
    ------
    Cancelled
        If ``should_stop`` said so; nothing is left behind.
    """
    from ..errors import Cancelled, SpectrodeError

    started = time.perf_counter()
    try:
        summary = _run(task, progress, should_stop, started)
    except Cancelled:
        raise
    except SpectrodeError as error:
        return Outcome(task.name, "failed", str(error), time.perf_counter() - started)
    except MemoryError:
        return Outcome(task.name, "failed", "there was not enough memory", time.perf_counter() - started)
    except Exception as error:  # a fault of ours in one experiment must not stop the others
        at = traceback.extract_tb(error.__traceback__)[-1]
        reason = (
            f"unexpected {type(error).__name__}: {error} ({Path(at.filename).name}, line {at.lineno}); please report it"
        )
        return Outcome(task.name, "failed", reason, time.perf_counter() - started)
    return Outcome(task.name, "done", "", time.perf_counter() - started, summary)


def _run(
    task: Task, progress: Progress | None, should_stop: Callable[[], bool] | None, started: float
) -> dict[str, Any]:
    from datetime import UTC, datetime

    from .._version import __version__
    from ..analysis import analyse
    from ..errors import SpectrodeError
    from ..pipeline.recipe import Recipe
    from ..report import write_results
    from .done import hidden_folder, publish
    from .summary import summarise, thumbnail

    wanted = task.fingerprint["spectrode"]
    if wanted != __version__:
        raise SpectrodeError(
            f"the batch is run by Spectrode {wanted}, but this worker has {__version__}; install one version"
        )
    result = analyse(
        list(task.spectra), trace=list(task.traces) or None, recipe=Recipe.loads(task.recipe_text, task.name),
        progress=progress, should_stop=should_stop, **{k: v for k, v in task.options.items() if v is not None},
    )  # fmt: skip
    _check_inputs(task, result)
    out = Path(task.out)
    hidden = hidden_folder(out, task.name, uuid.uuid4().hex[:12])
    try:
        # The report's own temporary folder lies within the hidden one, so that a kill leaves one thing to remove.
        results = hidden / "results"
        with _DRAWING:
            write_results(result, results, progress=progress, should_stop=should_stop)
            (results / "thumbnail.svg").write_text(thumbnail(result), encoding="utf-8")
        summary = summarise(result)
        summary["seconds"] = round(time.perf_counter() - started, 2)
        record = {
            "fingerprint": task.fingerprint,
            "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "summary": summary,
        }
        publish(results, out, task.name, record, keep_earlier=task.keep_earlier)
    finally:
        shutil.rmtree(hidden, ignore_errors=True)
    return summary


def _check_inputs(task: Task, result: AnalysisResult) -> None:
    """Refuse a result of files that are no longer those that the fingerprint speaks of."""
    from ..errors import SpectrodeError

    for paths, hashes in ((task.spectra, task.fingerprint["spectra"]), (task.traces, task.fingerprint["traces"])):
        for path, expected in zip(paths, hashes, strict=True):
            if result.inputs.sha256.get(path, expected) != expected and Path(path).is_file():
                raise SpectrodeError(f"{path} changed while the batch was running; start it again")
