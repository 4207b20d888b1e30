"""What the steps of this folder share: their output, their help texts, and steps made from one line of a table."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import StepError
from ...pipeline.step import StepOutput, step
from ._common import _HELP, Floats

Mask = NDArray[np.bool_] | None

_MORE_HELP = {
    **_HELP,
    "alpha": "Pull of the background towards the opening; larger follows it more closely and is less smooth.",
    "alpha_factor": "Factor on the step of the minimisation; smaller is slower and safer.",
    "asymmetry": "Cost of intensities below the background against those above; larger stays lower.",
    "average_dataset": "Find the weights once, from the mean spectrum, rather than as the mean over all spectra.",
    "beta": "Smoothness of the background at the start; larger is smoother.",
    "beta_mult": "Factor on beta in each round; larger ends smoother.",
    "constrained_fraction": "Share of the channels at each end that the polynomial is held to.",
    "constrained_weight": "Weight of the channels at the ends; larger holds the polynomial to them more tightly.",
    "conserve_memory": "Compute the local weights anew in each round, which needs less memory.",
    "cost_function": "Cost of a residual; asymmetric ones cost less above the background, truncated and indec least.",
    "delta": "Distance on the axis below which fits are interpolated, a hundredth of the axis if not given; larger is "
    "faster and coarser.",
    "eps": "Squared residual below which the weight no longer grows, set from the fit if not given.",
    "eps_0": "Signal below which the cost is quadratic rather than absolute.",
    "eps_1": "Change of the signal below which the cost of its derivatives is rounded off.",
    "estimation_poly_order": "Order of the polynomial from which the orders are chosen if none is given.",
    "fill_half_window": "Channels on both sides of a band that count as band too; larger leaves out more.",
    "filter_type": "Half the order of the high-pass filter; larger cuts more sharply.",
    "fit_parabola": "Subtract a parabola first, so that the ends are near zero, as the method needs.",
    "fraction": "Share of the channels that each local fit uses; larger is smoother.",
    "freq_cutoff": "Frequency above which structure counts as signal, in cycles a channel; larger follows more.",
    "gamma": "Smoothness of the signal at the start; larger is smoother.",
    "gamma_mult": "Factor on gamma in each round; smaller ends closer to the measured signal.",
    "height_scale": "Height of the band added beyond the ends, over that of the spectrum.",
    "interp_half_window": "Channels on both sides whose mean the lines across bands start from; larger is steadier.",
    "lam_0": "Penalty on the signal; larger leaves fewer bands in it.",
    "lam_2": "Penalty on the second derivative of the signal; larger makes smoother bands.",
    "lam_smooth": "Smoothness to which the spectrum is smoothed first; larger is smoother.",
    "max_iter_2": "Rounds of the outer loop after which the method gives up; larger takes longer.",
    "max_value": "Largest exponent of ten of lam (or order of the polynomial) that is tried.",
    "method": "Method of the background within this one.",
    "min_fwhm": "Channels in a row that must lie below the lines before these are drawn down, twice the half window if "
    "not given; larger stays higher.",
    "min_half_window": "Half window that is at least reached; larger is faster and smoother.",
    "min_value": "Smallest exponent of ten of lam (or order of the polynomial) that is tried.",
    "original_criteria": "Stop by the change of the corrected spectrum, as published, rather than of the background.",
    "peak_ratio": "Share of the channels that belong to bands; larger goes lower.",
    "regions_cm1": "Pairs of first and last places, within which means over several channels are fitted; the whole "
    "axis if not given.",
    "robust_opening": "Start from the lower of the opening and its average, as in mor; stays lower.",
    "sampling": "Channels over which each mean is taken; larger is faster and smoother.",
    "sections": "Parts into which the spectrum is divided; more follow more structure.",
    "side": "End at which the spectrum is continued by a band.",
    "sigma": "Width of the Gaussian that smooths, a sixth of the window if not given; larger is smoother.",
    "sigma_scale": "Width of the band added beyond the ends, over the channels added.",
    "step": "Step between the exponents (or orders) that are tried; smaller takes longer.",
    "symmetric": "Bands point downwards as well as upwards.",
    "symmetric_weights": "Weigh intensities above and below the background alike.",
    "threshold": "Height above which intensities count as bands, set from the spectrum if not given; larger stays "
    "higher.",
    "tol_2": "Change at which the outer loop stops; smaller takes longer.",
    "tol_3": "Change of the threshold at which the search for it stops; smaller takes longer.",
    "total_points": "Channels that each local fit uses, instead of fraction; larger is smoother.",
    "use_threshold": "Clip what stands above the fit in each round rather than give it less weight.",
    "width_scale": "Channels added beyond the ends, over those of the spectrum.",
}
_OWN_HELP = {
    "adaptive_minmax": {"poly_order": "Order of the first polynomial, one below that of the second; chosen for each "
                        "spectrum if not given."},
    "collab_pls": {"lam": "Smoothness of the background, the default of the method if not given; larger is smoother."},
    "custom_bc": {"lam": "Smoothness to which the background is smoothed in the end (not at all if not given)."},
    "fastchrom": {"threshold": "Moving standard deviation below which channels are background, its 15th percentile if "
                  "not given; larger stays higher."},
    "beads": {"lam_1": "Penalty on the first derivative of the signal; larger makes flatter bands."},
    "loess": {"scale": "Residual, in median deviations, from which channels lose their weight; larger stays higher."},
    "mixture_model": {"p": "Weight at the start of what lies above the background; smaller starts lower."},
    "mpls": {"p": "Weight of the channels that are not anchors of the background; larger follows them more."},
    "swima": {"max_half_window": "Half window at which the method gives up, half the spectrum if not given."},
}  # fmt: skip
for _same in ("mpspline", "pspline_mpls"):
    _OWN_HELP[_same] = _OWN_HELP["mpls"]


def explained(function: Callable[..., StepOutput]) -> Callable[..., StepOutput]:
    """Add the Parameters section, whose words are nearly the same for all methods, to a docstring of one line."""
    own = _OWN_HELP.get(function.__name__, {})
    signature = inspect.signature(function)
    names = [p.name for p in signature.parameters.values() if p.kind is p.KEYWORD_ONLY and p.name != "mask"]
    lines = [f"{name}\n    {own.get(name) or _MORE_HELP[name]}" for name in names]
    if lines:
        function.__doc__ = "\n".join([str(function.__doc__), "", "Parameters", "----------", *lines])
    return function


def by_library(method: str, intensity: Floats, shift: NDArray[np.float64], parameters: Mapping[str, Any]) -> StepOutput:
    """Run one method of pybaselines on every spectrum, one after another.

    A spectrum on which the method fails becomes NaN, and is counted, as is one that did not settle.

    Raises
    ------
    StepError
        If the parameters do not go with the number of channels.
    """
    from pybaselines import Baseline

    # One object for all spectra: it keeps the banded matrices or spline bases, which depend on the axis only.
    run = getattr(Baseline(x_data=shift, check_finite=False, assume_sorted=True), method)
    background = np.array(intensity, dtype=np.float64)
    unsettled = np.zeros(background.shape[0], dtype=bool)
    with warnings.catch_warnings():
        # What pybaselines warns of (few points below the fit, overflow in a weight) ends the iteration early; it is
        # told once, as not settled, instead of once a spectrum.
        warnings.simplefilter("ignore")
        for row in np.flatnonzero(np.ptp(background, axis=1) > 0):
            try:
                background[row], details = run(background[row], **parameters)
            except (np.linalg.LinAlgError, RuntimeError, ZeroDivisionError):
                background[row] = np.nan
                continue
            except (ValueError, IndexError, TypeError) as error:
                raise StepError(
                    f"baseline.{method} cannot work on spectra of {shift.size} channels with these parameters: {error}"
                ) from error
            unsettled[row] = _is_unsettled(details.get("tol_history", ()), parameters.get("tol"))
    return finished(method, intensity, shift, background, unsettled)


def _is_unsettled(history: Any, tol: float | None) -> bool:
    """Return whether the last change is above the tolerance; methods of two loops have tables, which are not judged."""
    changes = np.asarray(history)
    return tol is not None and changes.ndim == 1 and changes.size > 0 and bool(changes[-1] > tol)


def delegated(
    name: str, summary: str, cite: str | tuple[str, ...], **parameters: tuple[Any, Any]
) -> Callable[..., StepOutput]:
    """Make the step ``baseline.<name>`` that runs the method of that name of pybaselines.

    Parameters
    ----------
    name
        Of the method, and of the variable to which the step is assigned.
    summary
        One sentence.
    cite
        Keys of the papers.
    **parameters
        (type, default) of each parameter, in the order of the form. The signature of the step is made of them, so
        that recipes, command line and forms see the same as of a function written out.
    """

    def run(intensity: Floats, shift: NDArray[np.float64], **given: Any) -> StepOutput:
        return by_library(name, intensity, shift, given)

    return declared(run, name, summary, cite, **parameters)


def declared(
    run: Callable[..., StepOutput], name: str, summary: str, cite: str | tuple[str, ...], **parameters: tuple[Any, Any]
) -> Callable[..., StepOutput]:
    """Give ``run`` the signature, docstring and name of the step ``baseline.<name>``, and register it."""
    both = inspect.Parameter.POSITIONAL_OR_KEYWORD
    kinds = {"intensity": Floats, "shift": NDArray[np.float64], **{key: kind for key, (kind, _) in parameters.items()}}
    run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            *(inspect.Parameter(key, both, annotation=kinds[key]) for key in ("intensity", "shift")),
            *(
                inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
                for key, (kind, default) in parameters.items()
            ),
        ],
        return_annotation=StepOutput,
    )
    run.__annotations__ = {**kinds, "return": StepOutput}
    run.__name__ = run.__qualname__ = name
    callers = (str(frame.frame.f_globals["__name__"]) for frame in inspect.stack())
    run.__module__ = next(caller for caller in callers if caller != __name__)
    run.__doc__ = summary
    return step(f"baseline.{name}", cite=cite)(explained(run))


def filled(background: Floats, shift: NDArray[np.float64], mask: Mask) -> Floats:
    """Return the background with masked channels interpolated along the axis."""
    if mask is None:
        return background
    for row in np.flatnonzero(mask.any(axis=1) & ~mask.all(axis=1)):
        good = ~mask[row]
        background[row] = np.interp(shift, shift[good], background[row, good])
    return background


def finished(
    method: str, intensity: Floats, shift: NDArray[np.float64], background: Floats, unsettled: Any = False
) -> StepOutput:
    """Return the step's output; a constant spectrum is its own background, and ``unsettled`` (spectra,) is counted."""
    constant = np.ptp(intensity, axis=1) == 0
    background[constant] = intensity[constant]
    lost = ~np.isfinite(background).all(axis=1)
    background[lost] = np.nan
    count = int(np.count_nonzero(np.logical_and(unsettled, ~(constant | lost))))
    counts = {
        f"baseline.{method} did not settle within its rounds for {{count}} of {{total}} spectra": count,
        f"baseline.{method} found no background for {{count}} of {{total}} spectra, which became NaN": int(lost.sum()),
    }
    products = {"background": background.astype(intensity.dtype, copy=False)}
    return StepOutput(intensity - background, shift, products, counts=counts)
