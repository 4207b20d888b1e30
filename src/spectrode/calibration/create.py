"""Make a calibration from measured datasets, with every check that can refuse it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import SpectrodeError
from ..preprocessing.calibrate.wavelengths import raman_shift_cm1
from .apply import same_channels
from .axis import Spectrum, calibrate_axis, verified
from .model import Calibration, IntensityPart, Source
from .response import lamp_response, srm_response
from .standards import luminescence_standard, shift_standard

if TYPE_CHECKING:
    from ..dataset import OperandoDataset

__all__ = ["make_axis_calibration", "make_intensity_calibration", "spectrum_of"]

_PATH_FIELDS = ("vendor", "model", "objective", "grating", "detector")
# x20, 20x, Z020, set off by separators: how objectives are told in file names.
_IN_NAME = re.compile(r"(?:^|[_\-\s])(?:[xz]0*(\d{1,3})|0*(\d{1,3})x)(?=$|[_\-\s.])", re.IGNORECASE)


def spectrum_of(dataset: OperandoDataset, laser_nm: float | None = None) -> Spectrum:
    """Return the mean spectrum of a dataset on the instrument's own axis.

    Parameters
    ----------
    dataset
        Raman shifts or wavelengths; masked and missing values are left out of the mean. Wavelengths are turned into
        shifts as :func:`~spectrode.preprocessing.calibrate.to_raman_shift` does by default (axis and laser in air);
        convert the samples in the same way.
    laser_nm
        The wavelength by which the shifts were made, if the file does not state it.

    Raises
    ------
    SpectrodeError
        If the laser wavelength is unknown.
    """
    laser = dataset.metadata.laser.wavelength_nm if laser_nm is None else laser_nm
    name = _name(dataset)
    if laser is None:
        raise SpectrodeError(f"{name} does not state its laser wavelength; give it (the one its axis was made with)")
    values = np.array(dataset.computed().intensity, dtype=np.float64)
    if dataset.mask is not None:
        values[np.asarray(dataset.mask)] = np.nan
    finite = np.isfinite(values)
    count = finite.sum(axis=0)
    mean = np.divide(np.where(finite, values, 0).sum(axis=0), count, out=np.full(count.shape, np.nan), where=count > 0)
    if dataset.axis_kind == "wavelength":
        # By the same rule as to_raman_shift, so that lamp and samples from one instrument get the same labels.
        return Spectrum(raman_shift_cm1(dataset.shift, laser), mean, laser)
    if dataset.axis_kind != "raman_shift":
        raise SpectrodeError(f"{name} has an axis of {dataset.axis_label}; Raman shifts or wavelengths are needed")
    return Spectrum(dataset.shift, mean, laser)


def make_axis_calibration(
    neon: OperandoDataset | Sequence[OperandoDataset],
    silicon: OperandoDataset | None = None,
    check: OperandoDataset | None = None,
    *,
    standard: str = "polystyrene",
    optical_path: str = "",
    laser_nm: float | None = None,
    allow_other_path: bool = False,
    **options: Any,
) -> Calibration:
    """Return a verified axis calibration.

    Parameters
    ----------
    neon
        The lamp, once or with several exposures.
    silicon
        The substance that tells the laser (520.45 cm-1 unless ``laser_line_cm1`` says otherwise).
    check
        A standard that has no part in the calibration. Without it the calibration is flagged as not verified.
    standard
        What ``check`` is: a name of :func:`~spectrode.calibration.shift_standard`.
    optical_path
        A name for the path, such as ``x20``, by which later use is guarded.
    laser_nm
        The wavelength by which the files' shifts were made, where they do not state it.
    allow_other_path
        True flags, instead of refusing, files whose metadata name different objectives, gratings or detectors.
    **options
        Passed to :func:`~spectrode.calibration.calibrate_axis`.

    Raises
    ------
    SpectrodeError
        If the optical paths differ, lines cannot be matched, or the held-out standard gets worse.
    """
    lamps = [neon] if not isinstance(neon, Sequence) else list(neon)
    roles = [("neon", d) for d in lamps]
    roles += [(role, d) for role, d in (("silicon", silicon), ("check", check)) if d is not None]
    flags = _path_flags(roles, allow_other_path)
    part = calibrate_axis(
        [spectrum_of(d, laser_nm) for d in lamps],
        None if silicon is None else spectrum_of(silicon, laser_nm),
        **options,
    )
    for role, d in roles:
        try:
            same_channels(part, spectrum_of(d, laser_nm).nominal_nm, f"{role} spectrum")
        except SpectrodeError as error:
            if not allow_other_path:
                raise
            flags.append(str(error))
    if check is None:
        flags.append("not verified on a held-out standard")
    else:
        part = verified(part, spectrum_of(check, laser_nm), shift_standard(standard))
        flags += _verdict(part.verification, standard)
    if not part.lines_are_random:
        flags.append(
            f"neighbouring lamp lines deviate alike (correlation {part.line_correlation:.2f}): no smooth map fits, as "
            "for an axis stitched from several windows; calibrate the windows one by one"
        )
    if sum(line.used for line in part.lines) < 2 * len(part.coefficients) + 2:
        flags.append(f"only {sum(line.used for line in part.lines)} lamp lines back the map")
    return _identified(roles, optical_path, flags, axis=part)


def _verdict(found: Any, standard: str) -> list[str]:
    before, after = found.rms_before_cm1, found.rms_after_cm1
    if not found.passed:
        raise SpectrodeError(
            f"the calibration makes the held-out {standard} worse (rms {before:.3f} cm-1 before, {after:.3f} after, "
            f"{len(found.lines)} lines): lamp, silicon and {standard} were probably not measured through the same "
            "optical path, or one of them is not what it is said to be"
        )
    expected = np.array([np.hypot(line.sigma_cm1, found.standard_sigma_cm1) for line in found.lines])
    residual = np.array([line.after_cm1 - line.reference_cm1 for line in found.lines])
    # One sided, at about 1 %: chi-square over its mean, normal approximation by Wilson and Hilferty.
    n = residual.size
    z = (float(np.mean((residual / expected) ** 2)) ** (1 / 3) - 1 + 2 / (9 * n)) / np.sqrt(2 / (9 * n))
    if z > 2.33:
        return [
            f"{standard} still deviates by {after:.2f} cm-1 (rms) after calibration, more than its uncertainty "
            f"({standard} {found.standard_sigma_cm1:g} cm-1 a line) explains; another optical path is possible"
        ]
    return []


def make_intensity_calibration(
    measured: OperandoDataset,
    *,
    srm: str | None = None,
    temperature_k: float | None = None,
    laser_nm: float | None = None,
    optical_path: str = "",
    bandwidth_cm1: float = 50.0,
    into: Calibration | None = None,
) -> Calibration:
    """Return an intensity calibration from a luminescent glass or a white lamp.

    Parameters
    ----------
    measured
        The standard, dark subtracted, measured in the same geometry as the samples.
    srm
        Number of the NIST standard, such as ``2241``.
    temperature_k
        Instead: temperature of a lamp that radiates as a black body.
    laser_nm
        Laser of the measurement, where the file does not state it.
    bandwidth_cm1
        See :func:`~spectrode.calibration.srm_response`.
    into
        An axis calibration to join it to; its axis is used for the standard's spectrum.
    """
    spectrum = spectrum_of(measured, laser_nm)
    shift = spectrum.shift_cm1
    flags: list[str] = []
    if into is not None and into.axis is not None:
        nominal = spectrum.nominal_nm
        inside = (nominal >= into.axis.valid_nm[0]) & (nominal <= into.axis.valid_nm[1])
        if not inside.all():
            flags.append("the intensity response was cut to the calibrated range of the axis")
        shift, values = into.axis.shift_cm1(nominal[inside]), spectrum.intensity[inside]
    else:
        values = spectrum.intensity
    part: IntensityPart
    if srm is not None:
        if temperature_k is not None:
            raise SpectrodeError("give either a NIST standard or the temperature of a lamp, not both")
        certificate = luminescence_standard(srm)
        part = srm_response(shift, values, certificate, laser_nm=spectrum.laser_nm, bandwidth_cm1=bandwidth_cm1)
    else:
        part = lamp_response(
            shift, values, laser_nm=spectrum.laser_nm, temperature_k=temperature_k, bandwidth_cm1=bandwidth_cm1
        )
    made = _identified([("intensity", measured)], optical_path, flags, intensity=part)
    if into is None:
        return made
    _same_named_path(into, made)
    return replace(into, intensity=part, sources=into.sources + made.sources, flags=into.flags + made.flags)


def _same_named_path(one: Calibration, other: Calibration) -> None:
    for name in ("optical_path", "objective", "grating", "detector"):
        a, b = getattr(one, name), getattr(other, name)
        if a and b and a != b:
            raise SpectrodeError(
                f"the axis was calibrated with {name} {a!r}, but the intensity was measured with {b!r}"
            )


def _path_flags(roles: Sequence[tuple[str, OperandoDataset]], allowed: bool) -> list[str]:
    flags = []
    for name in _PATH_FIELDS:
        stated = {role: getattr(d.metadata.instrument, name) for role, d in roles}
        stated = {role: value for role, value in stated.items() if value}
        if len(set(stated.values())) > 1:
            text = f"the {name} differs: " + ", ".join(f"{role} {value!r}" for role, value in stated.items())
            if not allowed:
                raise SpectrodeError(f"{text}; a calibration holds for one optical path only")
            flags.append(text)
    hints = {role: hint for role, d in roles if (hint := _hint(_name(d)))}
    if len(set(hints.values())) > 1:
        flags.append(
            "file names suggest different objectives: " + ", ".join(f"{role} x{hint}" for role, hint in hints.items())
        )
    lasers = {d.metadata.laser.wavelength_nm for _, d in roles} - {None}
    if len(lasers) > 1:
        flags.append(
            "the files state different lasers: " + ", ".join(f"{v:g} nm" for v in sorted(v for v in lasers if v))
        )
    return flags


def _hint(name: str) -> str | None:
    found = _IN_NAME.search(name)
    return (found.group(1) or found.group(2)) if found else None


def _name(dataset: OperandoDataset) -> str:
    sources = dataset.metadata.sources
    return sources[0].path.replace("\\", "/").rsplit("/", 1)[-1] if sources else dataset.metadata.title or "a spectrum"


def _identified(
    roles: Sequence[tuple[str, OperandoDataset]], optical_path: str, flags: Sequence[str], **parts: Any
) -> Calibration:
    def first(name: str) -> str | None:
        return next((v for _, d in roles if (v := getattr(d.metadata.instrument, name))), None)

    sources = tuple(
        Source(role, source.path.replace("\\", "/").rsplit("/", 1)[-1], source.sha256)
        for role, d in roles
        for source in d.metadata.sources
    )
    return Calibration(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        instrument=" ".join(v for v in (first("vendor"), first("model")) if v),
        optical_path=optical_path,
        objective=first("objective"),
        grating=first("grating"),
        detector=first("detector"),
        sources=sources,
        flags=tuple(dict.fromkeys(flags)),
        **parts,
    )
