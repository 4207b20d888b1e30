"""The experiments open in one viewer, and which of them the widget shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from psygnal import Signal

from spectrode.dataset import OperandoDataset

from .experiment import ExperimentState

__all__ = ["DATASET_KEY", "EXPERIMENT_KEY", "ROLE_KEY", "Session", "layer_metadata"]

DATASET_KEY = "spectrode"
"""Key in a layer's metadata that holds its dataset."""
EXPERIMENT_KEY = "spectrode_experiment"
"""Key that holds the state itself, so that it outlives a closed widget."""
ROLE_KEY = "spectrode_role"
"""Key that says what the layer shows: ``total``, ``band`` or ``component 0`` …"""


def layer_metadata(experiment: ExperimentState, role: str) -> dict[str, Any]:
    """Return the metadata that make a layer one of this experiment's."""
    return {DATASET_KEY: experiment.dataset, EXPERIMENT_KEY: experiment, ROLE_KEY: role}


class Session:
    """Keeps the experiments whose layers are in the viewer, in the order they came."""

    active_changed = Signal()

    def __init__(self) -> None:
        self.experiments: list[ExperimentState] = []
        self.active: ExperimentState | None = None

    def __contains__(self, experiment: ExperimentState) -> bool:
        return any(e is experiment for e in self.experiments)

    def add(self, experiment: ExperimentState) -> ExperimentState:
        """Take an experiment in and show it."""
        if experiment not in self:
            self.experiments.append(experiment)
        self.activate(experiment)
        return experiment

    def of_metadata(self, metadata: Mapping[str, Any]) -> ExperimentState | None:
        """Return the experiment that a layer belongs to; one not seen before is taken in."""
        experiment = metadata.get(EXPERIMENT_KEY)
        if isinstance(experiment, ExperimentState):
            return experiment if experiment in self else self.add(experiment)
        dataset = metadata.get(DATASET_KEY)
        if not isinstance(dataset, OperandoDataset):
            return None
        for known in self.experiments:
            if dataset is known.dataset or dataset is known.source:
                return known
        return self.add(ExperimentState(dataset))

    def activate(self, experiment: ExperimentState | None) -> None:
        """Show another experiment."""
        if experiment is not self.active:
            self.active = experiment
            self.active_changed.emit()

    def keep_only(self, kept: Iterable[ExperimentState]) -> None:
        """Forget the experiments whose last layer was removed."""
        kept = list(kept)
        self.experiments = [e for e in self.experiments if any(e is k for k in kept)]
        if self.active is not None and self.active not in self:
            self.activate(self.experiments[-1] if self.experiments else None)
