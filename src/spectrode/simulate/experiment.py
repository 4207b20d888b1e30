"""Puts cell, scene and instrument together: a whole operando map with its potentiostat record and its truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._version import __version__
from ..dataset import OperandoDataset
from ..electrochemistry.trace import Trace
from ..errors import Cancelled
from ..metadata import Cell, Instrument, Laser, Metadata, Sample
from .cell import PotentialProgramme, coverage, current_ma, fine_times, programme, record
from .instrument import Spectrograph, cosmic_rays, detect, narrow_lines
from .raster import Raster, raster
from .scene import collection, enhancement, flashes, fluorescence, fluorescence_shapes, smooth_map
from .settings import SimulationSettings, preset
from .species import ELECTRODES, ELECTROLYTE, NEAR_FIELD, Drawn, Electrode, Species, draw_bands
from .truth import Truth

__all__ = ["SimulatedExperiment", "simulate_experiment"]

_ONSET_SHARE = 0.05
# One independent stream of random numbers for each effect, so that changing one leaves the others as they were.
_STREAMS = ("bands", "raster", "record", "collection", "enhancement", "amounts", "fluorescence", "flashes", "cosmic")


@dataclass(frozen=True, eq=False)
class SimulatedExperiment:
    """A simulated experiment: what an instrument would have written, and the truth."""

    settings: SimulationSettings
    dataset: OperandoDataset
    trace: Trace
    truth: Truth


@dataclass(frozen=True, eq=False)
class _Reaction:
    """What the cell did: (times,) on the fine grid, and coverages there."""

    path: PotentialProgramme
    time_s: NDArray[np.float64]
    species: NDArray[np.float64]
    electrode: NDArray[np.float64]


def simulate_experiment(
    settings: SimulationSettings | str = "sei-shiners",
    *,
    progress: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> SimulatedExperiment:
    """Simulate an operando SHINERS map series during a cyclic voltammogram.

    The same settings (seed included) give the same truth everywhere and the same counts with the same numpy.

    Parameters
    ----------
    settings
        Settings, or the name of a preset.
    progress
        Called with the number of finished frames and of all frames.
    should_stop
        Asked before each frame.

    Raises
    ------
    InvalidSettings
        For an unknown preset.
    Cancelled
        If ``should_stop`` said so.
    """
    s = preset(settings) if isinstance(settings, str) else settings
    seeds = np.random.SeedSequence(s.seed).spawn(len(_STREAMS) + 1)
    rng = {name: np.random.default_rng(seed) for name, seed in zip(_STREAMS, seeds, strict=False)}
    electrode, species = ELECTRODES[s.interface], NEAR_FIELD[s.interface]
    direction = 1 if s.vertex_v > s.start_v else -1
    reaction = _react(s, electrode, species, direction)
    scan = raster(s, rng["raster"])
    truth = _truth(s, scan, reaction, electrode, species, rng)
    # The noise of each frame has its own stream, so that frames can be computed in any order.
    noise_seeds = seeds[-1].spawn(s.frames)
    counts = np.empty((scan.start_s.size, s.channels), dtype=np.uint16)
    pixels = s.rows * s.columns
    light = _Light(truth)
    for frame, seed in enumerate(noise_seeds):
        if should_stop is not None and should_stop():
            raise Cancelled(f"the simulation was stopped after {frame} of {s.frames} frames; nothing was written")
        part = slice(frame * pixels, (frame + 1) * pixels)
        counts[part] = detect(light.of(part), light.deposited(part), s, np.random.default_rng(seed))
        if progress is not None:
            progress(frame + 1, s.frames)
    fine_current = _current(s, reaction, electrode, species, direction)
    trace = record(s, reaction.path, reaction.time_s, fine_current, rng["record"])
    return SimulatedExperiment(s, _dataset(s, scan, counts, truth), trace, truth)


def _react(s: SimulationSettings, electrode: Electrode, species: Sequence[Species], direction: int) -> _Reaction:
    path = programme(s)
    time = fine_times(s)
    potential = path.at(time)
    theta = coverage(time, potential, [p.process for p in species], direction)
    # Nothing that scatters and nothing that carries charge: then there is no interface layer at all.
    if s.near_field_counts == 0:
        theta = np.zeros_like(theta)
    return _Reaction(path, time, theta, coverage(time, potential, electrode.processes, direction))


def _current(
    s: SimulationSettings, reaction: _Reaction, electrode: Electrode, species: Sequence[Species], direction: int
) -> NDArray[np.float64]:
    charged = [
        (reaction.species, [p.process for p in species]),
        (reaction.electrode, electrode.processes),
    ]
    return current_ma(s, reaction.path, reaction.time_s, charged, direction)


def _truth(
    s: SimulationSettings,
    scan: Raster,
    reaction: _Reaction,
    electrode: Electrode,
    species: Sequence[Species],
    rng: dict[str, np.random.Generator],
) -> Truth:
    n = scan.start_s.size
    optics = Spectrograph(s)
    true_shift = optics.true_shift(np.arange(s.channels))
    drawn = draw_bands([ELECTROLYTE, electrode.material, *(p.material for p in species)], rng["bands"])
    middle = scan.start_s + s.exposure_s / 2
    theta = _sampled(middle, reaction.time_s, reaction.species)
    charge = np.array([p.charge_mc for p in electrode.processes])
    reacted = _sampled(middle, reaction.time_s, reaction.electrode) @ charge / charge.sum()
    collected = collection(s, scan, rng["collection"])
    enhanced = enhancement(s, scan, rng["enhancement"])
    texture = np.exp(s.texture_spread * smooth_map(s, rng["amounts"], 0.7))[scan.pixel]
    thickness = [np.exp(s.thickness_spread * smooth_map(s, rng["amounts"]))[scan.pixel] for _ in species]
    far = [np.full(n, s.electrolyte_counts), s.electrode_counts * texture * (1.0 - electrode.fading * reacted)]
    near = [s.near_field_counts * kind.share * theta[:, k] * thickness[k] * enhanced for k, kind in enumerate(species)]
    burst = flashes(s, n, rng["flashes"])
    hit = cosmic_rays(s, n, rng["cosmic"])
    covered = theta.mean(axis=1)
    return Truth(
        components=tuple(d.material.name for d in drawn),
        library_ids=tuple(d.material.library_id for d in drawn),
        near_field=np.array([False, False, *(True for _ in species)]),
        pure_spectra=np.array([optics.bands(d) for d in drawn]),
        concentrations=np.stack([*far, *near], axis=1) * collected[:, None],
        coverage=np.column_stack([np.ones(n), reacted, theta]),
        onset_potential_v=np.array([np.nan, np.nan, *_onsets(reaction)]),
        **_band_table(drawn),
        shift_true_cm1=true_shift,
        shift_reported_cm1=optics.reported_shift(true_shift),
        start_s=scan.start_s,
        potential_v=reaction.path.mean(scan.start_s, scan.start_s + s.exposure_s),
        enhancement=enhanced,
        collection=collected,
        fluorescence_weights=fluorescence(s, scan, covered, rng["fluorescence"]) * collected[:, None],
        fluorescence_shapes=fluorescence_shapes(true_shift),
        cosmic_spectrum=hit.spectrum,
        cosmic_channel=hit.channel,
        cosmic_counts=hit.counts,
        cosmic_event=hit.event,
        flash_spectrum=burst.spectrum,
        flash_position_px=burst.position_px,
        flash_counts=burst.counts,
        flash_event=burst.event,
        scalars={
            "offset_counts": s.offset_counts,
            "gain_e_per_count": s.gain_e_per_count,
            "read_noise_e": s.read_noise_e,
            "saturation_counts": float(s.saturation_counts),
            "psf_fwhm_px": s.psf_fwhm_px,
            "clock_offset_s": s.clock_offset_s,
            "map_delay_s": s.map_delay_s,
            "scan_rate_v_per_s": s.scan_rate_v_per_s,
            "bleaching_exposure_s": s.bleaching_exposure_s,
            "axis_offset_cm1": s.axis_offset_cm1,
            "axis_stretch": s.axis_stretch,
        },
    )


def _sampled(
    at_s: NDArray[np.float64], time_s: NDArray[np.float64], values: NDArray[np.float64]
) -> NDArray[np.float64]:
    return np.stack([np.interp(at_s, time_s, column) for column in values.T], axis=1)


def _onsets(reaction: _Reaction) -> list[float]:
    potential = reaction.path.at(reaction.time_s)
    found = []
    for theta in reaction.species.T:
        top = theta.max()
        found.append(float(potential[np.argmax(theta >= _ONSET_SHARE * top)]) if top > 0 else float("nan"))
    return found


def _band_table(drawn: Sequence[Drawn]) -> dict[str, Any]:
    return {
        "band_component": np.repeat(np.arange(len(drawn)), [d.position_cm1.size for d in drawn]),
        "band_position_cm1": np.concatenate([d.position_cm1 for d in drawn]),
        "band_literature_cm1": np.array([b.position_cm1 for d in drawn for b in d.material.bands]),
        "band_fwhm_cm1": np.concatenate([d.fwhm_cm1 for d in drawn]),
        "band_height": np.concatenate([d.height for d in drawn]),
    }


class _Light:
    """Counts without offset of a block of spectra, so that a large map is never in memory as real numbers."""

    def __init__(self, truth: Truth) -> None:
        self._truth = truth
        channels = truth.pure_spectra.shape[1]
        self._lines = narrow_lines(truth.flash_position_px, channels, truth.scalars["psf_fwhm_px"])

    def of(self, part: slice) -> NDArray[np.float64]:
        """Return (spectra, channels) the expected light."""
        t = self._truth
        light = t.concentrations[part] @ t.pure_spectra + t.fluorescence_weights[part] @ t.fluorescence_shapes
        here = (t.flash_spectrum >= part.start) & (t.flash_spectrum < part.stop)
        np.add.at(light, t.flash_spectrum[here] - part.start, t.flash_counts[here, None] * self._lines[here])
        return np.asarray(light)

    def deposited(self, part: slice) -> NDArray[np.float64]:
        """Return (spectra, channels) the counts of cosmic rays."""
        t = self._truth
        counts = np.zeros((part.stop - part.start, t.pure_spectra.shape[1]))
        here = (t.cosmic_spectrum >= part.start) & (t.cosmic_spectrum < part.stop)
        np.add.at(counts, (t.cosmic_spectrum[here] - part.start, t.cosmic_channel[here]), t.cosmic_counts[here])
        return counts


def _dataset(s: SimulationSettings, scan: Raster, counts: NDArray[np.uint16], truth: Truth) -> OperandoDataset:
    begins = s.started_at.astimezone(UTC) + timedelta(seconds=float(scan.start_s[0]) + s.clock_offset_s)
    metadata = Metadata(
        title=f"simulated operando map ({s.preset}, seed {s.seed})",
        started_at=begins,
        stamp_refers_to="start",
        laser=Laser(wavelength_nm=s.laser_nm, power_mw=s.power_mw, spot_um=s.spot_um),
        instrument=Instrument(vendor="simulated", software=f"spectrode {__version__}", accumulations=1),
        sample=Sample(
            name=f"{ELECTRODES[s.interface].material.name} with shell-isolated gold",
            description="simulated by spectrode.simulate; not a measurement",
        ),
        cell=Cell(electrolyte="1 M LiPF6 in EC:EMC with 2 % VC (simulated)", window="none"),
        vendor={"simulated": True, "preset": s.preset, "seed": s.seed},
    )
    return OperandoDataset(
        intensity=counts,
        shift=truth.shift_reported_cm1,
        columns={
            "time_s": np.round(scan.start_s - scan.start_s[0], 6),
            "exposure_s": np.full(counts.shape[0], s.exposure_s),
            "x_um": scan.x_um,
            "y_um": scan.y_um,
        },
        scan_shape=(("frame", s.frames), ("y", s.rows), ("x", s.columns)),
        metadata=metadata,
    )
