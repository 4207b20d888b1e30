"""Ohmic drop: the uncompensated resistance from an impedance measurement, and the potential without it.

    E_corrected = E - i R_u

with the current positive when anodic (IUPAC). Between working and reference electrode the electrolyte's resistance R_u
makes an anodic current show too positive a potential, a cathodic one too negative.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import SpectrodeError
from .trace import Trace

__all__ = ["MeasuredResistance", "compensate_ir_drop", "measured_resistance", "ohmic_drop_v"]

_FREQUENCIES = ("freq/Hz", "Frequency/Hz", "f/Hz")
_REAL = ("Re(Z)/Ohm", "Zreal/Ohm")
_IMAGINARY = ("-Im(Z)/Ohm", "-Zimag/Ohm")
_LARGEST_PHASE_DEG = 10.0


def ohmic_drop_v(current_ma: ArrayLike, resistance_ohm: float) -> NDArray[np.float64]:
    """Return i R in V; mA and Ω, or mA/cm² and Ω cm²."""
    return 1e-3 * np.asarray(current_ma, dtype=np.float64) * resistance_ohm


def compensate_ir_drop(
    trace: Trace, resistance: float | MeasuredResistance, *, fraction: float = 1.0, instrument_compensated: bool = False
) -> Trace:
    """Subtract the ohmic drop from the potential.

    Parameters
    ----------
    trace
        With a current.
    resistance
        Uncompensated resistance in Ω, or what `measured_resistance` found.
    fraction
        Part of it to compensate, 0 to 1; larger corrects more.
    instrument_compensated
        True to compensate although the trace says that the potentiostat did so while measuring: then ``resistance``
        must be what it left over.

    Returns
    -------
    Trace
        With a warning that states resistance and largest correction; both are in ``vendor["ir_compensation"]``.

    Raises
    ------
    SpectrodeError
        If the trace was compensated before (by this function, or by the potentiostat), has no current, or the numbers
        are not possible.
    """
    ohm = resistance.resistance_ohm if isinstance(resistance, MeasuredResistance) else float(resistance)
    if not (np.isfinite(ohm) and ohm >= 0):
        raise SpectrodeError(f"the resistance must be a finite number of Ω, not negative, but {ohm!r} was given")
    if not 0 <= fraction <= 1:
        raise SpectrodeError(f"the fraction to compensate must lie between 0 and 1, but {fraction!r} was given")
    if trace.current_ma is None:
        raise SpectrodeError("the trace has no current, so that its ohmic drop is not known")
    _refuse_second(trace, instrument_compensated)
    drop = ohmic_drop_v(trace.current_ma, ohm * fraction)
    unknown = ~np.isfinite(drop) & np.isfinite(trace.potential_v)
    largest = float(np.max(np.abs(drop[np.isfinite(drop)]), initial=0.0))
    notes = [
        f"the potential was compensated for {100 * fraction:g} % of {ohm:g} Ω; the largest correction is "
        f"{1e3 * largest:.3g} mV"
    ]
    if unknown.any():
        notes.append(f"{int(unknown.sum())} rows have no current, so that their compensated potential is not known")
    if trace.current_kind == "interval_mean":
        notes.append(
            "the current is a mean over each interval, while the potential is of its end: the correction is late by "
            "half an interval where the current changes"
        )
    record: dict[str, Any] = {"resistance_ohm": ohm, "fraction": fraction, "largest_v": largest}
    if isinstance(resistance, MeasuredResistance):
        record |= {"method": resistance.method, "frequency_hz": resistance.frequency_hz}
        notes += resistance.notes
    return trace.replace(potential_v=trace.potential_v - drop, vendor={**trace.vendor, "ir_compensation": record}).warn(
        *notes
    )


def _refuse_second(trace: Trace, instrument_compensated: bool) -> None:
    for record in _trees(trace.vendor):
        if "ir_compensation" in record:
            ohm = record["ir_compensation"]["resistance_ohm"]
            raise SpectrodeError(f"the trace is compensated for {ohm:g} Ω already; compensate the trace as it was read")
        level = _level(record)
        if level and not instrument_compensated:
            raise SpectrodeError(
                f"the trace holds an IR compensation (ZIR) whose result the potentiostat used, at {level:g} %: it "
                "compensated while measuring; to compensate what it left over, give that resistance and "
                "instrument_compensated=True"
            )


def _trees(vendor: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the vendor tree of a trace, and of the traces that it was joined from."""
    yield vendor
    for key, value in vendor.items():
        if key.isdigit() and isinstance(value, Mapping):
            yield from _trees(value)


def _level(vendor: Mapping[str, Any]) -> float:
    """Return the level in percent at which EC-Lab used the result of its ZIR technique; 0 if it did not."""
    settings = vendor.get("settings", {})
    if not isinstance(settings, Mapping):
        return 0.0
    use, level = (_first_number(settings.get(key)) for key in ("use results", "comp. level (%)"))
    return level if use else 0.0


def _first_number(values: Any) -> float:
    text = values[0] if isinstance(values, list | tuple) and values else values
    try:
        return float(str(text).replace(",", "."))
    except ValueError:
        return 0.0


@dataclass(frozen=True)
class MeasuredResistance:
    """An uncompensated resistance with how it was found.

    Parameters
    ----------
    method
        ``intercept``: where the spectrum crosses the real axis at high frequency, by straight interpolation;
        ``highest_frequency``: the real part at the highest frequency, where it does not cross.
    """

    resistance_ohm: float
    frequency_hz: float
    method: Literal["intercept", "highest_frequency"]
    notes: tuple[str, ...] = ()


def measured_resistance(trace: Trace, *, sweep: int = 0) -> MeasuredResistance:
    """Find the high-frequency intercept of an impedance measurement (PEIS, GEIS, ZIR).

    Parameters
    ----------
    trace
        With the columns ``freq/Hz``, ``Re(Z)/Ohm`` and ``-Im(Z)/Ohm``.
    sweep
        Which of several sweeps of the frequency, from 0.

    Returns
    -------
    MeasuredResistance
        From the highest frequency down, the first crossing from inductive (-Im Z < 0) to capacitive (-Im Z > 0).
        Without one, Re Z of the highest frequency, with a note if its phase is beyond 10°, where it is no resistance.

    Raises
    ------
    SpectrodeError
        If the trace has no impedance, or not that many sweeps.
    """
    frequency, real, minus_imaginary = (_column(trace, names) for names in (_FREQUENCIES, _REAL, _IMAGINARY))
    good = np.isfinite(frequency) & np.isfinite(real) & np.isfinite(minus_imaginary) & (frequency > 0)
    frequency, real, minus_imaginary = frequency[good], real[good], minus_imaginary[good]
    if not frequency.size:
        raise SpectrodeError("the impedance measurement has no rows, so that it tells no resistance")
    rows = _sweep(frequency, sweep)
    order = rows[np.argsort(-frequency[rows], kind="stable")]
    f, re, im = frequency[order], real[order], minus_imaginary[order]
    crossing = np.flatnonzero((im[:-1] <= 0) & (im[1:] > 0))
    if crossing.size:
        k = int(crossing[0])
        part = -im[k] / (im[k + 1] - im[k])
        ohm = float(re[k] + part * (re[k + 1] - re[k]))
        at = float(np.exp(np.log(f[k]) + part * (np.log(f[k + 1]) - np.log(f[k]))))
        return _checked(MeasuredResistance(ohm, at, "intercept"))
    phase = float(np.degrees(np.arctan2(-im[0], re[0])))
    notes: tuple[str, ...] = ()
    if abs(phase) > _LARGEST_PHASE_DEG:
        notes = (
            f"the impedance does not cross the real axis, and its phase at the highest frequency ({f[0]:g} Hz) is "
            f"{phase:.1f}°: its real part there is an upper limit of the uncompensated resistance, not its measurement",
        )
    return _checked(MeasuredResistance(float(re[0]), float(f[0]), "highest_frequency", notes))


def _checked(found: MeasuredResistance) -> MeasuredResistance:
    if not found.resistance_ohm >= 0:
        raise SpectrodeError(
            f"the impedance gives a negative resistance ({found.resistance_ohm:g} Ω at {found.frequency_hz:g} Hz)"
        )
    return found


def _column(trace: Trace, names: tuple[str, ...]) -> NDArray[np.float64]:
    for name in names:
        if name in trace.columns:
            return np.asarray(trace.columns[name], dtype=np.float64)
    raise SpectrodeError(
        f"the trace has no column {names[0]}, so that it is no impedance measurement; it has "
        f"{', '.join(trace.columns) or 'no further columns'}"
    )


def _sweep(frequency: NDArray[np.float64], number: int) -> NDArray[np.int64]:
    """Return the rows of one sweep; a new one begins where the frequency jumps back against its usual direction."""
    step = np.sign(np.diff(frequency))
    direction = np.sign(np.sum(step)) or 1.0
    edges = np.flatnonzero(step * direction < 0) + 1
    sweeps = np.split(np.arange(frequency.size), edges)
    if not 0 <= number < len(sweeps):
        raise SpectrodeError(f"there is no sweep {number} of the frequency; the trace has {len(sweeps)}, from 0")
    return sweeps[number]
