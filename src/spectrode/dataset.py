"""The one data type between all parts: a list of spectra, what is known about each, and where it lies in a scan."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .columns import COLUMNS, SpectrumFlag
from .errors import InvalidDataset
from .history import StepRecord
from .metadata import Metadata
from .serialise import metadata_to_dict, record_to_dict, to_json

__all__ = ["AxisKind", "OperandoDataset", "concat", "stack_frames"]

AxisKind = Literal["raman_shift", "wavenumber", "wavelength"]
_AXIS_LABEL = {
    "raman_shift": "Raman shift (cm⁻¹)",
    "wavenumber": "wavenumber (cm⁻¹)",
    "wavelength": "wavelength (nm)",
}


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    """Return a read-only view; the caller's array and its flags stay as they are."""
    view = array.view()
    view.flags.writeable = False
    return view


def _is_lazy(array: Any) -> bool:
    return not isinstance(array, np.ndarray) and hasattr(array, "compute") and hasattr(array, "dtype")


@dataclass(frozen=True, eq=False)
class OperandoDataset:
    """Spectra of an operando experiment.

    A flat list of spectra with a scan shape covers maps, map series, line scans, depth and time series and
    irregular lists of points.

    Parameters
    ----------
    intensity
        (spectra, channels) float or integer array; numpy, or a dask array chunked along spectra.
    shift
        (channels,) strictly increasing, not assumed uniform: Raman shift or wavenumber in cm-1. Only for
        ``axis_kind="wavelength"`` is it in nm; such data must be converted before any step that needs cm-1.
    columns
        Per-spectrum arrays, each (spectra,), named as in :mod:`spectrode.columns`.
    scan_shape
        Named lengths, slowest first, e.g. ``(("frame", 24), ("y", 10), ("x", 12))``; empty for a list of points.
        Spectrum ``i`` sits at place ``columns["scan_index"][i]`` of the flattened shape (at ``i`` without that
        column), so maps recorded column by column, and maps that were interrupted, keep the file's order.
    mask
        (spectra, channels) bool, True = do not use.
    variance
        (spectra, channels) variance of ``intensity``.

    Raises
    ------
    InvalidDataset
        If the parts do not fit together, or a potential comes without the name of its reference electrode.
    """

    intensity: Any
    shift: NDArray[np.float64]
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    scan_shape: tuple[tuple[str, int], ...] = ()
    metadata: Metadata = field(default_factory=Metadata)
    mask: NDArray[np.bool_] | None = None
    variance: NDArray[Any] | None = None
    history: tuple[StepRecord, ...] = ()
    axis_kind: AxisKind = "raman_shift"

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        intensity = self.intensity if _is_lazy(self.intensity) else np.asarray(self.intensity)
        if intensity.ndim != 2:
            raise InvalidDataset(f"intensity must be (spectra, channels), but has shape {tuple(intensity.shape)}")
        if intensity.dtype.kind not in "fiu":
            raise InvalidDataset(f"intensity must be real numbers, but its type is {intensity.dtype}")
        set_(self, "intensity", intensity if _is_lazy(intensity) else _frozen(intensity))
        set_(self, "shift", _frozen(_checked_shift(self.shift, intensity.shape[1])))
        if self.axis_kind not in _AXIS_LABEL:
            raise InvalidDataset(f"axis_kind {self.axis_kind!r} is not known; possible: {', '.join(_AXIS_LABEL)}")
        n = intensity.shape[0]
        set_(self, "columns", MappingProxyType({k: _checked_column(k, v, n) for k, v in self.columns.items()}))
        set_(self, "scan_shape", _checked_scan(self.scan_shape, n, self.columns.get("scan_index")))
        for name in ("mask", "variance"):
            value = getattr(self, name)
            if value is None:
                continue
            array = np.asarray(value, dtype=bool if name == "mask" else None)
            if array.shape != tuple(intensity.shape):
                raise InvalidDataset(
                    f"{name} must have the shape of intensity {tuple(intensity.shape)}, but has {array.shape}"
                )
            set_(self, name, _frozen(array))
        if "potential_v" in self.columns and not self.metadata.cell.reference_electrode:
            raise InvalidDataset(
                "a column potential_v needs metadata.cell.reference_electrode (for example 'Li/Li+'), but none is named"
            )

    # -- size and names ---------------------------------------------------------------------------------------------

    @property
    def n_spectra(self) -> int:
        """Number of spectra."""
        return int(self.intensity.shape[0])

    @property
    def n_channels(self) -> int:
        """Number of spectral channels."""
        return int(self.intensity.shape[1])

    def __len__(self) -> int:
        return self.n_spectra

    def __repr__(self) -> str:
        scan = " × ".join(f"{name} {size}" for name, size in self.scan_shape) or "list of points"
        span = f"{self.shift[0]:.1f}–{self.shift[-1]:.1f}" if self.n_channels else "no channels"
        return (
            f"<OperandoDataset {self.n_spectra} spectra × {self.n_channels} channels, {span} {self.axis_unit}, {scan}, "
            f"columns: {', '.join(self.columns) or 'none'}>"
        )

    @property
    def axis_label(self) -> str:
        """Label for plots, with the unit."""
        return _AXIS_LABEL[self.axis_kind]

    @property
    def axis_unit(self) -> str:
        """Unit of ``shift``: ``cm-1``, or ``nm`` for a wavelength axis."""
        return "nm" if self.axis_kind == "wavelength" else "cm-1"

    @property
    def is_lazy(self) -> bool:
        """True if the intensities are not in memory."""
        return _is_lazy(self.intensity)

    def column(self, name: str) -> NDArray[Any]:
        """Return one column, or raise a sentence that lists those that exist."""
        try:
            return self.columns[name]
        except KeyError:
            raise InvalidDataset(
                f"the dataset has no column {name!r}; it has {', '.join(self.columns) or 'no columns'}"
            ) from None

    # -- time -------------------------------------------------------------------------------------------------------

    @property
    def exposure_bounds_s(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(spectra,) begin and end of each exposure on the ``time_s`` scale; NaN where the time is unknown.

        A time stamp is the begin unless ``metadata.stamp_refers_to`` says that it is the middle or the end. Without a
        known exposure, begin and end are the stamp itself. ``irradiation_s`` is preferred to ``exposure_s``, because a
        vendor's cosmic-ray filter collects from more exposures than it counts.
        """
        stamp = np.asarray(self.column("time_s"), dtype=float)
        exposure = self.columns.get("irradiation_s", self.columns.get("exposure_s", np.zeros(self.n_spectra)))
        length = np.where(np.isfinite(exposure), exposure, 0.0)
        before = {"end": 1.0, "middle": 0.5}.get(self.metadata.stamp_refers_to, 0.0) * length
        return stamp - before, stamp - before + length

    @property
    def mid_time_s(self) -> NDArray[np.float64]:
        """(spectra,) middle of each exposure, seconds on the ``time_s`` scale; NaN where unknown."""
        begin, end = self.exposure_bounds_s
        return (begin + end) / 2

    def absolute_time(self, index: int) -> datetime | None:
        """Return the absolute time stamp of one spectrum, or None where it is unknown."""
        start, seconds = self.metadata.started_at, self.columns.get("time_s")
        if start is None or seconds is None or not np.isfinite(seconds[index]):
            return None
        return start + timedelta(seconds=float(seconds[index]))

    # -- scan -------------------------------------------------------------------------------------------------------

    @property
    def scan_index(self) -> NDArray[np.int64]:
        """(spectra,) place of each spectrum in the flattened scan shape."""
        found = self.columns.get("scan_index")
        return np.arange(self.n_spectra) if found is None else np.asarray(found, dtype=np.int64)

    @property
    def scan_sizes(self) -> tuple[int, ...]:
        """Lengths of the scan dimensions; ``(n_spectra,)`` for a list of points."""
        return tuple(size for _, size in self.scan_shape) or (self.n_spectra,)

    def as_cube(self, values: ArrayLike | None = None) -> NDArray[Any]:
        """Lay per-spectrum values out on the scan grid, for a viewer.

        Parameters
        ----------
        values
            (spectra,) or (spectra, k) array; the intensities if not given.

        Returns
        -------
        ndarray
            (\\*scan sizes) or (\\*scan sizes, k). Places without a spectrum are NaN (values become float then).
        """
        array = np.asarray(self.intensity if values is None else values)
        if array.shape[:1] != (self.n_spectra,):
            raise InvalidDataset(f"values must have one row a spectrum ({self.n_spectra}), not shape {array.shape}")
        sizes = self.scan_sizes
        places = int(np.prod(sizes))
        index = self.scan_index
        if places == self.n_spectra and np.array_equal(index, np.arange(places)):
            return array.reshape(*sizes, *array.shape[1:]).copy()
        dtype = array.dtype if places == self.n_spectra else np.result_type(array.dtype, np.float32)
        cube = np.full((places, *array.shape[1:]), np.nan if dtype.kind == "f" else 0, dtype=dtype)
        cube[index] = array
        return cube.reshape(*sizes, *array.shape[1:])

    def frame_of(self) -> NDArray[np.int64]:
        """(spectra,) index of the frame (map) that each spectrum belongs to; zeros where there is one map."""
        if "frame" in self.columns:
            return np.asarray(self.columns["frame"], dtype=np.int64)
        names = [name for name, _ in self.scan_shape]
        if "frame" not in names:
            return np.zeros(self.n_spectra, dtype=np.int64)
        return np.asarray(np.unravel_index(self.scan_index, self.scan_sizes)[names.index("frame")], dtype=np.int64)

    # -- copies with something changed --------------------------------------------------------------------------------

    def replace(self, **changes: Any) -> OperandoDataset:
        """Return a copy with some fields changed (checked again)."""
        return replace(self, **changes)

    def with_columns(self, **columns: ArrayLike) -> OperandoDataset:
        """Return a copy with columns added or replaced."""
        return replace(self, columns={**self.columns, **{k: np.asarray(v) for k, v in columns.items()}})

    def with_flags(self, flag: SpectrumFlag, where: NDArray[np.bool_]) -> OperandoDataset:
        """Return a copy in which ``flag`` is set for the spectra where ``where`` is True."""
        old = np.asarray(self.columns.get("flags", np.zeros(self.n_spectra, dtype=np.int64)))
        return self.with_columns(flags=np.where(where, old | int(flag), old))

    def with_step(self, record: StepRecord) -> OperandoDataset:
        """Return a copy whose history ends with ``record``."""
        return replace(self, history=(*self.history, record))

    def select(self, index: Any) -> OperandoDataset:
        """Return some of the spectra (slice, indices or boolean array), as a list of points.

        The scan shape does not survive, because a selection of a grid is in general no grid; positions do.
        """
        columns = {k: v[index] for k, v in self.columns.items() if k != "scan_index"}
        return replace(
            self,
            intensity=self.intensity[index],
            columns=columns,
            scan_shape=(),
            mask=None if self.mask is None else self.mask[index],
            variance=None if self.variance is None else self.variance[index],
        )

    def computed(self) -> OperandoDataset:
        """Return a copy with the intensities in memory."""
        return replace(self, intensity=self.intensity.compute()) if self.is_lazy else self

    # -- identity -----------------------------------------------------------------------------------------------------

    def content_hash(self) -> str:
        """Return a SHA-256 over the numbers (intensity, shift, columns, mask, variance, scan), not over metadata."""
        digest = hashlib.sha256()
        for label, array in self._numbers():
            stored = np.ascontiguousarray(array)
            digest.update(f"{label}|{stored.dtype.str}|{stored.shape}|".encode())
            digest.update(stored.tobytes())
        digest.update(repr((self.scan_shape, self.axis_kind)).encode())
        return digest.hexdigest()

    def _numbers(self) -> Iterator[tuple[str, NDArray[Any]]]:
        yield "intensity", np.asarray(self.intensity)
        yield "shift", self.shift
        for name in sorted(self.columns):
            yield f"columns/{name}", self.columns[name]
        if self.mask is not None:
            yield "mask", self.mask
        if self.variance is not None:
            yield "variance", self.variance

    def identical(self, other: OperandoDataset) -> bool:
        """Return True if numbers, layout, metadata and history are the same (NaN equals NaN)."""
        mine, theirs = dict(self._numbers()), dict(other._numbers())
        if mine.keys() != theirs.keys() or (self.scan_shape, self.axis_kind) != (other.scan_shape, other.axis_kind):
            return False
        for key, array in mine.items():
            twin = theirs[key]
            if array.dtype != twin.dtype or not np.array_equal(array, twin, equal_nan=array.dtype.kind == "f"):
                return False
        mine_history, their_history = ([record_to_dict(r) for r in d.history] for d in (self, other))
        return to_json(mine_history) == to_json(their_history) and _same_metadata(self.metadata, other.metadata)


def _same_metadata(a: Metadata, b: Metadata) -> bool:
    if to_json(metadata_to_dict(a)) != to_json(metadata_to_dict(b)) or len(a.images) != len(b.images):
        return False
    return all(
        (p.name, p.x_um, p.y_um) == (q.name, q.x_um, q.y_um) and np.array_equal(p.pixels, q.pixels)
        for p, q in zip(a.images, b.images, strict=True)
    )


def _checked_shift(shift: ArrayLike, n_channels: int) -> NDArray[np.float64]:
    array = np.asarray(shift, dtype=np.float64)
    if array.shape != (n_channels,):
        raise InvalidDataset(f"shift must have one value a channel ({n_channels}), but its shape is {array.shape}")
    if not np.all(np.isfinite(array)):
        raise InvalidDataset("shift must be finite, but it holds NaN or infinity")
    if np.any(np.diff(array) <= 0):
        at = int(np.argmax(np.diff(array) <= 0))
        raise InvalidDataset(
            f"shift must increase strictly, but channel {at + 1} ({array[at + 1]:g}) does not exceed channel {at} "
            f"({array[at]:g}); sort the axis and the intensities together first"
        )
    return array


def _checked_column(name: str, values: ArrayLike, n_spectra: int) -> NDArray[Any]:
    array = np.asarray(values)
    if array.shape != (n_spectra,):
        raise InvalidDataset(f"column {name!r} must have one value a spectrum ({n_spectra}), not shape {array.shape}")
    if not name or "/" in name:
        raise InvalidDataset(f"a column name must be some text without '/', but {name!r} was given")
    known = COLUMNS.get(name)
    if array.dtype.kind not in "fiub":
        raise InvalidDataset(f"column {name!r} must hold numbers, but its type is {array.dtype}")
    if known is not None and known.kind == "int":
        if array.dtype.kind == "f" and not np.all(array == np.round(array)):
            raise InvalidDataset(f"column {name!r} must hold whole numbers")
        array = array.astype(np.int64)
    elif known is not None:
        array = array.astype(np.float64)
    return _frozen(array)


def _checked_scan(
    scan_shape: Iterable[Sequence[Any]], n_spectra: int, scan_index: NDArray[Any] | None
) -> tuple[tuple[str, int], ...]:
    scan = tuple((str(name), int(size)) for name, size in scan_shape)
    if not scan:
        if scan_index is not None:
            raise InvalidDataset("a column scan_index needs a scan_shape that it points into, but scan_shape is empty")
        return scan
    names = [name for name, _ in scan]
    if len(set(names)) != len(names):
        raise InvalidDataset(f"scan_shape names must differ, but they are {names}")
    places = int(np.prod([size for _, size in scan]))
    if n_spectra > places:
        raise InvalidDataset(f"scan_shape {scan} has {places} places, but there are {n_spectra} spectra")
    if scan_index is not None and n_spectra:
        if scan_index.min() < 0 or scan_index.max() >= places:
            raise InvalidDataset(f"scan_index must lie between 0 and {places - 1}")
        if np.unique(scan_index).size != n_spectra:
            raise InvalidDataset("scan_index must name each place at most once")
    return scan


def _common_start(datasets: Sequence[OperandoDataset]) -> tuple[Metadata, list[float]]:
    """Return the metadata of the whole and how many seconds each part starts after it."""
    first = datasets[0].metadata
    starts = [d.metadata.started_at for d in datasets]
    if all(s is not None for s in starts):
        zero = min(s for s in starts if s is not None)
        return first.replace(started_at=zero), [(s - zero).total_seconds() for s in starts if s is not None]
    local = [d.metadata.local_start for d in datasets]
    if all(s is not None for s in local):
        zero_local = min(s for s in local if s is not None)
        offsets = [(s - zero_local).total_seconds() for s in local if s is not None]
        return first.replace(started_at=None, local_start=zero_local), offsets
    return first.replace(started_at=None, local_start=None), [float("nan")] * len(datasets)


def concat(datasets: Sequence[OperandoDataset]) -> OperandoDataset:
    """Put the spectra of several datasets after one another, on one time scale.

    The axes must be identical. Columns that only some parts have become NaN (or -1 for whole numbers) in the others.
    If any part has no start time, ``time_s`` of parts after the first is NaN, because their order in time is unknown.

    Raises
    ------
    InvalidDataset
        For an empty list, different axes, kinds of axis or reference electrodes.
    """
    if not datasets:
        raise InvalidDataset("there must be at least one dataset to join, but the list is empty")
    first = datasets[0]
    if len(datasets) == 1:
        return first
    if len({d.metadata.stamp_refers_to for d in datasets}) > 1:
        # One scale has one meaning: the begin of each exposure.
        datasets = [_with_stamps_at_begin(d) for d in datasets]
        first = datasets[0]
    for k, other in enumerate(datasets[1:], start=1):
        if other.axis_kind != first.axis_kind or not np.array_equal(other.shift, first.shift):
            raise InvalidDataset(
                f"datasets can be joined only on one axis, but number {k} ({other.n_channels} channels, "
                f"{other.axis_label}) differs from number 0 ({first.n_channels} channels, {first.axis_label}); "
                "resample them first (step crop.resample)"
            )
        if other.metadata.cell.reference_electrode != first.metadata.cell.reference_electrode:
            raise InvalidDataset(
                f"datasets can be joined only with one reference electrode, but found "
                f"{first.metadata.cell.reference_electrode!r} and {other.metadata.cell.reference_electrode!r}"
            )
    metadata, offsets = _common_start(datasets)
    names = list(dict.fromkeys(name for d in datasets for name in d.columns if name not in ("scan_index", "source")))
    columns: dict[str, NDArray[Any]] = {}
    for name in names:
        parts = [_column_or_missing(d, name) for d in datasets]
        if name == "time_s":
            known = [0.0, *[float("nan")] * (len(parts) - 1)] if np.isnan(offsets[0]) else offsets
            parts = [p + o for p, o in zip(parts, known, strict=True)]
        columns[name] = np.concatenate(parts)
    sources = tuple(s for d in datasets for s in d.metadata.sources)
    if len(sources) == len(datasets):
        columns["source"] = np.concatenate([np.full(d.n_spectra, k) for k, d in enumerate(datasets)])
    warnings = tuple(dict.fromkeys(w for d in datasets for w in d.metadata.warnings))
    images = tuple(i for d in datasets for i in d.metadata.images)
    lazy = any(d.is_lazy for d in datasets)
    if lazy:
        import dask.array as da

        intensity: Any = da.concatenate([da.asarray(d.intensity) for d in datasets])
    else:
        intensity = np.concatenate([d.intensity for d in datasets])
    return OperandoDataset(
        intensity=intensity,
        shift=first.shift,
        columns=columns,
        metadata=metadata.replace(
            sources=sources,
            warnings=warnings,
            images=images,
            times_derived=any(d.metadata.times_derived for d in datasets),
            vendor={str(k): d.metadata.vendor for k, d in enumerate(datasets)},
        ),
        mask=_joined_optional(datasets, "mask"),
        variance=_joined_optional(datasets, "variance"),
        history=first.history if all(d.history == first.history for d in datasets) else (),
        axis_kind=first.axis_kind,
    )


def _with_stamps_at_begin(dataset: OperandoDataset) -> OperandoDataset:
    metadata = dataset.metadata.replace(stamp_refers_to="start")
    if "time_s" not in dataset.columns:
        return dataset.replace(metadata=metadata)
    return dataset.with_columns(time_s=dataset.exposure_bounds_s[0]).replace(metadata=metadata)


def _column_or_missing(dataset: OperandoDataset, name: str) -> NDArray[Any]:
    if name in dataset.columns:
        return dataset.columns[name]
    known = COLUMNS.get(name)
    if known is not None and known.kind == "int":
        return np.full(dataset.n_spectra, 0 if name == "flags" else -1)
    return np.full(dataset.n_spectra, np.nan)


def _joined_optional(datasets: Sequence[OperandoDataset], name: str) -> NDArray[Any] | None:
    parts = [getattr(d, name) for d in datasets]
    if all(p is None for p in parts):
        return None
    fill = False if name == "mask" else np.nan
    full = [
        np.full((d.n_spectra, d.n_channels), fill) if p is None else p for d, p in zip(datasets, parts, strict=True)
    ]
    return np.concatenate(full)


def stack_frames(datasets: Sequence[OperandoDataset]) -> OperandoDataset:
    """Make one dataset with a ``frame`` dimension from repeated maps, in time order.

    Maps are ordered by their absolute start; if any has none, the given order is kept and a warning says so. Maps of
    different scan shape (an interrupted one, say) are placed in the largest shape if their dimension names agree.

    Raises
    ------
    InvalidDataset
        If axes differ, or the maps do not share dimension names.
    """
    if not datasets:
        raise InvalidDataset("there must be at least one map to stack, but the list is empty")
    if len(datasets) == 1:
        return datasets[0]
    key = "started_at" if all(d.metadata.started_at is not None for d in datasets) else "local_start"
    starts = [getattr(d.metadata, key) for d in datasets]
    note: str | None = None
    ordered = list(datasets)
    if all(s is not None for s in starts):
        ordered = [datasets[i] for i in sorted(range(len(datasets)), key=lambda i: (starts[i], i))]
        if len(set(starts)) < len(starts):
            note = "two maps have the same start time; their order is that of the file list"
    else:
        note = "at least one map has no start time; the frames are in the order in which the files were given"
    names = [tuple(n for n, _ in d.scan_shape) for d in ordered]
    if len(set(names)) != 1 or any("frame" in n for n in names):
        raise InvalidDataset(
            "maps can be stacked as frames only if they have the same scan dimensions (and no frames of their own), "
            f"but found {sorted(set(names))}"
        )
    whole = concat(ordered)
    sizes = [d.scan_sizes for d in ordered]
    grid = tuple(max(s[k] for s in sizes) for k in range(len(sizes[0])))
    frame = np.concatenate([np.full(d.n_spectra, k) for k, d in enumerate(ordered)])
    per_frame = int(np.prod(grid))
    index = np.concatenate(
        [
            k * per_frame + np.ravel_multi_index(np.unravel_index(d.scan_index, d.scan_sizes), grid)
            if d.n_spectra
            else np.zeros(0, dtype=np.int64)
            for k, d in enumerate(ordered)
        ]
    )
    if len(set(sizes)) > 1:
        whole = whole.replace(
            metadata=whole.metadata.warn(f"the maps differ in size ({sorted(set(sizes))}); placed in a grid of {grid}")
        )
    inner = names[0] or ("spectrum",)
    stacked = whole.with_columns(frame=frame).replace(
        columns={**whole.columns, "frame": frame, "scan_index": index},
        scan_shape=(("frame", len(ordered)), *zip(inner, grid, strict=True)),
    )
    return stacked.replace(metadata=stacked.metadata.warn(note)) if note else stacked
