"""What scatters in the simulated cell: bands from the literature, and how each interface species comes and goes.

Positions, their uncertainties and widths are literature numbers (see :data:`REFERENCES`); where a width is not
published it is a plausible one for the state of matter. Onset potentials, rates and charges are *invented* to be
plausible for a carbonate electrolyte; they are the truth of the simulation and not a statement about any battery.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "ELECTRODES",
    "ELECTROLYTE",
    "NEAR_FIELD",
    "REFERENCES",
    "Band",
    "Drawn",
    "Electrode",
    "Material",
    "Process",
    "Species",
    "draw_bands",
]

REFERENCES = {
    "Allen2014": "Allen, Borodin, Seo, Henderson, J. Power Sources 267 (2014) 821 (EC ring modes, free and on Li+)",
    "Angell1956": "Angell, Trans. Faraday Soc. 52 (1956) 1178 (ethylene carbonate)",
    "Fini1973": "Fini, Mirone, Fortunato, J. Chem. Soc. Faraday Trans. 2 (1973) (EC carbonyl doublet)",
    "Seo2015": "Seo, Reininger, Kutcher, Redmond, Euler, Lucht, J. Phys. Chem. C 119 (2015) 14038 (EMC)",
    "LinVien1991": "Lin-Vien, Colthup, Fateley, Grasselli, Handbook of Infrared and Raman Characteristic Frequencies "
    "of Organic Molecules, Academic Press (1991)",
    "Begun1967": "Begun and Rutenberg, Inorg. Chem. 6 (1967) 2212 (hexafluorophosphate)",
    "Brooker1971": "Brooker and Bates, J. Chem. Phys. 54 (1971) 4788, doi 10.1063/1.1674754 (Li2CO3)",
    "Pasierb2001": "Pasierb et al., Vib. Spectrosc. (2001) (Li2CO3)",
    "Temprano2024": "Temprano et al., Energy Storage Materials (2024) 103794, doi 10.1016/j.ensm.2024.103794",
    "Nanda2019": "Nanda et al., Joule 3 (2019) 2001, doi 10.1016/j.joule.2019.05.026 (SEI on a-Si)",
    "Hy2014": "Hy et al., J. Power Sources 256 (2014) 324 (SEI by SHINERS)",
    "Buehler1961": "Buehler and Bues, Z. Anorg. Allg. Chem. 308 (1961) 62 (fluorophosphates)",
    "Tuinstra1970": "Tuinstra and Koenig, J. Chem. Phys. 53 (1970) 1126, doi 10.1063/1.1674108 (graphite)",
    "Ferrari2000": "Ferrari and Robertson, Phys. Rev. B 61 (2000) 14095 (D band; disperses by about 50 cm-1/eV)",
    "Amdouni2006": "Amdouni et al., Ionics 12 (2006) 117 (LiNi0.5Mn1.5O4)",
    "WangLi2011": "L. Wang et al., Solid State Ionics 193 (2011) 32 (LiNi0.5Mn1.5O4)",
}
"""Where the positions come from."""


@dataclass(frozen=True)
class Band:
    """One band: literature position and its uncertainty (cm-1), own width (FWHM, cm-1), relative height."""

    position_cm1: float
    uncertainty_cm1: float
    fwhm_cm1: float
    height: float
    reference: str


@dataclass(frozen=True)
class Process:
    """First-order growth towards full coverage beyond an onset potential, and loss beyond another.

    d(theta)/dt = growth_per_s g(E) (1 - theta) - loss_per_s h(E) (theta - kept) with logistic g and h.
    ``direction`` -1: grows below ``onset_v`` and is lost above ``loss_v``; +1: the other way round.
    """

    onset_v: float
    growth_per_s: float
    width_v: float
    charge_mc: float
    """Charge of full coverage, mC (a magnitude; the sign follows from the direction)."""
    loss_v: float | None = None
    loss_per_s: float = 0.0
    kept: float = 0.0
    """Coverage that is never lost."""


@dataclass(frozen=True)
class Material:
    """A name and its bands; ``library_id`` is the folder name such a compound has in a reference library."""

    name: str
    library_id: str
    bands: tuple[Band, ...]


@dataclass(frozen=True)
class Species:
    """An interface species, seen by the near field only."""

    material: Material
    process: Process
    share: float
    """Height of its strongest band at full coverage, relative to ``near_field_counts``."""


@dataclass(frozen=True)
class Electrode:
    """The electrode: bands that fade as the electrode reacts, and the processes that carry its current."""

    material: Material
    processes: tuple[Process, ...]
    fading: float
    """Share of the band height that is lost at full reaction."""


@dataclass(frozen=True)
class Drawn:
    """The bands of one material as they are in one experiment (drawn within the literature's uncertainty)."""

    material: Material
    position_cm1: NDArray[np.float64]
    fwhm_cm1: NDArray[np.float64]
    height: NDArray[np.float64]


def draw_bands(materials: Sequence[Material], rng: np.random.Generator) -> list[Drawn]:
    """Draw positions (uniform within 0.6 of the uncertainty) and heights (log-normal, 8 %) for one experiment.

    A real sample never sits exactly at the literature value, and a search must not be rewarded for expecting that.
    """
    drawn = []
    for material in materials:
        bands = material.bands
        offset = rng.uniform(-0.6, 0.6, len(bands)) * [b.uncertainty_cm1 for b in bands]
        height = np.array([b.height for b in bands]) * np.exp(0.08 * rng.standard_normal(len(bands)))
        position = np.array([b.position_cm1 for b in bands]) + offset
        drawn.append(Drawn(material, position, np.array([b.fwhm_cm1 for b in bands]), height))
    return drawn


# EC : EMC : PF6- in fixed proportions are one component, because nothing in the simulation separates them.
ELECTROLYTE = Material(
    "electrolyte (EC, EMC, LiPF6)",
    "ec",
    (
        Band(717.0, 2.0, 9.0, 0.50, "Allen2014"),
        Band(728.5, 2.0, 10.0, 0.30, "Allen2014"),
        Band(893.0, 1.5, 9.0, 1.00, "Allen2014"),
        Band(904.0, 2.0, 10.0, 0.50, "Allen2014"),
        Band(973.0, 3.0, 12.0, 0.18, "Angell1956"),
        Band(1074.0, 4.0, 16.0, 0.13, "Angell1956"),
        Band(1221.0, 4.0, 16.0, 0.07, "Angell1956"),
        Band(1484.0, 4.0, 16.0, 0.18, "Angell1956"),
        Band(1773.0, 4.0, 18.0, 0.30, "Fini1973"),
        Band(1805.0, 5.0, 18.0, 0.13, "Fini1973"),
        Band(901.0, 4.0, 14.0, 0.45, "Seo2015"),
        Band(944.0, 6.0, 14.0, 0.08, "Seo2015"),
        Band(1115.0, 8.0, 18.0, 0.08, "LinVien1991"),
        Band(1456.0, 6.0, 20.0, 0.25, "LinVien1991"),
        Band(1750.0, 6.0, 20.0, 0.18, "Seo2015"),
        Band(741.0, 2.0, 8.0, 0.75, "Begun1967"),
        Band(569.0, 5.0, 12.0, 0.05, "Begun1967"),
        Band(470.0, 4.0, 12.0, 0.07, "Begun1967"),
    ),
)

_LI2CO3 = Material(
    "lithium carbonate",
    "li2co3",
    (
        Band(1091.0, 3.0, 10.0, 1.00, "Temprano2024"),
        Band(711.0, 2.0, 6.0, 0.10, "Brooker1971"),
        Band(748.0, 2.0, 7.0, 0.08, "Pasierb2001"),
        Band(1459.0, 3.0, 12.0, 0.08, "Brooker1971"),
    ),
)
_LEDC = Material(
    "lithium ethylene dicarbonate",
    "ledc",
    (
        Band(1085.0, 15.0, 26.0, 1.00, "Nanda2019"),
        Band(890.0, 20.0, 24.0, 0.70, "LinVien1991"),
        Band(1465.0, 15.0, 28.0, 0.65, "LinVien1991"),
    ),
)
_POLYVC = Material(
    "poly(vinylene carbonate)",
    "polyvc",
    (
        Band(1000.0, 10.0, 24.0, 1.00, "Temprano2024"),
        Band(1815.0, 15.0, 26.0, 0.80, "LinVien1991"),
    ),
)
_CEI_BROAD = Material(
    "broad CEI bands (unassigned)",
    "cei_broad",
    (
        Band(1544.5, 30.0, 163.0, 1.00, "Temprano2024"),
        Band(1196.0, 30.0, 136.0, 0.80, "Temprano2024"),
    ),
)
_LIPO2F2 = Material(
    "lithium difluorophosphate",
    "po2f2",
    (
        Band(1150.0, 20.0, 18.0, 1.00, "Buehler1961"),
        Band(837.0, 15.0, 18.0, 0.80, "Buehler1961"),
        Band(500.0, 15.0, 18.0, 0.25, "Buehler1961"),
        Band(357.0, 12.0, 16.0, 0.20, "Buehler1961"),
    ),
)

NEAR_FIELD: dict[str, tuple[Species, ...]] = {
    "sei": (
        Species(_POLYVC, Process(1.25, 1 / 200, 0.030, 25.0), 0.9),
        Species(_LEDC, Process(0.80, 1 / 220, 0.030, 60.0, loss_v=1.10, loss_per_s=1 / 350, kept=0.30), 1.2),
        Species(_LI2CO3, Process(0.45, 1 / 260, 0.025, 40.0), 1.5),
    ),
    "cei": (
        Species(_CEI_BROAD, Process(4.52, 1 / 120, 0.025, 30.0, loss_v=4.40, loss_per_s=1 / 160), 1.6),
        Species(_LIPO2F2, Process(4.30, 1 / 300, 0.030, 25.0), 1.1),
    ),
}
"""Interface species of a negative electrode (``sei``) and of a positive one (``cei``)."""

ELECTRODES: dict[str, Electrode] = {
    "sei": Electrode(
        Material(
            "graphite",
            "graphite",
            (
                Band(1581.0, 2.0, 18.0, 1.00, "Tuinstra1970"),
                Band(1312.0, 8.0, 45.0, 0.45, "Ferrari2000"),  # 1350 at 532 nm, less 50 cm-1/eV for 785 nm
                Band(1616.0, 4.0, 15.0, 0.10, "Ferrari2000"),
            ),
        ),
        (
            Process(0.190, 1 / 50, 0.012, 70.0, loss_v=0.240, loss_per_s=1 / 60),
            Process(0.105, 1 / 45, 0.010, 90.0, loss_v=0.155, loss_per_s=1 / 60),
            Process(0.078, 1 / 60, 0.008, 110.0, loss_v=0.120, loss_per_s=1 / 60),
        ),
        fading=0.7,
    ),
    "cei": Electrode(
        Material(
            "LiNi0.5Mn1.5O4",
            "lnmo",
            (
                Band(637.0, 4.0, 22.0, 1.00, "Amdouni2006"),
                Band(499.0, 5.0, 25.0, 0.60, "Amdouni2006"),
                Band(405.0, 4.0, 18.0, 0.30, "WangLi2011"),
                Band(593.0, 5.0, 30.0, 0.35, "WangLi2011"),
            ),
        ),
        (
            Process(4.72, 1 / 40, 0.010, 120.0, loss_v=4.66, loss_per_s=1 / 45),
            Process(4.77, 1 / 40, 0.010, 120.0, loss_v=4.71, loss_per_s=1 / 45),
            Process(4.03, 1 / 60, 0.020, 25.0, loss_v=3.98, loss_per_s=1 / 60),
        ),
        fading=0.5,
    ),
}
"""Graphite and the LNMO spinel."""
