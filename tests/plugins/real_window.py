"""Opens the bundled sample in a real napari window, uses it as a person would, and takes pictures.

Run by hand (``xvfb-run -a -s "-screen 0 1600x1000x24" python tests/plugins/real_window.py out/``) to look at the
pictures, and by test_plugin_window.py, which checks what can be checked without eyes.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

SIZE = (1600, 1000)


def _settle(seconds: float = 0.3) -> None:
    from qtpy.QtWidgets import QApplication

    end = time.monotonic() + seconds
    while time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.01)


def _picture(viewer: Any, path: Path) -> None:
    _settle()
    viewer.window.screenshot(str(path), canvas_only=False, flash=False)


def _move_mouse_to(viewer: Any, row: float, column: float) -> tuple[float, float]:
    """Send real mouse events to the canvas: over the place at these shares of the map's height and width.

    Returns where that is on the stage, (y, x) in µm, worked out from the extent alone.
    """
    from qtpy.QtCore import QPoint
    from qtpy.QtTest import QTest

    canvas = viewer.window._qt_viewer.canvas.native
    middle = canvas.rect().center()
    extent = viewer.layers.extent.world
    size = extent[1] - extent[0]
    zoom = getattr(viewer, "scene", viewer).camera.zoom  # napari 0.9 moved the camera
    dx, dy = (column - 0.5) * size[-1] * zoom, (row - 0.5) * size[-2] * zoom
    aim = (float(extent[0][-2] + row * size[-2]), float(extent[0][-1] + column * size[-1]))
    for k in range(20):  # a busy machine delivers mouse events late; a move to the same place would send none
        QTest.mouseMove(canvas, middle + QPoint(k % 2, k % 2))
        QTest.mouseMove(canvas, middle + QPoint(int(dx), int(dy)))
        _settle(0.2)
        there = viewer.cursor.position[-2:]
        if max(abs(a - b) for a, b in zip(there, aim, strict=True)) < 3 / zoom:
            break
    return aim


def main(folder: Path, analyse: bool) -> dict[str, Any]:
    from qtpy.QtWidgets import QWidget

    from napari_spectrode.launch import open_sample

    folder.mkdir(parents=True, exist_ok=True)
    viewer = open_sample()
    viewer.window.resize(*SIZE)
    _settle(1.0)
    viewer.reset_view(margin=0.05)
    widget = viewer.window._qt_window.findChild(QWidget, "SpectrodeWidget")
    facts: dict[str, Any] = {"layers_first": [x.name for x in viewer.layers]}
    facts["aimed_at_um"] = _move_mouse_to(viewer, 0.4, 0.6)
    facts["status"] = widget.status.text()
    hit, columns = widget.active.cursor, widget.active.dataset.columns
    facts["hit_um"] = None if hit is None else (float(columns["y_um"][hit]), float(columns["x_um"][hit]))
    facts["hit_frame"] = None if hit is None else int(widget.active.dataset.frame_of()[hit])
    facts["frame"] = viewer.dims.current_step[0]
    facts["step_um"] = [float(abs(v)) for v in widget.active.geometry.scale[-2:]]
    _picture(viewer, folder / "1-sample.png")
    widget.on_click()
    viewer.dims.set_current_step(0, viewer.dims.nsteps[0] - 1)
    _move_mouse_to(viewer, 0.7, 0.3)
    widget.spectrum_plot._region.setRegion((1060, 1115))
    _settle(0.5)
    facts["layers_band"] = [x.name for x in viewer.layers]
    _picture(viewer, folder / "2-band.png")
    viewer.theme = "light"
    _picture(viewer, folder / "3-light.png")
    viewer.theme = "dark"
    if analyse:
        start = time.monotonic()
        widget.panel.analyse.click()
        _settle(0.4)
        _picture(viewer, folder / "4-running.png")
        while widget._job is not None and time.monotonic() - start < 300:
            _settle(0.1)
        facts["analyse_seconds"] = round(time.monotonic() - start, 1)
        facts["message"] = widget.message.text()
        facts["rows"] = [row.cells for row in widget.active.rows()]
        facts["layers_end"] = [x.name for x in viewer.layers]
        if widget.table.rowCount():
            widget.table.selectRow(widget.table.rowCount() // 2)
        _picture(viewer, folder / "5-analysed.png")
    listening = len(viewer.mouse_move_callbacks)
    viewer.window.remove_dock_widget(widget)
    _settle(0.1)
    facts["listeners_gone"] = listening - len(viewer.mouse_move_callbacks)
    viewer.dims.set_current_step(0, 0)
    viewer.layers.clear()
    viewer.close()
    return facts


if __name__ == "__main__":
    found = main(Path(sys.argv[1]), "--analyse" in sys.argv)
    (Path(sys.argv[1]) / "facts.json").write_text(json.dumps(found, indent=1, ensure_ascii=False), encoding="utf-8")
