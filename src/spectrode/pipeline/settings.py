"""What a recipe says about unmixing; assignment has its own settings beside its code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from .parameters import Between

__all__ = ["UnmixingSettings"]


@dataclass(frozen=True, kw_only=True)
class UnmixingSettings:
    """How the processed spectra are decomposed.

    Parameters
    ----------
    method
        ``mcr_als`` (known spectra can be held fixed), ``nmf``, or ``none`` to skip unmixing.
    components
        Number of components, known ones included; 0 takes the suggested rank (never fewer than the known spectra
        plus one).
    max_components
        Upper limit of the suggested rank; larger allows finer distinctions and more artefacts.
    known
        Spectra held fixed: ``frames:0`` or ``frames:0-1`` (mean of those frames of this experiment, processed the
        same way), ``file:PATH`` (any readable spectrum, processed the same way), ``library:ID`` (rendered from the
        reference library; a band list is a drawn curve, so prefer a measured spectrum).
    set_aside_events
        Spectra that would make a component by themselves (a missed cosmic ray, a flash seen once) take no part in
        finding components; they get concentrations afterwards, and are flagged and counted.
    weights
        ``noise``: every value counts by its own photon and read noise, estimated from the data, so that bright
        fluorescence does not drown a weak band elsewhere; slower. ``none``: all count alike.
    blocks
        Column whose values tell the blocks of a multiset apart (``frame``, ``cycle``, ``source``), for constraints that
        hold within a block or compare blocks; one block if empty.
    resamples
        Resampled data sets from which the statistical part of the intervals comes; the part from rotational ambiguity
        is searched beside it. More are steadier and take longer; 0 leaves all intervals out.
    max_iterations
        Iterations of alternating least squares or NMF; larger takes longer.
    tolerance
        Relative change of the residual at which iteration stops; smaller is stricter.
    seed
        For the methods that draw random numbers.
    """

    method: Literal["mcr_als", "nmf", "none"] = "mcr_als"
    components: Annotated[int, Between(0, 30)] = 0
    max_components: Annotated[int, Between(1, 30)] = 8
    known: tuple[str, ...] = ()
    set_aside_events: bool = True
    weights: Literal["none", "noise"] = "none"
    blocks: str = ""
    resamples: Annotated[int, Between(0, 10_000)] = 40
    max_iterations: Annotated[int, Between(1, 100_000)] = 500
    tolerance: Annotated[float, Between(1e-14, 1e-1)] = 1e-6
    seed: Annotated[int, Between(0, 2**31)] = 0
