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


def make_spectra(
    n: int, channels: int = 1024, seed: int = 1, dtype: str = "float64", map_rows: int = 0
) -> tuple[Floats, Floats]:
    """Return (n, channels) counts and their axis: bands on a curved fluorescence of varying height, photon noise.

    Every spectrum differs in height, curvature and noise, so that iterations end at different rounds as they do in
    measured maps. With ``map_rows`` the heights of bands and fluorescence vary smoothly over a map of so many rows, as
    a spot wider than the step makes them.
    """
    rng = np.random.default_rng(seed)
    shift = np.linspace(300.0, 1900.0, channels)
    unit = np.linspace(-1, 1, channels)
    places = np.array([380, 520, 717, 893, 974, 1092, 1350, 1452, 1582, 1770])
    widths = np.array([9, 4, 5, 6, 7, 5, 45, 12, 30, 8])
    bands = 1 / (1 + ((shift - places[:, None]) / widths[:, None]) ** 2)
    heights = rng.gamma(1.5, 150.0, (n, places.size))
    tilt, bend, level = rng.uniform(-0.5, 0.5, (n, 1)), rng.uniform(0.2, 0.9, (n, 1)), rng.gamma(4, 400, (n, 1))
    if map_rows:
        heights, tilt, bend, level = (_smooth_over(map_rows, values) for values in (heights, tilt, bend, level))
    out = np.empty((n, channels), dtype=dtype)
    for start in range(0, n, 1024):
        rows = slice(start, min(start + 1024, n))
        counts = level[rows] * (1 + tilt[rows] * unit + bend[rows] * (1 - unit**2)) + heights[rows] @ bands
        out[rows] = counts + np.sqrt(counts) * rng.standard_normal(counts.shape)
    return out, shift


def _smooth_over(map_rows: int, values: Floats) -> Floats:
    """Return the values blurred over the map with a standard deviation of two pixels, with their spread kept."""
    from scipy.ndimage import gaussian_filter

    columns = values.shape[0] // map_rows
    image = values[: map_rows * columns].reshape(map_rows, columns, -1)
    blurred = gaussian_filter(image, (2, 2, 0)).reshape(map_rows * columns, -1)
    middle = values.mean(axis=0)
    wider = middle + (blurred - blurred.mean(axis=0)) * (0.5 * values.std(axis=0) / blurred.std(axis=0))
    return np.concatenate([np.clip(wider, 0.1 * middle, None), values[map_rows * columns :]])


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
