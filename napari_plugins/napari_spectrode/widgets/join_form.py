"""The small form that says how spectra and trace are put on one clock."""

from __future__ import annotations

from zoneinfo import available_timezones

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QCompleter, QFormLayout, QHBoxLayout, QLabel, QLineEdit, QPushButton, QWidget

from ..state.join import JoinSettings

__all__ = ["JoinForm"]

REFERENCES = ("", "Li/Li+", "Na/Na+", "K/K+", "Ag/AgCl", "Ag/Ag+", "SCE", "SHE", "RHE")
ORIGINS = (
    ("as the files say", ""),
    ("shift of the trace's clock", "clock"),
    ("first spectrum after trace start", "trace_start"),
)


class JoinForm(QWidget):
    """Emits ``join_requested`` when the button is pressed; :meth:`settings` understands the fields."""

    join_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.timezone = QLineEdit(placeholderText="Europe/Berlin, UTC, +02:00")
        self.timezone.setToolTip("Time zone of files that state local time without one")
        completer = QCompleter(sorted(available_timezones()), self.timezone)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        self.timezone.setCompleter(completer)
        self.reference = QComboBox()
        self.reference.setEditable(True)
        self.reference.addItems(REFERENCES)
        self.reference.setToolTip("Reference electrode of the potential; empty: as the trace file says")
        self.offset = QLineEdit(placeholderText="none")
        self.offset.setToolTip("Seconds; empty: the clocks agree")
        self.origin = QComboBox()
        for text, value in ORIGINS:
            self.origin.addItem(text, value)
        self.button = QPushButton("Join")
        self.button.setToolTip("Give every spectrum its own potential, current and charge")
        self.button.clicked.connect(self.join_requested)
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow("Time zone", _row(self.timezone, QLabel("Reference"), self.reference))
        form.addRow("Offset (s)", _row(self.offset, self.origin, self.button))

    def settings(self) -> JoinSettings:
        """Return what was typed.

        Raises
        ------
        ClockError
            If a field cannot be understood.
        """
        return JoinSettings.from_text(
            self.timezone.text(), self.reference.currentText(), self.offset.text(), self.origin.currentData()
        )

    def show_settings(self, settings: JoinSettings, reference: str | None) -> None:
        """Fill the fields from an experiment that is joined already."""
        self.timezone.setText(settings.timezone or "")
        self.reference.setCurrentText(settings.reference or reference or "")
        self.offset.setText("" if settings.offset_s is None else f"{settings.offset_s:g}")
        self.origin.setCurrentIndex(max(0, self.origin.findData(settings.offset_from or "")))


def _row(*widgets: QWidget) -> QWidget:
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        layout.addWidget(widget, 0 if isinstance(widget, (QLabel, QPushButton)) else 1)
    return row
