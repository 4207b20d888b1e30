"""Runs one step on arrays, block by block, with every guard.

The caller's array is never copied as a whole: each block is copied, repaired where values are missing or masked, given
to the step and written into the result.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..columns import COLUMNS
from ..errors import Cancelled, StepError
from .parameters import checked_parameters
from .step import StepOutput, StepSpec

__all__ = ["BLOCK", "fill_gaps", "run_block", "run_step", "survey_rows", "take_survey", "with_halo"]

Floats = NDArray[Any]
Flags = NDArray[np.bool_]
Progress = Callable[[int, int], None]
ShouldStop = Callable[[], bool]
ScanShape = tuple[tuple[str, int], ...]

BLOCK = 256  # spectra a call of a step that treats each on its own
_RUNS, _RUN_LENGTH = 32, 64  # the sample of a survey: contiguous runs, which a chunked file reads quickly


def run_step(
    spec: StepSpec,
    intensity: Any,
    shift: Any,
    *,
    mask: Any = None,
    keep: Collection[str] | None = None,
    progress: Progress | None = None,
    should_stop: ShouldStop | None = None,
    **keywords: Any,
) -> StepOutput:
    """Run a step on arrays.

    Parameters
    ----------
    intensity
        (spectra, channels) or (channels,). Integers are computed in float64, float32 stays float32.
    shift
        (channels,) strictly monotonic; a decreasing axis is handled and given back decreasing.
    mask
        True = do not use: such channels do not influence the others.
    keep
        Names of the (spectra, channels) products wanted; all if None. Fewer take less memory.
    progress
        Called with (spectra done, spectra in all).
    should_stop
        Asked between blocks; True ends the run with :class:`~spectrode.errors.Cancelled`.

    Raises
    ------
    StepError
        If the arrays do not fit together, a parameter is wrong, or the step cannot work on such spectra.
    """
    outside = {k: keywords.pop(k, None) for k in (*spec.needs, *spec.context) if k != "mask"}
    scan = _Scan(keywords.pop("scan_shape", None), keywords.pop("scan_index", None)) if spec.neighbourhood else _Scan()
    for name in spec.needs:
        if outside[name] is None:
            raise StepError(f"{spec.name} needs {name}, which was not given")
    parameters = checked_parameters(spec.name, spec.parameters, keywords, StepError)
    data = _Input.prepare(spec, intensity, shift, mask)
    outside = {name: data.aligned(spec, name, value) for name, value in outside.items()}
    total = data.values.shape[0]
    extra: dict[str, Any] = {}
    if spec.survey is not None:
        rows, runs = survey_rows(total)
        extra["survey"] = take_survey(
            spec, data.values[rows], data.shift, runs, parameters, data.mask[rows] if data.mask is not None else None
        )
    if spec.neighbourhood is not None:
        if scan.index is not None and data.empty:
            scan = _Scan()
        extra["neighbours"] = spec.neighbourhood(np.arange(total), total, scan.shape, scan.index, parameters)
    whole = spec.uses_neighbours and (spec.neighbourhood is not None or spec.survey is None)
    result = _Result(data, keep)
    size = max(total, 1) if whole else BLOCK

    def compute(start: int) -> tuple[slice, StepOutput]:
        if should_stop is not None and should_stop():
            raise Cancelled(f"{spec.name} was cancelled")
        rows = slice(start, min(start + size, total))
        return rows, run_block(
            spec,
            data.values[rows],
            data.shift,
            parameters,
            mask=None if data.mask is None else data.mask[rows],
            dtype=data.dtype,
            **extra,
            **{k: _rows_of(v, rows, total) for k, v in outside.items()},
        )

    for block, output in _in_order(compute, range(0, total, size), spec.threaded and not whole):
        result.add(block, output)
        if progress is not None:
            progress(block.stop, total)
    return result.finished(spec)


def _in_order(
    compute: Callable[[int], tuple[slice, StepOutput]], starts: range, threaded: bool
) -> Iterator[tuple[slice, StepOutput]]:
    """Yield the blocks' results in order, computed on several threads if the step allows it."""
    from ..kernels.threads import n_threads, use_threads

    threads = min(n_threads(), len(starts)) if threaded else 1
    if threads == 1:
        yield from map(compute, starts)
        return

    def alone(start: int) -> tuple[slice, StepOutput]:
        with use_threads(1):  # the blocks are what runs side by side, not the rows of one
            return compute(start)

    with ThreadPoolExecutor(threads) as pool:
        waiting = iter(starts)
        running = deque(pool.submit(alone, start) for start in islice(waiting, 2 * threads))
        try:
            while running:
                yield running.popleft().result()
                running.extend(pool.submit(alone, start) for start in islice(waiting, 1))
        finally:
            for future in running:
                future.cancel()


def run_block(
    spec: StepSpec,
    values: Floats,
    shift: NDArray[np.float64],
    parameters: Mapping[str, Any],
    *,
    mask: Flags | None = None,
    dtype: np.dtype[Any] | None = None,
    **context: Any,
) -> StepOutput:
    """Run a step on one block: the result of a spectrum does not depend on the block in which it comes.

    Parameters
    ----------
    values
        (spectra, channels), on an increasing axis; NaN where a value is missing. With ``neighbours`` in the context,
        its spectra come first and those that are there only as neighbours follow.
    parameters
        Checked and complete.
    mask
        Like ``values``; True = do not use.
    dtype
        float32 or float64, in which the step works; that of ``values`` if None.
    context
        ``survey``, ``neighbours``, and the columns that the step asks for.
    """
    neighbours = context.get("neighbours")
    n = values.shape[0] if neighbours is None else neighbours.shape[0]
    kind = np.dtype(dtype or (np.float32 if values.dtype == np.float32 else np.float64))
    given = np.asarray(values, dtype=kind, order="C")
    missing = _missing(given)
    gaps = _either(missing, mask)
    if not spec.changes_axis and gaps is not None:
        given = fill_gaps(given, shift, gaps)
    elif neighbours is None and np.may_share_memory(given, values):
        given = given.copy()  # the step may write into what it gets
    if "mask" in spec.context:
        hidden_now = mask if spec.changes_axis else gaps
        context["mask"] = None if hidden_now is None or not hidden_now.any() else hidden_now
    output = _as_output(spec, spec.function(given, shift.copy(), **context, **parameters), shift, n)
    if spec.changes_axis or gaps is None:
        return output
    return _with_gaps(output, values[:n], _head(missing, n), _head(mask, n))


def survey_rows(total: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the spectra that a survey looks at, and to which run of consecutive ones each belongs.

    All of them up to 2,048; else 32 runs of 64, evenly spread.
    """
    if total <= _RUNS * _RUN_LENGTH:
        return np.arange(total), np.zeros(total, dtype=np.int64)
    starts = np.linspace(0, total - _RUN_LENGTH, _RUNS).astype(np.int64)
    rows = (starts[:, None] + np.arange(_RUN_LENGTH)).ravel()
    return rows, np.repeat(np.arange(_RUNS), _RUN_LENGTH)


def take_survey(
    spec: StepSpec,
    sample: Floats,
    shift: NDArray[np.float64],
    runs: NDArray[np.int64],
    parameters: Mapping[str, Any],
    mask: Flags | None = None,
) -> Mapping[str, Any]:
    """Return what a step wants to know of the whole; spectra without a finite value do not take part.

    Parameters
    ----------
    sample, mask
        The spectra :func:`survey_rows` names, and what not to use of them.
    """
    assert spec.survey is not None
    values = np.array(sample, dtype=np.float32 if sample.dtype == np.float32 else np.float64)
    gaps = _either(_missing(values), mask)
    if gaps is not None:
        alive = ~gaps.all(axis=1)
        values, runs, gaps = values[alive], runs[alive], gaps[alive]
        values = fill_gaps(values, shift, gaps)
    if values.shape[0] == 0:
        values, runs = np.zeros((1, shift.size), dtype=values.dtype), np.zeros(1, dtype=np.int64)
    return spec.survey(values, shift, runs, parameters)


def with_halo(rows: NDArray[np.int64], neighbours: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return which spectra a block must hold, and its table of neighbours in those.

    Parameters
    ----------
    rows
        (n,) the block's own spectra, as numbers in the dataset.
    neighbours
        (n, k) their neighbours, as numbers in the dataset; -1 for none.

    Returns
    -------
    held : ndarray
        ``rows`` followed by the neighbours that are not among them, in increasing order.
    local : ndarray
        (n, k) indices into ``held``; -1 for none.
    """
    halo = np.setdiff1d(neighbours[neighbours >= 0], rows)
    held = np.concatenate([rows, halo])
    order = np.argsort(held, kind="stable")
    local = order[np.searchsorted(held[order], np.maximum(neighbours, held[order[0]] if held.size else 0))]
    return held, np.where(neighbours >= 0, local, -1)


@dataclass(frozen=True)
class _Scan:
    shape: ScanShape | None = None
    index: NDArray[np.int64] | None = None


def _rows_of(value: Any, rows: slice, total: int) -> Any:
    """Cut a per-spectrum array to a block; anything else (a scan shape, a scalar) passes whole."""
    if isinstance(value, np.ndarray) and value.shape[:1] == (total,):
        return value[rows]
    return value


def _head(flags: Flags | None, n: int) -> Flags | None:
    return None if flags is None else flags[:n]


def _missing(values: Floats) -> Flags | None:
    """Return where values are not finite; None (and no array) if they all are."""
    for start in range(0, values.shape[0], BLOCK):
        if not np.isfinite(values[start : start + BLOCK]).all():
            return np.asarray(~np.isfinite(values))
    return None


def _either(a: Flags | None, b: Flags | None) -> Flags | None:
    if a is None or b is None:
        return b if a is None else a
    return a | b


def _as_output(spec: StepSpec, result: Any, shift: NDArray[np.float64], n: int) -> StepOutput:
    output = result if isinstance(result, StepOutput) else StepOutput(result, shift)
    expected = (n, output.shift.size)
    if output.intensity.shape != expected:
        raise StepError(f"{spec.name} returned intensities of shape {output.intensity.shape}; expected {expected}")
    if not spec.changes_axis and not np.array_equal(output.shift, shift):
        raise StepError(f"{spec.name} changed the axis without declaring it")
    for key, product in output.products.items():
        if product.shape[:1] != (n,):
            raise StepError(f"{spec.name} returned {key} of shape {product.shape}; expected one row a spectrum")
    return output


def _with_gaps(output: StepOutput, original: Floats, missing: Flags | None, hidden: Flags | None) -> StepOutput:
    """Put NaN back where the input had none, and treat masked channels by what the step did around them."""
    intensity, products = np.array(output.intensity), dict(output.products)
    if hidden is not None and hidden.any():
        inside = np.asarray(original, dtype=np.float64)
        if "background" in products:
            inside = inside - products["background"]
        if "scale" in products:
            inside = inside / products["scale"][:, None]
        intensity[hidden] = inside[hidden]
        products = {k: _where_told(p, ~hidden) if k != "mask" else p for k, p in products.items()}
    if missing is not None:
        intensity[missing] = np.nan
        dead = missing.all(axis=1)
        for key, product in products.items():
            if product.dtype.kind == "f" and dead.any():
                products[key] = np.where(dead.reshape(-1, *[1] * (product.ndim - 1)), np.nan, product)
            else:
                products[key] = _where_told(product, ~missing)
    return StepOutput(intensity, output.shift, products, output.notes, output.counts)


def _where_told(product: NDArray[Any], use: Flags) -> NDArray[Any]:
    """Clear flags and codes of channels that the step was not to look at; other products stay as they are."""
    if product.dtype.kind in "bu" and product.shape == use.shape:
        return np.where(use, product, product.dtype.type(0))
    return product


@dataclass(frozen=True)
class _Input:
    """The caller's arrays, seen on an increasing axis, and what is needed to give the result back in the same form."""

    values: Floats
    shift: NDArray[np.float64]
    mask: Flags | None
    reversed_axis: bool
    single: bool
    empty: bool
    dtype: np.dtype[Any]

    @classmethod
    def prepare(cls, spec: StepSpec, intensity: Any, shift: Any, mask: Any) -> _Input:
        values = np.asarray(intensity)
        axis = np.asarray(shift, dtype=np.float64)
        if values.ndim not in (1, 2):
            raise StepError(f"{spec.name}: intensity must be (spectra, channels) or (channels,), not {values.shape}")
        if values.dtype.kind not in "fiub":
            raise StepError(f"{spec.name}: intensity must be real numbers, but its type is {values.dtype}")
        single = values.ndim == 1
        dtype = np.dtype(np.float32) if values.dtype == np.float32 else np.dtype(np.float64)
        values = np.atleast_2d(values)
        if axis.shape != (values.shape[1],):
            raise StepError(f"{spec.name}: shift has {axis.shape} values, but there are {values.shape[1]} channels")
        if axis.size == 0:
            raise StepError(f"{spec.name}: the spectra have no channels")
        difference = np.diff(axis)
        if not np.all(np.isfinite(axis)) or not (np.all(difference > 0) or np.all(difference < 0)):
            raise StepError(f"{spec.name}: shift must be strictly increasing or decreasing and finite, but it is not")
        hidden = cls._checked_mask(spec, mask, values)
        reversed_axis = bool(difference.size and difference[0] < 0)
        if reversed_axis:
            values, axis = values[:, ::-1], axis[::-1]
            hidden = None if hidden is None else hidden[:, ::-1]
        empty = values.shape[0] == 0
        if empty:
            # The step still has to say what its axis becomes, so it sees one spectrum of zeros that is dropped again.
            values, hidden = np.zeros((1, axis.size), dtype=dtype), None
        return cls(values, axis, hidden, reversed_axis, single, empty, dtype)

    @staticmethod
    def _checked_mask(spec: StepSpec, mask: Any, values: Floats) -> Flags | None:
        if mask is None:
            return None
        given = np.atleast_2d(np.asarray(mask, dtype=bool))
        if given.shape[1] != values.shape[1] or given.shape[0] not in (1, values.shape[0]):
            raise StepError(f"{spec.name}: mask has shape {given.shape}, but intensity has {values.shape}")
        return np.broadcast_to(given, values.shape)

    def aligned(self, spec: StepSpec, name: str, value: Any) -> Any:
        """Return a per-spectrum column (or variance) as an array with a row for each row of ``values``."""
        if value is None or name == "scan_shape":
            return value
        array = np.asarray(value)
        if array.ndim == 0 and name not in COLUMNS:
            return value  # a constant of the measurement, such as the laser wavelength
        wanted = self.values.shape if name == "variance" else self.values.shape[:1]
        if array.ndim == 0:
            return np.full(wanted, array)
        if self.single and array.ndim < len(wanted):
            array = array[None]
        if self.empty and array.shape[:1] == (0,):
            return np.zeros(wanted, dtype=array.dtype)
        if array.shape != wanted:
            raise StepError(f"{spec.name}: {name} must have shape {wanted}, but has {array.shape}")
        return array[:, ::-1] if array.ndim == 2 and self.reversed_axis else array


@dataclass
class _Result:
    """Takes the blocks up as they come."""

    data: _Input
    keep: Collection[str] | None
    shift: NDArray[np.float64] | None = None
    intensity: Floats | None = None
    products: dict[str, NDArray[Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    sums: dict[str, int] = field(default_factory=dict)

    def add(self, rows: slice, output: StepOutput) -> None:
        n = self.data.values.shape[0]
        if self.shift is None:
            self.shift = output.shift
        if self.intensity is None and rows.stop - rows.start == n:  # one block is all: take it over as it is
            self.intensity = self._turned(output.intensity.astype(self.data.dtype, copy=False))
            self.products = {k: self._turned(p) for k, p in output.products.items() if self._wanted(k, p)}
        else:
            if self.intensity is None:
                self.intensity = np.empty((n, output.shift.size), dtype=self.data.dtype)
                self.products = {
                    k: np.empty((n, *p.shape[1:]), dtype=p.dtype)
                    for k, p in output.products.items()
                    if self._wanted(k, p)
                }
            if not np.array_equal(output.shift, self.shift):
                raise StepError("a step gave different axes for different spectra; one dataset has one axis")
            self.intensity[rows] = self._turned(output.intensity)
            for key, product in self.products.items():
                product[rows] = self._turned(output.products[key])
        self.notes.extend(output.notes)
        for text, count in output.counts.items():
            self.sums[text] = self.sums.get(text, 0) + int(count)

    def finished(self, spec: StepSpec) -> StepOutput:
        assert self.intensity is not None, spec.name
        assert self.shift is not None, spec.name
        intensity, products, total = self.intensity, self.products, self.data.values.shape[0]
        counted = [text.format(count=count, total=total) for text, count in self.sums.items() if count]
        notes = () if self.data.empty else tuple(dict.fromkeys([*self.notes, *counted]))
        shift = self.shift[::-1] if self.data.reversed_axis else self.shift
        if self.data.empty:
            intensity, products = intensity[:0], {k: p[:0] for k, p in products.items()}
        elif self.data.single:
            intensity, products = intensity[0], {k: p[0] for k, p in products.items()}
        return StepOutput(np.ascontiguousarray(intensity), np.ascontiguousarray(shift), products, notes)

    def _wanted(self, key: str, product: NDArray[Any]) -> bool:
        return self.keep is None or product.ndim < 2 or key in self.keep

    def _turned(self, array: NDArray[Any]) -> NDArray[Any]:
        assert self.shift is not None
        turn = self.data.reversed_axis and array.ndim == 2 and array.shape[1] == self.shift.size
        return array[:, ::-1] if turn else array


def fill_gaps(values: Floats, shift: NDArray[np.float64], gaps: Flags) -> Floats:
    """Return a copy in which gaps are interpolated along the axis; a spectrum that is all gap becomes zero."""
    filled = values.copy()
    for row in np.flatnonzero(gaps.any(axis=1)):
        good = ~gaps[row]
        filled[row] = np.interp(shift, shift[good], values[row, good]) if good.any() else 0.0
    return filled
