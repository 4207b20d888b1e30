"""Interleaved timing: ours on one thread, ours on two, the peer, in turn, so that a drifting machine hits all alike."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..kernels.threads import use_threads
from .cases import Case, make_spectra

__all__ = ["Measurement", "measure"]


@dataclass(frozen=True)
class Measurement:
    """Times of one case; all in microseconds a spectrum, medians over the rounds."""

    case: Case
    ours_us: float
    ours_two_threads_us: float
    peer_us: float
    ratio: float
    """Median over the rounds of peer over ours, one thread each."""
    ratio_low: float
    ratio_high: float
    two_threads: float
    """Median over the rounds of one thread over two."""

    @property
    def met(self) -> bool:
        """True if the ratio that was asked for is reached."""
        return self.ratio >= self.case.bar


def measure(case: Case, *, rounds: int = 5, channels: int = 1024, seed: int = 1, scale: float = 1.0) -> Measurement:
    """Time one case.

    Parameters
    ----------
    rounds
        Rounds counted, after one that is not (compiling, caches).
    channels
        Channels a spectrum.
    seed
        Of the spectra.
    scale
        Share of the case's number of spectra to use; smaller is quicker and noisier.
    """
    n = max(64, int(case.spectra * scale))
    n_peer = max(8, int(case.peer_spectra * scale))
    data, shift = make_spectra(n, channels, seed, case.dtype, case.map_rows)
    outside: dict[str, Any] = {}
    if case.map_rows:
        columns = n // case.map_rows
        data = data[: case.map_rows * columns]
        outside = {"scan_shape": (("y", case.map_rows), ("x", columns)), "scan_index": np.arange(data.shape[0])}
        n_peer = data.shape[0]
    ours = _runner(case, data, shift, outside)
    times: list[tuple[float, float, float]] = []
    for _ in range(rounds + 1):
        with use_threads(1):
            one = _seconds(ours)
        with use_threads(2):
            two = _seconds(ours)
        peer = _seconds(lambda: case.run_peer(data[:n_peer], shift, case.parameters))
        times.append((one / data.shape[0] * 1e6, two / data.shape[0] * 1e6, peer / n_peer * 1e6))
    one_us, two_us, peer_us = np.array(times[1:]).T
    ratios = peer_us / one_us
    return Measurement(
        case,
        float(np.median(one_us)),
        float(np.median(two_us)),
        float(np.median(peer_us)),
        float(np.median(ratios)),
        float(ratios.min()),
        float(ratios.max()),
        float(np.median(one_us / two_us)),
    )


def _runner(case: Case, data: Any, shift: Any, outside: dict[str, Any]) -> Callable[[], object]:
    from ..pipeline.step import step_spec

    call = step_spec(case.step).call
    return lambda: call(data, shift, keep=(), **outside, **case.parameters)


def _seconds(function: Callable[[], object]) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started
