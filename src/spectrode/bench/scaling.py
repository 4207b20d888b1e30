"""How the cost grows with the number of spectra."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from ..kernels.threads import use_threads
from .cases import make_spectra

__all__ = ["Scaling", "scaling"]


@dataclass(frozen=True)
class Scaling:
    """Seconds for each number of spectra, and the exponent of the line through their logarithms."""

    step: str
    spectra: tuple[int, ...]
    seconds: tuple[float, ...]
    exponent: float


def scaling(
    step: str, sizes: tuple[int, ...] = (10_000, 100_000, 1_000_000), *, channels: int = 256, map_rows: int = 0
) -> Scaling:
    """Time a step on one thread for growing numbers of spectra.

    Parameters
    ----------
    sizes
        Numbers of spectra; at most 2**31.
    channels
        Channels a spectrum; 256 keeps a million float32 spectra at 1 GB.
    map_rows
        Rows of the map that the spectra form; 0 for a list.
    """
    from ..pipeline.step import step_spec

    call = step_spec(step).call
    largest, shift = make_spectra(max(sizes), channels, dtype="float32", map_rows=map_rows)
    seconds = []
    with use_threads(1):
        for n in (min(sizes), *sizes):  # the first is for compiling
            data = largest[:n]
            outside = {"scan_shape": (("y", map_rows), ("x", n // map_rows))} if map_rows else {}
            started = time.perf_counter()
            call(data, shift, keep=(), **outside)
            seconds.append(time.perf_counter() - started)
    exponent = float(np.polyfit(np.log(sizes), np.log(seconds[1:]), 1)[0])
    return Scaling(step, tuple(sizes), tuple(seconds[1:]), exponent)
