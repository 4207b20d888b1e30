"""All numbers that a simulated experiment is made from, and the named sets of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any, Literal

from ..errors import SpectrodeError

__all__ = ["PRESETS", "InvalidSettings", "SimulationSettings", "preset"]

PSF_MINIMUM_PX = 1.0


class InvalidSettings(SpectrodeError):
    """The settings of a simulation are out of range or do not fit together."""


@dataclass(frozen=True)
class SimulationSettings:
    """Settings of one simulated experiment; every one is written into the manifest.

    Counts are analogue-to-digital units of the detector. Potentials are against Li/Li+.
    """

    preset: str = "sei-shiners"
    seed: int = 1
    interface: Literal["sei", "cei"] = "sei"
    """``sei``: graphite, swept down and back; ``cei``: LNMO spinel, swept up and back."""

    # -- raster
    frames: int = 16
    rows: int = 8
    columns: int = 10
    step_um: float = 1.5
    exposure_s: float = 3.2
    stage_overhead_s: float = 0.45
    """Mean time between the end of one exposure and the start of the next in a line."""
    overhead_jitter_s: float = 0.04
    """Standard deviation of that time."""
    line_return_s: float = 1.5
    frame_pause_s: float | None = None
    """Pause between frames; None spreads the frames evenly over the potential programme."""

    # -- clocks
    started_at: datetime = datetime(2024, 6, 18, 8, 30, 0, tzinfo=UTC)
    """True start of the potentiostat's record."""
    potentiostat_zone: str = "Europe/Berlin"
    """Zone of the potentiostat's wall clock, which its file writes without saying so."""
    map_delay_s: float = 4.2
    """True time between the start of the potentiostat and the start of the first exposure."""
    clock_offset_s: float = 0.0
    """How far the spectrometer's clock is ahead; larger makes all its stamps later."""

    # -- potential programme
    rest_s: float = 300.0
    start_v: float = 2.8
    vertex_v: float = 0.05
    end_v: float = 2.0
    scan_rate_mv_per_s: float | None = None
    """None: 1 mV/s, or slower if the raster needs longer."""
    trace_interval_s: float = 2.5
    capacitance_mf: float = 15.0
    potential_noise_v: float = 3e-5
    current_noise_ma: float = 2e-4

    # -- optics and detector
    laser_nm: float = 785.0
    power_mw: float = 0.8
    spot_um: float = 0.7
    """1/e² intensity radius."""
    channels: int = 512
    first_cm1: float = 300.0
    last_cm1: float = 1900.0
    psf_fwhm_px: float = 2.4
    """Larger is blurrier; below about 1.6 px cosmic rays and flashes cannot be told apart by width."""
    axis_offset_cm1: float = 0.6
    """Error of the instrument's axis at 1000 cm-1; positive: it reads too high."""
    axis_stretch: float = 4e-4
    """Error of the axis per cm-1 of distance from 1000 cm-1."""
    gain_e_per_count: float = 2.0
    read_noise_e: float = 4.0
    offset_counts: float = 300.0
    saturation_counts: int = 65535
    cosmic_rate: float = 0.05
    """Mean number of cosmic rays a spectrum."""
    cosmic_counts: float = 1500.0
    """Median of the height of a cosmic ray."""

    # -- far field
    electrolyte_counts: float = 500.0
    """Height of the strongest electrolyte band."""
    electrode_counts: float = 260.0
    focus_spread: float = 0.05
    """Log-normal spread of the collected light over the pixels; larger is rougher."""
    texture_spread: float = 0.25
    """Log-normal spread of the electrode bands over the pixels."""
    power_drift: float = 0.01
    """Amplitude of a slow drift of the laser power."""

    # -- near field
    near_field_counts: float = 110.0
    """Height of a band of share 1 at full coverage in a pixel of median enhancement; 0: nothing forms."""
    enhancement_spread: float = 0.6
    """Log-normal spread of the enhancement over the pixels."""
    hot_spot_fraction: float = 0.08
    hot_spot_exponent: float = 1.2
    """Exponent of the Pareto tail of hot spots; smaller is a heavier tail."""
    enhancement_limit: float = 25.0
    """Highest enhancement relative to the median pixel."""
    thickness_spread: float = 0.2
    """Log-normal spread of each species' amount over the pixels (smooth over a few pixels)."""
    flicker: float = 0.12
    """Standard deviation of the log-enhancement in time."""
    flicker_time_s: float = 900.0
    """Correlation time of the flicker; larger is slower."""
    flash_rate: float = 0.012
    """Mean number of one-spectrum flashes a spectrum."""
    flash_counts: float = 900.0
    """Median height of a flash."""

    # -- fluorescence
    fluorescence_counts: float = 5200.0
    """Median over the pixels of its maximum before any bleaching."""
    fluorescence_spread: float = 0.35
    """Log-normal spread over the pixels (smooth over a few pixels)."""
    bleaching_share: float = 0.55
    """Share that bleaches."""
    bleaching_exposure_s: float = 11.0
    """Exposure after which the bleaching share has fallen to 1/e; larger bleaches slower."""
    fluorescence_growth: float = 0.10
    """Rise of the background, relative to its start, when the interface is fully covered."""

    def __post_init__(self) -> None:
        _check(self)

    def replace(self, **changes: Any) -> SimulationSettings:
        """Return a copy with some settings changed.

        Raises
        ------
        InvalidSettings
            For a name that is no setting, or a value out of range.
        """
        known = {f.name for f in fields(self)}
        unknown = sorted(set(changes) - known)
        if unknown:
            raise InvalidSettings(f"{unknown[0]!r} is no setting of a simulation; possible: {', '.join(sorted(known))}")
        return replace(self, **changes)

    def as_table(self) -> dict[str, Any]:
        """Return the settings as TOML can hold them; settings that are None are left out."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @property
    def raster_s(self) -> float:
        """Mean time of one frame, from the start of its first exposure to the end of its last."""
        pixels = self.rows * self.columns
        moves = self.rows * (self.columns - 1) * self.stage_overhead_s
        returns = (self.rows - 1) * (self.stage_overhead_s + self.line_return_s)
        return pixels * self.exposure_s + moves + returns

    @property
    def sweep_v(self) -> float:
        """Length of the potential path, V."""
        return abs(self.vertex_v - self.start_v) + abs(self.end_v - self.vertex_v)

    @property
    def scan_rate_v_per_s(self) -> float:
        """The scan rate in effect."""
        if self.scan_rate_mv_per_s is not None:
            return self.scan_rate_mv_per_s / 1000.0
        needed = self.frames * (self.raster_s + 2.0) + self.map_delay_s + 10.0 - self.rest_s
        return min(1e-3, self.sweep_v / needed) if needed > 0 else 1e-3

    @property
    def duration_s(self) -> float:
        """Duration of the potential programme, rest included."""
        return self.rest_s + self.sweep_v / self.scan_rate_v_per_s


_POSITIVE = (
    "step_um",
    "exposure_s",
    "trace_interval_s",
    "laser_nm",
    "power_mw",
    "spot_um",
    "gain_e_per_count",
    "flicker_time_s",
    "bleaching_exposure_s",
    "hot_spot_exponent",
    "cosmic_counts",
    "flash_counts",
)
_NOT_NEGATIVE = (
    "stage_overhead_s",
    "overhead_jitter_s",
    "line_return_s",
    "map_delay_s",
    "rest_s",
    "read_noise_e",
    "cosmic_rate",
    "electrolyte_counts",
    "electrode_counts",
    "near_field_counts",
    "fluorescence_counts",
    "enhancement_spread",
    "flicker",
    "flash_rate",
    "thickness_spread",
    "fluorescence_spread",
    "fluorescence_growth",
    "focus_spread",
    "texture_spread",
    "offset_counts",
    "potential_noise_v",
    "current_noise_ma",
    "capacitance_mf",
    "seed",
)
_SHARES = ("bleaching_share", "hot_spot_fraction")


def _check(s: SimulationSettings) -> None:
    for name, least in (("frames", 1), ("rows", 1), ("columns", 1), ("channels", 16)):
        if getattr(s, name) < least:
            raise InvalidSettings(f"{name} must be at least {least}, but {getattr(s, name)} was given")
    for name in _POSITIVE:
        if not getattr(s, name) > 0:
            raise InvalidSettings(f"{name} must be above 0, but {getattr(s, name)} was given")
    for name in _NOT_NEGATIVE:
        if not getattr(s, name) >= 0:
            raise InvalidSettings(f"{name} must not be negative, but {getattr(s, name)} was given")
    for name in _SHARES:
        if not 0 <= getattr(s, name) <= 1:
            raise InvalidSettings(f"{name} must lie between 0 and 1, but {getattr(s, name)} was given")
    if not s.psf_fwhm_px >= PSF_MINIMUM_PX:
        raise InvalidSettings(f"psf_fwhm_px must be at least {PSF_MINIMUM_PX}, but {s.psf_fwhm_px} was given")
    if s.interface not in ("sei", "cei"):
        raise InvalidSettings(f"interface {s.interface!r} is not known; possible: sei, cei")
    if not 0 < s.first_cm1 < s.last_cm1 < 1e7 / s.laser_nm:
        raise InvalidSettings(f"first_cm1 must be below last_cm1, but {s.first_cm1} and {s.last_cm1} were given")
    if not 1 <= s.saturation_counts <= 65535:
        raise InvalidSettings(f"saturation_counts must fit 16 bits (1 to 65535), but {s.saturation_counts} was given")
    if s.started_at.utcoffset() is None:
        raise InvalidSettings(f"started_at must carry a time zone, but {s.started_at.isoformat()} has none")
    if s.scan_rate_mv_per_s is not None and not s.scan_rate_mv_per_s > 0:
        raise InvalidSettings(f"scan_rate_mv_per_s must be above 0, but {s.scan_rate_mv_per_s} was given")
    if not s.sweep_v > 0:
        raise InvalidSettings("start_v, vertex_v and end_v are all equal, so there is no sweep")
    pause = 0.0 if s.frame_pause_s is None else s.frame_pause_s
    if not pause >= 0:
        raise InvalidSettings(f"frame_pause_s must not be negative, but {s.frame_pause_s} was given")
    needed = s.map_delay_s + s.frames * s.raster_s + (s.frames - 1) * pause
    if needed > s.duration_s:
        raise InvalidSettings(
            f"{s.frames} frames need {needed:.0f} s, but the potential programme lasts {s.duration_s:.0f} s; "
            "take fewer frames or pixels, a shorter exposure or pause, or a slower scan_rate_mv_per_s"
        )


PRESETS: dict[str, SimulationSettings] = {
    "sei-shiners": SimulationSettings(),
    "cei-shiners": SimulationSettings(
        preset="cei-shiners",
        interface="cei",
        start_v=3.0,
        vertex_v=4.8,
        end_v=3.0,
        near_field_counts=180.0,
    ),
    "nothing-forms": SimulationSettings(preset="nothing-forms", near_field_counts=0.0),
}
"""``nothing-forms`` is ``sei-shiners`` without any interface species: what an honest analysis must find empty."""


def preset(name: str, **changes: Any) -> SimulationSettings:
    """Return the settings of a preset, some of them changed.

    Raises
    ------
    InvalidSettings
        For an unknown preset or setting, or a value out of range.
    """
    try:
        base = PRESETS[name]
    except KeyError:
        raise InvalidSettings(f"there is no preset {name!r}; possible: {', '.join(PRESETS)}") from None
    return base.replace(**changes)
