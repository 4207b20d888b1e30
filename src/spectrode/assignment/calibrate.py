"""Measure how often an assignment of a given score is false, and write the table that q-values are read from.

    python -m spectrode.assignment.calibrate [--spectra 400] [--seed 2000] [--output calibration.toml]

Spectra of known mixtures, some with species that the library lacks, are searched against the library and an equal
number of decoys. Two estimates are made at each score: from the decoys that win, and from the truth (which also counts
what no decoy imitates, the chemical relatives of a species that is not in the library). The larger of the two is kept.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..library.collection import Library, load_library
from ..library.fingerprint import fingerprint
from .calibration import CALIBRATION_FILE, decisive_settings
from .decoys import decoys_of, is_decoy, q_values
from .match import Answer, answer_spectrum
from .references import references_of
from .settings import AssignmentSettings
from .simulated import Mixture, mixture
from .verdicts import why_unnamed

__all__ = ["CARBONS", "Claim", "claims_of", "main", "run", "sample"]

CARBONS = frozenset({"carbon_black", "photo_carbon", "hard_carbon"})
"""What broad carbon bands of photodamage may be called."""

_LOOSE = 0.49  # of ``chance``: the table must reach below what is accepted
_GRID = 0.25


@dataclass(frozen=True)
class Claim:
    """One name given to one simulated spectrum."""

    spectrum: int
    entry: str
    score: float
    assigned: bool
    """Status assigned or ambiguous."""
    true: bool
    """The species, or one of those that it cannot be told from, is there."""
    decoy: bool


def sample(seed: int, number: int, library: Library) -> Mixture:
    """Return the mixture with this number in the series of this seed."""
    rng = np.random.default_rng([seed, number])
    known, unknown, imaginary = int(rng.integers(0, 5)), int(rng.random() < 0.35), int(rng.random() < 0.3)
    return mixture(rng, library, known=max(known, 1 - unknown - imaginary), unknown=unknown, imaginary=imaginary)


def claims_of(number: int, truth: Mixture, answer: Answer) -> list[Claim]:
    """Return the names given, told by the truth."""
    entries = answer.references.entries
    there = set(truth.species) | (CARBONS if truth.carbon else set())
    out = []
    for verdict in answer.verdicts[: len(answer.explanation.members)]:
        own = entries[verdict.member.entry].id
        names = {own, *(entries[r].id for r in verdict.rivals)}
        if not why_unnamed(answer.references, verdict.member):
            named = verdict.status != "candidate"
            out.append(Claim(number, own, verdict.score, named, bool(names & there), is_decoy(own)))
    return out


def run(seed: int, spectra: int, library: Library, settings: AssignmentSettings) -> list[Claim]:
    """Return all names given to a series of spectra, decoys among them."""
    loose = replace(settings, chance=_LOOSE)
    decoys = decoys_of(library.filter("raman"), seed)
    claims: list[Claim] = []
    for number in range(spectra):
        truth = sample(seed, number, library)
        kept = [e for e in library.filter("raman") if e.id not in truth.unknown]
        references = references_of([*kept, *decoys], float(truth.shift[0]), float(truth.shift[-1]))
        answer = answer_spectrum(truth.shift, truth.spectrum, references, settings=loose)
        claims += claims_of(number, truth, answer)
    return claims


def table(claims: Sequence[Claim]) -> tuple[list[float], list[float]]:
    """Return scores on an even grid and the q-value from each on."""
    targets = [c for c in claims if not c.decoy]
    false = [c.score for c in targets if not c.true]
    scores = [c.score for c in targets]
    by_decoys = q_values(scores, [c.score for c in claims if c.decoy])
    by_truth = q_values(scores, false)
    order = np.argsort(scores, kind="stable")
    ranked = np.asarray(scores)[order]
    worst = np.maximum(by_decoys, by_truth)[order]
    grid = np.arange(np.floor(ranked[0] / _GRID) * _GRID, ranked[-1] + _GRID, _GRID)
    # Each step of the grid takes the q-value of the lowest score at or below it: never too small.
    at = np.maximum(np.searchsorted(ranked, grid, side="right") - 1, 0)
    keep = np.flatnonzero(np.r_[True, np.diff(worst[at]) < 0])
    return [float(g) for g in grid[keep]], [float(q) for q in worst[at][keep]]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the calibration and write its table."""
    parser = argparse.ArgumentParser(description="calibrate the q-values of the assignment")
    parser.add_argument("--spectra", type=int, default=400)
    parser.add_argument("--seed", type=int, default=2000)
    parser.add_argument("--output", type=Path, default=CALIBRATION_FILE)
    options = parser.parse_args(arguments)
    library, settings = load_library(), AssignmentSettings()
    claims = run(options.seed, options.spectra, library, settings)
    score, q = table(claims)
    targets = [c for c in claims if not c.decoy]
    lines = [
        "# Written by python -m spectrode.assignment.calibrate; run it again when the library or the method changes.",
        f'library = "{fingerprint(library)}"',
        f"seed = {options.seed}",
        f"spectra = {options.spectra}",
        f"targets = {len(targets)}",
        f"false = {sum(not c.true for c in targets)}",
        f"decoys = {sum(c.decoy for c in claims)}",
        f"score = [{', '.join(f'{s:.2f}' for s in score)}]",
        f"q = [{', '.join(f'{v:.4f}' for v in q)}]",
        "",
        "[settings]",
        *(f"{name} = {value!r}" for name, value in decisive_settings(settings).items()),
    ]
    options.output.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
