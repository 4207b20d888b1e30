"""A step is a function with a name: ``(intensity, shift, *, parameters) -> StepOutput``.

The decorator declares it once and guards it: parameters are checked, a single spectrum, a reversed axis, missing
values, masked channels and an empty list are dealt with here, so that the function itself reads like its paper. It
receives a C-ordered (spectra, channels) float array of its own, finite everywhere, on an increasing axis.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..columns import COLUMNS
from ..errors import Cancelled, StepError
from .parameters import Parameter, checked_parameters, parameters_of

__all__ = ["StepOutput", "StepSpec", "registered_steps", "step", "step_spec"]

Progress = Callable[[int, int], None]
ShouldStop = Callable[[], bool]
_BLOCK = 512
_REGISTRY: dict[str, StepSpec] = {}


@dataclass(frozen=True)
class StepOutput:
    """What a step returns.

    ``products`` holds by-products of the step, one row a spectrum: ``background`` (spectra, channels) from baselines,
    ``spikes`` (spectra, channels) bool from despiking, ``scale`` (spectra,) from normalisation (the divisor),
    ``mask`` and ``variance`` (spectra, new channels) from steps that change the axis …
    """

    intensity: NDArray[Any]
    shift: NDArray[np.float64]
    products: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    """Notes that count spectra: a sentence with ``{count}`` and ``{total}``, and the count in this block. They are
    added up over the blocks and become ``notes`` of the whole; zero is not told."""


@dataclass(frozen=True)
class StepSpec:
    """A step's declaration: everything that recipes, command line, forms and the contract tests need to know."""

    name: str
    function: Callable[..., Any]
    parameters: Mapping[str, Parameter]
    summary: str
    cite: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    """Per-spectrum columns (or ``scan_shape``) that the step cannot do without; passed by keyword."""
    context: tuple[str, ...] = ()
    """The same, but used only if present (``None`` is passed otherwise). ``mask`` and ``variance`` (spectra, channels)
    may stand here too, for steps that must carry them to a new axis."""
    uses_neighbours: bool = False
    """True if a spectrum's result may depend on other spectra."""
    changes_axis: bool = False
    keeps_variance: bool = False
    any_axis: bool = False
    """True if the step makes sense on a wavelength axis in nm too."""

    @property
    def call(self) -> Callable[..., StepOutput]:
        """The guarded function."""
        return functools.partial(run_step, self)


def step(
    name: str,
    *,
    cite: str | tuple[str, ...] = (),
    needs: tuple[str, ...] = (),
    context: tuple[str, ...] = (),
    uses_neighbours: bool = False,
    changes_axis: bool = False,
    keeps_variance: bool = False,
    any_axis: bool = False,
    register: bool = True,
) -> Callable[[Callable[..., Any]], Callable[..., StepOutput]]:
    """Declare a step.

    Parameters
    ----------
    name
        ``family.method``, as written in recipes.
    cite
        Keys of :data:`spectrode.pipeline.citations.CITATIONS`.
    needs, context
        Columns passed by keyword, required or if present.
    uses_neighbours
        The step looks at other spectra. Without it, spectra are given to the function in blocks.
    changes_axis
        The step returns another axis; it then receives missing values as NaN and must handle them.
    keeps_variance
        The variance of the intensities is the same afterwards.
    any_axis
        The step makes sense on a wavelength axis too.
    register
        False keeps the step out of the list that recipes see (for tests).
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., StepOutput]:
        outside = frozenset((*needs, *context))
        spec = StepSpec(
            name=name,
            function=function,
            parameters=parameters_of(function, skip=outside),
            summary=(function.__doc__ or "").strip().split("\n")[0],
            cite=(cite,) if isinstance(cite, str) else cite,
            needs=needs,
            context=context,
            uses_neighbours=uses_neighbours,
            changes_axis=changes_axis,
            keeps_variance=keeps_variance,
            any_axis=any_axis,
        )
        if register:
            if name in _REGISTRY and _REGISTRY[name].function.__qualname__ != function.__qualname__:
                raise StepError(f"two steps are named {name!r}")
            _REGISTRY[name] = spec

        @functools.wraps(function)
        def guarded(intensity: Any, shift: Any, **keywords: Any) -> StepOutput:
            return run_step(spec, intensity, shift, **keywords)

        guarded.spec = spec  # type: ignore[attr-defined]
        return guarded

    return decorate


def registered_steps() -> dict[str, StepSpec]:
    """Return all steps by name."""
    import importlib
    import pkgutil

    from .. import preprocessing

    for module in pkgutil.iter_modules(preprocessing.__path__, preprocessing.__name__ + "."):
        importlib.import_module(module.name)
    return dict(sorted(_REGISTRY.items()))


def step_spec(name: str) -> StepSpec:
    """Return the declaration of one step.

    Raises
    ------
    StepError
        If there is none of that name; the message lists those of the same family, or all families.
    """
    steps = registered_steps()
    if name in steps:
        return steps[name]
    if name.startswith("ramanspy."):
        from ..interop.ramanspy import imported_step

        return imported_step(name)
    family = name.split(".")[0]
    same = [s for s in steps if s.split(".")[0] == family]
    raise StepError(f"there is no step {name!r}; possible: {', '.join(same or steps)}")


def run_step(
    spec: StepSpec,
    intensity: Any,
    shift: Any,
    *,
    mask: Any = None,
    progress: Progress | None = None,
    should_stop: ShouldStop | None = None,
    **keywords: Any,
) -> StepOutput:
    """Run a step on arrays, with every guard.

    Parameters
    ----------
    intensity
        (spectra, channels) or (channels,). Integers are computed in float64, float32 stays float32.
    shift
        (channels,) strictly monotonic; a decreasing axis is handled and given back decreasing.
    mask
        True = do not use: such channels do not influence the others.
    progress
        Called with (spectra done, spectra in all).
    should_stop
        Asked between blocks; True ends the run with :class:`~spectrode.errors.Cancelled`.
    """
    outside = {k: keywords.pop(k, None) for k in (*spec.needs, *spec.context)}
    for name in spec.needs:
        if outside[name] is None:
            raise StepError(f"{spec.name} needs {name}, which was not given")
    parameters = checked_parameters(spec.name, spec.parameters, keywords, StepError)
    data = _Input.prepare(spec, intensity, shift, mask)
    outside = {name: data.aligned(spec, name, value) for name, value in outside.items()}
    if "mask" in outside:
        outside["mask"] = None if mask is None else data.hidden
    blocks = _blocks(spec, data.values.shape[0])
    outputs: list[StepOutput] = []
    total = data.values.shape[0]
    for rows in blocks:
        if should_stop is not None and should_stop():
            raise Cancelled(f"{spec.name} was cancelled")
        context = {k: _rows_of(v, rows, total) for k, v in outside.items()}
        result = spec.function(data.values[rows].copy(), data.shift.copy(), **context, **parameters)
        outputs.append(_as_output(spec, result, data.shift, rows.stop - rows.start))
        if not np.array_equal(outputs[-1].shift, outputs[0].shift):
            raise StepError(f"{spec.name} gave different axes for different spectra; one dataset has one axis")
        if progress is not None:
            progress(rows.stop, total)
    return data.restore(spec, outputs)


def _blocks(spec: StepSpec, n: int) -> list[slice]:
    if spec.uses_neighbours:
        return [slice(0, n)]
    return [slice(k, min(k + _BLOCK, n)) for k in range(0, n, _BLOCK)]


def _rows_of(value: Any, rows: slice, total: int) -> Any:
    """Cut a per-spectrum array to a block; anything else (a scan shape, a scalar) passes whole."""
    if isinstance(value, np.ndarray) and value.shape[:1] == (total,):
        return value[rows]
    return value


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


@dataclass(frozen=True)
class _Input:
    """The caller's arrays made ready for a step, and what is needed to give the result back in the same form."""

    values: NDArray[Any]
    original: NDArray[Any]
    shift: NDArray[np.float64]
    missing: NDArray[np.bool_]
    hidden: NDArray[np.bool_]
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
        values = np.array(np.atleast_2d(values), dtype=dtype, order="C")
        if axis.shape != (values.shape[1],):
            raise StepError(f"{spec.name}: shift has {axis.shape} values, but there are {values.shape[1]} channels")
        if axis.size == 0:
            raise StepError(f"{spec.name}: the spectra have no channels")
        difference = np.diff(axis)
        if not np.all(np.isfinite(axis)) or not (np.all(difference > 0) or np.all(difference < 0)):
            raise StepError(f"{spec.name}: shift must be strictly increasing or decreasing and finite, but it is not")
        hidden = np.zeros(values.shape, dtype=bool)
        if mask is not None:
            given = np.atleast_2d(np.asarray(mask, dtype=bool))
            if given.shape[1] != values.shape[1] or given.shape[0] not in (1, values.shape[0]):
                raise StepError(f"{spec.name}: mask has shape {given.shape}, but intensity has {values.shape}")
            hidden |= given
        reversed_axis = bool(difference.size and difference[0] < 0)
        if reversed_axis:
            values, axis, hidden = np.ascontiguousarray(values[:, ::-1]), axis[::-1].copy(), hidden[:, ::-1].copy()
        empty = values.shape[0] == 0
        if empty:
            # The step still has to say what its axis becomes, so it sees one spectrum of zeros that is dropped again.
            values = np.zeros((1, axis.size), dtype=dtype)
            hidden = np.zeros(values.shape, dtype=bool)
        missing = ~np.isfinite(values)
        original = values
        if not spec.changes_axis:
            values = _filled(values, axis, missing | hidden)
        return cls(values, original, axis, missing, hidden, reversed_axis, single, empty, dtype)

    def aligned(self, spec: StepSpec, name: str, value: Any) -> Any:
        """Return a per-spectrum column (or variance) as an array with a row for each row of ``values``."""
        if value is None or name in ("scan_shape", "mask"):
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

    def restore(self, spec: StepSpec, outputs: list[StepOutput]) -> StepOutput:
        intensity = np.concatenate([o.intensity for o in outputs]).astype(self.dtype, copy=False)
        shift = outputs[0].shift
        products = {key: np.concatenate([o.products[key] for o in outputs]) for key in outputs[0].products}
        notes = () if self.empty else _notes(outputs, intensity.shape[0])
        if not spec.changes_axis:
            intensity = self._with_gaps(intensity, products)
            dead = self.missing.all(axis=1)
            for key, product in products.items():
                if product.dtype.kind == "f" and dead.any():
                    product[dead] = np.nan
                elif product.dtype == bool and product.shape == self.missing.shape:
                    products[key] = product & ~self.missing & ~self.hidden
        if self.reversed_axis:
            intensity, shift = intensity[:, ::-1], shift[::-1]
            products = {k: p[:, ::-1] if p.ndim == 2 and p.shape[1] == shift.size else p for k, p in products.items()}
        if self.empty:
            intensity, products = intensity[:0], {k: p[:0] for k, p in products.items()}
        elif self.single:
            intensity, products = intensity[0], {k: p[0] for k, p in products.items()}
        return StepOutput(np.ascontiguousarray(intensity), np.ascontiguousarray(shift), products, notes)

    def _with_gaps(self, intensity: NDArray[Any], products: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """Put NaN back where the input had none, and treat masked channels by what the step did around them."""
        if not (self.missing.any() or self.hidden.any()):
            return intensity
        intensity = np.array(intensity)
        if self.hidden.any():
            inside = self.original
            if "background" in products:
                inside = inside - products["background"]
            if "scale" in products:
                inside = inside / products["scale"][:, None]
            intensity = np.where(self.hidden, inside, intensity).astype(self.dtype)
        intensity[self.missing] = np.nan
        return intensity


def _notes(outputs: list[StepOutput], total: int) -> tuple[str, ...]:
    """Return every note once, and the counts added up over the blocks."""
    sums: dict[str, int] = {}
    for output in outputs:
        for text, count in output.counts.items():
            sums[text] = sums.get(text, 0) + int(count)
    counted = [text.format(count=count, total=total) for text, count in sums.items() if count]
    return tuple(dict.fromkeys([*(note for output in outputs for note in output.notes), *counted]))


def _filled(values: NDArray[Any], shift: NDArray[np.float64], gaps: NDArray[np.bool_]) -> NDArray[Any]:
    """Return a copy in which gaps are interpolated along the axis; a spectrum that is all gap becomes zero."""
    if not gaps.any():
        return values
    filled = values.copy()
    for row in np.flatnonzero(gaps.any(axis=1)):
        good = ~gaps[row]
        filled[row] = np.interp(shift, shift[good], values[row, good]) if good.any() else 0.0
    return filled
