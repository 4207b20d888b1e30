"""The spectrum under the mouse, the pinned ones, and the range of the band image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyqtgraph as pg
from numpy.typing import NDArray
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QWidget

from ..state.experiment import SpectrumView
from .theme import PINNED, PlotColours

__all__ = ["SpectrumPlot"]


class SpectrumPlot(pg.PlotWidget):
    """Draws what it is given; emits ``range_changed(low, high)`` when the user drags the band range."""

    range_changed = Signal(float, float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        item = self.getPlotItem()
        item.showGrid(x=True, y=True, alpha=0.15)
        item.setMenuEnabled(True)
        item.hideButtons()
        for side in ("left", "bottom"):
            item.getAxis(side).enableAutoSIPrefix(False)
        self._legend = item.addLegend(offset=(-5, 5), labelTextSize="8pt")
        self._current = item.plot(connect="finite")
        self._component = item.plot(connect="finite")
        self._pins: list[Any] = []
        self._marks: list[Any] = []
        self._region = pg.LinearRegionItem(values=(0, 1), swapMode="sort")
        self._region.setZValue(-10)
        self._region.setVisible(False)
        item.addItem(self._region, ignoreBounds=True)
        self._region.sigRegionChanged.connect(self._dragged)
        self._shown: tuple[SpectrumView | None, Sequence[SpectrumView]] = (None, ())
        self._component_label: str | None = None
        self.set_axis_label("Raman shift (cm⁻¹)")
        self.setMinimumHeight(140)

    def set_axis_label(self, text: str) -> None:
        """Name the horizontal axis, with its unit."""
        self.setLabel("bottom", text)
        self.setLabel("left", "intensity (counts)")

    def set_colours(self, colours: PlotColours) -> None:
        """Follow the viewer's theme."""
        self.setBackground(colours.background)
        for side in ("left", "bottom"):
            axis = self.getPlotItem().getAxis(side)
            axis.setPen(colours.text)
            axis.setTextPen(colours.text)
        self._legend.setLabelTextColor(colours.text)
        backdrop = pg.mkColor(colours.background)
        backdrop.setAlpha(200)
        self._legend.setBrush(backdrop)
        self._current.setPen(pg.mkPen(colours.spectrum, width=1.5))
        self._component.setPen(pg.mkPen(colours.component, width=1.5, style=Qt.PenStyle.DashLine))
        shade = pg.mkColor(colours.text)
        shade.setAlpha(40)
        self._region.setBrush(shade)
        shade.setAlpha(70)
        self._region.setHoverBrush(shade)
        for line in self._region.lines:
            line.setPen(pg.mkPen(colours.text, width=1))
            line.setHoverPen(pg.mkPen(colours.spectrum, width=3))
        # Legend texts take their colour when they are made.
        self.show_spectra(*self._shown)

    def show_spectra(self, current: SpectrumView | None, pinned: Sequence[SpectrumView]) -> None:
        """Draw the spectrum under the mouse and the pinned ones."""
        self._shown = (current, pinned)
        self._legend.clear()
        if current is None:
            self._current.clear()
        else:
            self._current.setData(current.shift, current.intensity)
            self._legend.addItem(self._current, current.label)
        for old in self._pins:
            self.removeItem(old)
        self._pins = []
        for k, view in enumerate(pinned):
            curve = pg.PlotDataItem(view.shift, view.intensity, pen=PINNED[k % len(PINNED)], connect="finite")
            self.addItem(curve)
            # addItem puts named curves into the legend by itself; unnamed ones are added with their label.
            self._legend.addItem(curve, f"pinned {view.label}")
            self._pins.append(curve)
        if self._component_label is not None:
            self._legend.addItem(self._component, self._component_label)

    def show_component(self, shift: NDArray[Any], intensity: NDArray[Any], label: str, marks: Sequence[float]) -> None:
        """Draw a component's spectrum with marks at its matched bands."""
        self.clear_component()
        self._component.setData(shift, intensity)
        self._component_label = label
        self._legend.addItem(self._component, label)
        for position in marks:
            line = pg.InfiniteLine(position, pen=pg.mkPen(self._component.opts["pen"].color(), width=1))
            line.setOpacity(0.5)
            self.addItem(line, ignoreBounds=True)
            self._marks.append(line)

    def clear_component(self) -> None:
        """Remove the component's spectrum."""
        self._component_label = None
        self._legend.removeItem(self._component)
        self._component.clear()
        for mark in self._marks:
            self.removeItem(mark)
        self._marks = []

    def show_range(self, band: tuple[float, float] | None, bounds: tuple[float, float] | None = None) -> None:
        """Move the range without telling anybody."""
        blocked = self._region.blockSignals(True)
        if bounds is not None:
            self._region.setBounds(bounds)
        if band is not None:
            self._region.setRegion(band)
        self._region.setVisible(band is not None)
        self._region.blockSignals(blocked)

    @property
    def band_range(self) -> tuple[float, float]:
        """The range as drawn."""
        low, high = self._region.getRegion()
        return float(low), float(high)

    def _dragged(self) -> None:
        self.range_changed.emit(*self.band_range)
