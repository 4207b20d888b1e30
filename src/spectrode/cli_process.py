"""``spectrode process``: the steps of a recipe over a file that may be larger than memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from .errors import SpectrodeError

__all__ = ["process"]

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def process(
    source: Annotated[Path, typer.Argument(help="File of spectra; native files and large formats are read lazily.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Native file to write (.h5).")],
    recipe: Annotated[str, typer.Option(help="Bundled recipe or TOML file; its steps are run.")] = "raman-map",
    memory: Annotated[str, typer.Option(help="Memory to use, such as 2GB; with a scheduler, for each worker.")] = "2GB",
    scheduler: Annotated[
        str | None, typer.Option(help="Address of a dask scheduler, e.g. tcp://node1:8786; its workers compute.")
    ] = None,
    keep: Annotated[
        list[str] | None, typer.Option(help="Keep a product in full: background or spikes. May be given several times.")
    ] = None,
    restart: Annotated[bool, typer.Option("--restart", help="Throw away what a stopped run has left.")] = False,
    timezone: Annotated[str | None, typer.Option(help="Zone of time stamps that state none.")] = None,
) -> None:
    """Run a recipe's steps over a file of any size; a run that was stopped goes on where it was."""
    from .pipeline.recipe import Recipe
    from .streaming import process as run

    limit, steps = _bytes(memory), Recipe.load(recipe)
    with _bar() as progress:
        report = run(
            source,
            steps,
            output,
            memory_bytes=limit,
            scheduler=scheduler,
            keep=keep or (),
            restart=restart,
            timezone=timezone,
            progress=progress,
        )
    for record in report.history:
        typer.echo(f"{record.name:<24} {record.changed_spectra} of {report.spectra} spectra changed")
        for note in record.notes:
            typer.echo(f"{'':<24} {note}")
    if report.computed < report.spectra:
        typer.echo(f"{report.spectra - report.computed} spectra had been done by an earlier run")
    typer.echo(f"wrote {report.path}")


def _bytes(text: str) -> int:
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(i?)B?\s*", text, re.IGNORECASE)
    if found is None:
        raise SpectrodeError(f"--memory must be a size such as 2GB or 800MB, but {text!r} was given")
    number, unit, binary = found.groups()
    factor = _UNITS[unit.upper()]
    if binary:
        factor = round(1024 ** (len(str(factor)) // 3))
    return int(float(number) * factor)


@contextmanager
def _bar() -> Iterator[Any]:
    """Give a progress function that draws a bar on a terminal and is silent elsewhere."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console, disable=not console.is_terminal
    ) as bars:
        task = bars.add_task("spectra", total=None)
        yield lambda _, done, total: bars.update(task, completed=done, total=total)
