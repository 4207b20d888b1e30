"""Interchange with RamanSPy: containers both ways, our steps in its pipelines, its steps in our recipes.

RamanSPy takes seconds to import, so nothing here does that before it is needed.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..dataset import OperandoDataset
from ..errors import InvalidDataset, StepError
from ..pipeline.execute import run_step
from ..pipeline.parameters import Parameter
from ..pipeline.step import StepOutput, StepSpec, step_spec

__all__ = ["ALLOWED", "REFUSED", "as_ramanspy", "from_ramanspy", "imported_step", "to_ramanspy"]

ALLOWED: frozenset[str] = frozenset(
    {
        "baseline.AIRPLS",
        "baseline.ARPLS",
        "baseline.ASLS",
        "baseline.ASPLS",
        "baseline.CornerCutting",
        "baseline.DRPLS",
        "baseline.Goldindec",
        "baseline.IARPLS",
        "baseline.IASLS",
        "baseline.IModPoly",
        "baseline.IRSQR",
        "baseline.ModPoly",
        "baseline.PenalisedPoly",
        "baseline.Poly",
        "denoise.Kernel",
        "denoise.SavGol",
        "denoise.Whittaker",
        "normalise.MaxIntensity",
        "normalise.MinMax",
        "normalise.Vector",
    }
)
"""The steps of RamanSPy 0.2.10 that keep the step contract of this project (tests/contracts)."""

REFUSED: Mapping[str, str] = {
    "baseline.FABC": "it hands pybaselines its axis twice and always fails; use baseline.fabc",
    "denoise.Gaussian": "it smooths across neighbouring spectra as well as along the spectrum; use smooth.savgol or "
    "smooth.whittaker",
    "despike.WhitakerHayes": "it takes sharp bands for spikes and flattens them; use despike.whitaker_hayes",
    "misc.BackgroundSubtractor": "its background is an object that cannot be written in a recipe",
    "misc.Cropper": "its open limits cannot be written in a recipe; use crop.range",
    "normalise.AUC": "it calls numpy.trapz, which numpy 2.4 no longer has; use normalise.area",
}
"""Those that do not, and why."""

_NOT_OFFERED = frozenset({"weights", "alpha", "regions", "x_data", "output", "pad_kwargs", "pixelwise"})
"""Arrays and objects, and ``pixelwise=False``, which would scale every spectrum by the brightest of all."""

_REQUIRED_TYPES: Mapping[str, type] = {"window_length": int, "polyorder": int, "kernel_type": str}
_OPTIONAL_TYPES: Mapping[str, type] = {"threshold": float, "eps": float, "scale": int}
_HELP: Mapping[str, str] = {"a": "Lowest value of the result.", "b": "Highest value of the result."}
_CHOICES: Mapping[str, tuple[Any, ...]] = {
    "kernel_type": ("flat", "hanning", "hamming", "bartlett", "blackman"),
    "mode": ("interp", "mirror", "constant", "nearest", "wrap"),
}


@cache
def ramanspy_package() -> Any:
    """Import RamanSPy."""
    with warnings.catch_warnings():
        # Its docstrings hold invalid escapes, which Python reports whenever it compiles the files anew, and it touches
        # deprecated corners of matplotlib; neither concerns what is used here.
        warnings.simplefilter("ignore")
        try:
            import ramanspy
            import ramanspy.preprocessing
        except ImportError as error:
            raise StepError(f"ramanspy cannot be imported ({error}); install it with: pip install ramanspy") from error
    return ramanspy


# -- our steps in its pipelines ---------------------------------------------------------------------------------------


def as_ramanspy(step_name: str, **parameters: Any) -> Any:
    """Return one of our steps as a ``ramanspy.preprocessing.PreprocessingStep``.

    Parameters
    ----------
    step_name
        ``family.method``.
    **parameters
        Parameters of the step, and the columns that it needs (``exposure_s=…``), in the order of the flattened data.

    Returns
    -------
    ramanspy.preprocessing.PreprocessingStep
        It works on arrays of any shape whose last axis is spectral. Steps that look at neighbours take the leading axes
        for space.

    Raises
    ------
    StepError
        If the step is not known, or, when it is applied, if a parameter is wrong.
    """
    spec = step_spec(step_name)
    return ramanspy_package().preprocessing.PreprocessingStep(_Adapted(spec), **parameters)


class _Adapted:
    """A step in RamanSPy's protocol: (intensity, axis, **parameters) -> (intensity, axis)."""

    def __init__(self, spec: StepSpec) -> None:
        self.spec = spec

    def __call__(self, intensity: Any, axis: Any, **parameters: Any) -> tuple[NDArray[Any], NDArray[np.float64]]:
        values = np.asarray(intensity)
        outer = values.shape[:-1]
        scanned = self.spec.neighbourhood is not None or "scan_shape" in (*self.spec.needs, *self.spec.context)
        if scanned and len(outer) > 1:
            parameters.setdefault("scan_shape", tuple(zip("xyzuvw", outer, strict=False)))
        flat = values.reshape(int(np.prod(outer)), values.shape[-1]) if values.ndim != 1 else values
        output = run_step(self.spec, flat, axis, **parameters)
        return output.intensity.reshape(*outer, output.shift.size), output.shift


# -- its steps in our recipes -----------------------------------------------------------------------------------------


def imported_step(name: str) -> StepSpec:
    """Return a step of RamanSPy as a step of ours.

    Parameters
    ----------
    name
        ``ramanspy.family.Name``, for example ``ramanspy.baseline.ARPLS``.

    Raises
    ------
    StepError
        If it is not on the list of those that keep the step contract; the message gives the reason or the list.
    """
    method = name.removeprefix("ramanspy.")
    if method in REFUSED:
        raise StepError(f"{name} cannot be used in a recipe: {REFUSED[method]}")
    if method not in ALLOWED:
        possible = ", ".join(f"ramanspy.{m}" for m in sorted(ALLOWED))
        raise StepError(f"there is no step {name!r}; possible: {possible}")
    return unchecked_step(name)


def unchecked_step(name: str) -> StepSpec:
    """Return a step of RamanSPy whether or not it keeps the contract (for the tests that show which does)."""
    family, method = name.removeprefix("ramanspy.").split(".")
    kind = getattr(getattr(ramanspy_package().preprocessing, family), method)
    texts = _help_texts(inspect.getdoc(kind) or "")
    parameters = {
        key: _parameter(key, declared.default, texts.get(key) or _HELP.get(key, "See ramanspy."))
        for key, declared in inspect.signature(kind.__init__).parameters.items()
        if declared.kind is declared.KEYWORD_ONLY and key not in _NOT_OFFERED
    }

    def function(intensity: NDArray[Any], shift: NDArray[np.float64], **given: Any) -> StepOutput:
        return _run(name, kind, intensity, shift, given)

    return StepSpec(
        name=name,
        function=function,
        parameters=parameters,
        summary=f"{method} of RamanSPy ({family}).",
        cite=("ramanspy",),
        changes_axis=name == "ramanspy.misc.Cropper",
    )


def _parameter(name: str, default: Any, help_text: str) -> Parameter:
    optional = default is None
    if default is inspect.Parameter.empty:
        kind: type = _REQUIRED_TYPES.get(name, float)
    elif optional:
        kind = _OPTIONAL_TYPES.get(name, float)
    else:
        kind = type(default)
    if name in ("lam", "a", "b", "num_std", "threshold", "lam_1", "sigma", "cval"):  # whole by default, real by nature
        kind = float
        default = float(default) if isinstance(default, int) else default
    return Parameter(name, kind, default, choices=_CHOICES.get(name, ()), help=help_text, optional=optional)


def _help_texts(doc: str) -> dict[str, str]:
    from ..pipeline.parameters import _numpydoc_parameters

    return {key.strip("* "): text for key, text in _numpydoc_parameters(doc).items()}


def _run(
    name: str, kind: Any, intensity: NDArray[Any], shift: NDArray[np.float64], given: Mapping[str, Any]
) -> StepOutput:
    step = kind(**given)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # 0/0 for a spectrum of zeros: it becomes NaN, which is counted below
        try:
            values, axis = step(intensity, shift, **step.kwargs)
        except (ValueError, IndexError, TypeError, AttributeError, np.linalg.LinAlgError) as error:
            raise StepError(f"{name} failed: {error}") from error
    values = np.asarray(values)
    broken = ~np.isfinite(values).all(axis=-1)
    values = np.where(broken[:, None], np.nan, values)
    counts = {f"{name} gave no finite result for {{count}} of {{total}} spectra": int(np.count_nonzero(broken))}
    return StepOutput(values, np.asarray(axis, dtype=np.float64), counts=counts)


# -- containers -------------------------------------------------------------------------------------------------------


def to_ramanspy(dataset: OperandoDataset) -> Any:
    """Return the spectra in a RamanSPy container.

    Returns
    -------
    Spectrum, SpectralImage, SpectralVolume or SpectralContainer
        One spectrum without a scan becomes a ``Spectrum``; a map becomes a ``SpectralImage`` with RamanSPy's axis order
        (x, y, shift); a stack of maps a ``SpectralVolume`` (x, y, z, shift); everything else a ``SpectralContainer`` in
        the layout of the scan. Missing places are NaN. Columns, mask and metadata have no place there and are lost.

    Raises
    ------
    InvalidDataset
        If the axis is in nm, which RamanSPy does not know.
    """
    if dataset.axis_kind == "wavelength":
        raise InvalidDataset("ramanspy knows axes in cm-1 only, but the spectra are in nm; convert them first")
    package = ramanspy_package()
    axis = np.array(dataset.shift)
    names = tuple(name for name, _ in dataset.scan_shape)
    cube = dataset.as_cube()
    for order, kind in ((("x", "y"), package.SpectralImage), (("x", "y", "z"), package.SpectralVolume)):
        if sorted(names) == sorted(order):
            return kind(np.moveaxis(cube, [names.index(n) for n in order], range(len(order))).copy(), axis)
    if not names and dataset.n_spectra == 1:
        return package.Spectrum(cube[0], axis)
    return package.SpectralContainer(cube, axis)


def from_ramanspy(container: Any) -> OperandoDataset:
    """Return a dataset from a RamanSPy container.

    Parameters
    ----------
    container
        ``Spectrum``, ``SpectralImage`` (x, y), ``SpectralVolume`` (x, y, z) or ``SpectralContainer``.

    Returns
    -------
    OperandoDataset
        With the scan shape slowest first: (y, x), (z, y, x), or ``dim0, dim1, …`` for a general container of more than
        one outer axis. Places that are NaN throughout stay as spectra of NaN.

    Raises
    ------
    InvalidDataset
        If it is not such a container, or its axis is not strictly monotonic.
    """
    if not (hasattr(container, "spectral_data") and hasattr(container, "spectral_axis")):
        raise InvalidDataset(f"a ramanspy container is needed, but {type(container).__name__} was given")
    package = ramanspy_package()
    values = np.array(container.spectral_data)
    axis = np.array(container.spectral_axis, dtype=np.float64)
    scan: tuple[tuple[str, int], ...] = ()
    if isinstance(container, (package.SpectralImage, package.SpectralVolume)):
        names = "zyx"[-(values.ndim - 1) :]
        values = np.moveaxis(values, range(values.ndim - 1), range(values.ndim - 2, -1, -1))
        scan = tuple(zip(names, values.shape[:-1], strict=True))
    elif values.ndim > 2:
        scan = tuple((f"dim{k}", size) for k, size in enumerate(values.shape[:-1]))
    flat = np.ascontiguousarray(values.reshape(-1, values.shape[-1]))
    return OperandoDataset(flat, axis, scan_shape=scan)
