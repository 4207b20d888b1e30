"""Runs core functions in the background: progress and cancel in, result or error out, always in the foreground."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QObject, Signal
from superqt.utils import create_worker

from spectrode.errors import Cancelled, SpectrodeError

__all__ = ["Job"]

REPORT_EVERY_S = 0.05
"""A core that reports every block must not flood the window's queue."""


class Job(QObject):
    """One background run of ``function(progress=..., should_stop=...)``.

    Signals (all delivered in the thread that made the job)
    -------
    progressed(stage, done, total), succeeded(result), failed(sentence), cancelled(), ended()
    """

    progressed = Signal(str, int, int)
    succeeded = Signal(object)
    failed = Signal(str)
    cancelled = Signal()
    ended = Signal()

    def __init__(self, function: Callable[..., Any], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._stop = threading.Event()
        self._last = ("", 0.0)
        self._worker = create_worker(
            function,
            progress=self._report,
            should_stop=self._stop.is_set,
            _start_thread=False,
            _ignore_errors=True,  # errors become one sentence in the widget, not a traceback in the event loop
        )
        self._worker.returned.connect(self._returned)
        self._worker.errored.connect(self._errored)
        self._worker.finished.connect(self.ended)

    def start(self) -> None:
        """Start in a thread of Qt's pool."""
        self._worker.start()

    def cancel(self) -> None:
        """Ask the core to stop; it does at its next question, and the job then emits ``cancelled``."""
        self._stop.set()

    @property
    def is_cancelling(self) -> bool:
        """True once :meth:`cancel` was called."""
        return self._stop.is_set()

    def _report(self, stage: str, done: int, total: int) -> None:
        """Called in the background; a Qt signal carries it over."""
        now = time.monotonic()
        if stage == self._last[0] and now - self._last[1] < REPORT_EVERY_S and done < total:
            return
        self._last = (stage, now)
        self.progressed.emit(stage, int(done), int(total))

    def _returned(self, result: Any) -> None:
        # A result that arrives after cancel was pressed is not wanted any more.
        if self._stop.is_set():
            self.cancelled.emit()
        else:
            self.succeeded.emit(result)

    def _errored(self, error: BaseException) -> None:
        if isinstance(error, Cancelled):
            self.cancelled.emit()
        elif isinstance(error, SpectrodeError):
            self.failed.emit(str(error))
        else:
            logging.getLogger("napari_spectrode").error("a background run failed", exc_info=error)
            self.failed.emit(f"unexpected error, please report it: {type(error).__name__}: {error}")
