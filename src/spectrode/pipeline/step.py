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

from ..errors import StepError
from .parameters import Parameter, parameters_of

__all__ = ["StepOutput", "StepSpec", "registered_steps", "step", "step_spec"]

Neighbourhood = Callable[
    [NDArray[np.int64], int, "tuple[tuple[str, int], ...] | None", "NDArray[np.int64] | None", Mapping[str, Any]],
    NDArray[np.int64],
]
"""(rows, spectra in all, scan_shape, scan_index, parameters) -> (rows, k) neighbours of these rows; -1 for none."""
Survey = Callable[[NDArray[Any], NDArray[np.float64], NDArray[np.int64], Mapping[str, Any]], Mapping[str, Any]]
"""(sample, shift, runs, parameters) -> numbers. ``runs`` says which sampled spectra follow one another."""
_REGISTRY: dict[str, StepSpec] = {}


@dataclass(frozen=True)
class StepOutput:
    """What a step returns.

    ``products`` holds by-products of the step, one row a spectrum: ``background`` (spectra, channels) from baselines,
    ``spikes`` (spectra, channels) bool from despiking, ``scale`` (spectra,) from normalisation (the divisor),
    ``variance`` (spectra, new channels), ``mask`` (spectra, new channels) bool of channels not to be used from now on …
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
    neighbourhood: Neighbourhood | None = None
    survey: Survey | None = None
    changes_axis: bool = False
    keeps_variance: bool = False
    any_axis: bool = False
    """True if the step makes sense on a wavelength axis in nm too."""
    threaded: bool = False
    """True if its blocks may be computed on several threads at a time: compiled, with nothing unsafe around it."""

    @property
    def call(self) -> Callable[..., StepOutput]:
        """The guarded function."""
        from .execute import run_step

        return functools.partial(run_step, self)

    @property
    def needs_all_spectra(self) -> bool:
        """True if the step cannot be run block by block."""
        return self.uses_neighbours and self.neighbourhood is None and self.survey is None


def step(
    name: str,
    *,
    cite: str | tuple[str, ...] = (),
    needs: tuple[str, ...] = (),
    context: tuple[str, ...] = (),
    uses_neighbours: bool = False,
    neighbourhood: Neighbourhood | None = None,
    survey: Survey | None = None,
    changes_axis: bool = False,
    keeps_variance: bool = False,
    any_axis: bool = False,
    threaded: bool = False,
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
    neighbourhood, survey
        Which other spectra it looks at, and what it wants to know of the whole; see the module. Either implies
        ``uses_neighbours``.
    changes_axis
        The step returns another axis; it then receives missing values as NaN and must handle them.
    keeps_variance
        The variance of the intensities is the same afterwards.
    any_axis
        The step makes sense on a wavelength axis too.
    threaded
        Blocks may be computed on several threads at a time: the work is done by compiled kernels, and nothing in the
        function is unsafe (the warnings of Python are: their filters belong to the whole process).
    register
        False keeps the step out of the list that recipes see (for tests).
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., StepOutput]:
        given = ("neighbours",) * (neighbourhood is not None) + ("survey",) * (survey is not None)
        outside = frozenset((*needs, *context, *given))
        spec = StepSpec(
            name=name,
            function=function,
            parameters=parameters_of(function, skip=outside),
            summary=(function.__doc__ or "").strip().split("\n")[0],
            cite=(cite,) if isinstance(cite, str) else cite,
            needs=needs,
            context=context,
            uses_neighbours=uses_neighbours or neighbourhood is not None or survey is not None,
            neighbourhood=neighbourhood,
            survey=survey,
            changes_axis=changes_axis,
            keeps_variance=keeps_variance,
            any_axis=any_axis,
            threaded=threaded,
        )
        if register:
            if name in _REGISTRY and _REGISTRY[name].function.__qualname__ != function.__qualname__:
                raise StepError(f"two steps are named {name!r}")
            _REGISTRY[name] = spec

        @functools.wraps(function)
        def guarded(intensity: Any, shift: Any, **keywords: Any) -> StepOutput:
            return spec.call(intensity, shift, **keywords)

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
