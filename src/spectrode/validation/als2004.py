"""The four chromatographic runs every MCR program is tried on, beside what is published and what peers reach.

J. Jaumot, R. Gargallo, A. de Juan, R. Tauler, Chemometr. Intell. Lab. Syst. 76 (2005) 101: four HPLC-DAD runs of four
compounds, with the pure spectra and elution profiles. The file is not part of Spectrode; the MCR-ALS toolbox holds it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import SpectrodeError

__all__ = [
    "Als2004",
    "als2004_lines",
    "ambiguity_lines",
    "constraint_lines",
    "known_spectra_lines",
    "rank_lines",
    "read_als2004",
    "single_run_lines",
]

Array = NDArray[np.float64]

_ORDER = (2, 0, 1, 3)
"""Column of ``cpure`` that belongs to each row of ``spure``; the file has them in different orders."""
_RUNS = 4
_PUBLISHED_COMPONENTS = 4
_FLOOR = {"m1": 1.6650, "MATRIX": 1.944}
_PEERS = {
    "m1": (
        ("pyMCR 0.5.1, NNLS", 1.6679),
        ("pyMCR 0.5.1, least squares clipped", 1.7061),
        ("SpectroChemPy 1.1.3, NNLS", 1.6703),
        ("SpectroChemPy 1.1.3, default", 1.7459),
    ),
    "MATRIX": (("pyMCR 0.5.1, NNLS", 1.9464), ("pyMCR 0.5.1, least squares clipped", 1.9677)),
}
"""Lack of fit in per cent, measured with the programs named, started from ``spure``, to convergence."""


_TWO_SPECTRA = np.array([[0.1, 0.5, 1.0, 0.5, 0.2, 0.3], [0.3, 0.2, 0.4, 1.0, 0.6, 0.1]])
_TWO_PROFILES = np.array([[1.0, 0.2], [0.8, 0.5], [0.5, 0.7], [0.3, 1.0], [0.9, 0.9]])
_TWO_BANDS = ((0.334037, 0.787653), (0.356101, 0.804214))
"""Exact: the extremes lie in the corners of the allowed rotations."""
_RUN_BANDS = ((0.087, 0.477), (0.226, 0.779), (0.130, 0.600), (0.062, 0.531))
"""Found by a general search from four points; the true bands are at least as wide. In the order of ``spure``."""


@dataclass(frozen=True, eq=False)
class Als2004:
    """``single`` (51, 96) the first run, ``stacked`` (204, 96) all runs; pure ``spectra``, ``profiles`` (204, 4)."""

    single: Array
    stacked: Array
    spectra: Array
    profiles: Array

    @property
    def blocks(self) -> NDArray[np.int64]:
        """(204,) run of each row."""
        return np.repeat(np.arange(_RUNS), len(self.stacked) // _RUNS)


def read_als2004(path: Path) -> Als2004:
    """Read ``als2004dataset.MAT``.

    Raises
    ------
    SpectrodeError
        If the file cannot be read or does not hold the four arrays.
    """
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        table = loadmat(path)
        single, stacked, spectra, profiles = (
            np.asarray(table[key], dtype=np.float64) for key in ("m1", "MATRIX", "spure", "cpure")
        )
    except (OSError, ValueError, KeyError, NotImplementedError, MatReadError) as error:
        raise SpectrodeError(f"{path} is not als2004dataset.MAT ({error})") from None
    return Als2004(single, stacked, spectra, profiles[:, _ORDER])


def als2004_lines(path: Path) -> list[str]:
    """Return every table as Markdown."""
    data = read_als2004(path)
    tables = (rank_lines, known_spectra_lines, single_run_lines, constraint_lines, ambiguity_lines)
    return "\n\n".join("\n".join(table(data)) for table in tables).split("\n")


def rank_lines(data: Als2004) -> list[str]:
    """Return the number of components that each criterion finds."""
    from ..unmixing.rank import estimate_rank

    lines = ["| data | IND | parallel analysis | suggested | published |", "|---|---|---|---|---|"]
    for name, matrix in (("m1", data.single), ("MATRIX", data.stacked)):
        rank = estimate_rank(matrix)
        lines.append(f"| {name} | {rank.ind_minimum} | {rank.parallel} | {rank.suggested} | {_PUBLISHED_COMPONENTS} |")
    return lines


def known_spectra_lines(data: Als2004) -> list[str]:
    """Return how well concentrations come out when the pure spectra are known."""
    from ..unmixing.unmix import unmix

    known = {f"{i}": row for i, row in enumerate(data.spectra)}
    found = unmix(data.stacked, np.arange(data.stacked.shape[1], dtype=float), components=4, known=known)
    cosine = _cosine(found.concentrations, data.profiles)
    worst = np.abs(_areas(found.concentrations) / _areas(data.profiles) - 1.0).max()
    return [
        "| pure spectra known, all runs | ours | reference |",
        "|---|---|---|",
        f"| lack of fit, % | {found.lack_of_fit_percent:.4f} | 1.9698 |",
        f"| cosine of the profiles, smallest | {cosine.min():.5f} | 0.99972 |",
        f"| worst error of an area ratio, % | {100 * worst:.2f} | 1.9 |",
    ]


def single_run_lines(data: Als2004) -> list[str]:
    """Return the lack of fit with non-negativity alone, beside the floor of the rank and beside peers."""
    from ..unmixing.unmix import unmix

    lines = ["| non-negativity alone, from the pure spectra | m1, lack of fit % | MATRIX |", "|---|---|---|"]
    ours = {}
    for name, matrix in (("m1", data.single), ("MATRIX", data.stacked)):
        axis = np.arange(matrix.shape[1], dtype=float)
        found = unmix(matrix, axis, components=4, initial=data.spectra, max_iterations=3000, tolerance=1e-9)
        ours[name] = found.lack_of_fit_percent
        singular = np.linalg.svd(matrix, compute_uv=False)
        floor = 100.0 * float(np.sqrt((singular[4:] ** 2).sum() / (singular**2).sum()))
        if abs(floor - _FLOOR[name]) > 2e-3:
            raise SpectrodeError(
                f"{name}: four principal components leave {floor:.4f} %, not {_FLOOR[name]} %: another file"
            )
    lines.append(f"| ours | {ours['m1']:.4f} | {ours['MATRIX']:.4f} |")
    lines.append(
        f"| four principal components (no method can be lower) | {_FLOOR['m1']:.4f} | {_FLOOR['MATRIX']:.4f} |"
    )
    stacked = dict(_PEERS["MATRIX"])
    lines += [
        f"| {peer} | {value:.4f} | {stacked[peer]:.4f} |" if peer in stacked else f"| {peer} | {value:.4f} | – |"
        for peer, value in _PEERS["m1"]
    ]
    return lines


def constraint_lines(data: Als2004) -> list[str]:
    """Return what constraints make of all four runs: a lower lack of fit is not a better answer."""
    from ..unmixing.als import als
    from ..unmixing.constraints.curves import Unimodal
    from ..unmixing.constraints.trilinear import Trilinear

    lines = [
        "| all runs, from the pure spectra | lack of fit % | spectra, least cosine | profiles | worst area ratio, % "
        "| reference |",
        "|---|---|---|---|---|---|",
    ]
    cases = (
        ("non-negativity", (), "1.9459, 0.9914, 0.9841, 18.5"),
        ("and one maximum in each run", (Unimodal(side="concentrations"),), "1.9535, 0.9671, 0.9405, 28.8"),
        ("and one shape in all runs (trilinear)", (Trilinear(),), "1.9920, 0.9998, 0.9997, 1.12"),
    )
    for name, constraints, reference in cases:
        found = als(
            data.stacked, data.spectra, constraints=constraints, blocks=data.blocks, max_iterations=3000, tolerance=1e-9
        )
        spectra = _cosine(found.spectra.T, data.spectra.T).min()
        profiles = _cosine(found.concentrations, data.profiles).min()
        worst = 100.0 * np.abs(_areas(found.concentrations) / _areas(data.profiles) - 1.0).max()
        lines.append(
            f"| {name} | {found.lack_of_fit_percent:.4f} | {spectra:.4f} | {profiles:.4f} | {worst:.2f} | {reference} |"
        )
    return lines


def ambiguity_lines(data: Als2004) -> list[str]:
    """Return how far rotation can move a solution: a case with a closed answer, one run, and all runs of one shape.

    W. H. Lawton, E. A. Sylvestre, Technometrics 13 (1971) 617, for the case of two components.
    """
    from ..unmixing.ambiguity import feasible_bands

    two = feasible_bands(_TWO_PROFILES, _TWO_SPECTRA)
    # Each profile on the scale at which profiles times spectra give the data.
    scale = np.linalg.lstsq(data.profiles, data.stacked @ np.linalg.pinv(data.spectra), rcond=None)[0].diagonal()
    one = feasible_bands(data.profiles[: len(data.single)] * scale, data.spectra)
    lines = ["| relative contribution, lowest to highest | ours | reference |", "|---|---|---|"]
    for i, (low, high) in enumerate(_TWO_BANDS):
        lines.append(f"| two components, {i + 1} | {two.lowest[i]:.4f}–{two.highest[i]:.4f} | {low:.4f}–{high:.4f} |")
    for i, (low, high) in enumerate(_RUN_BANDS):
        settled = "" if one.settled[i].all() else " (search did not settle)"
        ours = f"{one.lowest[i]:.3f}–{one.highest[i]:.3f}{settled}"
        lines.append(f"| run 1, compound {i + 1} | {ours} | at least {low:.3f}–{high:.3f} |")
    widest = feasible_bands(data.profiles * scale, data.spectra, blocks=data.blocks).width.max()
    lines.append(f"| all runs, one shape each: widest | {widest:.4f} wide | below 0.01 |")
    return lines


def _cosine(a: Array, b: Array) -> Array:
    """Return the (k,) cosines of equal columns."""
    return np.asarray((a * b).sum(axis=0) / (np.linalg.norm(a, axis=0) * np.linalg.norm(b, axis=0)))


def _areas(profiles: Array) -> Array:
    """Return (runs - 1, k) areas relative to the first run."""
    areas = profiles.reshape(_RUNS, -1, profiles.shape[1]).sum(axis=1)
    return np.asarray(areas[1:] / areas[0])
