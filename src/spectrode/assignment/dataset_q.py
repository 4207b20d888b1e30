"""q-values from the components of one data set alone: target–decoy competition on the spot.

For a library or settings that no calibration covers. With few components it cannot promise much: the one added in the
estimate keeps q above 0.05 until twenty species are found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from ..library.collection import Library
from .decoys import decoys_of, is_decoy, q_values
from .match import answer_spectrum, checked_input
from .references import references_of
from .settings import AssignmentSettings
from .verdicts import why_unnamed

__all__ = ["dataset_q_values"]

_LOOSE = 0.49


def dataset_q_values(
    shift: ArrayLike,
    spectra: ArrayLike,
    library: Library,
    *,
    settings: AssignmentSettings | None = None,
    noise: ArrayLike | None = None,
    entrapment: Sequence[str] = (),
    seed: int = 0,
) -> dict[tuple[int, str], float]:
    """Return the q-value of every (component, entry id) that wins a place beside an equal number of decoys.

    Parameters
    ----------
    shift, spectra, library, settings, noise
        As for :func:`spectrode.assignment.assign_components`.
    entrapment : sequence of str
        Ids of entries that cannot be in this sample (minerals in an organic interphase). They are searched for and
        counted like decoys, beside them.
    seed : int
        Of the decoys.
    """
    settings = AssignmentSettings() if settings is None else settings
    x, y, levels = checked_input(shift, spectra, noise)
    chosen = list(library.filter("raman", settings.groups, settings.ids))
    trapped = {library.get(i).id for i in entrapment}
    targets: list[tuple[int, str, float]] = []
    decoys: list[float] = []
    if not len(y):
        return {}
    references = references_of([*chosen, *decoys_of(chosen, seed)], float(x[0]), float(x[-1]))
    for component, (spectrum, level) in enumerate(zip(y, levels, strict=True)):
        answer = answer_spectrum(x, spectrum, references, settings=replace(settings, chance=_LOOSE), noise=level)
        for verdict in answer.verdicts[: len(answer.explanation.members)]:
            entry = references.entries[verdict.member.entry]
            if is_decoy(entry.id) or entry.id in trapped:
                decoys.append(verdict.score)
            elif not why_unnamed(references, verdict.member):
                targets.append((component, entry.id, verdict.score))
    q = q_values([score for _, _, score in targets], decoys)
    return {(c, i): float(v) for (c, i, _), v in zip(targets, np.atleast_1d(q), strict=True)}
