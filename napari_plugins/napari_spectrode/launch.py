"""Opens the bundled sample in a viewer with the widget docked: ``spectrode demo --gui``.

Importing this module raises ``ImportError`` where napari, pyqtgraph or a Qt binding is missing.
"""

from __future__ import annotations

from pathlib import Path

import napari
from qtpy.QtWidgets import QApplication

from .sample_data import sample_experiment
from .widgets.main import SpectrodeWidget

__all__ = ["open_sample", "run_sample"]


def open_sample(show: bool = True, screenshot: Path | None = None) -> napari.Viewer:
    """Open the sample.

    Parameters
    ----------
    show
        Show the window; the caller then runs napari's event loop (``napari.run()``).
    screenshot
        Write a picture of the whole window there.

    Returns
    -------
    napari.Viewer
    """
    experiment = sample_experiment()
    viewer = napari.Viewer(title="Spectrode", show=show)
    widget = SpectrodeWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Spectrode", area="right")
    widget.show_experiment(experiment)
    # Fit the map to the canvas as it is once the dock has taken its share of the window.
    QApplication.processEvents()
    viewer.reset_view(margin=0.05)
    if screenshot is not None:
        viewer.window.screenshot(str(screenshot), canvas_only=False, flash=False)
    return viewer


def run_sample() -> None:
    """Open the sample and stay until the window is closed."""
    open_sample()
    napari.run()
