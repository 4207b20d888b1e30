"""One event that is known to be there: a flash of light, or a cosmic ray?"""

from __future__ import annotations

import functools
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import StepError
from .survey import UNDECIDABLE_BELOW

__all__ = ["ATOM", "classify_event"]

Verdict = Literal["flash", "cosmic ray", "undecidable by width"]

ATOM = 0.95  # of the line width: fits are granted slightly sharper lines than the instrument makes
_EVIDENCE = 9.0  # chi-squared by which a spike must fit better: one flash in a hundred reaches it by noise
_FEWEST = 7


def classify_event(window: NDArray[Any], noise: float | NDArray[Any], line_width: float) -> Verdict:
    """Say by its width what an event is that was seen in one spectrum: light, or charge set free in the detector.

    The same comparison as in ``despike.auto``: few lines as wide as the instrument's or wider, on straight ground,
    against such lines and one to five channels with free heights.

    Parameters
    ----------
    window
        (channels,) counts around the event, whose highest channel is its middle; seven or more of them, of which the
        seven to either side of the highest are used.
    noise
        Standard deviation of the counts, one or (channels,).
    line_width
        Full width at half maximum of the instrument's lines, in channels.

    Returns
    -------
    str
        ``"flash"``, ``"cosmic ray"``, or, for lines narrower than 1.6 channels, ``"undecidable by width"``: whether it
        recurs in other frames or neighbours must then decide.

    Raises
    ------
    StepError
        If the window is too short or not finite, the noise not positive, or the line width not.
    """
    counts = np.asarray(window, dtype=np.float64)
    if counts.ndim != 1 or counts.size < _FEWEST or not np.all(np.isfinite(counts)):
        raise StepError(f"classify_event needs {_FEWEST} or more finite counts in a row; it got shape {counts.shape}")
    sigma = np.broadcast_to(np.asarray(noise, dtype=np.float64), counts.shape)
    if not (np.all(sigma > 0) and line_width > 0):
        raise StepError("classify_event needs a noise and a line width above zero")
    if line_width < UNDECIDABLE_BELOW:
        return "undecidable by width"
    from ...kernels.despike import judge, workspace
    from ...kernels.light import FREE, HALF_WINDOW

    size = 2 * HALF_WINDOW + 1
    first = int(np.argmax(counts)) - HALF_WINDOW
    place = np.arange(first, first + size)
    inside = (place >= 0) & (place < counts.size)
    place = np.clip(place, 0, counts.size - 1)
    weights = np.where(inside, 1 / sigma[place] ** 2, 0.0)
    free = np.zeros((size, FREE))
    free[:, 0] = 1
    free[:, 1] = np.linspace(-1, 1, size)
    atoms = _atoms(float(line_width))
    fit, doubt = np.empty(size), np.empty(size)
    score = judge(
        counts[place] - counts.min(),
        weights,
        atoms,
        free,
        first,
        counts.size,
        0.0,
        workspace(atoms.shape[1]),
        fit,
        doubt,
    )[0]
    return "cosmic ray" if score > _EVIDENCE else "flash"


@functools.lru_cache(maxsize=8)
def _atoms(line_width: float) -> NDArray[np.float64]:
    from ...kernels.light import line_atoms

    return line_atoms(ATOM * line_width)
