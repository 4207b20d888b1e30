"""``spectrode batch``: many experiments in one go.

Exit codes: 0 all experiments have a result; 1 wrong usage, an open question, or nothing could be run; 3 some
experiments failed or were left out (the others have their results); 130 stopped with Ctrl-C.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .errors import SpectrodeError

if TYPE_CHECKING:
    from .batch import BatchResult, Plan, Question
    from .batch.run import Event

__all__ = ["batch"]

SOME_FAILED = 3


def batch(
    maps: Annotated[
        list[str] | None,
        typer.Argument(
            help="Files, 'globs' or folders of maps. A folder is one experiment of repeated maps. A potentiostat's "
            "file among them is taken as a trace."
        ),
    ] = None,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the results.")] = Path("spectrode-batch"),
    echem: Annotated[
        list[str] | None, typer.Option(help="Potentiostat file, 'glob' or folder; may be given several times.")
    ] = None,
    recipe: Annotated[str, typer.Option(help="Bundled recipe (see 'spectrode recipes') or TOML file.")] = "raman-map",
    table: Annotated[Path | None, typer.Option(help="CSV of pairs in place of MAPS: columns spectra, echem, …")] = None,
    without_echem: Annotated[
        bool, typer.Option("--without-echem", help="Run maps that have no trace without a potential.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Take the proposal wherever a pair has one, without asking.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Pair, write OUTPUT/pairs.csv, and run nothing.")] = False,
    workers: Annotated[int, typer.Option(help="Experiments at a time, each in a process of its own.")] = 1,
    scheduler: Annotated[
        str | None, typer.Option(help="Address of a dask scheduler (tcp://host:8786) to run on instead.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Delete out-of-date results in place of moving them to OUTPUT/earlier.")
    ] = False,
    offset: Annotated[float | None, typer.Option(help="Seconds between the clocks; see --offset-from.")] = None,
    offset_from: Annotated[str | None, typer.Option(help="clock or trace-start, as in 'spectrode analyse'.")] = None,
    timezone: Annotated[
        str | None, typer.Option(help="Zone of time stamps that state none: Europe/Berlin, UTC, +02:00.")
    ] = None,
    reference: Annotated[str | None, typer.Option(help="Reference electrode, e.g. Li/Li+.")] = None,
    laser_nm: Annotated[float | None, typer.Option(help="Convert an axis in nm with this laser wavelength.")] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(
            "--option", "-O", metavar="NAME=VALUE", help="Option of the maps' reader; see 'spectrode formats'."
        ),
    ] = None,
    echem_option: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="Option of the potentiostat's reader.")
    ] = None,
) -> None:
    """Analyse many experiments: pair maps with traces by time, run what is missing, write an index of reports.

    Started again, it does only what is not done yet. A result of other inputs, another recipe, other options or
    another version is made anew, and the old one is moved to OUTPUT/earlier. Exit code 3: some experiments have no
    result; the index says why.
    """
    from .batch import run_batch, write_pairs

    plan = _plan(maps, echem, table, _common(offset, offset_from, timezone, reference, laser_nm), option, echem_option)
    for note in plan.notes:
        typer.echo(f"note: {note}", err=True)
    if yes:
        plan = plan.accept_proposals()
    if plan.questions and not dry_run and sys.stdin.isatty() and sys.stderr.isatty():
        plan = _asked(plan)
    if without_echem:
        plan = plan.without_echem()
    if dry_run or plan.questions:
        written = write_pairs(plan, output / "pairs.csv")
        if dry_run:
            _show(plan)
            typer.echo(f"pairs: {written}")
            return
        raise SpectrodeError(_undecided(plan, written))
    with _Display(len(plan.experiments)) as display:
        result = run_batch(
            plan, recipe=recipe, out=output, workers=workers, scheduler=scheduler, overwrite=overwrite,
            on_event=display.event,
        )  # fmt: skip
    _close(result)


def _common(offset: Any, offset_from: Any, timezone: Any, reference: Any, laser_nm: Any) -> dict[str, Any]:
    from .cli import _offset_from

    return {
        "offset_s": offset, "offset_from": _offset_from(offset_from), "timezone": timezone, "reference": reference,
        "laser_nm": laser_nm,
    }  # fmt: skip


def _plan(
    maps: list[str] | None,
    echem: list[str] | None,
    table: Path | None,
    common: dict[str, Any],
    option: list[str] | None,
    echem_option: list[str] | None,
) -> Plan:
    from .batch import pair, read_pairs
    from .cli import _options

    if table is not None:
        if maps or echem:
            raise SpectrodeError("give either MAPS and --echem, or --table, not both: the table names the files")
        plan = read_pairs(table, **common)
        spectra = [e.spectra[0] for e in plan.experiments]
        traces = [t for e in plan.experiments for t in e.traces]
        if not option and not echem_option:
            return plan
        return read_pairs(
            table, **common, spectra_options=_options(option, Path(spectra[0])),
            trace_options=_options(echem_option, Path(traces[0]), trace=True) if traces else None,
        )  # fmt: skip
    if not maps:
        raise SpectrodeError("give maps (files, globs or folders), or a table of pairs with --table")
    from .batch.sources import find_sources

    spectra_options = trace_options = None
    if option or echem_option:
        found = find_sources(maps, echem or [])
        spectra_options = _options(option, found.maps[0][0]) if found.maps else None
        trace_options = _options(echem_option, found.traces[0], trace=True) if found.traces else None
    return pair(maps, echem or [], **common, spectra_options=spectra_options, trace_options=trace_options)


# -- questions --------------------------------------------------------------------------------------------------------


def _asked(plan: Plan) -> Plan:
    """Ask about each open pair on the terminal."""
    from rich.console import Console
    from rich.prompt import FloatPrompt, IntPrompt, Prompt

    console = Console(stderr=True)
    for question in plan.questions:
        _ask(console, question)
        numbers = [str(k + 1) for k in range(len(question.candidates))]
        # "..." is the prompt's word for: there is no default.
        default: Any = ... if question.proposed is None else question.proposed + 1
        answer: int = IntPrompt.ask("which", console=console, choices=numbers, default=default)
        chosen = question.candidates[answer - 1]
        given: dict[str, Any] = {}
        if "timezone" in chosen.needs:
            given["timezone"] = Prompt.ask("time zone of the stamps (Europe/Berlin, UTC, +02:00)", console=console)
        if "offset_s" in chosen.needs:
            given["offset_s"] = FloatPrompt.ask(
                "seconds from the trace's first row to the first spectrum", console=console
            )
        plan = plan.answer(question.name, chosen, **given)
    return plan


def _ask(console: Any, question: Question) -> None:
    console.print(f"{question.name}: {question.text}", markup=False, highlight=False)
    for k, candidate in enumerate(question.candidates):
        console.print(f"  {k + 1}  {candidate.words}", markup=False, highlight=False)


def _undecided(plan: Plan, written: Path) -> str:
    first = plan.questions[0]
    more = len(plan.questions) - 1
    others = f", and {more} more {'is' if more == 1 else 'are'} undecided" if more else ""
    return (
        f"nothing was run, because it is not clear which trace belongs to {first.name}: {first.text}{others}; edit "
        f"{written} and give it back with --table"
        + (", or give --timezone" if any("timezone" in c.needs for q in plan.questions for c in q.candidates) else "")
        + (", or take the proposals with --yes" if all(_complete(q) for q in plan.questions) else "")
    )


def _complete(question: Question) -> bool:
    return question.proposed is not None and not question.candidates[question.proposed].needs


def _show(plan: Plan) -> None:
    for one in plan.experiments:
        traces = ", ".join(Path(t).name for t in one.traces)
        question = next((q.text for q in plan.questions if q.name == one.name), "")
        words = f"to be decided: {question}" if question else traces or one.reason
        typer.echo(f"{one.name:<28} {words}")


# -- progress and end -------------------------------------------------------------------------------------------------


class _Display:
    """Bars on a terminal, one line an experiment elsewhere."""

    def __init__(self, experiments: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._console = Console(stderr=True)
        self._plain = not self._console.is_terminal
        self._bars = Progress(
            TextColumn("{task.description:<44.44}", markup=False), BarColumn(), MofNCompleteColumn(),
            TimeElapsedColumn(), TextColumn("{task.fields[left]}"), console=self._console, disable=self._plain,
        )  # fmt: skip
        self._all: Any = self._bars.add_task("experiments", total=experiments, left="", visible=False)
        self._rows: dict[str, Any] = {}

    def __enter__(self) -> _Display:
        self._bars.start()
        return self

    def __exit__(self, *problem: object) -> None:
        self._bars.stop()

    def event(self, event: Event) -> None:
        """Show one event."""
        left = "" if event.eta_s is None or event.ended == event.in_all else f"about {_left(event.eta_s)} left"
        self._bars.update(self._all, completed=event.ended, total=event.in_all, left=left, visible=True)
        if event.outcome is None:
            words = f"  {event.name}: {event.stage}"
            if event.name not in self._rows:
                self._rows[event.name] = self._bars.add_task(words, total=max(event.total, 1), left="")
            self._bars.update(
                self._rows[event.name], description=words, completed=event.done, total=max(event.total, 1)
            )
            return
        if event.name in self._rows:
            self._bars.remove_task(self._rows.pop(event.name))
        ended = event.outcome
        words = f"{event.name}: {ended.status} in {ended.seconds:.1f} s" + (f": {ended.reason}" if ended.reason else "")
        counted = f"[{event.ended}/{event.in_all}] {words}" + (f" ({left})" if left else "")
        if self._plain:
            typer.echo(counted, err=True)
        else:
            self._console.print(words, markup=False, highlight=False)


def _left(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"


def _close(result: BatchResult) -> None:
    earlier = sum(o.status == "done before" for o in result.outcomes)
    words = f"{len(result.done)} of {len(result.outcomes)} experiments have a result"
    typer.echo(words + (f", {earlier} of them from before" if earlier else ""))
    for outcome in result.failed:
        typer.echo(f"{outcome.name}: {outcome.status}: {outcome.reason}")
    typer.echo(f"index: {result.index}")
    if result.failed:
        raise typer.Exit(SOME_FAILED if result.done else 1)
