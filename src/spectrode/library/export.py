"""Gives the library to other programs. Each file says of every curve whether it was measured or drawn."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._atomic import atomic_file
from ..errors import LibraryError
from .collection import Library
from .drawing import envelope
from .entry import Entry, Technique

__all__ = ["FORMATS", "export_library"]

FORMATS = ("csv", "npz", "json", "jdx", "h5")

_COLUMNS = (
    "id", "name", "formula", "group", "kind", "licence", "technique", "position_cm1", "uncertainty_cm1", "fwhm_cm1",
    "intensity", "rel_intensity", "rel_intensity_basis", "assignment", "state", "coordination", "condition", "evidence",
    "provenance", "basis", "discriminating", "sources",
)  # fmt: skip


def export_library(
    library: Library,
    path: str | Path,
    *,
    technique: Technique = "raman",
    low_cm1: float = 100.0,
    high_cm1: float = 3500.0,
    step_cm1: float = 1.0,
) -> int:
    """Write a library in the format that the file's ending names.

    ``.csv``: a row a band, with everything that is known of it. ``.json``: the same as records. ``.npz``: drawn spectra
    on one axis as arrays (``shift``, ``spectra``, ``ids``, ``names``, ``kinds``; no pickle), as spectral-matching
    programs want them. ``.jdx``: JCAMP-DX, a linked peak table a species. ``.h5``: NeXus, the drawn spectra.

    Parameters
    ----------
    technique
        Which bands the drawn spectra and peak tables hold; tables of bands hold both.
    low_cm1, high_cm1, step_cm1
        Axis of drawn spectra.

    Returns
    -------
    int
        How many species were written; those that the technique cannot show are left out of drawn spectra.

    Raises
    ------
    LibraryError
        For another ending, or if no entry can be written.
    """
    path = Path(path)
    kind = path.suffix.lower().lstrip(".")
    if kind not in FORMATS:
        raise LibraryError(f"{path}: a library can be exported as {', '.join('.' + f for f in FORMATS)}")
    entries = [e for e in library if e.withdrawn is None]
    if kind not in ("csv", "json"):
        entries = [e for e in entries if e.visible_in(technique)]
    if not entries:
        raise LibraryError(f"{path}: there is no entry with {technique} bands to export")
    shift = np.arange(low_cm1, high_cm1 + step_cm1 / 2, step_cm1)
    with atomic_file(path) as temporary:
        if kind == "csv":
            _csv(entries, temporary)
        elif kind == "json":
            temporary.write_text(json.dumps([_row(e, b) for e in entries for b in e.band], indent=1), encoding="utf-8")
        elif kind == "npz":
            _npz(entries, temporary, shift, technique)
        elif kind == "jdx":
            temporary.write_text(_jcamp(entries, technique), encoding="utf-8")
        else:
            _nexus(entries, temporary, shift, technique)
    return len(entries)


def _row(entry: Entry, band: Any) -> dict[str, Any]:
    values = {name: getattr(entry, name) for name in ("id", "name", "formula", "group", "kind", "licence")}
    values.update({name: getattr(band, name) for name in _COLUMNS[6:-1]})
    values["sources"] = ";".join(f"{s.id} ({s.how})" for s in band.sources)
    return values


def _csv(entries: list[Entry], path: Path) -> None:
    with open(path, "w", encoding="utf-8", newline="") as stream:
        table = csv.DictWriter(stream, fieldnames=_COLUMNS, lineterminator="\n")
        table.writeheader()
        for entry in entries:
            table.writerows({k: "" if v is None else v for k, v in _row(entry, band).items()} for band in entry.band)


def _drawn(entries: list[Entry], shift: NDArray[np.float64], technique: Technique) -> NDArray[np.float64]:
    return np.stack([envelope(e, shift, technique) for e in entries])


def _npz(entries: list[Entry], path: Path, shift: NDArray[np.float64], technique: Technique) -> None:
    with open(path, "wb") as stream:
        np.savez_compressed(
            stream,
            shift=shift,
            spectra=_drawn(entries, shift, technique).astype(np.float32),
            ids=np.array([e.id for e in entries]),
            names=np.array([e.name for e in entries]),
            kinds=np.array([e.kind for e in entries]),
            licences=np.array([e.licence for e in entries]),
        )


def _jcamp(entries: list[Entry], technique: Technique) -> str:
    blocks = []
    for number, entry in enumerate(entries, start=1):
        bands = entry.bands(technique)
        blocks.append(
            "\n".join(
                [
                    f"##TITLE= {entry.name}",
                    "##JCAMP-DX= 4.24",
                    "##DATA TYPE= " + ("RAMAN PEAK TABLE" if technique == "raman" else "INFRARED PEAK TABLE"),
                    f"##BLOCK_ID= {number}",
                    "##ORIGIN= Spectrode reference library",
                    f"##OWNER= {entry.licence}",
                    f"##MOLFORM= {entry.formula}",
                    *([f"##CAS REGISTRY NO= {entry.cas}"] if entry.cas else []),
                    f"$$ {entry.kind.replace('_', ' ')}, not a measured curve"
                    if entry.kind != "measured"
                    else "$$ measured",
                    "##XUNITS= 1/CM",
                    "##YUNITS= RELATIVE INTENSITY",
                    "##XFACTOR= 1.0",
                    "##YFACTOR= 1.0",
                    f"##NPOINTS= {len(bands)}",
                    "##PEAK TABLE= (XY..XY)",
                    *(f"{b.position_cm1:g}, {b.rel_intensity:g}" for b in bands),
                    "##END=",
                ]
            )
        )
    head = f"##TITLE= Spectrode reference library\n##JCAMP-DX= 4.24\n##DATA TYPE= LINK\n##BLOCKS= {len(blocks) + 1}\n"
    return head + "\n".join(blocks) + "\n##END=\n"


def _nexus(entries: list[Entry], path: Path, shift: NDArray[np.float64], technique: Technique) -> None:
    from ..dataset import OperandoDataset
    from ..metadata import Metadata, Sample
    from ..writers.native_hdf5 import save

    save(
        OperandoDataset(
            intensity=_drawn(entries, shift, technique),
            shift=shift,
            metadata=Metadata(
                title="Spectrode reference library, drawn from band lists",
                sample=Sample(name="reference library"),
                vendor={
                    "entries": [{"id": e.id, "name": e.name, "kind": e.kind, "licence": e.licence} for e in entries]
                },
            ),
            axis_kind="raman_shift" if technique == "raman" else "wavenumber",
        ),
        path,
    )
