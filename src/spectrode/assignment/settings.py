"""What the user may set about the assignment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from ..errors import StepError
from ..pipeline.parameters import Between, Unit, checked_parameters, parameters_of

__all__ = ["AssignmentSettings"]


@dataclass(frozen=True, kw_only=True)
class AssignmentSettings:
    """How component spectra are compared with the reference library.

    Parameters
    ----------
    groups : tuple of str
        Library groups to consider; with ``ids`` empty too, the whole library. A smaller library finds fewer
        alternatives, so state it beside a result.
    ids : tuple of str
        Single entries to consider in addition to ``groups``.
    axis_uncertainty_cm1 : float
        Standard uncertainty of the spectrum's axis. Larger accepts more distant matches, accidental ones too.
    coverage : float
        Tolerance of a match in combined uncertainties of band, axis and fit. Larger is more permissive.
    min_snr : float
        A peak counts from this signal-to-noise ratio on. Larger finds fewer, safer peaks.
    min_relative_height : float
        A peak counts from this fraction of the strongest peak on, whatever the noise says. Larger finds fewer peaks.
    broad_cm1 : float
        A peak at least this wide is listed as broad and compared with broad reference bands only.
    min_bands : int
        So many bands that nothing else explains must agree before a species is called assigned (a species with one
        single discriminating band is the exception). Larger is stricter.
    min_score : float
        Score from which a species can be called assigned. Larger is stricter.
    chance : float
        Accepted probability that an assigned species is not there, by the model of accident and prior. Smaller is
        stricter. How often that comes true is what the q-values say.
    max_q : float
        Where the q-value of a species is known, it is assigned only up to this one. Smaller is stricter.
    ambiguity_margin : float
        Another entry that explains the same peaks with a score at most this much lower can make the result ambiguous.
        Larger calls more results ambiguous.
    ambiguity_odds : float
        It does so if the evidence for the better one is at most this many to one. Larger calls more results ambiguous.

    Raises
    ------
    StepError
        For a value of the wrong type or outside its limits.
    """

    groups: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    axis_uncertainty_cm1: Annotated[float, Between(0.0, 20.0), Unit("cm-1")] = 2.0
    coverage: Annotated[float, Between(0.5, 4.0)] = 2.5
    min_snr: Annotated[float, Between(2.0, 100.0)] = 5.0
    min_relative_height: Annotated[float, Between(0.0, 0.5)] = 0.01
    broad_cm1: Annotated[float, Between(20.0, 400.0), Unit("cm-1")] = 80.0
    min_bands: Annotated[int, Between(1, 10)] = 2
    min_score: Annotated[float, Between(0.0, 1.0)] = 0.7
    chance: Annotated[float, Between(1e-6, 0.5)] = 0.15
    max_q: Annotated[float, Between(1e-4, 1.0)] = 0.05
    ambiguity_margin: Annotated[float, Between(0.0, 0.5)] = 0.35
    ambiguity_odds: Annotated[float, Between(1.0, 1e4)] = 30.0

    def __post_init__(self) -> None:
        declared = parameters_of(type(self))
        given = {name: getattr(self, name) for name in declared}
        for name, value in checked_parameters("assignment", declared, given, StepError).items():
            object.__setattr__(self, name, value)
