"""Recipe, Analyse, progress and Cancel."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from ..state.analysis import progress_percent

__all__ = ["AnalysisPanel"]


class AnalysisPanel(QWidget):
    """Emits ``analyse_requested(recipe)`` and ``cancel_requested``."""

    analyse_requested = Signal(str)
    cancel_requested = Signal()

    def __init__(self, recipes: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.recipe = QComboBox()
        self.recipe.setToolTip("Which steps are run; each is a TOML file that can be copied and changed")
        for name in recipes:
            self.recipe.addItem(name, name)
        self.other = QPushButton("…")
        self.other.setToolTip("Use a recipe from a file")
        self.other.setFixedWidth(28)
        self.analyse = QPushButton("Analyse")
        self.cancel = QPushButton("Cancel")
        self.bar = QProgressBar()
        self.bar.setTextVisible(True)
        row = QHBoxLayout()
        row.addWidget(QLabel("Recipe"))
        row.addWidget(self.recipe, 1)
        for widget in (self.other, self.analyse, self.cancel):
            row.addWidget(widget)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row)
        layout.addWidget(self.bar)
        self.other.clicked.connect(self._choose_file)
        self.analyse.clicked.connect(lambda: self.analyse_requested.emit(self.recipe.currentData()))
        self.cancel.clicked.connect(self.cancel_requested)
        self.set_running(False)

    def set_running(self, running: bool, stage: str = "") -> None:
        """Switch between ready and running."""
        self.analyse.setEnabled(not running)
        self.cancel.setEnabled(running)
        self.bar.setVisible(running)
        self.bar.setRange(0, 0)
        self.bar.setFormat(stage)

    def show_progress(self, stage: str, done: int, total: int) -> None:
        """Move the bar; a total of zero lets it run without an end."""
        percent = progress_percent(done, total)
        self.bar.setRange(0, 0 if percent is None else 100)
        self.bar.setValue(percent or 0)
        self.bar.setFormat(f"{stage} %p%" if percent is not None else stage)

    def _choose_file(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Recipe", "", "Recipes (*.toml)")
        if path:
            self.recipe.addItem(Path(path).name, path)
            self.recipe.setCurrentIndex(self.recipe.count() - 1)
