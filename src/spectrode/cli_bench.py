"""``spectrode bench``: the table of times on the user's own machine."""

from __future__ import annotations

from typing import Annotated

import typer

from .errors import SpectrodeError

__all__ = ["bench"]

_SCALED = (("baseline.asls", 0), ("baseline.snip", 0), ("despike.whitaker_hayes", 0), ("despike.neighbours", 100))


def bench(
    steps: Annotated[list[str] | None, typer.Argument(help="Only these steps, such as baseline.arpls.")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds counted; more are steadier.")] = 5,
    size: Annotated[float, typer.Option(min=0.01, max=1, help="Share of the full number of spectra.")] = 1.0,
    memory: Annotated[bool, typer.Option("--memory", help="Measure the extra memory of each step too.")] = False,
    growth: Annotated[bool, typer.Option("--growth", help="Time 10,000 to 1,000,000 spectra too.")] = False,
) -> None:
    """Time the compiled steps beside their peers, in turn, on one thread and on two."""
    from .bench import CASES, extra_memory, machine, measure, scaling, scaling_lines, table_lines

    known = {case.step: case for case in CASES}
    unknown = [name for name in steps or () if name not in known]
    if unknown:
        raise SpectrodeError(f"there is no benchmark of {', '.join(unknown)}; possible: {', '.join(known)}")
    chosen = [known[name] for name in steps] if steps else list(CASES)
    typer.echo(machine())
    measured, extra = [], {}
    for case in chosen:
        typer.echo(f"timing {case.step} …", err=True)
        measured.append(measure(case, rounds=rounds, scale=size))
        if memory:
            extra[case.step] = extra_memory(case.step, map_rows=100 if case.map_rows else 0)
    typer.echo("\n".join(table_lines(measured, extra)))
    if growth:
        typer.echo("")
        typer.echo(
            "\n".join(
                scaling_lines(
                    scaling(name, map_rows=rows) for name, rows in _SCALED if name in {c.step for c in chosen}
                )
            )
        )
