"""Shared by the plugin's tests: a small experiment of known truth, and the skip where Qt cannot run."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from spectrode.dataset import OperandoDataset
from spectrode.electrochemistry.trace import Trace
from spectrode.errors import Cancelled
from spectrode.metadata import Metadata

if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

START = datetime(2024, 5, 3, 10, 0, tzinfo=UTC)


def _why_no_qt() -> str | None:
    for name in ("qtpy.QtWidgets", "pyqtgraph", "napari._qt.qt_main_window"):
        try:
            importlib.import_module(name)
        except ImportError as error:
            return (
                f"the window tests need Qt and its system libraries ({name}: {error}); on Debian or Ubuntu: "
                "apt-get install libegl1 libgl1 libxkbcommon-x11-0 libdbus-1-3 libxcb-cursor0 xvfb"
            )
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    windows = [item for item in items if item.get_closest_marker("gui") is not None]
    reason = _why_no_qt() if windows else None
    if reason is not None:
        for item in windows:
            item.add_marker(pytest.mark.skip(reason=reason))


@dataclass(frozen=True)
class Truth:
    """An experiment whose every number is known."""

    dataset: OperandoDataset
    trace: Trace
    area: NDArray[np.float64]
    """(spectra,) area of the band at 1086 cm-1 above the sloping background, counts × cm-1."""


def build_truth(frames: int = 3, rows: int = 4, columns: int = 5, *, missing: int = 0) -> Truth:
    """Snake-wise recorded maps; steps of 2 µm (x) and -1.5 µm (y, the stage runs backwards); 10 s a pixel.

    The trace starts 30 s before the first spectrum and falls from 3 V by 1 mV/s.
    """
    grid = np.arange(frames * rows * columns).reshape(frames, rows, columns)
    snake = grid.copy()
    snake[:, 1::2] = snake[:, 1::2, ::-1]
    scan_index = snake.ravel()[: grid.size - missing]
    frame, y, x = np.unravel_index(scan_index, grid.shape)
    n = scan_index.size
    shift = np.linspace(1000, 1200, 401)
    area = 100.0 + 10.0 * frame + 3.0 * y + 1.0 * x
    band = np.exp(-((shift - 1086) ** 2) / (2 * 4.0**2)) / (4.0 * np.sqrt(2 * np.pi))
    intensity = area[:, None] * band + 50 + 0.1 * (shift - 1000) * (1 + x[:, None])
    dataset = OperandoDataset(
        intensity=intensity.astype(np.float32),
        shift=shift,
        columns={
            "time_s": 10.0 * np.arange(n),
            "exposure_s": np.full(n, 4.0),
            "x_um": -3 + 2.0 * x,
            "y_um": 7 - 1.5 * y,
            "scan_index": scan_index,
        },
        scan_shape=(("frame", frames), ("y", rows), ("x", columns)),
        metadata=Metadata(title="truth", started_at=START),
    )
    seconds = np.arange(0.0, 10 * grid.size + 60)
    trace = Trace(
        time_s=seconds,
        potential_v=3 - 1e-3 * seconds,
        current_ma=-0.01 - 1e-5 * seconds,
        columns={"cycle": np.ones(seconds.size, dtype=int)},
        reference="Li/Li+",
        started_at=START - timedelta(seconds=30),
    )
    return Truth(dataset, trace, area)


@pytest.fixture
def truth() -> Truth:
    return build_truth()


@pytest.fixture
def make_truth() -> Callable[..., Truth]:
    return build_truth


def fake_result(dataset: OperandoDataset) -> Any:
    """Two components; the first found with evidence, the second unassigned."""
    n = dataset.n_spectra
    band = SimpleNamespace(
        observed_cm1=1086.4, reference_cm1=1086.0, uncertainty_cm1=2.0, assignment="CO3 sym. stretch"
    )
    common = {"alternatives": (), "note": "", "onset_potential_v": None, "q_value": None}
    return SimpleNamespace(
        dataset=dataset,
        raw=dataset,
        warnings=("cosmic: 2 spectra changed",),
        decomposition=SimpleNamespace(
            names=("component 1", "component 2"),
            known=(False, True),
            spectra=np.stack([np.ones(dataset.n_channels), np.linspace(0, 1, dataset.n_channels)]),
            concentrations=np.stack([np.arange(n, dtype=float), np.full(n, 2.0)], axis=1),
        ),
        assignments=(
            SimpleNamespace(
                component=0,
                compound_id="sei/li2co3",
                compound="lithium carbonate",
                status="assigned",
                score=0.0,  # zero is a score, not "none"
                evidence="established",
                kind="measured",
                matched=(band,),
                missing_cm1=(191.0,),
                unexplained_cm1=(),
                **common,
            ),
            SimpleNamespace(
                component=1,
                compound_id=None,
                compound="unassigned",
                status="unassigned",
                score=0.0,
                evidence="",
                kind="",
                matched=(),
                missing_cm1=(),
                unexplained_cm1=(1150.2,),
                **common,
            ),
        ),
    )


@pytest.fixture
def fake_analyse() -> Callable[..., Any]:
    """An analysis that reports progress, can be stopped, and records what it was asked."""
    asked: list[dict[str, Any]] = []

    def analyse(spectra: OperandoDataset, *, progress: Any = None, should_stop: Any = None, **options: Any) -> Any:
        import time

        asked.append(options)
        steps = 400 if options["recipe"] == "slow" else 4
        for k in range(steps):
            if should_stop is not None and should_stop():
                raise Cancelled("the analysis was cancelled")
            if progress is not None:
                progress("unmixing", k, steps)
            time.sleep(0.01)
        return fake_result(spectra)

    analyse.asked = asked  # type: ignore[attr-defined]
    return analyse


@pytest.fixture
def make_result() -> Callable[[OperandoDataset], Any]:
    return fake_result
