"""Backgrounds (fluorescence, luminescence of glass), computed by pybaselines with its names and defaults.

Every step returns the intensities less the background, and the background itself as the product ``background``: it is
a signal of its own. A constant spectrum is its own background. Spectra whose iteration did not settle are counted in
the notes. ``lam`` acts on channels: half the distance between channels needs about 16 times the ``lam`` for the same
stiffness.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import StepError
from ..pipeline.parameters import Between, Unit
from ..pipeline.step import StepOutput, step

__all__ = [
    "airpls",
    "arpls",
    "asls",
    "aspls",
    "derpsalsa",
    "drpls",
    "fabc",
    "iarpls",
    "iasls",
    "imodpoly",
    "imor",
    "irsqr",
    "modpoly",
    "mor",
    "psalsa",
    "pspline_airpls",
    "pspline_arpls",
    "pspline_asls",
    "pspline_aspls",
    "pspline_drpls",
    "pspline_iarpls",
    "pspline_iasls",
    "rolling_ball",
    "rubberband",
    "snip",
]

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

_HELP = {
    "lam": "Smoothness of the background; larger is smoother.",
    "p": "Weight of what lies above the background; smaller pushes the background further below the bands.",
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


def _documented(function: Callable[..., StepOutput]) -> Callable[..., StepOutput]:
    """Add the Parameters section, whose words are the same for all methods, to a docstring of one line."""
    names = [p.name for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY]
    lines = [f"{name}\n    {_HELP[name]}" for name in names]
    function.__doc__ = "\n".join([str(function.__doc__), "", "Parameters", "----------", *lines])
    return function


def _subtracted(method: str, intensity: Floats, shift: NDArray[np.float64], **parameters: Any) -> StepOutput:
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
    counts = {
        f"baseline.{method} did not settle within its rounds for {{count}} of {{total}} spectra": unsettled,
        f"baseline.{method} found no background for {{count}} of {{total}} spectra, which became NaN": failed,
    }
    products = {"background": background.astype(intensity.dtype, copy=False)}
    return StepOutput(intensity - background, shift, products, counts=counts)


@step("baseline.asls", cite="Eilers2005")
@_documented
def asls(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    lam: Lam = 1e6,
    p: Share = 1e-2,
    diff_order: Order = 2,
    max_iter: Rounds = 50,
    tol: Tolerance = 1e-3,
) -> StepOutput:
    """Subtract a background by asymmetric least squares."""
    return _subtracted("asls", intensity, shift, lam=lam, p=p, diff_order=diff_order, max_iter=max_iter, tol=tol)


@step("baseline.iasls", cite="He2014")
@_documented
def iasls(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    lam: Lam = 1e6,
    p: Share = 1e-2,
    lam_1: Lam = 1e-4,
    max_iter: Rounds = 50,
    tol: Tolerance = 1e-3,
    diff_order: OrderFrom2 = 2,
) -> StepOutput:
    """Subtract a background by improved asymmetric least squares."""
    return _subtracted(
        "iasls", intensity, shift, lam=lam, p=p, lam_1=lam_1, max_iter=max_iter, tol=tol, diff_order=diff_order
    )


@step("baseline.airpls", cite="Zhang2010")
@_documented
def airpls(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    lam: Lam = 1e6,
    diff_order: Order = 2,
    max_iter: Rounds = 50,
    tol: Tolerance = 1e-3,
) -> StepOutput:
    """Subtract a background by adaptive iteratively reweighted penalised least squares."""
    return _subtracted("airpls", intensity, shift, lam=lam, diff_order=diff_order, max_iter=max_iter, tol=tol)


@step("baseline.arpls", cite="Baek2015")
@_documented
def arpls(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    lam: Lam = 1e5,
    diff_order: Order = 2,
    max_iter: Rounds = 50,
    tol: Tolerance = 1e-3,
) -> StepOutput:
    """Subtract a background by asymmetrically reweighted penalised least squares."""
    return _subtracted("arpls", intensity, shift, lam=lam, diff_order=diff_order, max_iter=max_iter, tol=tol)


@step("baseline.drpls", cite="Xu2019")
@_documented
def drpls(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    lam: Lam = 1e5,
    eta: Fraction = 0.5,
    max_iter: Rounds = 50,
    tol: Tolerance = 1e-3,
    diff_order: OrderFrom2 = 2,
) -> StepOutput:
    """Subtract a background by doubly reweighted penalised least squares."""
    return _subtracted("drpls", intensity, shift, lam=lam, eta=eta, max_iter=max_iter, tol=tol, diff_order=diff_order)


@step("baseline.iarpls", cite="Ye2020")
@_documented
def iarpls(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    lam: Lam = 1e5,
    diff_order: Order = 2,
    max_iter: Rounds = 50,
    tol: Tolerance = 1e-3,
) -> StepOutput:
    """Subtract a background by improved asymmetrically reweighted penalised least squares."""
    return _subtracted("iarpls", intensity, shift, lam=lam, diff_order=diff_order, max_iter=max_iter, tol=tol)


@step("baseline.aspls", cite="Zhang2020")
@_documented
def aspls(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    lam: Lam = 1e5,
    diff_order: Order = 2,
    max_iter: Rounds = 100,
    tol: Tolerance = 1e-3,
    asymmetric_coef: Positive = 0.5,
) -> StepOutput:
    """Subtract a background by adaptive smoothness penalised least squares."""
    return _subtracted(
        "aspls",
        intensity,
        shift,
        lam=lam,
        diff_order=diff_order,
        max_iter=max_iter,
        tol=tol,
        asymmetric_coef=asymmetric_coef,
    )


@step("baseline.psalsa", cite="OllerMoreno2014")
@_documented
def psalsa(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    lam: Lam = 1e5,
    p: Share = 0.5,
    k: Positive | None = None,
    diff_order: Order = 2,
    max_iter: Rounds = 50,
    tol: Tolerance = 1e-3,
) -> StepOutput:
    """Subtract a background by the peaked signal's asymmetric least squares algorithm."""
    return _subtracted("psalsa", intensity, shift, lam=lam, p=p, k=k, diff_order=diff_order, max_iter=max_iter, tol=tol)


@step("baseline.derpsalsa", cite="Korepanov2020")
@_documented
def derpsalsa(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    lam: Lam = 1e6,
    p: Share = 0.01,
    k: Positive | None = None,
    diff_order: Order = 2,
    max_iter: Rounds = 50,
    tol: Tolerance = 1e-3,
    smooth_half_window: HalfWindow | None = None,
) -> StepOutput:
    """Subtract a background by derivative peak-screening asymmetric least squares."""
    return _subtracted(
        "derpsalsa",
        intensity,
        shift,
        lam=lam,
        p=p,
        k=k,
        diff_order=diff_order,
        max_iter=max_iter,
        tol=tol,
        smooth_half_window=smooth_half_window,
    )


@step("baseline.modpoly", cite="Lieber2003")
@_documented
def modpoly(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    poly_order: PolynomialOrder = 2,
    tol: Tolerance = 1e-3,
    max_iter: Rounds = 250,
    use_original: bool = False,
    mask_initial_peaks: bool = False,
) -> StepOutput:
    """Subtract a polynomial background fitted by repeated clipping."""
    return _subtracted(
        "modpoly",
        intensity,
        shift,
        poly_order=poly_order,
        tol=tol,
        max_iter=max_iter,
        use_original=use_original,
        mask_initial_peaks=mask_initial_peaks,
    )


@step("baseline.imodpoly", cite="Zhao2007")
@_documented
def imodpoly(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    poly_order: PolynomialOrder = 2,
    tol: Tolerance = 1e-3,
    max_iter: Rounds = 250,
    use_original: bool = False,
    mask_initial_peaks: bool = True,
    num_std: Annotated[float, Between(0, 10)] = 1.0,
) -> StepOutput:
    """Subtract a polynomial background fitted by repeated clipping that allows for noise."""
    return _subtracted(
        "imodpoly",
        intensity,
        shift,
        poly_order=poly_order,
        tol=tol,
        max_iter=max_iter,
        use_original=use_original,
        mask_initial_peaks=mask_initial_peaks,
        num_std=num_std,
    )


@step("baseline.snip", cite=("Ryan1988", "Morhac2008"))
@_documented
def snip(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    max_half_window: HalfWindow | None = None,
    decreasing: bool = False,
    smooth_half_window: HalfWindow | None = None,
    filter_order: Literal[2, 4, 6, 8] = 2,
) -> StepOutput:
    """Subtract a background by statistics-sensitive non-linear iterative peak clipping."""
    return _subtracted(
        "snip",
        intensity,
        shift,
        max_half_window=max_half_window,
        decreasing=decreasing,
        smooth_half_window=smooth_half_window,
        filter_order=filter_order,
    )


@step("baseline.mor", cite="PerezPueyo2010")
@_documented
def mor(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    half_window: HalfWindow | None = None,
) -> StepOutput:
    """Subtract a background by morphological opening."""
    return _subtracted("mor", intensity, shift, half_window=half_window)


@step("baseline.imor", cite="Dai2018")
@_documented
def imor(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    half_window: HalfWindow | None = None,
    tol: Tolerance = 1e-3,
    max_iter: Rounds = 200,
) -> StepOutput:
    """Subtract a background by iterative morphological opening and averaging."""
    return _subtracted("imor", intensity, shift, half_window=half_window, tol=tol, max_iter=max_iter)


@step("baseline.rolling_ball", cite="Kneen1996")
@_documented
def rolling_ball(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    half_window: HalfWindow | None = None,
    smooth_half_window: HalfWindow | None = None,
) -> StepOutput:
    """Subtract the background under which a ball rolls."""
    return _subtracted("rolling_ball", intensity, shift, half_window=half_window, smooth_half_window=smooth_half_window)


@step("baseline.rubberband", cite="pybaselines")
@_documented
def rubberband(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    segments: Annotated[int, Between(1, 100)] = 1,
    lam: Lam | None = None,
    diff_order: Order = 2,
    smooth_half_window: HalfWindow | None = None,
) -> StepOutput:
    """Subtract the convex hull below the spectrum."""
    return _subtracted(
        "rubberband",
        intensity,
        shift,
        segments=segments,
        lam=lam,
        diff_order=diff_order,
        smooth_half_window=smooth_half_window,
    )


@step("baseline.irsqr", cite="Han2018")
@_documented
def irsqr(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    lam: Lam = 100.0,
    quantile: Share = 0.05,
    num_knots: Knots = 100,
    spline_degree: Degree = 3,
    diff_order: Order = 3,
    max_iter: Rounds = 100,
    tol: Tolerance = 1e-6,
) -> StepOutput:
    """Subtract a background by iteratively reweighted spline quantile regression."""
    return _subtracted(
        "irsqr",
        intensity,
        shift,
        lam=lam,
        quantile=quantile,
        num_knots=num_knots,
        spline_degree=spline_degree,
        diff_order=diff_order,
        max_iter=max_iter,
        tol=tol,
    )


@step("baseline.fabc", cite="Cobas2006")
@_documented
def fabc(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    lam: Lam = 1e6,
    scale: HalfWindow | None = None,
    num_std: Annotated[float, Between(0, 10)] = 3.0,
    diff_order: Order = 2,
    min_length: Annotated[int, Between(1, 1000), Unit("channels")] = 2,
) -> StepOutput:
    """Subtract a background by the fully automatic wavelet and Whittaker method."""
    return _subtracted(
        "fabc", intensity, shift, lam=lam, scale=scale, num_std=num_std, diff_order=diff_order, min_length=min_length
    )


@step("baseline.pspline_asls", cite=("Eilers2005", "Eilers1996"))
@_documented
def pspline_asls(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    lam: Lam = 1e3,
    p: Share = 1e-2,
    num_knots: Knots = 100,
    spline_degree: Degree = 3,
    diff_order: Order = 2,
    max_iter: Rounds = 50,
    tol: Tolerance = 1e-3,
) -> StepOutput:
    """Subtract a background by the penalised-spline version of asls."""
    return _subtracted(
        "pspline_asls",
        intensity,
        shift,
        lam=lam,
        p=p,
        num_knots=num_knots,
        spline_degree=spline_degree,
        diff_order=diff_order,
        max_iter=max_iter,
        tol=tol,
    )


@step("baseline.pspline_iasls", cite=("He2014", "Eilers1996"))
@_documented
def pspline_iasls(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    lam: Lam = 1e1,
    p: Share = 1e-2,
    lam_1: Lam = 1e-4,
    num_knots: Knots = 100,
    spline_degree: Degree = 3,
    max_iter: Rounds = 50,
    tol: Tolerance = 1e-3,
    diff_order: OrderFrom2 = 2,
) -> StepOutput:
    """Subtract a background by the penalised-spline version of iasls."""
    return _subtracted(
        "pspline_iasls",
        intensity,
        shift,
        lam=lam,
        p=p,
        lam_1=lam_1,
        num_knots=num_knots,
        spline_degree=spline_degree,
        max_iter=max_iter,
        tol=tol,
        diff_order=diff_order,
    )


@step("baseline.pspline_airpls", cite=("Zhang2010", "Eilers1996"))
@_documented
def pspline_airpls(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    lam: Lam = 1e3,
    num_knots: Knots = 100,
    spline_degree: Degree = 3,
    diff_order: Order = 2,
    max_iter: Rounds = 50,
    tol: Tolerance = 1e-3,
) -> StepOutput:
    """Subtract a background by the penalised-spline version of airpls."""
    return _subtracted(
        "pspline_airpls",
        intensity,
        shift,
        lam=lam,
        num_knots=num_knots,
        spline_degree=spline_degree,
        diff_order=diff_order,
        max_iter=max_iter,
        tol=tol,
    )


@step("baseline.pspline_arpls", cite=("Baek2015", "Eilers1996"))
@_documented
def pspline_arpls(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    lam: Lam = 1e3,
    num_knots: Knots = 100,
    spline_degree: Degree = 3,
    diff_order: Order = 2,
    max_iter: Rounds = 50,
    tol: Tolerance = 1e-3,
) -> StepOutput:
    """Subtract a background by the penalised-spline version of arpls."""
    return _subtracted(
        "pspline_arpls",
        intensity,
        shift,
        lam=lam,
        num_knots=num_knots,
        spline_degree=spline_degree,
        diff_order=diff_order,
        max_iter=max_iter,
        tol=tol,
    )


@step("baseline.pspline_drpls", cite=("Xu2019", "Eilers1996"))
@_documented
def pspline_drpls(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    lam: Lam = 1e3,
    eta: Fraction = 0.5,
    num_knots: Knots = 100,
    spline_degree: Degree = 3,
    diff_order: OrderFrom2 = 2,
    max_iter: Rounds = 50,
    tol: Tolerance = 1e-3,
) -> StepOutput:
    """Subtract a background by the penalised-spline version of drpls."""
    return _subtracted(
        "pspline_drpls",
        intensity,
        shift,
        lam=lam,
        eta=eta,
        num_knots=num_knots,
        spline_degree=spline_degree,
        diff_order=diff_order,
        max_iter=max_iter,
        tol=tol,
    )


@step("baseline.pspline_iarpls", cite=("Ye2020", "Eilers1996"))
@_documented
def pspline_iarpls(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    lam: Lam = 1e3,
    num_knots: Knots = 100,
    spline_degree: Degree = 3,
    diff_order: Order = 2,
    max_iter: Rounds = 50,
    tol: Tolerance = 1e-3,
) -> StepOutput:
    """Subtract a background by the penalised-spline version of iarpls."""
    return _subtracted(
        "pspline_iarpls",
        intensity,
        shift,
        lam=lam,
        num_knots=num_knots,
        spline_degree=spline_degree,
        diff_order=diff_order,
        max_iter=max_iter,
        tol=tol,
    )


@step("baseline.pspline_aspls", cite=("Zhang2020", "Eilers1996"))
@_documented
def pspline_aspls(
    intensity: Floats,
    shift: NDArray[np.float64],
    *,
    lam: Lam = 1e4,
    num_knots: Knots = 100,
    spline_degree: Degree = 3,
    diff_order: Order = 2,
    max_iter: Rounds = 100,
    tol: Tolerance = 1e-3,
    asymmetric_coef: Positive = 0.5,
) -> StepOutput:
    """Subtract a background by the penalised-spline version of aspls."""
    return _subtracted(
        "pspline_aspls",
        intensity,
        shift,
        lam=lam,
        num_knots=num_knots,
        spline_degree=spline_degree,
        diff_order=diff_order,
        max_iter=max_iter,
        tol=tol,
        asymmetric_coef=asymmetric_coef,
    )
