"""``spectrode calibrate``: make and show calibrations of an instrument."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .errors import SpectrodeError

if TYPE_CHECKING:
    from .calibration.model import Calibration
    from .dataset import OperandoDataset

__all__ = ["calibration_app"]

calibration_app = typer.Typer(
    name="calibrate", help="Calibrate an instrument: axis, intensity, show.",
    no_args_is_help=True, rich_markup_mode=None,
)  # fmt: skip

_Laser = Annotated[
    float | None,
    typer.Option("--laser-nm", help="Wavelength by which the files' shifts were made, if they do not say."),
]
_Path = Annotated[str, typer.Option("--optical-path", help="A name such as x20; later use is compared with it.")]
_Output = Annotated[Path, typer.Option("-o", "--output", help="The calibration, a .toml or .json file.")]
_Figure = Annotated[Path | None, typer.Option(help="Also draw it: a .png, .svg or .pdf file.")]


@calibration_app.command()
def axis(
    output: _Output,
    neon: Annotated[list[Path], typer.Option(help="Neon lamp; may be given several times (different exposures).")],
    silicon: Annotated[Path | None, typer.Option(help="Silicon, which tells the laser.")] = None,
    check: Annotated[Path | None, typer.Option(help="A standard held out, to verify the axis.")] = None,
    standard: Annotated[str, typer.Option(help="What --check is.")] = "polystyrene",
    laser_vacuum_nm: Annotated[
        float | None, typer.Option(help="Instead of --silicon: the laser's wavelength in vacuum, known to 0.005 nm.")
    ] = None,
    laser_nm: _Laser = None,
    optical_path: _Path = "",
    max_offset_nm: Annotated[float, typer.Option(help="Farthest that the axis may be off.", min=0.01, max=20.0)] = 1.5,
    allow_other_path: Annotated[
        bool, typer.Option(help="Flag files of different optical paths, do not refuse.")
    ] = False,
    figure: _Figure = None,
) -> None:
    """Calibrate the axis with a neon lamp and silicon, and verify it on a standard held out."""
    from .calibration import make_axis_calibration

    made = make_axis_calibration(
        [_read(path) for path in neon],
        None if silicon is None else _read(silicon),
        None if check is None else _read(check),
        standard=standard,
        optical_path=optical_path,
        laser_nm=laser_nm,
        allow_other_path=allow_other_path,
        laser_vacuum_nm=None if laser_vacuum_nm is None else (laser_vacuum_nm, 0.005),
        max_offset_nm=max_offset_nm,
    )
    _finish(made, output, figure)


@calibration_app.command()
def intensity(
    file: Annotated[Path, typer.Argument(help="The measured standard, dark subtracted.")],
    output: _Output,
    srm: Annotated[str | None, typer.Option(help="Number of the NIST luminescence standard, such as 2241.")] = None,
    temperature_k: Annotated[float | None, typer.Option(help="Instead: temperature of a black-body lamp.")] = None,
    into: Annotated[Path | None, typer.Option(help="An axis calibration to join it to.")] = None,
    bandwidth_cm1: Annotated[float, typer.Option(help="Smoothing of the standard, full width.")] = 50.0,
    laser_nm: _Laser = None,
    optical_path: _Path = "",
) -> None:
    """Calibrate the relative intensity with a luminescent glass or a white lamp."""
    from .calibration import load_calibration, make_intensity_calibration

    made = make_intensity_calibration(
        _read(file),
        srm=srm,
        temperature_k=temperature_k,
        laser_nm=laser_nm,
        optical_path=optical_path,
        bandwidth_cm1=bandwidth_cm1,
        into=None if into is None else load_calibration(into),
    )
    _finish(made, output, None)


@calibration_app.command()
def show(
    file: Annotated[Path, typer.Argument(help="A calibration.")],
    lines: Annotated[bool, typer.Option(help="Also list every lamp line.")] = False,
    figure: _Figure = None,
) -> None:
    """Tell what a calibration holds and how good it is."""
    from .calibration import load_calibration

    found = load_calibration(file)
    _tell(found)
    if lines and found.axis is not None:
        typer.echo("line in vacuum / nm   found / nm   residual / nm")
        for line in found.axis.lines:
            note = "" if line.used else "   rejected"
            typer.echo(
                f"{line.line_vacuum_nm:>19.4f} {line.nominal_nm:>12.4f} {line.residual_nm:>+10.4f} ± "
                f"{line.sigma_nm:.4f}{note}"
            )
    if figure is not None:
        _draw(found, figure)


def _read(path: Path) -> OperandoDataset:
    from .readers import read

    return read(path)


def _finish(made: Calibration, output: Path, figure: Path | None) -> None:
    from .calibration import save_calibration

    save_calibration(made, output)
    _tell(made)
    if figure is not None:
        _draw(made, figure)
    typer.echo(f"written: {output}")


def _draw(made: Calibration, path: Path) -> None:
    from ._atomic import atomic_file
    from .calibration import calibration_figure

    kind = path.suffix.lower().removeprefix(".")
    if kind not in ("png", "svg", "pdf"):
        raise SpectrodeError(f"a figure is a .png, .svg or .pdf file, but {path.name!r} was given")
    with atomic_file(path) as temporary:
        calibration_figure(made).savefig(temporary, format=kind, dpi=150)


def _tell(found: Calibration) -> None:
    where = ", ".join(v for v in (found.instrument, found.optical_path, found.objective, found.grating) if v)
    typer.echo(f"calibration of {where or 'an instrument without a name'}, made {found.created}")
    if found.axis is not None:
        part = found.axis
        used = sum(line.used for line in part.lines)
        low, high = part.valid_cm1
        at = [v for v in (500.0, 1000.0, 1500.0, 3000.0) if low <= v <= high]
        typer.echo(f"  axis: {used} of {len(part.lines)} lamp lines, polynomial of degree {len(part.coefficients) - 1}")
        typer.echo(f"  laser: {part.laser_vacuum_nm:.4f} nm in vacuum ({part.laser_from})")
        typer.echo(f"  valid from {low:.0f} to {high:.0f} cm-1")
        pairs = ", ".join(f"{s:.2f} at {v:g}" for s, v in zip(part.sigma_cm1(at), at, strict=True))
        typer.echo(f"  standard uncertainty in cm-1: {pairs}")
        if part.verification is not None:
            check = part.verification
            typer.echo(
                f"  held-out {check.standard}, {len(check.lines)} lines: rms {check.rms_before_cm1:.3f} cm-1 before, "
                f"{check.rms_after_cm1:.3f} after"
            )
    if found.intensity is not None:
        response = found.intensity
        typer.echo(
            f"  intensity: {response.standard}, {response.shift_cm1[0]:.0f} to {response.shift_cm1[-1]:.0f} cm-1, "
            f"factor {min(response.factor):.3g} to {max(response.factor):.3g}, smoothed over "
            f"{response.bandwidth_cm1:g} cm-1; {response.geometry} only"
        )
    for flag in found.flags:
        typer.echo(f"  note: {flag}")
