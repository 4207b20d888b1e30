"""Floating-point numbers out of binary files."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["native_float32"]


def native_float32(values: NDArray[Any]) -> NDArray[np.float32]:
    """Return a copy in the machine's byte order, in which every NaN is the ordinary one.

    A *signalling* NaN, as damaged bytes can spell it, would make numpy warn whenever it is merely looked at.
    """
    with np.errstate(invalid="ignore"):
        copy: NDArray[np.float32] = values.astype(np.float32)
        copy[np.isnan(copy)] = np.nan
    return copy
