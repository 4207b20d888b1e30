"""What is timed, against whom, and the ratio that is asked for."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["CASES", "Case", "make_spectra"]

Floats = NDArray[Any]


@dataclass(frozen=True)
class Case:
    """A step of ours beside the same method of a peer, at the same settings."""

    step: str
    peer: str
    """Name of the peer, as printed."""
    run_peer: Callable[[Floats, NDArray[np.float64], Mapping[str, Any]], None]
    """Runs the peer over all spectra given."""
    bar: float
    """Ratio of the times a spectrum, peer over ours, that is asked for; below 1 where the peer is a mere copy."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    spectra: int = 4096
    peer_spectra: int = 48
    """Fewer than ours, because the peers take a millisecond a spectrum."""
    dtype: str = "float64"
    compute_bound: bool = True
    map_rows: int = 0
    """Rows of the map that the spectra form; 0 for a list."""


def make_spectra(n: int, channels: int = 1024, seed: int = 1, dtype: str = "float64") -> tuple[Floats, Floats]:
    """Return (n, channels) counts and their axis: bands on a curved fluorescence of varying height, photon noise.

    Every spectrum differs in height, curvature and noise, so that iterations end at different rounds as they do in
    measured maps.
    """
    rng = np.random.default_rng(seed)
    shift = np.linspace(300.0, 1900.0, channels)
    unit = np.linspace(-1, 1, channels)
    places = np.array([380, 520, 717, 893, 974, 1092, 1350, 1452, 1582, 1770])
    widths = np.array([9, 4, 5, 6, 7, 5, 45, 12, 30, 8])
    bands = 1 / (1 + ((shift - places[:, None]) / widths[:, None]) ** 2)
    out = np.empty((n, channels), dtype=dtype)
    for start in range(0, n, 1024):
        rows = min(1024, n - start)
        heights = rng.gamma(1.5, 150.0, (rows, places.size))
        tilt, bend, level = (
            rng.uniform(-0.5, 0.5, (rows, 1)),
            rng.uniform(0.2, 0.9, (rows, 1)),
            rng.gamma(4, 400, (rows, 1)),
        )
        counts = level * (1 + tilt * unit + bend * (1 - unit**2)) + heights @ bands
        out[start : start + rows] = counts + np.sqrt(counts) * rng.standard_normal((rows, channels))
    return out, shift


def _pybaselines(method: str) -> Callable[[Floats, NDArray[np.float64], Mapping[str, Any]], None]:
    def run(intensity: Floats, shift: NDArray[np.float64], parameters: Mapping[str, Any]) -> None:
        from pybaselines import Baseline
        from pybaselines.utils import ParameterWarning

        fit = getattr(Baseline(x_data=shift, check_finite=False, assume_sorted=True), method)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ParameterWarning)  # a window wider than a short spectrum
            for spectrum in intensity:
                fit(spectrum, **parameters)

    return run


def _ramanspy_whitaker_hayes(intensity: Floats, shift: NDArray[np.float64], parameters: Mapping[str, Any]) -> None:
    from ..interop.ramanspy import ramanspy_package

    ramanspy = ramanspy_package()
    ramanspy.preprocessing.despike.WhitakerHayes(kernel_size=3, threshold=8).apply(
        ramanspy.SpectralContainer(intensity, shift)
    )


def _copy(intensity: Floats, shift: NDArray[np.float64], parameters: Mapping[str, Any]) -> None:
    """One pass that reads every value and writes one: what any step that changes spectra must at least do."""
    np.multiply(intensity, intensity.dtype.type(1.0), out=np.empty_like(intensity))


def _baseline(method: str, bar: float, **more: Any) -> Case:
    return Case(f"baseline.{method}", f"pybaselines {method}", _pybaselines(method), bar, **more)


CASES: tuple[Case, ...] = (
    _baseline("asls", 25),
    _baseline("arpls", 25),
    _baseline("airpls", 20),
    _baseline("iasls", 1),
    _baseline("drpls", 1),
    _baseline("aspls", 1, peer_spectra=24),
    _baseline("iarpls", 1),
    _baseline("pspline_asls", 1),
    _baseline("pspline_arpls", 10),
    _baseline("pspline_airpls", 1),
    _baseline("snip", 10, parameters={"max_half_window": 40}),
    _baseline("modpoly", 4, parameters={"poly_order": 5}),
    _baseline("imodpoly", 1, parameters={"poly_order": 5}),
    _baseline("mor", 1, parameters={"half_window": 40}),
    _baseline("rubberband", 1),
    Case(
        "despike.whitaker_hayes", "RamanSPy WhitakerHayes", _ramanspy_whitaker_hayes, 20,
        spectra=16_384, peer_spectra=512,
    ),
    Case(
        "despike.neighbours", "read and write once", _copy, 1 / 3,
        spectra=100_000, peer_spectra=100_000, dtype="float32", compute_bound=False, map_rows=250,
    ),
    Case(
        "despike.auto", "read and write once", _copy, 0,
        spectra=100_000, peer_spectra=100_000, dtype="float32", compute_bound=False, map_rows=250,
    ),
)  # fmt: skip
