"""What all backgrounds share: types of parameters, their help texts, and the loop over pybaselines."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from ...errors import StepError
from ...pipeline.parameters import Between, Unit
from ...pipeline.step import StepOutput

Floats = NDArray[Any]
Lam = Annotated[float, Between(1e-6, 1e15)]
Share = Annotated[float, Between(1e-9, 1 - 1e-9)]
Fraction = Annotated[float, Between(0, 1)]
Positive = Annotated[float, Between(1e-9, 1e12)]
Order = Annotated[int, Between(1, 6)]
OrderFrom2 = Annotated[int, Between(2, 6)]
PolynomialOrder = Annotated[int, Between(0, 20)]
HalfWindow = Annotated[int, Between(1, 100_000), Unit("channels")]
Knots = Annotated[int, Between(4, 10_000)]
Degree = Annotated[int, Between(1, 5)]
Rounds = Annotated[int, Between(1, 100_000)]
Tolerance = Annotated[float, Between(0, 1)]
Cutoff = Annotated[float | None, Between(1e-6, 1e9), Unit("cm-1")]
Mask = NDArray[np.bool_] | None

_HELP = {
    "lam": "Smoothness of the background; larger is smoother.",
    "p": "Weight of what lies above the background; smaller pushes the background further below the bands.",
    "cutoff_cm1": "Period of the ripple that goes into the background to half where all weights are 1, instead of "
    "lam; unlike lam it means the same on every axis; larger is smoother.",
    "lam_1": "Penalty on the first derivative of the residual; larger follows the slope of the data more closely.",
    "eta": "Share of the smoothness penalty that is lifted where bands are; larger lets it bend more there.",
    "k": "Height above which intensities count as bands, a tenth of the standard deviation of the spectrum if not "
    "given; larger draws the background up towards weak bands.",
    "asymmetric_coef": "Steepness of the change of weight between background and band; larger is more abrupt.",
    "diff_order": "Order of the differences that are penalised; larger is smoother within bands and freer at the ends.",
    "num_knots": "Knots of the spline; more follow finer structure.",
    "spline_degree": "Degree of the spline; larger is smoother between knots.",
    "poly_order": "Order of the polynomial; larger follows more structure, and in the end the bands.",
    "use_original": "Clip the original intensities in each round rather than the already clipped ones (stays higher).",
    "mask_initial_peaks": "Leave out what stands above the first fit by its standard deviation (stays lower).",
    "num_std": "Standard deviations above the fit that still count as background; larger stays higher.",
    "max_half_window": "Half the width of the widest band, estimated per spectrum if not given; larger is smoother.",
    "decreasing": "Go from wide to narrow windows rather than the reverse; smoother.",
    "smooth_half_window": "Half width of a moving average within the method (none if not given); larger is smoother.",
    "filter_order": "Order of the clipping filter (2, 4, 6 or 8); larger follows more curved backgrounds.",
    "half_window": "Half the width of the window, estimated for each spectrum if not given; it must exceed half the "
    "widest band; larger is smoother.",
    "segments": "Parts of the spectrum with a convex hull each; more follow concave backgrounds.",
    "quantile": "Share of the intensities that lies below the background; smaller pushes the background down.",
    "min_length": "Channels that a piece of background must have at least; larger ignores short gaps between bands.",
    "scale": "Scale of the wavelet, estimated for each spectrum if not given; larger looks at wider bands.",
    "max_iter": "Rounds after which the method gives up; larger takes longer.",
    "tol": "Relative change at which the method stops; smaller takes longer and changes little.",
}


def documented(function: Callable[..., StepOutput]) -> Callable[..., StepOutput]:
    """Add the Parameters section, whose words are the same for all methods, to a docstring of one line."""
    names = [p.name for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY]
    lines = [f"{name}\n    {_HELP[name]}" for name in names if name != "mask"]
    function.__doc__ = "\n".join([str(function.__doc__), "", "Parameters", "----------", *lines])
    return function


def subtracted(method: str, intensity: Floats, shift: NDArray[np.float64], /, **parameters: Any) -> StepOutput:
    """Run one method of pybaselines on every spectrum."""
    from pybaselines import Baseline

    # One object for all spectra: it keeps the banded matrices or spline bases, which depend on the axis only.
    run = getattr(Baseline(x_data=shift, check_finite=False, assume_sorted=True), method)
    background = np.array(intensity, dtype=np.float64)
    unsettled = failed = 0
    with warnings.catch_warnings():
        # What pybaselines warns of (too few points left below the fit, overflow in a weight) ends the iteration of
        # that spectrum early; it is counted below as not settled, and told once instead of once a spectrum.
        warnings.simplefilter("ignore")
        for row in np.flatnonzero(np.ptp(intensity, axis=1) > 0):
            try:
                background[row], details = run(background[row], **parameters)
            except np.linalg.LinAlgError:
                background[row] = np.nan
                details = {}
            except (ValueError, IndexError, TypeError) as error:
                raise StepError(
                    f"baseline.{method} cannot work on spectra of {shift.size} channels with these parameters: {error}"
                ) from error
            if not np.all(np.isfinite(background[row])):
                background[row] = np.nan
                failed += 1
            elif "tol" in parameters and np.size(details.get("tol_history", ())):
                unsettled += bool(np.ravel(details["tol_history"])[-1] > parameters["tol"])
    return _output(method, intensity, shift, background, unsettled, failed)


def from_kernel(
    method: str,
    intensity: Floats,
    shift: NDArray[np.float64],
    background: NDArray[np.float64],
    last: NDArray[np.float64],
    tol: float,
) -> StepOutput:
    """Return what :func:`subtracted` would, from the results of a kernel.

    Parameters
    ----------
    method
        Name of the step without its family.
    intensity, shift
        (spectra, channels) as the step received them, and the axis.
    background
        (spectra, channels); spectra without a background hold NaN, which become NaN as a whole.
    last
        (spectra,) last measure of the iteration, NaN if there was none; above ``tol`` means not settled.
    tol
        Tolerance of the iteration.
    """
    failed = ~np.isfinite(background).all(axis=1)
    background[failed] = np.nan
    unsettled = int(np.count_nonzero(~failed & (last > tol)))
    return _output(method, intensity, shift, background, unsettled, int(np.count_nonzero(failed)))


def _output(
    method: str,
    intensity: Floats,
    shift: NDArray[np.float64],
    background: NDArray[np.float64],
    unsettled: int,
    failed: int,
) -> StepOutput:
    counts = {
        f"baseline.{method} did not settle within its rounds for {{count}} of {{total}} spectra": unsettled,
        f"baseline.{method} found no background for {{count}} of {{total}} spectra, which became NaN": failed,
    }
    products = {"background": background.astype(intensity.dtype, copy=False)}
    return StepOutput(intensity - background, shift, products, counts=counts)
