"""Turns a measured spectrum into a library entry: background removed, peaks fitted, everything recorded."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .._atomic import atomic_file, atomic_folder
from ..errors import LibraryError
from ..history import file_sha256
from .entry import SCHEMA_VERSION, Band, BandSource, Entry, Measurement, Source, Technique
from .validate import LEDGER_NAME, entry_problems, folder_problems, ledger_text
from .write import dump_entry

if TYPE_CHECKING:
    from ..assignment.peaks import Peak

__all__ = ["Answers", "add_entry", "measured_entry"]

_ID = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What the contributor knows and a file does not say."""

    id: str
    name: str
    formula: str
    group: str
    cas: str | None = None
    smiles: str | None = None
    state: str = "solid"
    technique: Technique = "raman"
    sample: str
    """Maker, purity, preparation: what another laboratory needs to repeat the measurement."""
    instrument: str
    calibration: str
    """How the axis was calibrated, in words (``Si 520.45 cm-1 before and after``)."""
    axis_uncertainty_cm1: float
    """Standard uncertainty of the axis; it enters every band's uncertainty."""
    excitation_nm: float | None = None
    resolution_cm1: float | None = None
    measured_by: str
    measured_on: str
    licence: str = "CC0-1.0"
    attribution: str | None = None
    baseline_lam: float | None = 1e5
    """Smoothness of the arPLS background that is removed; larger is stiffer; None if the file holds none any more."""
    min_snr: float = 8.0
    """Peaks below this signal-to-noise ratio are not listed."""


def add_entry(files: Sequence[str | Path], answers: Answers, folder: Path) -> tuple[Path, list[str]]:
    """Make an entry from measured spectra and write it as ``<group>/<id>/`` below ``folder``.

    Several files are repeats of one measurement: their mean is taken, and their scatter enters the uncertainty. An
    entry that is not valid is not written.

    Returns
    -------
    path : Path
        The entry's folder.
    remarks : list of str
        What the contributor should look at.

    Raises
    ------
    LibraryError
        If the answers or the resulting entry are not valid (every problem listed), or the id exists already.
    """
    target = folder / answers.group / answers.id
    if target.exists():
        raise LibraryError(f"{target} exists already; choose another id, or mend the entry that is there")
    entry, curve, remarks = measured_entry(files, answers)
    problems = entry_problems(entry)
    if problems:
        raise LibraryError("the entry would not be valid:\n" + "\n".join(f"- {p}" for p in problems))
    (folder / answers.group).mkdir(parents=True, exist_ok=True)
    with atomic_folder(target) as place:
        (place / "entry.toml").write_text(dump_entry(entry), encoding="utf-8")
        rows = "\n".join(f"{x:.3f},{y:.6g}" for x, y in curve)
        (place / "spectrum.csv").write_text(f"shift_cm1,intensity\n{rows}\n", encoding="utf-8")
    _enter_in_ledger(entry, folder)
    return target, remarks + folder_problems(target)


def measured_entry(files: Sequence[str | Path], answers: Answers) -> tuple[Entry, NDArray[np.float64], list[str]]:
    """Return the entry, the (points, 2) curve that goes beside it, and remarks for the contributor."""
    if not _ID.fullmatch(answers.id):
        raise LibraryError(f"the id {answers.id!r} must be lower-case letters and digits joined by _, such as li2co3")
    shift, spectra = _read(files, answers.technique)
    processing = []
    if answers.baseline_lam is not None:
        from ..preprocessing.baseline import arpls

        spectra = arpls(spectra, shift, lam=answers.baseline_lam).intensity
        processing.append(f"background removed by arPLS, lam = {answers.baseline_lam:g}")
    if len(files) > 1 or len(spectra) > 1:
        processing.append(f"mean of {len(spectra)} spectra")
    mean = spectra.mean(axis=0)
    top = float(mean.max())
    if not top > 0:
        raise LibraryError("the spectrum has no positive band left after the background was removed")
    processing.append("scaled to a maximum of 1")
    peaks, remarks = _peaks(shift, spectra, answers)
    original = Path(files[0])
    source = _source(answers)
    entry = Entry(
        schema_version=SCHEMA_VERSION,
        id=answers.id,
        name=answers.name,
        formula=answers.formula,
        cas=answers.cas,
        smiles=answers.smiles,
        aliases=(),
        group=answers.group,
        kind="measured",
        licence=answers.licence,
        attribution=answers.attribution,
        added=date.today().isoformat(),
        measurement=Measurement(
            technique=answers.technique,
            instrument=answers.instrument,
            calibration=f"{answers.calibration} (standard uncertainty {answers.axis_uncertainty_cm1:g} cm-1)",
            sample=answers.sample,
            excitation_nm=answers.excitation_nm,
            resolution_cm1=answers.resolution_cm1,
            processing=tuple(processing),
            measured_on=answers.measured_on,
            measured_by=answers.measured_by,
            original_file=original.name,
            original_sha256=file_sha256(original),
        ),
        band=tuple(_band(p, max(q.height for q in peaks), answers, source) for p in peaks),
        source=(source,),
        raman_unknown_reason=None
        if answers.technique == "raman"
        else "This contribution is an infrared measurement; no Raman spectrum was recorded with it.",
    )
    return entry, np.column_stack([shift, mean / top]), remarks


def _read(files: Sequence[str | Path], technique: Technique) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    from ..dataset import concat
    from ..readers import read

    if not files:
        raise LibraryError("at least one file must be given to add an entry")
    whole = concat([read(f) for f in files])
    if whole.axis_kind == "wavelength":
        raise LibraryError(f"{files[0]}: the axis is in nm; convert it to cm-1 first (spectrode analyse --laser-nm)")
    spectra = np.asarray(whole.intensity, dtype=float)
    good = np.isfinite(spectra).all(axis=1) & spectra.any(axis=1)
    if not good.any():
        raise LibraryError(f"{files[0]}: no spectrum is usable (all are empty or hold NaN)")
    return np.asarray(whole.shift), spectra[good]


def _peaks(shift: NDArray[np.float64], spectra: NDArray[np.float64], answers: Answers) -> tuple[list[Peak], list[str]]:
    from ..assignment.peaks import find_peaks

    found = find_peaks(shift, spectra.mean(axis=0), min_snr=answers.min_snr)
    broad = [p for p in found if p.broad]
    sharp = [p for p in found if not p.broad]
    if not sharp:
        raise LibraryError(
            f"no band stands {answers.min_snr:g} times above the noise; lower min_snr, or measure longer"
        )
    remarks = [
        f"a hump near {p.position_cm1:.0f} cm-1, {p.fwhm_cm1:.0f} cm-1 wide, was taken for background and not listed"
        for p in broad
    ]
    return sharp, remarks


def _band(peak: Peak, highest: float, answers: Answers, source: Source) -> Band:
    relative = min(peak.height / highest, 1.0)
    uncertainty = float(np.hypot(peak.uncertainty_cm1, answers.axis_uncertainty_cm1))
    fields: dict[str, Any] = {"state": answers.state}
    return Band(
        technique=answers.technique,
        position_cm1=round(peak.position_cm1, 2),
        uncertainty_cm1=round(max(uncertainty, 0.01), 2),
        fwhm_cm1=round(peak.fwhm_cm1, 1),
        intensity=_words(relative),
        rel_intensity=round(max(relative, 0.001), 3),
        rel_intensity_basis="measured",
        assignment="not assigned",
        coordination="na",
        condition=f"{answers.excitation_nm:g} nm" if answers.excitation_nm is not None else None,
        evidence="reported",
        provenance="seen",
        basis="dataset_peak_pick",
        sources=(BandSource(id=source.id, how="seen", value=f"{peak.position_cm1:.2f}", read_on=answers.measured_on),),
        **fields,
    )


def _words(relative: float) -> Any:
    for limit, word in ((0.8, "vs"), (0.5, "s"), (0.25, "m"), (0.08, "w")):
        if relative >= limit:
            return word
    return "vw"


def _source(answers: Answers) -> Source:
    year = answers.measured_on[:4]
    return Source(
        id=f"{answers.id}_{re.sub(r'[^a-z]', '', answers.measured_by.split()[-1].lower()) or 'own'}{year}",
        citation=f"{answers.measured_by}, measurement of {answers.name}, {answers.measured_on} (this entry)",
        tier="open_dataset",
        kind="dataset",
    )


def _enter_in_ledger(entry: Entry, folder: Path) -> None:
    """Add the id to the list of published ones, if this library keeps one."""
    path = folder / LEDGER_NAME
    if not path.is_file():
        return
    head, *lines = path.read_text(encoding="utf-8").splitlines()
    lines = sorted([*lines, ledger_text([entry]).splitlines()[1]], key=lambda line: line.split(",")[0])
    with atomic_file(path) as temporary:
        temporary.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
