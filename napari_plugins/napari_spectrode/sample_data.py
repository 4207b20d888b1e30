"""The bundled sample: a simulated operando SHINERS map series and its voltammogram."""

from __future__ import annotations

from .layers import LayerTuple
from .state.experiment import ExperimentState
from .state.join import JoinSettings

__all__ = ["operando_shiners", "sample_experiment"]


def sample_experiment() -> ExperimentState:
    """Return the sample, spectra and trace joined."""
    from spectrode.electrochemistry.readers import read_trace
    from spectrode.readers import read
    from spectrode.simulate.samples import sample_paths

    paths = sample_paths()
    experiment = ExperimentState(read(paths.map), read_trace(paths.trace), name="Operando SHINERS (simulated)")
    # The sample's potentiostat file, like most real ones, states local time without a zone.
    experiment.join_trace(JoinSettings(timezone=paths.potentiostat_zone))
    return experiment


def operando_shiners() -> list[LayerTuple]:
    """Return the sample as layers."""
    from .layers import experiment_layers

    return experiment_layers(sample_experiment())
