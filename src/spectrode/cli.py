"""The command line: thin verbs over the library. Heavy imports wait until a verb needs them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ._version import __version__
from .cli_batch import batch
from .cli_bench import bench
from .cli_calibrate import calibration_app
from .cli_library import library_app
from .cli_process import process
from .cli_validate import validate_app
from .errors import SpectrodeError

if TYPE_CHECKING:
    from rich.progress import Progress

    from .results import AnalysisResult

__all__ = ["app", "main"]

app = typer.Typer(
    name="spectrode",
    help="Operando Raman and SHINERS of battery interfaces: from a map and a potentiostat file to an assigned, "
    "repeatable report.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(library_app)
app.add_typer(calibration_app)
app.add_typer(validate_app)
app.command()(batch)
app.command()(bench)
app.command()(process)


def main() -> None:
    """Run the command line: a Spectrode error becomes one sentence on stderr and exit code 1."""
    try:
        app(standalone_mode=True)
    except SpectrodeError as error:
        typer.echo(f"spectrode: {error}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        typer.echo("spectrode: stopped; nothing half-written was left", err=True)
        sys.exit(130)


def _version(show: bool) -> None:
    if show:
        typer.echo(f"spectrode {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    pass


@contextmanager
def _progress() -> Iterator[Any]:
    """Give a ``progress(stage, done, total)`` function that draws bars on a terminal and is silent elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description:<24}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        console=console, disable=not console.is_terminal,
    ) as bars:  # fmt: skip
        yield _Stages(bars)


class _Stages:
    """One bar a stage."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, Any] = {}

    def __call__(self, stage: str, done: int, total: int) -> None:
        if stage not in self._tasks:
            self._tasks[stage] = self._bars.add_task(stage, total=max(total, 1))
        self._bars.update(self._tasks[stage], completed=done, total=max(total, 1))


_Timezone = Annotated[str | None, typer.Option(help="Zone of time stamps that state none: Europe/Berlin, UTC, +02:00.")]
_Option = Annotated[
    list[str] | None,
    typer.Option("--option", "-O", metavar="NAME=VALUE", help="Option of the reader; see 'spectrode formats'."),
]


def _options(pairs: list[str] | None, path: Path, *, trace: bool = False) -> dict[str, Any]:
    """Turn NAME=VALUE words into values of the types that the file's reader declares."""
    if not pairs:
        return {}
    from .electrochemistry.readers import trace_reader_for
    from .readers import reader_for

    declared = (trace_reader_for(path) if trace else reader_for(path)).options
    found: dict[str, Any] = {}
    for pair in pairs:
        name, separator, text = pair.partition("=")
        if not separator:
            raise SpectrodeError(f"option {pair!r} is not written as NAME=VALUE")
        kind = declared[name].type if name in declared else str
        try:
            found[name] = {"true": True, "false": False}[text.lower()] if kind is bool else kind(text)
        except (KeyError, ValueError):
            raise SpectrodeError(f"option {name} needs {declared[name].type_name}, but {text!r} was given") from None
    return found


@app.command()
def info(
    files: Annotated[list[Path], typer.Argument(help="Files of spectra or potentiostat files.")],
    brief: Annotated[bool, typer.Option("--brief", help="One line a file, and the counts at the end.")] = False,
    timezone: _Timezone = None,
    option: _Option = None,
) -> None:
    """Print what was understood of each file: shape, axis, laser, times, positions, warnings."""
    from .inspection import describe, describe_briefly

    refused = 0
    for number, path in enumerate(files):
        if number and not brief:
            typer.echo("")
        try:
            words = describe_briefly if brief else describe
            typer.echo(words(path, timezone=timezone, options=_option_words(option, path)))
        except SpectrodeError as error:
            refused += 1
            typer.echo(f"refused: {error}" if brief else f"spectrode: {error}", err=not brief)
    if brief:
        typer.echo(f"{len(files) - refused} read, {refused} refused")
    if refused:
        raise typer.Exit(1)


def _option_words(option: list[str] | None, path: Path) -> dict[str, Any]:
    if not option:
        return {}
    from .inspection import is_trace

    return _options(option, path, trace=is_trace(path))


@app.command()
def convert(
    source: Annotated[Path, typer.Argument(help="File to read.")],
    target: Annotated[Path, typer.Argument(help="File to write; its ending chooses the format (.h5, .csv).")],
    timezone: _Timezone = None,
    option: _Option = None,
) -> None:
    """Convert a file of spectra; says what the target format cannot hold."""
    from .readers import read
    from .writers import write, writer_for

    writer_for(target)
    lost = write(read(source, timezone=timezone, **_options(option, source)), target)
    typer.echo(f"wrote {target}")
    if lost:
        typer.echo(f"not held by this format: {', '.join(lost)}")


@app.command()
def analyse(
    maps: Annotated[list[Path], typer.Argument(help="Files of one experiment; several are frames, in time order.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the results.")],
    echem: Annotated[list[Path] | None, typer.Option(help="Potentiostat file; may be given several times.")] = None,
    recipe: Annotated[str, typer.Option(help="Bundled recipe (see 'spectrode recipes') or TOML file.")] = "raman-map",
    offset: Annotated[float | None, typer.Option(help="Seconds between the clocks; see --offset-from.")] = None,
    offset_from: Annotated[
        str | None,
        typer.Option(
            help="clock: the offset is added to the spectrometer's clock (both files have an absolute start). "
            "trace-start: the spectra began OFFSET seconds after the trace's first row."
        ),
    ] = None,
    timezone: _Timezone = None,
    reference: Annotated[str | None, typer.Option(help="Reference electrode, e.g. Li/Li+.")] = None,
    laser_nm: Annotated[float | None, typer.Option(help="Convert an axis in nm with this laser wavelength.")] = None,
    option: _Option = None,
    echem_option: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Option of the potentiostat's reader, e.g. potential=E."),
    ] = None,
) -> None:
    """Analyse one experiment: potential for every pixel, corrected spectra, components, assignments, report."""
    from .analysis import analyse as run

    with _progress() as progress:
        result = run(
            maps,
            trace=echem or None,
            recipe=recipe,
            offset_s=offset,
            offset_from=_offset_from(offset_from),
            timezone=timezone,
            reference=reference,
            laser_nm=laser_nm,
            spectra_options=_options(option, maps[0]),
            trace_options=_options(echem_option, echem[0], trace=True) if echem else None,
            progress=progress,
        )
        report = _written(result, output, progress)
    _summary(result, report)


def _offset_from(word: str | None) -> Any:
    known = {"clock": "clock", "trace-start": "trace_start", "trace_start": "trace_start"}
    if word is not None and word not in known:
        raise SpectrodeError(f"--offset-from must be clock or trace-start, but {word!r} was given")
    return known[word] if word is not None else None


def _written(result: AnalysisResult, folder: Path, progress: Any) -> Path:
    from .report import write_results

    return write_results(result, folder, progress=progress)


def _summary(result: AnalysisResult, report: Path) -> None:
    for text in result.warnings:
        typer.echo(f"warning: {text}", err=True)
    if result.assignments:
        typer.echo(f"{'component':<10} {'compound':<38} {'status':<11} {'score':<6} matched bands / cm-1")
    for a in result.assignments:
        bands = ", ".join(f"{m.observed_cm1:.0f}" for m in a.matched)
        score = f"{a.score:.2f}" if a.compound_id is not None else ""
        typer.echo(f"{a.component + 1:<10} {a.compound:<38.38} {a.status:<11} {score:<6} {bands}")
    typer.echo(f"report: {report}")


@app.command()
def rerun(
    result: Annotated[Path, typer.Argument(help="A result.h5 of an earlier analysis.")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Folder for the new results.")] = None,
    folder: Annotated[Path | None, typer.Option(help="Where the original files are now.")] = None,
) -> None:
    """Repeat an analysis from its originals and say whether the numbers are the same."""
    from .analysis import rerun as again
    from .comparison import compare
    from .results import load_result

    old = load_result(result)
    with _progress() as progress:
        new = again(old, folder=folder, progress=progress)
        report = _written(new, output, progress) if output is not None else None
    for line in compare(old, new):
        typer.echo(line)
    if report is not None:
        typer.echo(f"report: {report}")


@app.command()
def limits(
    result: Annotated[Path, typer.Argument(help="result.h5 of an analysis.")],
    species: Annotated[list[str] | None, typer.Argument(help="Ids of species, such as li2co3; all if none.")] = None,
    output: Annotated[Path, typer.Option("-o", "--output", help="CSV to write.")] = Path("detection_limits.csv"),
) -> None:
    """Write how much of each species would have been seen, so that "not found" means something."""
    from .report.tables import write_limits
    from .results import load_result

    count = write_limits(load_result(result), output, species or ())
    typer.echo(f"wrote {output}: {count} rows")


@app.command()
def demo(
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the results.")] = Path("spectrode-demo"),
    gui: Annotated[bool, typer.Option("--gui", help="Open the sample in napari instead.")] = False,
) -> None:
    """Analyse the bundled simulated experiment, print the assignments and where the report is."""
    if gui:
        _open_gui()
        return
    from .analysis import analyse as run
    from .simulate.samples import sample_paths

    sample = sample_paths("sei_shiners")
    with _progress() as progress:
        result = run(
            [sample.map],
            trace=[sample.trace],
            recipe="sei-shiners",
            timezone=sample.potentiostat_zone,
            progress=progress,
        )
        report = _written(result, output, progress)
    _summary(result, report.resolve())


def _open_gui() -> None:
    try:
        from napari_spectrode.launch import run_sample
    except ImportError as error:
        raise SpectrodeError(
            f"the sample cannot be opened in napari ({error}); install it with: pip install 'spectrode[gui]' pyqt6"
        ) from None
    run_sample()


@app.command()
def steps(
    name: Annotated[str | None, typer.Argument(help="A step, or a family such as baseline.")] = None,
) -> None:
    """List the processing steps, or print one step's parameters, units, limits and citation."""
    from .inspection import describe_step, list_steps

    typer.echo(list_steps(name) if name is None or "." not in name else describe_step(name))


@app.command()
def recipes(name: Annotated[str | None, typer.Argument(help="Print this recipe in full.")] = None) -> None:
    """List the bundled recipes, or print one with every parameter written out."""
    from .pipeline.recipe import Recipe, bundled_recipes

    if name is not None:
        typer.echo(Recipe.load(name).effective().dumps())
        return
    for known in bundled_recipes():
        typer.echo(f"{known:<14} {Recipe.load(known).description}")


@app.command()
def formats(
    name: Annotated[str | None, typer.Argument(help="Explain this reader and its options.")] = None,
) -> None:
    """List the file formats that can be read and written, or explain one reader."""
    from .inspection import describe_format, list_formats

    typer.echo(list_formats() if name is None else describe_format(name))


@app.command()
def simulate(
    output: Annotated[Path, typer.Argument(help="Folder for map, trace, truth and manifest.")],
    preset: Annotated[str, typer.Option(help="sei-shiners, cei-shiners or nothing-forms.")] = "sei-shiners",
    seed: Annotated[int, typer.Option(help="Same seed, same experiment.")] = 1,
    frames: Annotated[int | None, typer.Option(help="Number of maps.")] = None,
    rows: Annotated[int | None, typer.Option(help="Pixels in y.")] = None,
    columns: Annotated[int | None, typer.Option(help="Pixels in x.")] = None,
) -> None:
    """Simulate an operando map experiment whose truth is known."""
    from .simulate import preset as preset_settings
    from .simulate import simulate_experiment, write_experiment

    changes = {k: v for k, v in (("frames", frames), ("rows", rows), ("columns", columns)) if v is not None}
    settings = preset_settings(preset, seed=seed, **changes)
    words = "".join(f" --{name} {value}" for name, value in changes.items())
    command = f"spectrode simulate {output} --preset {preset} --seed {seed}{words}"
    with _progress() as progress:
        experiment = simulate_experiment(settings, progress=lambda done, total: progress("simulating", done, total))
    write_experiment(experiment, output, command=command)
    typer.echo(f"wrote {output}")


if __name__ == "__main__":
    main()
