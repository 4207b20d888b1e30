"""Physical cross-checks of components: solvent bound to lithium, the salt as internal standard, carbon."""

from .carbon import CarbonBand, CarbonFit, fit_carbon
from .coordination import Coordination, CoordinationPair, coordination, coordination_pairs
from .internal_standard import SALTS, StandardBand, Standardised, standard_band, standardise
from .lines import Line, LineFit, fit_lines, pseudo_voigt

__all__ = [
    "SALTS",
    "CarbonBand",
    "CarbonFit",
    "Coordination",
    "CoordinationPair",
    "Line",
    "LineFit",
    "StandardBand",
    "Standardised",
    "coordination",
    "coordination_pairs",
    "fit_carbon",
    "fit_lines",
    "pseudo_voigt",
    "standard_band",
    "standardise",
]
