"""What an analysis found, and the file that keeps it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .dataset import OperandoDataset
from .errors import UnreadableFile
from .history import StepRecord
from .serialise import plain, record_from_dict, record_to_dict

if TYPE_CHECKING:
    from .assignment import Assignment
    from .assignment.answers import PeakRow
    from .electrochemistry.trace import Trace
    from .evidence import ComponentEvidence
    from .fluorescence import FluorescenceReport
    from .pipeline.recipe import Recipe
    from .unmixing.bands import ProfileBands
    from .unmixing.rank import RankEstimate
    from .unmixing.result import Decomposition

__all__ = ["AnalysisResult", "Inputs", "load_result", "save_result"]

RESULT_VERSION = 1


@dataclass(frozen=True)
class Inputs:
    """What was asked for, so that it can be asked for again."""

    spectra: tuple[str, ...] = ()
    traces: tuple[str, ...] = ()
    sha256: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    """offset_s, offset_from, timezone, reference, laser_nm as they were given."""


@dataclass(frozen=True, eq=False)
class AnalysisResult:
    """Everything that the report and the tables are made of.

    Attributes
    ----------
    dataset
        Processed spectra with potential, current, charge and flags of each.
    raw
        The same spectra before processing; None in a result that was loaded from a file (the originals hold them).
    raw_frame_means, raw_shift
        (frames, channels) mean spectrum of each frame before processing, and its axis.
    background
        (spectra, channels) removed background on ``dataset.shift``; None if no step removed one.
    fluorescence
        Bleaching of the background and its dependence on potential; None without a background, and in a result that
        was loaded from a file (:func:`spectrode.fluorescence.from_background` makes it again).
    decomposition, rank, bands, assignments
        Unmixing, how far noise and rotation can move it, and what its components were assigned to; None or empty if
        unmixing was skipped.
    peaks
        Every peak of every component with what explains it; empty in a result that was loaded from a file.
    evidence
        For each component: where it appears, what it follows, and physical cross-checks.
    """

    dataset: OperandoDataset
    recipe: Recipe
    raw: OperandoDataset | None = None
    raw_frame_means: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))
    raw_shift: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    background: NDArray[Any] | None = None
    fluorescence: FluorescenceReport | None = None
    decomposition: Decomposition | None = None
    rank: RankEstimate | None = None
    bands: ProfileBands | None = None
    assignments: tuple[Assignment, ...] = ()
    peaks: tuple[PeakRow, ...] = ()
    evidence: tuple[ComponentEvidence, ...] = ()
    trace: Trace | None = None
    steps: tuple[StepRecord, ...] = ()
    inputs: Inputs = field(default_factory=Inputs)
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings of the files, the clock and the unmixing, each once. Notes of steps are in ``steps``."""
        own = list(self.dataset.metadata.warnings)
        if self.decomposition is not None:
            own += list(self.decomposition.notes)
        return tuple(dict.fromkeys(own))

    @property
    def title(self) -> str:
        """A title for the report: the dataset's own, else the name of its first file."""
        if self.dataset.metadata.title:
            return self.dataset.metadata.title
        return Path(self.inputs.spectra[0]).stem if self.inputs.spectra else "experiment"

    def save(self, path: str | Path) -> None:
        """Write ``result.h5``; see :func:`save_result`."""
        save_result(self, path)


def save_result(result: AnalysisResult, path: str | Path) -> None:
    """Write a result as a native file (any NeXus viewer shows the processed spectra), atomically.

    The group ``/entry/result`` keeps background, components, concentrations, assignments, the trace, the effective
    recipe and the inputs with their hashes.
    """
    import h5py

    from ._atomic import atomic_file
    from .writers.native_hdf5 import save_into

    with atomic_file(path) as temporary, h5py.File(temporary, "w") as file:
        save_into(result.dataset, file)
        group = file["entry"].create_group("result")
        group.attrs["NX_class"] = "NXcollection"
        group.attrs["result_version"] = RESULT_VERSION
        group["recipe"] = result.recipe.dumps()
        group["inputs"] = json.dumps(plain(asdict(result.inputs)), ensure_ascii=False)
        group["versions"] = json.dumps(plain(result.versions))
        group["steps"] = json.dumps([record_to_dict(r) for r in result.steps], ensure_ascii=False)
        _save_arrays(group, "raw_frame_means", result.raw_frame_means)
        _save_arrays(group, "raw_shift", result.raw_shift)
        if result.background is not None:
            _save_arrays(group, "background", result.background)
        if result.decomposition is not None:
            _save_record(group, "decomposition", result.decomposition)
        if result.rank is not None:
            _save_record(group, "rank", result.rank)
        if result.bands is not None:
            _save_record(group, "bands", result.bands)
        if result.trace is not None:
            _save_trace(group, result.trace)
        group["assignments"] = json.dumps([plain(asdict(a)) for a in result.assignments], ensure_ascii=False)
        group["evidence"] = json.dumps([plain(asdict(e)) for e in result.evidence], ensure_ascii=False)


def load_result(path: str | Path) -> AnalysisResult:
    """Read a result back; equal to what was saved, but for ``raw``.

    Raises
    ------
    UnreadableFile
        If the file is missing, damaged, or not a result.
    """
    import h5py

    from .pipeline.recipe import Recipe
    from .readers.native_hdf5 import load_from
    from .readers.registry import read_head
    from .unmixing.bands import ProfileBands
    from .unmixing.rank import RankEstimate
    from .unmixing.result import Decomposition

    path = Path(path)
    read_head(path)
    try:
        with h5py.File(path, "r") as file:
            if "entry/result" not in file:
                raise UnreadableFile(path, "is not a result of spectrode analyse (no /entry/result)")
            group = file["entry/result"]
            version = int(group.attrs["result_version"])
            if version > RESULT_VERSION:
                raise UnreadableFile(path, f"has result version {version}; this Spectrode reads up to {RESULT_VERSION}")
            inputs = json.loads(group["inputs"][()])
            return AnalysisResult(
                dataset=load_from(file, path),
                recipe=Recipe.loads(group["recipe"][()].decode(), str(path)),
                raw_frame_means=group["raw_frame_means"][()],
                raw_shift=group["raw_shift"][()],
                background=group["background"][()] if "background" in group else None,
                decomposition=_load_record(group, "decomposition", Decomposition),
                rank=_load_record(group, "rank", RankEstimate),
                bands=_load_record(group, "bands", ProfileBands),
                assignments=_load_assignments(group),
                evidence=_load_evidence(group),
                trace=_load_trace(group),
                steps=tuple(record_from_dict(r) for r in json.loads(group["steps"][()])),
                inputs=Inputs(tuple(inputs["spectra"]), tuple(inputs["traces"]), inputs["sha256"], inputs["options"]),
                versions=json.loads(group["versions"][()]),
            )
    except (OSError, KeyError, ValueError) as error:
        raise UnreadableFile(path, f"is a damaged result file ({error})") from None


def _save_arrays(group: Any, name: str, values: Any) -> None:
    array = np.asarray(values)
    if array.size > 4096:
        group.create_dataset(name, data=array, compression="gzip", compression_opts=4, shuffle=True)
    else:
        group[name] = array


def _save_record(parent: Any, name: str, record: Any) -> None:
    """Write a dataclass: arrays as datasets, the rest as one JSON text."""
    group = parent.create_group(name)
    rest = {}
    for item in fields(record):
        value = getattr(record, item.name)
        if isinstance(value, np.ndarray):
            _save_arrays(group, item.name, value)
        else:
            rest[item.name] = plain(value)
    group.attrs["fields"] = json.dumps(rest, ensure_ascii=False)


def _load_record(parent: Any, name: str, kind: Any) -> Any:
    if name not in parent:
        return None
    group = parent[name]
    values: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in json.loads(group.attrs["fields"]).items()
    }
    values.update({key: group[key][()] for key in group})
    return kind(**values)


def _save_trace(parent: Any, trace: Trace) -> None:
    group = parent.create_group("trace")
    for name in ("time_s", "potential_v", "current_ma", "charge_mah"):
        value = getattr(trace, name)
        if value is not None:
            _save_arrays(group, name, value)
    columns = group.create_group("columns")
    for name, values in trace.columns.items():
        _save_arrays(columns, name.replace("/", "∕"), values)
    rest = {
        name: plain(getattr(trace, name))
        for name in (
            "current_kind",
            "reference",
            "started_at",
            "local_start",
            "technique",
            "instrument",
            "warnings",
            "vendor",
        )
    }
    rest["sources"] = [plain(asdict(s)) for s in trace.sources]
    group["fields"] = json.dumps(rest, ensure_ascii=False)


def _load_trace(parent: Any) -> Trace | None:
    if "trace" not in parent:
        return None
    from datetime import datetime

    from .electrochemistry.trace import Trace
    from .metadata import SourceFile

    group = parent["trace"]
    rest = json.loads(group["fields"][()])
    for name in ("started_at", "local_start"):
        rest[name] = None if rest[name] is None else datetime.fromisoformat(rest[name])
    rest["warnings"] = tuple(rest["warnings"])
    rest["sources"] = tuple(SourceFile(**s) for s in rest["sources"])
    arrays = {name: group[name][()] for name in ("time_s", "potential_v", "current_ma", "charge_mah") if name in group}
    columns = {name.replace("∕", "/"): group["columns"][name][()] for name in group["columns"]}
    return Trace(**arrays, columns=columns, **rest)


def _load_assignments(group: Any) -> tuple[Assignment, ...]:
    from .assignment import Assignment, BandMatch

    found = []
    for table in json.loads(group["assignments"][()]):
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in table.items()}
        values["matched"] = tuple(BandMatch(**m) for m in values.get("matched", ()))
        found.append(Assignment(**values))
    return tuple(found)


def _load_evidence(group: Any) -> tuple[ComponentEvidence, ...]:
    from .evidence import ComponentEvidence

    if "evidence" not in group:  # results of the first version
        return ()
    found = []
    for table in json.loads(group["evidence"][()]):
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in table.items()}
        found.append(ComponentEvidence(**values))
    return tuple(found)
