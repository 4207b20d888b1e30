"""Runs a plan: only what is missing, whatever fails beside the rest, and an index at the end.

An experiment is done if its folder is complete and its fingerprint (contents of the inputs, effective recipe, options,
version) is the present one; then it is left as it is. If the fingerprint differs, it is run again, and the old folder
is moved to ``earlier/`` in the moment when the new one is complete (``overwrite``: deleted in that moment).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import Cancelled, RecipeError, SpectrodeError
from .done import analysis_options, fingerprint, finished, sweep, unpublished
from .plan import Experiment, Plan
from .work import Outcome, Task, run_task

if TYPE_CHECKING:
    from ..pipeline.recipe import Recipe

__all__ = ["BatchResult", "Event", "run_batch"]


@dataclass(frozen=True)
class Event:
    """What the batch tells while it runs: a stage of one experiment, or how it ended."""

    name: str
    stage: str = ""
    done: int = 0
    total: int = 0
    outcome: Outcome | None = None
    """Set when the experiment has ended."""
    ended: int = 0
    """Experiments that have ended, of ``in_all`` that had to be run."""
    in_all: int = 0
    eta_s: float | None = None
    """Seconds until the last one ends, by the mean of those that were run; None before the first has ended."""


@dataclass(frozen=True)
class BatchResult:
    """How every experiment ended, in the order of the plan, and where the index is."""

    outcomes: tuple[Outcome, ...]
    index: Path
    notes: tuple[str, ...] = field(default=())

    @property
    def done(self) -> tuple[Outcome, ...]:
        """Experiments that have a result, those of earlier runs included."""
        return tuple(o for o in self.outcomes if o.status in ("done", "done before"))

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """Experiments that have none: failed, left out, or not run."""
        return tuple(o for o in self.outcomes if o.status not in ("done", "done before"))


def run_batch(
    plan: Plan,
    *,
    recipe: Recipe | str | Path = "raman-map",
    out: str | Path,
    workers: int = 1,
    scheduler: Any = None,
    overwrite: bool = False,
    on_event: Callable[[Event], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> BatchResult:
    """Analyse the experiments of a plan into ``out/<name>/`` and write ``index.html`` and the tables.

    Parameters
    ----------
    plan
        From :func:`~spectrode.batch.pair` or :func:`~spectrode.batch.read_pairs`, without open questions.
    recipe
        For experiments that have none of their own.
    workers
        Experiments at a time, each in a process of its own if more than 1 (then a script needs the usual
        ``if __name__ == "__main__":``). The processors are shared out among them.
    scheduler
        Address of a dask scheduler, or a ``distributed.Client``: experiments run there instead. Workers need the same
        Spectrode and must see the files and ``out`` under the same paths. A task whose worker dies is tried again.
    overwrite
        Delete a result of other inputs, recipe, options or version when the new one is complete, in place of moving it
        to ``earlier/``.
    on_event
        Told of stages and of ends.
    should_stop
        Asked often; True ends the batch with :class:`~spectrode.errors.Cancelled`; finished results stay.

    Raises
    ------
    SpectrodeError
        Before anything is run: if questions are open, no experiment can be run, or a recipe is wrong.
    """
    from .index import write_index

    if workers < 1:
        raise SpectrodeError(f"a batch needs at least 1 worker, but {workers} were asked for")
    _check(plan)
    out = Path(out).resolve()
    if out.exists() and not out.is_dir():
        raise SpectrodeError(f"results were asked for in {out}, but that is a file; give a folder")
    recipes = _recipes(plan, recipe)
    out.mkdir(parents=True, exist_ok=True)
    ended: dict[str, Outcome] = {}
    tasks: list[Task] = []
    hashes: dict[str, str] = {}
    for one in plan.experiments:
        outcome = _before(one, recipes.get(one.name), out, hashes, tasks, not overwrite)
        if outcome is not None:
            ended[one.name] = outcome
    tell = _Teller(on_event, len(tasks), workers)
    try:
        for outcome in _executed(tasks, workers, scheduler, tell, should_stop):
            ended[outcome.name] = outcome
            tell.ended(outcome)
    except (KeyboardInterrupt, Cancelled):
        _close(plan, ended, out, tasks, write_index)
        raise
    return _close(plan, ended, out, tasks, write_index)


def _check(plan: Plan) -> None:
    if plan.questions:
        first = plan.questions[0]
        more = f" (and {len(plan.questions) - 1} more)" if len(plan.questions) > 1 else ""
        raise SpectrodeError(
            f"which trace belongs to {first.name} is not decided: {first.text}{more}; answer with Plan.answer, or "
            "write the pairs with write_pairs, edit them and read them back with read_pairs"
        )
    if not any(e.runs for e in plan.experiments):
        reasons = "; ".join(f"{e.name}: {e.reason}" for e in plan.experiments)
        raise SpectrodeError(
            f"no experiment can be run ({reasons}); give traces, or run without a potential (--without-echem)"
        )


def _recipes(plan: Plan, common: Recipe | str | Path) -> dict[str, Recipe]:
    """Return the effective recipe of each experiment that runs; paths in them are made absolute."""
    from ..pipeline.recipe import Recipe

    loaded: dict[str, Recipe] = {}
    found = {}
    for one in plan.experiments:
        if not one.runs:
            continue
        key = one.recipe or ""
        if key not in loaded:
            source: Any = one.recipe or common
            loaded[key] = _absolute(source if isinstance(source, Recipe) else Recipe.load(source))
        found[one.name] = loaded[key]
    return found


def _absolute(recipe: Recipe) -> Recipe:
    from dataclasses import replace

    recipe = recipe.effective()
    known = []
    for word in recipe.unmixing.known:
        kind, _, what = word.partition(":")
        if kind == "file" and not Path(what).is_file():
            raise RecipeError(f"unmixing.known: {what} does not exist")
        known.append(f"file:{Path(what).resolve()}" if kind == "file" else word)
    return replace(recipe, unmixing=replace(recipe.unmixing, known=tuple(known)))


def _before(
    one: Experiment, recipe: Recipe | None, out: Path, hashes: dict[str, str], tasks: list[Task], keep_earlier: bool
) -> Outcome | None:
    """Return how an experiment ended that need not or cannot be run; else add its task."""
    if recipe is None:
        return Outcome(one.name, "failed" if one.unreadable else "left out", one.reason)
    try:
        wanted = fingerprint(one, recipe, hashes)
    except OSError as error:
        return Outcome(one.name, "failed", f"{error.filename} cannot be read ({error.strerror})")
    place = out / one.name
    there = finished(place)
    if (there is None or there["fingerprint"] != wanted) and unpublished(
        out, one.name, wanted, keep_earlier=keep_earlier
    ):
        there = finished(place)
    sweep(out, one.name)
    if there is not None and there["fingerprint"] == wanted:
        return Outcome(one.name, "done before", "", 0.0, there["summary"])
    tasks.append(
        Task(
            name=one.name,
            out=str(out),
            spectra=tuple(str(Path(p).resolve()) for p in one.spectra),
            traces=tuple(str(Path(p).resolve()) for p in one.traces),
            recipe_text=recipe.dumps(),
            options=analysis_options(one),
            fingerprint=wanted,
            keep_earlier=keep_earlier,
        )
    )
    return None


class _Teller:
    """Turns progress and ends into events with an estimate of the time that is left."""

    def __init__(self, on_event: Callable[[Event], None] | None, in_all: int, workers: int) -> None:
        self._on_event = on_event
        self._in_all = in_all
        self._ended = 0
        self._started = time.monotonic()

    def stage(self, name: str, stage: str, done: int, total: int) -> None:
        if self._on_event is not None:
            self._on_event(Event(name, stage, done, total, None, self._ended, self._in_all, self._eta()))

    def ended(self, outcome: Outcome) -> None:
        self._ended += 1
        if self._on_event is not None:
            self._on_event(Event(outcome.name, "", 0, 0, outcome, self._ended, self._in_all, self._eta()))

    def _eta(self) -> float | None:
        if not self._ended:
            return None
        # Wall time an ended experiment: right for any number of workers.
        return (time.monotonic() - self._started) / self._ended * (self._in_all - self._ended)


def _executed(
    tasks: Sequence[Task], workers: int, scheduler: Any, tell: _Teller, should_stop: Callable[[], bool] | None
) -> Iterator[Outcome]:
    if not tasks:
        return
    if scheduler is not None:
        from .cluster import run_on_cluster

        yield from run_on_cluster(tasks, scheduler, tell.stage, should_stop)
    elif workers > 1 and len(tasks) > 1:
        from .processes import run_in_processes

        yield from run_in_processes(tasks, workers, tell.stage, should_stop)
    else:
        for task in tasks:
            yield run_task(task, lambda *a, name=task.name: tell.stage(name, *a), should_stop)


def _close(
    plan: Plan, ended: dict[str, Outcome], out: Path, tasks: Sequence[Task], write_index: Callable[..., Path]
) -> BatchResult:
    """Remove what was left unfinished, write index and tables, and return how all ended."""
    for task in tasks:
        if task.name not in ended:
            sweep(out, task.name)
    outcomes = tuple(
        ended.get(e.name) or Outcome(e.name, "not run", "the batch was stopped before it") for e in plan.experiments
    )
    index = write_index(plan, outcomes, out)
    return BatchResult(outcomes, index, plan.notes)
