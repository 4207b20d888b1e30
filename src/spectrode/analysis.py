"""The main job: files → time, potential → corrected spectra → components → assignments.

Nothing is written here; :mod:`spectrode.report` makes the results folder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from .dataset import OperandoDataset
from .errors import Cancelled, SpectrodeError, StepError
from .history import file_sha256, versions
from .pipeline.recipe import Recipe
from .pipeline.run import StepReport, apply_steps
from .readers import read_many
from .results import AnalysisResult, Inputs
from .unmixing.by_recipe import unmixed_by_recipe, usable_spectra

if TYPE_CHECKING:
    from .assignment import Assignment
    from .assignment.answers import PeakRow
    from .electrochemistry.trace import Trace
    from .evidence import ComponentEvidence
    from .fluorescence import FluorescenceReport
    from .unmixing.result import Decomposition

__all__ = ["analyse", "frame_means", "load_inputs", "rerun"]

Progress = Callable[[str, int, int], None]
ShouldStop = Callable[[], bool]


def analyse(
    spectra: OperandoDataset | Sequence[str | Path] | str | Path,
    *,
    trace: Trace | Sequence[str | Path] | str | Path | None = None,
    recipe: Recipe | str | Path = "raman-map",
    offset_s: float | None = None,
    offset_from: Literal["clock", "trace_start"] | None = None,
    timezone: str | None = None,
    reference: str | None = None,
    laser_nm: float | None = None,
    spectra_options: Mapping[str, Any] | None = None,
    trace_options: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    should_stop: ShouldStop | None = None,
) -> AnalysisResult:
    """Analyse one experiment.

    Parameters
    ----------
    spectra
        A dataset, or the files of one experiment; several files are repeated maps and become frames in time order.
    trace
        The potentiostat's record, or its files; None to analyse without a potential.
    recipe
        A recipe, the name of a bundled one, or a TOML file.
    offset_s, offset_from
        How the two clocks are related; see :func:`spectrode.electrochemistry.clock.join_in_time`.
    timezone
        Zone of time stamps that state none.
    reference
        Name of the reference electrode, where the potentiostat file does not state it.
    laser_nm
        Converts an axis in nm to Raman shift.
    spectra_options, trace_options
        Options of the readers, such as a column mapping (``spectrode formats`` lists them).
    progress
        Called with (what is being done, done, in all).
    should_stop
        Asked often; True ends the analysis with :class:`~spectrode.errors.Cancelled`.

    Raises
    ------
    SpectrodeError
        With one sentence for whatever is wrong with files, recipe, clocks or data.
    """
    report = progress or (lambda stage, done, total: None)
    chosen = recipe if isinstance(recipe, Recipe) else Recipe.load(recipe)
    chosen = chosen.effective()
    report("reading", 0, 1)
    raw, joined_trace, inputs = load_inputs(
        spectra,
        trace,
        offset_s=offset_s,
        offset_from=offset_from,
        timezone=timezone,
        reference=reference,
        laser_nm=laser_nm,
        spectra_options=spectra_options,
        trace_options=trace_options,
    )
    report("reading", 1, 1)
    _stop_if(should_stop)
    processed, reports = apply_steps(raw, chosen.steps, progress=progress, should_stop=should_stop)
    processed, background = _with_background(processed, reports)
    processed, unmixed = unmixed_by_recipe(processed, chosen, progress=progress, should_stop=should_stop)
    decomposition = unmixed.decomposition
    assignments: tuple[Assignment, ...] = ()
    evidence: tuple[ComponentEvidence, ...] = ()
    peaks: tuple[PeakRow, ...] = ()
    if decomposition is not None:
        _stop_if(should_stop)
        report("assigning", 0, 1)
        assignments, peaks = _assigned(processed, decomposition, chosen)
        report("assigning", 1, 1)
        _stop_if(should_stop)
        evidence = _evidence(processed, decomposition, assignments, report, should_stop)
    return AnalysisResult(
        dataset=processed,
        recipe=chosen,
        raw=raw,
        raw_frame_means=frame_means(raw),
        raw_shift=np.array(raw.shift),
        background=background,
        fluorescence=_fluorescence(processed, background),
        decomposition=decomposition,
        rank=unmixed.rank,
        bands=unmixed.bands,
        assignments=assignments,
        peaks=peaks,
        evidence=evidence,
        trace=joined_trace,
        steps=tuple(r.record for r in reports),
        inputs=inputs,
        versions=versions(),
    )


def load_inputs(
    spectra: OperandoDataset | Sequence[str | Path] | str | Path,
    trace: Trace | Sequence[str | Path] | str | Path | None,
    *,
    offset_s: float | None = None,
    offset_from: Literal["clock", "trace_start"] | None = None,
    timezone: str | None = None,
    reference: str | None = None,
    laser_nm: float | None = None,
    spectra_options: Mapping[str, Any] | None = None,
    trace_options: Mapping[str, Any] | None = None,
) -> tuple[OperandoDataset, Trace | None, Inputs]:
    """Read spectra and trace and join them in time."""
    from .electrochemistry.clock import join_in_time
    from .electrochemistry.readers import read_traces

    spectra_files = () if isinstance(spectra, OperandoDataset) else _paths(spectra)
    if isinstance(spectra, OperandoDataset):
        dataset = spectra
    else:
        dataset = read_many(spectra_files, timezone=timezone, **(spectra_options or {}))
    dataset = _in_raman_shift(dataset, laser_nm)
    trace_files: tuple[str, ...] = ()
    record: Trace | None = None
    if trace is not None:
        if isinstance(trace, (str, Path, Sequence)):
            trace_files = _paths(trace)
            record = read_traces(trace_files, timezone=timezone, reference=reference, **(trace_options or {}))
        else:
            record = trace.replace(reference=reference) if reference else trace
        dataset = join_in_time(dataset, record, offset_s=offset_s, offset_from=offset_from)
    inputs = Inputs(
        spectra=spectra_files or tuple(s.path for s in dataset.metadata.sources if s.role == "spectra"),
        traces=trace_files or (tuple(s.path for s in record.sources) if record is not None else ()),
        sha256=_hashes(dataset, record, (*spectra_files, *trace_files)),
        options={
            "offset_s": offset_s,
            "offset_from": offset_from,
            "timezone": timezone,
            "reference": reference,
            "laser_nm": laser_nm,
            "spectra_options": dict(spectra_options) if spectra_options else None,
            "trace_options": dict(trace_options) if trace_options else None,
        },
    )
    return dataset, record, inputs


def _hashes(dataset: OperandoDataset, record: Trace | None, paths: tuple[str, ...]) -> dict[str, str]:
    """Return the SHA-256 of every input that is a file; a store that is a folder has none."""
    sources = (*dataset.metadata.sources, *(record.sources if record is not None else ()))
    known = {s.path: s.sha256 for s in sources if s.sha256}
    return {**known, **{p: file_sha256(p) for p in paths if p not in known and Path(p).is_file()}}


def rerun(
    result: AnalysisResult,
    *,
    folder: Path | None = None,
    progress: Progress | None = None,
    should_stop: ShouldStop | None = None,
) -> AnalysisResult:
    """Repeat an analysis from the original files with the recorded recipe and options.

    Parameters
    ----------
    folder
        Where the originals are now, if they have moved; they are looked for by name there.

    Raises
    ------
    SpectrodeError
        If an original is missing or its content is not what was analysed.
    """
    inputs = result.inputs
    if not inputs.spectra:
        raise SpectrodeError("the result does not say from which files it was made, so it cannot be repeated")
    moved = {path: _found(path, folder) for path in (*inputs.spectra, *inputs.traces)}
    for recorded, now in moved.items():
        expected = inputs.sha256.get(recorded)
        if expected and file_sha256(now) != expected:
            raise SpectrodeError(f"{now} is not the file that was analysed: its SHA-256 differs from the recorded one")
    options = {k: v for k, v in inputs.options.items() if v is not None}
    return analyse(
        [moved[p] for p in inputs.spectra],
        trace=[moved[p] for p in inputs.traces] or None,
        recipe=result.recipe,
        progress=progress,
        should_stop=should_stop,
        **options,
    )


def _found(recorded: str, folder: Path | None) -> Path:
    places = [Path(recorded)] if folder is None else [folder / Path(recorded).name]
    for place in places:
        if place.exists():
            return place
    hint = "give the folder where it is now" if folder is None else "it is not in the given folder"
    raise SpectrodeError(f"the original file {recorded} is needed to repeat the analysis and is not there; {hint}")


def _paths(given: Sequence[str | Path] | str | Path) -> tuple[str, ...]:
    if isinstance(given, (str, Path)):
        return (str(given),)
    return tuple(str(p) for p in given)


def _stop_if(should_stop: ShouldStop | None) -> None:
    if should_stop is not None and should_stop():
        raise Cancelled("the analysis was cancelled")


def _in_raman_shift(dataset: OperandoDataset, laser_nm: float | None) -> OperandoDataset:
    if dataset.axis_kind != "wavelength":
        return dataset
    if laser_nm is None:
        raise SpectrodeError(
            "the spectra are on a wavelength axis in nm; give the laser wavelength (laser_nm, --laser-nm) to convert "
            "it to Raman shift"
            + (
                f" (the file names {dataset.metadata.laser.wavelength_nm:g} nm)"
                if dataset.metadata.laser.wavelength_nm
                else ""
            )
        )
    from .preprocessing.calibrate import to_raman_shift

    converted: OperandoDataset = to_raman_shift(dataset, laser_nm)
    return converted


def _with_background(
    dataset: OperandoDataset, reports: Sequence[StepReport]
) -> tuple[OperandoDataset, NDArray[Any] | None]:
    """Keep the removed background as a signal of its own: the array, and its mean and centroid per spectrum."""
    total: NDArray[Any] | None = None
    for report in reports:
        part = report.products.get("background")
        if part is None:
            continue
        if not np.array_equal(report.shift, dataset.shift):
            part = np.stack([np.interp(dataset.shift, report.shift, row) for row in part])
        total = part if total is None else total + part
    if total is None:
        return dataset, None
    # A background can dip below zero at the edges; only what is positive is light.
    light = np.clip(total, 0, None)
    weight = light.sum(axis=1)
    centroid = np.full(weight.shape, np.nan)
    np.divide(light @ dataset.shift, weight, out=centroid, where=weight > 0)
    return dataset.with_columns(background_mean=total.mean(axis=1), background_centroid_cm1=centroid), total


def _fluorescence(dataset: OperandoDataset, background: NDArray[Any] | None) -> FluorescenceReport | None:
    """Return what the background says; None where none was removed, or where no spectrum is left."""
    if background is None or not np.isfinite(background).all(axis=1).any():
        return None
    from .fluorescence import from_background

    return from_background(dataset, background)


def _assigned(
    dataset: OperandoDataset, decomposition: Decomposition, recipe: Recipe
) -> tuple[tuple[Assignment, ...], tuple[PeakRow, ...]]:
    """Return the names of the components, and every peak with what explains it."""
    from .assignment.match import answers_of, assignments_of, peaks_of
    from .library import load_library

    if dataset.axis_kind == "wavelength":
        raise StepError("assignment needs an axis in cm-1, but the spectra are in nm")
    library = load_library()
    answers = answers_of(dataset.shift, decomposition.spectra, library, settings=recipe.assignment)
    return tuple(assignments_of(answers, library, recipe.assignment)), tuple(peaks_of(answers))


def _evidence(
    dataset: OperandoDataset,
    decomposition: Decomposition,
    assignments: tuple[Assignment, ...],
    progress: Progress,
    should_stop: ShouldStop | None,
) -> tuple[ComponentEvidence, ...]:
    from .evidence import component_evidence
    from .library import load_library

    progress("evidence", 0, 1)
    found = component_evidence(dataset, decomposition, assignments, load_library(), should_stop=should_stop)
    progress("evidence", 1, 1)
    return found


def frame_means(dataset: OperandoDataset) -> NDArray[np.float64]:
    """(frames, channels) mean of the usable spectra of each frame; NaN for a frame without any."""
    frame = dataset.frame_of()
    use = usable_spectra(dataset)
    count = int(frame.max()) + 1 if frame.size else 0
    means = np.full((count, dataset.n_channels), np.nan)
    for k in range(count):
        chosen = use & (frame == k)
        if chosen.any():
            means[k] = np.asarray(dataset.intensity[chosen], dtype=float).mean(axis=0)
    return means
