"""What is true of a simulated experiment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..dataset import OperandoDataset
from .lines import Line

__all__ = ["Component", "Experiment", "Kind", "Species", "Truth"]

Array = NDArray[np.float64]
Kind = Literal["electrolyte", "product", "electrode", "unknown", "carbon"]


@dataclass(frozen=True, eq=False)
class Species:
    """One compound in one experiment.

    Parameters
    ----------
    id
        Id in the reference library; None for a compound that no library holds.
    accept
        Ids that name it rightly: its own, and those of one family that no spectrum of this range tells apart.
    lines
        Its bands as drawn, on the true axis; heights relative to its component's strongest channel.
    spectrum
        (channels,) its share of the component's spectrum.
    band_snr
        For each line: height over the noise of one channel, in the spectra that hold most of it (95th percentile).
    """

    id: str | None
    name: str
    kind: Kind
    accept: frozenset[str]
    lines: tuple[Line, ...]
    spectrum: Array
    band_snr: tuple[float, ...] = ()

    @property
    def snr(self) -> float:
        """Signal-to-noise ratio of the strongest band in range."""
        return max(self.band_snr, default=0.0)

    def bands_above(self, snr: float) -> int:
        """Return how many bands reach a signal-to-noise ratio."""
        return sum(value >= snr for value in self.band_snr)


@dataclass(frozen=True, eq=False)
class Component:
    """What varies as one: a compound, or the electrolyte's blend.

    ``spectrum`` (channels,) has a maximum of 1 and ``concentrations`` (spectra,) are counts at that channel.
    """

    kind: Kind
    species: tuple[Species, ...]
    spectrum: Array
    concentrations: Array

    @property
    def snr(self) -> float:
        """Signal-to-noise ratio of the strongest band of all its species."""
        return max(s.snr for s in self.species)


@dataclass(frozen=True, eq=False)
class Truth:
    """Components, what is absent, and how the light was disturbed."""

    components: tuple[Component, ...]
    absent: frozenset[str]
    """Ids of the library's other entries."""
    background: Array
    """(spectra, channels) fluorescence in counts."""
    axis_error_cm1: Array
    """(channels,) axis as stated minus true axis."""
    scenario: str

    @property
    def species(self) -> tuple[Species, ...]:
        """Every compound."""
        return tuple(s for c in self.components for s in c.species)

    @property
    def present(self) -> frozenset[str]:
        """Every id that names something present."""
        return frozenset().union(*(s.accept for s in self.species))

    def rank(self, snr: float = 3.0, correlation: float = 0.995) -> int:
        """Return how many components are there to be seen.

        A component whose strongest band stays below ``snr`` is not counted, nor one whose concentrations follow those
        of another with a correlation above ``correlation``: no method can tell either.
        """
        seen = [c.concentrations for c in self.components if c.snr >= snr]
        apart: list[Array] = []
        for profile in seen:
            if all(np.corrcoef(profile, other)[0, 1] < correlation for other in apart):
                apart.append(profile)
        return len(apart)


@dataclass(frozen=True, eq=False)
class Experiment:
    """A dataset as an instrument would give it, and the truth behind it."""

    seed: int
    dataset: OperandoDataset
    truth: Truth
