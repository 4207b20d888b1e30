"""Spectra that a recipe names: frames of the experiment, a file, an entry of the reference library."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..dataset import OperandoDataset
from ..errors import SpectrodeError

if TYPE_CHECKING:
    from ..pipeline.recipe import Recipe

__all__ = ["named_spectra"]


def named_spectra(
    words: Sequence[str], dataset: OperandoDataset, recipe: Recipe, use: NDArray[np.bool_]
) -> dict[str, NDArray[np.float64]]:
    """Resolve the words of a recipe to spectra on the dataset's axis.

    Parameters
    ----------
    words
        ``frames:0``, ``frames:0-1``, ``file:PATH`` or ``library:ID``.
    dataset
        The processed spectra.
    recipe
        Its steps process the spectrum of a file in the same way.
    use
        (spectra,) those that may enter a mean.

    Raises
    ------
    SpectrodeError
        If a word is not understood, or its spectrum cannot be had on this axis.
    """
    found: dict[str, NDArray[np.float64]] = {}
    for word in words:
        kind, _, what = word.partition(":")
        if kind == "frames":
            spectrum = _frames_mean(what, dataset, use)
        elif kind == "file":
            spectrum = _file_spectrum(what, dataset, recipe)
        elif kind == "library":
            from ..library import load_library
            from ..library.render import render

            spectrum = render(load_library().get(what), dataset.shift)
        else:
            raise SpectrodeError(
                f"unmixing.known: {word!r} is not understood; possible: frames:0, frames:0-1, file:PATH, library:ID"
            )
        spectrum = np.clip(np.asarray(spectrum, dtype=float), 0, None)
        if not spectrum.max() > 0:
            raise SpectrodeError(f"unmixing.known: the spectrum of {word!r} is zero on this axis")
        found[word] = spectrum
    return found


def _frames_mean(what: str, dataset: OperandoDataset, use: NDArray[np.bool_]) -> NDArray[np.float64]:
    first, _, last = what.partition("-")
    try:
        low, high = int(first), int(last or first)
    except ValueError:
        raise SpectrodeError(
            f"unmixing.known: frames:{what} needs whole numbers such as frames:0 or frames:0-1"
        ) from None
    frame = dataset.frame_of()
    count = int(frame.max()) + 1 if frame.size else 0
    if count < 2:
        raise SpectrodeError(
            "unmixing.known asks for frames of this experiment, but it has one frame only; use a recipe without "
            "known frames (raman-map), or give the files of all frames"
        )
    chosen = use & (frame >= low) & (frame <= high)
    if not chosen.any():
        raise SpectrodeError(
            f"unmixing.known: frames:{what} holds no usable spectrum; there are frames 0 to {count - 1}"
        )
    # The mean, not the median: noise of single spectra averages out, cosmic rays are gone by now.
    return np.asarray(dataset.intensity[chosen].mean(axis=0), dtype=float)


def _file_spectrum(what: str, dataset: OperandoDataset, recipe: Recipe) -> NDArray[np.float64]:
    from ..pipeline.run import apply_steps
    from ..readers import read

    other, _ = apply_steps(read(what), recipe.steps)
    if other.axis_kind != dataset.axis_kind:
        raise SpectrodeError(f"unmixing.known: {what} is on another kind of axis ({other.axis_label})")
    if other.shift[0] > dataset.shift[0] or other.shift[-1] < dataset.shift[-1]:
        raise SpectrodeError(
            f"unmixing.known: {what} covers {other.shift[0]:.0f}–{other.shift[-1]:.0f} cm-1, but the experiment needs "
            f"{dataset.shift[0]:.0f}–{dataset.shift[-1]:.0f} cm-1; crop the experiment"
        )
    mean = np.asarray(other.intensity, dtype=float).mean(axis=0)
    return np.asarray(np.interp(dataset.shift, other.shift, mean))
