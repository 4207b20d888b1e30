"""How many components stand above the noise: several criteria, a recommendation, its stability, and the reasons."""

from __future__ import annotations

from .estimate import NoiseModel, RankEstimate, estimate_rank

__all__ = ["NoiseModel", "RankEstimate", "estimate_rank"]
