"""Listens to a viewer on behalf of the widget, and stops doing so when the widget goes."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Generator
from typing import Any, Protocol

__all__ = ["Listener", "ViewerLink", "show_scale_bar"]


class Listener(Protocol):
    """What the link calls."""

    def on_mouse(self, world: Any) -> None:
        """The mouse is at a world position."""

    def on_click(self) -> None:
        """The mouse was clicked without being dragged."""

    def on_step(self) -> None:
        """A slider moved."""

    def on_layers(self) -> None:
        """Layers were added, removed or selected."""

    def on_theme(self) -> None:
        """The viewer changed its colours."""


class ViewerLink:
    """Connects on construction; :meth:`connect` and :meth:`disconnect` may be called any number of times.

    Holds the listener weakly: a viewer that outlives a closed widget neither keeps it alive nor calls into it.
    """

    def __init__(self, viewer: Any, listener: Listener) -> None:
        self._viewer = viewer
        self._listener = weakref.ref(listener)
        self._connected = False
        self.connect()

    def _emitters(self) -> list[tuple[Any, Callable[[Any], None]]]:
        layers, dims = self._viewer.layers, self._viewer.dims
        return [
            (dims.events.current_step, self._stepped),
            (layers.events.inserted, self._layers_changed),
            (layers.events.removed, self._layers_changed),
            (layers.selection.events.active, self._layers_changed),
            (self._viewer.events.theme, self._themed),
        ]

    def connect(self) -> None:
        """Listen."""
        if self._connected:
            return
        self._connected = True
        self._viewer.mouse_move_callbacks.append(self._moved)
        self._viewer.mouse_drag_callbacks.append(self._pressed)
        for emitter, callback in self._emitters():
            emitter.connect(callback)

    def disconnect(self, *_: Any) -> None:
        """Stop listening."""
        if not self._connected:
            return
        self._connected = False
        for callbacks, own in (
            (self._viewer.mouse_move_callbacks, self._moved),
            (self._viewer.mouse_drag_callbacks, self._pressed),
        ):
            if own in callbacks:
                callbacks.remove(own)
        for emitter, callback in self._emitters():
            emitter.disconnect(callback)

    def _tell(self, name: str, *arguments: Any) -> None:
        listener = self._listener()
        if listener is None or not self._connected:
            self.disconnect()
        else:
            getattr(listener, name)(*arguments)

    def _moved(self, viewer: Any, event: Any) -> None:
        if viewer.dims.ndisplay == 2:  # in 3D a place on the screen is a line through the data
            self._tell("on_mouse", event.position)

    def _pressed(self, viewer: Any, event: Any) -> Generator[None, None, None]:
        where = event.pos
        yield
        while event.type == "mouse_move":
            yield
        moved = max(abs(float(a) - float(b)) for a, b in zip(where, event.pos, strict=True))
        if viewer.dims.ndisplay == 2 and event.button == 1 and moved < 4:
            self._tell("on_click")

    def _stepped(self, event: Any = None) -> None:
        self._tell("on_step")

    def _layers_changed(self, event: Any = None) -> None:
        self._tell("on_layers")

    def _themed(self, event: Any = None) -> None:
        self._tell("on_theme")


def show_scale_bar(viewer: Any) -> None:
    """Switch the scale bar on."""
    canvas = getattr(viewer, "canvas", None)  # napari 0.9 moved the overlays there
    bar = viewer.scale_bar if canvas is None else canvas.overlays.scale_bar
    bar.visible = True
