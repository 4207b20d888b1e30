"""Measured cosmic rays that must go, and measured lines that must stay."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from spectrode.preprocessing import despike

SharedData = Callable[[str], Path]
SPIKE_STEPS = (despike.whitaker_hayes, despike.auto, despike.neighbours, despike.prominence)


@pytest.mark.parametrize("method", ["whitaker_hayes", "neighbours", "auto"])
def test_measured_cosmic_rays_are_found(shared_data: SharedData, method: str) -> None:
    from scipy.io import loadmat

    stored = loadmat(shared_data("witec/3D THP1 map 001 L5 (B+R) (Sub BG).mat"))
    record = next(value for key, value in stored.items() if not key.startswith("__"))
    counts = np.asarray(record["data"][0, 0], dtype=float)
    shift = np.asarray(record["axisscale"][0, 0][1, 0], dtype=float).ravel()
    context = {} if method == "whitaker_hayes" else {"scan_shape": (("y", 40), ("x", 40)), "scan_index": None}
    parameters = {"line_width": 1.8} if method == "whitaker_hayes" else {}
    spikes = getattr(despike, method)(counts, shift, **context, **parameters).products["spikes"]
    for pixel, position in ((1350, 679.9), (1188, 621.7), (1310, 679.9), (639, 532.2), (346, 930.4)):
        assert spikes[pixel, np.argmin(np.abs(shift - position))], (pixel, position)
    assert np.count_nonzero(spikes.any(axis=1)) <= 16  # one spectrum in a hundred


@pytest.mark.parametrize(
    "name",
    [
        *("Si_HLR633_Z010_100_40sx5", "S0B_HLR633_Z010_100_40sx5", "S0N_HLR633_Z010_100_15sx5"),
        *("S0P_HLR633_Z010_100_40sx5", "S1N_HLR633_Z010_100_10sx5", "sCAL_HLR633_Z010_100_15sx5"),
        *("nCAL_HLR633_Z010_100_5sx5", "Pol_HLR633_Z010_100_15sx5"),
    ],
)
def test_measured_silicon_calcite_and_polystyrene_keep_their_lines(shared_data: SharedData, name: str) -> None:
    shift, counts = np.loadtxt(shared_data(f"calibration_round_robin/TOP_Ho633/{name}.txt"), unpack=True)
    assert not despike.whitaker_hayes(counts, shift).products["spikes"].any()
    assert not despike.auto(counts, shift).products["spikes"].any()


def test_a_line_scan_keeps_silicon_and_tungsten_disulfide(shared_data: SharedData) -> None:
    from spectrode.readers import read

    dataset = read(shared_data("horiba_labspec_txt/raman_linescan.txt.gz"))
    counts, shift = np.asarray(dataset.intensity), np.asarray(dataset.shift)
    spikes = despike.auto(counts, shift, scan_shape=(("x", counts.shape[0]),)).products["spikes"]
    for position in (323.3, 351.5, 418.0, 520.2):
        near = np.abs(shift - position) < 4
        assert np.count_nonzero(spikes[:, near].any(axis=1)) <= 1, position
