"""``spectrode validate``: simulated experiments with known truth, and how often the analysis is right about them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from .errors import SpectrodeError

__all__ = ["validate_app"]

validate_app = typer.Typer(
    name="validate", help="Measure how often the analysis is right, on simulated experiments.",
    no_args_is_help=True, rich_markup_mode=None,
)  # fmt: skip


@validate_app.callback()
def _validate() -> None:
    """Keep ``unmixing`` a command of its own while it is the only one."""


@validate_app.command("unmixing")
def unmixing(
    experiments: Annotated[int, typer.Option(min=1, help="How many experiments.")] = 200,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the first one; the others follow.")] = 5000,
    recipe: Annotated[str, typer.Option(help="A bundled recipe or a TOML file.")] = "raman-map",
    workers: Annotated[int, typer.Option(min=1, help="Processes at a time.")] = 1,
    resamples: Annotated[int, typer.Option(min=0, help="Of the bands around concentrations; 0: no bands.")] = 0,
    keep: Annotated[Path | None, typer.Option(help="Keep results here line by line; a run goes on from it.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write table and experiments as JSON.")] = None,
    causes: Annotated[bool, typer.Option("--causes", help="Say in which stage it went wrong, too.")] = False,
    pictures: Annotated[Path | None, typer.Option(help="Draw a good and a failing case into this folder.")] = None,
    als2004: Annotated[Path | None, typer.Option(help="als2004dataset.MAT, to compare with published numbers.")] = None,
) -> None:
    """Simulate experiments, analyse each as a user would, and print how often rank, names and silence are right."""
    from .validation.run import run_experiments
    from .validation.table import causes_lines, summary_lines, summary_table

    for folder in (keep and keep.parent, json_file and json_file.parent):
        if folder and not folder.is_dir():
            raise SpectrodeError(f"the folder {folder} is not there")
    judged = run_experiments(
        range(seed, seed + experiments),
        recipe=recipe,
        workers=workers,
        resamples=resamples,
        keep=keep,
        progress=_progress,
    )
    typer.echo("\n".join(summary_lines(judged)))
    if causes:
        typer.echo("\n" + "\n".join(causes_lines(judged)))
    if json_file is not None:
        from ._atomic import atomic_file

        with atomic_file(json_file) as temporary:
            temporary.write_text(json.dumps(summary_table(judged), ensure_ascii=False, indent=1), encoding="utf-8")
    if als2004 is not None:
        from .validation.als2004 import als2004_lines

        typer.echo("\n" + "\n".join(als2004_lines(als2004)))
    if pictures is not None:
        from .validation.pictures import validation_pictures

        for path in validation_pictures(pictures, recipe=recipe):
            typer.echo(f"drawn: {path}", err=True)


def _progress(done: int, total: int) -> None:
    if done == total or done % 10 == 0:
        typer.echo(f"{done} of {total} experiments", err=True)
