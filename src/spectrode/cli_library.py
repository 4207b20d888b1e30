"""``spectrode library``: look into the reference library, check it, add to it, give it to other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .errors import LibraryError

if TYPE_CHECKING:
    from .library import Library
    from .library.entry import Entry
    from .library.ranking import Ranked

__all__ = ["library_app"]

library_app = typer.Typer(
    name="library", help="The reference library: list, search, show, validate, add, diff, export.",
    no_args_is_help=True, rich_markup_mode=None,
)  # fmt: skip

_Folder = Annotated[Path | None, typer.Option(help="Another library folder instead of the bundled one.")]
_Technique = Annotated[str, typer.Option(help="raman or ir.")]


def _load(folder: Path | None) -> Library:
    from .library import load_library

    return load_library(folder)


def _checked(technique: str) -> Any:
    if technique not in ("raman", "ir"):
        raise LibraryError(f"--technique must be raman or ir, but {technique!r} was given")
    return technique


@library_app.command("list")
def list_entries(
    group: Annotated[str | None, typer.Option(help="Only this group.")] = None, folder: _Folder = None
) -> None:
    """List the species: id, name, group, bands, how many positions were read in a source."""
    library = _load(folder)
    if group is not None and group not in library.groups:
        raise LibraryError(f"there is no group {group!r}; possible: {', '.join(library.groups)}")
    for entry in library:
        if group is None or entry.group == group:
            typer.echo(_line(entry))


def _line(entry: Entry) -> str:
    raman, ir = len(entry.bands("raman")), len(entry.bands("ir"))
    seen = sum(b.provenance == "seen" for b in entry.band)
    note = "  [withdrawn]" if entry.withdrawn is not None else "  [open question]" if entry.open_question else ""
    return (
        f"{entry.id:<22.22} {entry.group:<12} {entry.kind.replace('_', ' '):<9} {raman:>3} Raman {ir:>3} IR  "
        f"{seen:>3} seen  {entry.name}{note}"
    )


@library_app.command()
def search(
    text: Annotated[list[str] | None, typer.Argument(help="Words in name, notes or assignments.")] = None,
    band: Annotated[list[float] | None, typer.Option(help="Band position in cm-1; may be given several times.")] = None,
    tolerance: Annotated[float, typer.Option(help="Half-width of the window, cm-1.")] = 5.0,
    formula: Annotated[str | None, typer.Option(help="Same atoms in any order.")] = None,
    group: Annotated[str | None, typer.Option(help="Only this group.")] = None,
    technique: _Technique = "raman",
    most: Annotated[int, typer.Option(help="How many to print.")] = 12,
    folder: _Folder = None,
) -> None:
    """Find species by band positions (best first, with the reasons), formula, group or words."""
    from .library.search import search as find

    library = _load(folder)
    words = " ".join(text) if text else None
    hits = find(library, formula=formula, group=group, text=words)
    if band:
        _search_bands(library, [h.entry.id for h in hits], band, tolerance, _checked(technique), most)
        return
    if not (words or formula or group):
        raise LibraryError("say what to look for: words, --band, --formula or --group")
    for hit in hits:
        typer.echo(_line(hit.entry))
    if not hits:
        typer.echo("nothing found")


def _search_bands(
    library: Library, ids: list[str], positions: list[float], tolerance: float, technique: Any, most: int
) -> None:
    from .library.ranking import rank_by_bands

    ranked = [
        r for r in rank_by_bands(library, positions, tolerance_cm1=tolerance, technique=technique) if r.entry.id in ids
    ]
    if not ranked:
        typer.echo(f"no species has a {technique} band within {tolerance:g} cm-1 of any of them")
    possible = [r for r in ranked if r.entry.visible_in(technique)]
    for number, found in enumerate(possible[:most], start=1):
        _print_ranked(found, f"{number:>2}.", positions, tolerance)
    if len(possible) > most:
        typer.echo(f"… and {len(possible) - most} more (--most)")
    claims = [r for r in ranked if not r.entry.visible_in(technique)]
    if claims:
        typer.echo(f"Claimed in the literature for species that {technique} cannot show:")
    for found in claims:
        _print_ranked(found, "  –", positions, tolerance)


def _print_ranked(found: Ranked, label: str, positions: list[float], tolerance: float) -> None:
    entry = found.entry
    kind = entry.kind.replace("_", " ")
    typer.echo(f"{label} {entry.name} ({entry.id}, {kind}): {found.hits} of {len(positions)}, score {found.score:.2f}")
    for position, matched in zip(positions, found.matched, strict=True):
        if matched is None:
            typer.echo(f"      {position:g}: no band within {tolerance:g} cm-1")
            continue
        how = "" if matched.provenance == "seen" else ", recalled"
        typer.echo(
            f"      {position:g}: {matched.position_cm1:g} ± {matched.uncertainty_cm1:g}, {matched.intensity}, "
            f"{matched.assignment} ({matched.state}), {matched.evidence}{how}"
        )
    if found.would_also_show:
        others = ", ".join(f"{b.position_cm1:g}" for b in found.would_also_show[:6])
        typer.echo(f"      would also show {others}")
    for reason in (entry.no_raman_reason, entry.open_question):
        if reason:
            typer.echo(f"      caution: {reason}")


@library_app.command()
def show(
    entry: Annotated[str, typer.Argument(help="Id, name or alias.")],
    technique: _Technique = "raman",
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Also draw to this .png or .svg file.")] = None,
    folder: _Folder = None,
) -> None:
    """Draw a species in the terminal and print its bands with their sources and standing."""
    from .library.drawing import draw_text, save_drawing

    library = _load(folder)
    found = library.get(entry)
    kind = _checked(technique)
    typer.echo(f"{found.name}  ({found.id})")
    typer.echo(f"{found.formula}, group {found.group}, {found.kind.replace('_', ' ')}, {found.licence}")
    if found.withdrawn is not None:
        typer.echo(f"WITHDRAWN {found.withdrawn.date}: {found.withdrawn.reason}")
    for label, text in (("no Raman bands", found.no_raman_reason), ("open question", found.open_question)):
        if text:
            typer.echo(f"{label}: {text}")
    if found.visible_in(kind):
        typer.echo("\n" + draw_text(found, technique=kind) + "\n")
        typer.echo("drawn from the band list, not a measured curve" if found.kind == "band_list" else found.kind)
    _show_bands(found, kind)
    for note in (found.notes, *found.discriminating_notes):
        if note:
            typer.echo(f"\n{note}")
    if found.interferents:
        typer.echo(f"\nnear it: {'; '.join(found.interferents)}")
    if output is not None:
        save_drawing(found, output, technique=kind)
        typer.echo(f"\nwrote {output}")


def _show_bands(found: Entry, technique: Any) -> None:
    for band in found.bands(technique):
        width = f", width {band.fwhm_cm1:g}" if band.fwhm_cm1 is not None else ""
        mark = "*" if band.discriminating else " "
        where = band.state + ("" if band.coordination == "na" else f", {band.coordination.replace('_', ' ')}")
        known = "read" if band.provenance == "seen" else "recalled, not verified"
        typer.echo(
            f"{mark}{band.position_cm1:>7g} ± {band.uncertainty_cm1:<4g} {band.intensity:<2} {band.rel_intensity:<5g} "
            f"{band.assignment} ({where}{width}); {band.evidence}, {known}: "
            + ", ".join(f"{s.id}{'' if s.how == 'seen' else ' (' + s.how + ')'}" for s in band.sources)
        )
        if band.evidence_note:
            typer.echo(f"{'':>10}{band.evidence_note}")
    if found.bands(technique):
        typer.echo("* tells the species from its usual neighbours")


@library_app.command()
def validate(
    folder: Annotated[
        Path | None, typer.Argument(help="A library, or one entry's folder; the bundled one if not given.")
    ] = None,
) -> None:
    """Check a library or one entry: shape, identity, physics, provenance, collection; all problems in one list."""
    from .library.validate import folder_problems, library_problems
    from .resources import reference_folder

    place = folder or reference_folder()
    one = (place / "entry.toml").is_file()
    problems = folder_problems(place) if one else library_problems(place)
    for problem in problems:
        typer.echo(f"- {problem}")
    count = 1 if one else len(list(place.glob("*/*/entry.toml")))
    words = f"{count} {'entry' if count == 1 else 'entries'} checked"
    typer.echo(f"{words}, {len(problems)} problem{'' if len(problems) == 1 else 's'}")
    if problems:
        raise typer.Exit(1)


@library_app.command()
def stats(folder: _Folder = None) -> None:
    """Print coverage and quality, counted: species, bands, share read, share measured."""
    from .library.stats import stats as count
    from .library.stats import stats_table

    typer.echo(stats_table(count(_load(folder))))


@library_app.command()
def diff(
    old: Annotated[Path, typer.Argument(help="A library folder.")],
    new: Annotated[Path | None, typer.Argument(help="Another; the bundled one if not given.")] = None,
) -> None:
    """Say what changed between two libraries, for a reviewer."""
    from .library import load_library
    from .library.difference import library_difference
    from .resources import reference_folder

    lines = library_difference(load_library(old), load_library(new or reference_folder()))
    for line in lines:
        typer.echo(line)
    typer.echo(f"{len(lines)} change{'' if len(lines) == 1 else 's'}")


@library_app.command()
def export(
    output: Annotated[Path, typer.Argument(help="File; its ending chooses: .csv .json .npz .jdx .h5")],
    technique: _Technique = "raman",
    group: Annotated[list[str] | None, typer.Option(help="Only these groups.")] = None,
    folder: _Folder = None,
) -> None:
    """Write the library for other programs: tables of bands, arrays of drawn spectra, JCAMP-DX, NeXus."""
    from .library.export import export_library

    library = _load(folder)
    count = export_library(library.filter(groups=group) if group else library, output, technique=_checked(technique))
    typer.echo(f"wrote {count} species to {output}")


@library_app.command()
def catalogue(output: Annotated[Path, typer.Argument(help="Folder for the pages.")], folder: _Folder = None) -> None:
    """Write a static HTML catalogue: a page a species, an index by band position."""
    from .library.catalogue import write_catalogue

    typer.echo(f"wrote {write_catalogue(_load(folder), output)}")


@library_app.command()
def add(
    files: Annotated[list[Path], typer.Argument(help="Measured spectrum, or repeats of it, in any readable format.")],
    folder: Annotated[Path, typer.Option(help="The library to add to.")] = Path("reference_spectra"),
    id_: Annotated[str | None, typer.Option("--id", help="Short stable id, such as li2co3.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the species.")] = None,
    formula: Annotated[str | None, typer.Option(help="Chemical formula.")] = None,
    group: Annotated[str | None, typer.Option(help="Group folder, such as sei.")] = None,
    cas: Annotated[str | None, typer.Option(help="CAS number.")] = None,
    smiles: Annotated[str | None, typer.Option(help="SMILES.")] = None,
    state: Annotated[str, typer.Option(help="solid, liquid, solution, film …")] = "solid",
    sample: Annotated[str | None, typer.Option(help="Maker, purity, preparation.")] = None,
    instrument: Annotated[str | None, typer.Option(help="Spectrometer, objective, grating.")] = None,
    calibration: Annotated[str | None, typer.Option(help="How the axis was calibrated.")] = None,
    axis_uncertainty: Annotated[float | None, typer.Option(help="Standard uncertainty of the axis, cm-1.")] = None,
    excitation_nm: Annotated[float | None, typer.Option(help="Laser wavelength, nm.")] = None,
    measured_by: Annotated[str | None, typer.Option(help="Who measured it.")] = None,
    measured_on: Annotated[str | None, typer.Option(help="Day, YYYY-MM-DD.")] = None,
    licence: Annotated[str, typer.Option(help="SPDX identifier.")] = "CC0-1.0",
    attribution: Annotated[str | None, typer.Option(help="Whom to name, if the licence asks for it.")] = None,
    technique: _Technique = "raman",
    baseline_lam: Annotated[float, typer.Option(help="Stiffness of the background removed; 0 for none.")] = 1e5,
    min_snr: Annotated[float, typer.Option(help="Peaks below this signal-to-noise ratio are not listed.")] = 8.0,
) -> None:
    """Turn a measured spectrum into a valid entry, ready for a pull request; asks for what was not given."""
    from .library.add import Answers, add_entry

    def asked(value: Any, question: str, kind: Any = str) -> Any:
        return value if value is not None else typer.prompt(question, type=kind)

    kind = _checked(technique)
    answers = Answers(
        id=asked(id_, "Id (lower case, digits, _)"),
        name=asked(name, "Name of the species"),
        formula=asked(formula, "Formula"),
        group=asked(group, "Group"),
        cas=cas,
        smiles=smiles,
        state=state,
        technique=kind,
        sample=asked(sample, "Sample (maker, purity, preparation)"),
        instrument=asked(instrument, "Instrument"),
        calibration=asked(calibration, "How was the axis calibrated"),
        axis_uncertainty_cm1=asked(axis_uncertainty, "Standard uncertainty of the axis in cm-1", float),
        excitation_nm=asked(excitation_nm, "Laser wavelength in nm", float) if kind == "raman" else excitation_nm,
        measured_by=asked(measured_by, "Measured by"),
        measured_on=asked(measured_on, "Measured on (YYYY-MM-DD)"),
        licence=licence,
        attribution=attribution,
        baseline_lam=baseline_lam or None,
        min_snr=min_snr,
    )
    path, remarks = add_entry(files, answers, folder)
    for remark in remarks:
        typer.echo(f"look at: {remark}")
    typer.echo(f"wrote {path}; check it with: spectrode library validate {path}")
