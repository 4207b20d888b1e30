"""The assignments with their evidence, one component a row."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from ..state.analysis import ASSIGNMENT_HEADER, AssignmentRow

__all__ = ["AssignmentTable"]


class AssignmentTable(QTableWidget):
    """Emits ``row_selected(row)``, -1 when the selection is cleared."""

    row_selected = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, len(ASSIGNMENT_HEADER), parent)
        self.setHorizontalHeaderLabels(ASSIGNMENT_HEADER)
        self.verticalHeader().setVisible(False)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setWordWrap(False)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self.setMinimumHeight(90)
        self.itemSelectionChanged.connect(self._selected)

    def show_rows(self, rows: Sequence[AssignmentRow]) -> None:
        """Fill the table."""
        self.clearSelection()
        self.setRowCount(len(rows))
        for r, row in enumerate(rows):
            for c, text in enumerate(row.cells):
                item = QTableWidgetItem(text)
                # The cell may be cut short: its own text comes first.
                item.setToolTip(f"{text}\n{row.explanation}".strip())
                self.setItem(r, c, item)
        self.resizeColumnsToContents()
        for c in range(self.columnCount()):
            self.setColumnWidth(c, min(self.columnWidth(c), 190))

    def _selected(self) -> None:
        picked = self.selectionModel().selectedRows()
        self.row_selected.emit(picked[0].row() if picked else -1)
