"""How good the assignment is, on fresh mixtures of known truth: the table of ``spectrode validate``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..library.collection import Library, load_library
from .calibrate import CARBONS, sample
from .calibration import load_calibration
from .decoys import q_values
from .limits import limits_of
from .match import Answer, answer_spectrum
from .references import references_of
from .settings import AssignmentSettings
from .simulated import Mixture
from .verdicts import why_never

__all__ = ["QUALITY_COLUMNS", "Quality", "assignment_quality", "competition"]

QUALITY_COLUMNS = ("what", "value", "of", "percent", "wanted")


@dataclass(frozen=True)
class Quality:
    """Counts over all mixtures."""

    spectra: int
    claims: int
    """Names given with a q-value of at most 0.05."""
    false_claims: int
    strong: int
    """Species mixed in with a band ten times the noise."""
    strong_found: int
    identifiable: int
    """Those of them above their own detection limit."""
    identifiable_found: int
    unknown: int
    """Spectra with a species that the library lacks."""
    unknown_named: int
    """Those of them in which a name was given that is not there."""

    def rows(self) -> list[dict[str, str]]:
        """Return the table, in the order of :data:`QUALITY_COLUMNS`."""
        parts = (
            ("false among names with q ≤ 0.05", self.false_claims, self.claims, "≤ 5 %"),
            ("species with a band 10 times the noise found", self.strong_found, self.strong, ""),
            ("those above their detection limit found", self.identifiable_found, self.identifiable, "≥ 90 %"),
            (
                "spectra with a species outside the library: nothing absent named",
                self.unknown - self.unknown_named,
                self.unknown,
                "≥ 95 %",
            ),
        )
        return [
            {
                "what": what,
                "value": str(value),
                "of": str(of),
                "percent": f"{100 * value / of:.1f}" if of else "",
                "wanted": wanted,
            }
            for what, value, of, wanted in parts
        ]


def assignment_quality(seeds: Sequence[int], *, spectra: int = 50, library: Library | None = None) -> Quality:
    """Judge the assignment on simulated mixtures.

    Parameters
    ----------
    seeds : sequence of int
        One series of mixtures each; use seeds that no calibration has used.
    spectra : int
        Mixtures per seed; about half a second each.
    library : Library, optional
        The bundled one if not given.
    """
    library = load_library() if library is None else library
    settings = AssignmentSettings()
    counts = np.zeros(9, dtype=int)
    for seed in seeds:
        for number in range(spectra):
            truth = sample(seed, number, library)
            kept = [e for e in library.filter("raman") if e.id not in truth.unknown]
            references = references_of(kept, float(truth.shift[0]), float(truth.shift[-1]))
            answer = answer_spectrum(truth.shift, truth.spectrum, references, settings=settings)
            counts += _judged(truth, answer)
    return Quality(*(int(c) for c in counts))


def _judged(truth: Mixture, answer: Answer) -> np.ndarray[tuple[int], np.dtype[np.int_]]:
    entries = answer.references.entries
    there = set(truth.species) | (CARBONS if truth.carbon else set())
    calibration = load_calibration()
    named: set[str] = set()
    claims = false = 0
    for verdict in answer.verdicts:
        q = None if calibration is None else calibration.q_of(verdict.score)
        if verdict.status == "candidate" or (calibration is not None and (q is None or q > 0.05)):
            continue
        group = {entries[verdict.member.entry].id, *(entries[r].id for r in verdict.rivals)}
        named |= group
        claims += 1
        false += not group & there
    limits = {d.compound_id: d.height for d in limits_of(0, answer, ids=truth.species)}
    strong = [i for i, snr in truth.species.items() if snr >= 10]
    able = [
        i
        for i in strong
        if (limit := limits.get(i)) is not None
        and truth.species[i] * truth.noise >= limit
        and not why_never(next(e for e in entries if e.id == i))
    ]
    foreign = bool(truth.unknown)
    return np.array(
        [1, claims, false, len(strong), len(named & set(strong)), len(able), len(named & set(able)), foreign,
         foreign and false > 0]
    )  # fmt: skip


def competition(seed: int, *, repeats: int = 200, spectra: int = 2000, absent: float = 0.6) -> tuple[float, float]:
    """Return mean false discovery proportion and power of target–decoy competition at q ≤ 0.05 on known scores.

    True scores are N(3, 1), those by accident N(0, 1); each spectrum has one best target and one best decoy, and the
    better of the two wins.
    """
    rng = np.random.default_rng(seed)
    proportion, power = [], []
    for _ in range(repeats):
        there = rng.random(spectra) >= absent
        target = rng.standard_normal(spectra) + np.where(there, 3.0, 0.0)
        decoy = rng.standard_normal(spectra)
        won = target > decoy
        accepted = np.zeros(spectra, bool)
        accepted[np.flatnonzero(won)] = q_values(target[won].tolist(), decoy[~won].tolist()) <= 0.05
        proportion.append(float(np.sum(accepted & ~there)) / max(int(accepted.sum()), 1))
        power.append(float(np.sum(accepted & there)) / max(int(there.sum()), 1))
    return float(np.mean(proportion)), float(np.mean(power))
