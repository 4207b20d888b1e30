"""Potential and current against time, with the displayed frame and the pixel's own moment."""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg
from qtpy.QtWidgets import QWidget

from ..state.strip import Strip
from .theme import PlotColours

__all__ = ["StripPlot"]

AXIS_WIDTH = 58
"""Same for both plots, so that their time axes stand under one another."""


class StripPlot(pg.GraphicsLayoutWidget):
    """Two plots that share one time axis: potential above, current below."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.ci.layout.setSpacing(2)
        self.ci.layout.setContentsMargins(0, 2, 4, 2)
        self._potential = self.addPlot(row=0, col=0)
        self._current = self.addPlot(row=1, col=0)
        self._current.setXLink(self._potential)
        self._potential.getAxis("bottom").setStyle(showValues=False)
        self._curves: dict[Any, Any] = {}
        self._spans: list[Any] = []
        self._moments: list[Any] = []
        for plot in (self._potential, self._current):
            plot.showGrid(x=True, y=True, alpha=0.15)
            plot.hideButtons()
            plot.getAxis("left").setWidth(AXIS_WIDTH)
            for side in ("left", "bottom"):
                plot.getAxis(side).enableAutoSIPrefix(False)
            curve = plot.plot(connect="finite")
            curve.setDownsampling(auto=True, method="peak")
            curve.setClipToView(True)
            self._curves[plot] = curve
            span = pg.LinearRegionItem(movable=False)
            span.setVisible(False)
            span.setZValue(-10)
            moment = pg.InfiniteLine(angle=90)
            moment.setVisible(False)
            plot.addItem(span, ignoreBounds=True)
            plot.addItem(moment, ignoreBounds=True)
            self._spans.append(span)
            self._moments.append(moment)
        self.setMinimumHeight(130)
        self._shown: Any = None

    def set_colours(self, colours: PlotColours) -> None:
        """Follow the viewer's theme."""
        self.setBackground(colours.background)
        for plot, colour in ((self._potential, colours.potential), (self._current, colours.current)):
            self._curves[plot].setPen(pg.mkPen(colour, width=1.5))
            for side in ("left", "bottom"):
                plot.getAxis(side).setPen(colours.text)
                plot.getAxis(side).setTextPen(colours.text)
        shade = pg.mkColor(colours.text)
        shade.setAlpha(60)
        for span in self._spans:
            span.setBrush(shade)
            for line in span.lines:
                line.setPen(None)
        for moment in self._moments:
            moment.setPen(pg.mkPen(colours.text, width=1.5))

    def show_strip(self, strip: Strip | None) -> None:
        """Draw; an empty strip leaves the plots empty."""
        self.setVisible(strip is not None)
        if strip is None:
            self._shown = None
            for curve in self._curves.values():
                curve.clear()
            return
        if self._shown is None or not _same_curves(self._shown, strip):
            self._draw_curves(strip)
        self._shown = strip
        for span in self._spans:
            span.setVisible(strip.frame_span is not None)
            if strip.frame_span is not None:
                span.setRegion(strip.frame_span)
        for moment in self._moments:
            moment.setVisible(strip.moment is not None)
            if strip.moment is not None:
                moment.setValue(strip.moment)

    def _draw_curves(self, strip: Strip) -> None:
        self._potential.setLabel("left", strip.potential_label)
        self._current.setLabel("left", "I (mA)")
        self._current.setVisible(strip.current_ma is not None)
        self._potential.getAxis("bottom").setStyle(showValues=strip.current_ma is None)
        label = f"time after the first spectrum ({strip.unit})"
        self._current.setLabel("bottom", label)
        self._potential.setLabel("bottom", label if strip.current_ma is None else None)
        self._curves[self._potential].setData(strip.time, strip.potential_v)
        if strip.current_ma is not None:
            self._curves[self._current].setData(strip.time, strip.current_ma)
        for plot in (self._potential, self._current):
            plot.enableAutoRange()


def _same_curves(a: Strip, b: Strip) -> bool:
    return (
        a.potential_v is b.potential_v
        and a.current_ma is b.current_ma
        and a.unit == b.unit
        and a.time.shape == b.time.shape
        and (not a.time.size or (a.time[0] == b.time[0] and a.time[-1] == b.time[-1]))
    )
