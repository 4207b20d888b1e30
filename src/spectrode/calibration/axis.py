"""From a lamp spectrum, a silicon spectrum and a held-out standard to a calibrated axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import SpectrodeError
from .matching import Match, match_lines
from .model import AxisPart, CheckLine, LineUsed, Verification
from .peaks import Peak, find_peaks
from .standards import LampLines, ShiftStandard, lamp_lines, shift_standard

__all__ = ["Spectrum", "calibrate_axis", "check_lines", "laser_line", "verified"]

Floats = NDArray[np.float64]
_EXTRAPOLATE = 0.03  # of the span of the lines; beyond it a polynomial is not backed by anything
_OUTLIER = 4.0
_LARGEST_LASER_ERROR_NM = 1.0


@dataclass(frozen=True)
class Spectrum:
    """One spectrum on the instrument's own axis, increasing, in Raman shifts with the laser it used for them."""

    shift_cm1: Floats
    intensity: Floats
    laser_nm: float

    @classmethod
    def from_nm(cls, nominal_nm: ArrayLike, intensity: ArrayLike, laser_nm: float) -> Spectrum:
        """Return a spectrum given on a wavelength axis; ``laser_nm`` on the scale of that axis."""
        nm = np.asarray(nominal_nm, dtype=np.float64)
        return cls(1e7 / laser_nm - 1e7 / nm, np.asarray(intensity, dtype=np.float64), laser_nm)

    @property
    def nominal_nm(self) -> Floats:
        """The instrument's own wavelengths."""
        return np.asarray(1e7 / (1e7 / self.laser_nm - self.shift_cm1))


def calibrate_axis(
    neon: Spectrum | Sequence[Spectrum],
    silicon: Spectrum | None = None,
    *,
    laser_line_cm1: float = 520.45,
    laser_line_sigma_cm1: float = 0.05,
    measured_line: tuple[float, float] | None = None,
    laser_vacuum_nm: tuple[float, float] | None = None,
    nominal_laser_nm: float | None = None,
    lamp: LampLines | None = None,
    max_offset_nm: float = 1.5,
    max_stretch: float = 0.01,
    max_degree: int = 4,
    min_snr: float = 6.0,
) -> AxisPart:
    """Fit the wavelength map to lamp lines, and the laser to a line of known Raman shift.

    Parameters
    ----------
    neon
        Spectrum of the lamp through the same optical path as the samples; or several with different exposures, of
        which each line is taken where it is clearest and not saturated.
    silicon
        Spectrum of the substance that tells the laser.
    laser_line_cm1, laser_line_sigma_cm1
        Raman shift of its line and its standard uncertainty.
    measured_line
        Instead of ``silicon``: (position, standard uncertainty) in cm-1 on the instrument's own axis.
    laser_vacuum_nm
        Instead of both: (vacuum wavelength of the laser, standard uncertainty) in nm.
    nominal_laser_nm
        Wavelength by which the samples' Raman shifts were made; that of ``silicon``, else of ``neon``, if not given.
    max_offset_nm, max_stretch
        Farthest that the instrument's own axis may be off; see :func:`~spectrode.calibration.match_lines`.
    max_degree
        Highest degree of the map. The degree is the lowest whose leave-one-out error is within 5 % of the best.
    min_snr
        Of lamp lines; larger trusts only clearer lines.

    Raises
    ------
    SpectrodeError
        If lines are too few or ambiguous, the laser line is not found, or the laser would be more than 1 nm from its
        nominal wavelength.
    """
    lamp = lamp or lamp_lines("neon")
    exposures = [neon] if isinstance(neon, Spectrum) else list(neon)
    peaks = _merged([find_peaks(s.nominal_nm, s.intensity, min_snr=min_snr) for s in exposures])
    match = match_lines(peaks, lamp, max_offset_nm=max_offset_nm, max_stretch=max_stretch)
    nominal = nominal_laser_nm or (silicon.laser_nm if silicon is not None else exposures[0].laser_nm)
    part = _fitted_map(match, max_degree, nominal)
    part = replace(part, spacing_nm=_spacing(exposures[0].nominal_nm, part))
    if laser_vacuum_nm is not None:
        wavelength, sigma = laser_vacuum_nm
        sigma_cm1 = 1e7 / wavelength**2 * sigma
        part = replace(part, laser_vacuum_nm=wavelength, laser_sigma_cm1=sigma_cm1, laser_from="given")
    else:
        if measured_line is None:
            if silicon is None:
                raise SpectrodeError("the laser is unknown: give a silicon spectrum, a measured line or the wavelength")
            measured_line = laser_line(silicon, laser_line_cm1)
        position, sigma = measured_line
        at = float(part.nominal_nm(position, nominal if silicon is None else silicon.laser_nm))
        if not part.valid_nm[0] <= at <= part.valid_nm[1]:
            raise SpectrodeError(
                f"the line that tells the laser stands at {at:.2f} nm, but {lamp.name} lines back the map only from "
                f"{part.valid_nm[0]:.2f} to {part.valid_nm[1]:.2f} nm"
            )
        laser = 1e7 / (1e7 / float(part.vacuum_nm(at)) + laser_line_cm1)
        part = replace(
            part,
            laser_vacuum_nm=laser,
            laser_nominal_nm=at,
            laser_sigma_cm1=float(np.hypot(sigma, laser_line_sigma_cm1)),
            laser_from=f"line at {laser_line_cm1:g} cm-1, found at {position:.3f}",
        )
    if abs(part.laser_vacuum_nm - nominal) > _LARGEST_LASER_ERROR_NM:
        raise SpectrodeError(
            f"the laser would be at {part.laser_vacuum_nm:.3f} nm, but the instrument says {nominal:g} nm: lamp and "
            "sample were probably not measured with the same setting of the spectrometer"
        )
    return part


def _spacing(nominal: Floats, part: AxisPart) -> tuple[float, float, float]:
    middle = (nominal[1:] + nominal[:-1]) / 2
    t = (middle - part.centre_nm) / part.half_nm
    inside = np.abs(t) <= 1.02
    # A smooth course: files round their axes, so that single distances jump.
    course = np.polynomial.Polynomial.fit(t[inside], np.diff(nominal)[inside], 2)
    left, centre, right = course(np.array([-1.0, 0.0, 1.0]))
    return float(left), float(centre), float(right)


def _merged(exposures: list[list[Peak]]) -> list[Peak]:
    """Keep of each line the exposure in which it is known best."""
    kept: list[Peak] = []
    for peak in sorted((p for peaks in exposures for p in peaks), key=lambda p: p.uncertainty):
        if all(abs(peak.position - other.position) > 0.7 * other.fwhm for other in kept):
            kept.append(peak)
    return sorted(kept, key=lambda p: p.position)


def laser_line(spectrum: Spectrum, position_cm1: float = 520.45, window_cm1: float = 20.0) -> tuple[float, float]:
    """Return position and standard uncertainty (cm-1, own axis) of the strongest line near a place.

    Raises
    ------
    SpectrodeError
        If no line stands within the window.
    """
    near = np.abs(spectrum.shift_cm1 - position_cm1) <= max(3 * window_cm1, 60.0)
    found = find_peaks(spectrum.shift_cm1[near], spectrum.intensity[near], min_snr=10.0)
    found = [p for p in found if abs(p.position - position_cm1) <= window_cm1]
    if not found:
        raise SpectrodeError(f"no line was found within {window_cm1:g} cm-1 of {position_cm1:g} cm-1 to tell the laser")
    best = max(found, key=lambda p: p.height)
    return best.position, best.uncertainty


def check_lines(
    spectrum: Spectrum, standard: ShiftStandard, *, max_offset_cm1: float = 15.0
) -> list[tuple[float, Peak]]:
    """Find the lines of a standard on the instrument's own axis.

    One common offset is looked for first (the one that most lines, by clearness, agree on); then each line is the
    nearest peak within 5 cm-1.

    Returns
    -------
    list of (reference position in cm-1, Peak)
    """
    # Tabulated positions are those of the maximum, and some of these bands are lopsided: only their tops are fitted.
    peaks = find_peaks(spectrum.shift_cm1, spectrum.intensity, min_snr=5.0, reach=0.6)
    # A line broader than any of these substances' is a hump of the background.
    peaks = [p for p in peaks if p.fwhm < 40]
    if not peaks:
        return []
    where = np.array([p.position for p in peaks])
    clear = np.log1p(np.array([p.snr for p in peaks]))
    reference = np.array(standard.check_cm1)
    offsets = np.arange(-max_offset_cm1, max_offset_cm1 + 0.25, 0.5)
    gap = where[None, None, :] - reference[None, :, None] - offsets[:, None, None]
    score = (np.clip(1 - (gap / 4.0) ** 2, 0, None) * clear).max(axis=2).sum(axis=1)
    # Among equals the smallest offset: an axis is more often nearly right than far off.
    offset = offsets[np.argmax(score - 1e-6 * np.abs(offsets))]
    found = []
    for line in reference:
        k = int(np.argmin(np.abs(where - line - offset)))
        if abs(where[k] - line - offset) <= 5.0:
            found.append((float(line), peaks[k]))
    return found


def verified(part: AxisPart, spectrum: Spectrum, standard: ShiftStandard | None = None) -> AxisPart:
    """Return the calibration with what it does to a held-out standard; see :attr:`Verification.passed`.

    Raises
    ------
    SpectrodeError
        If fewer than three lines of the standard are found within the valid range.
    """
    standard = standard or shift_standard("polystyrene")
    lines = []
    for reference, peak in check_lines(spectrum, standard):
        nominal = float(part.nominal_nm(peak.position, spectrum.laser_nm))
        if part.valid_nm[0] <= nominal <= part.valid_nm[1] and peak.uncertainty <= 2 * standard.uncertainty_cm1:
            after = float(part.shift_cm1(nominal))
            sigma = float(np.hypot(peak.uncertainty, part.sigma_cm1(after)))
            lines.append(CheckLine(reference, peak.position, after, sigma))
    if len(lines) < 3:
        raise SpectrodeError(
            f"only {len(lines)} lines of {standard.name} were found in the check spectrum within the calibrated range; "
            "at least 3 are needed to verify an axis"
        )
    return replace(part, verification=Verification(standard.name, standard.uncertainty_cm1, tuple(lines)))


def _fitted_map(match: Match, max_degree: int, nominal_laser_nm: float) -> AxisPart:
    x = np.array([p.position for p in match.peaks])
    fit_sigma = np.array([p.uncertainty for p in match.peaks])
    sigma = np.hypot(fit_sigma, match.line_sigma_nm)
    gap = match.line_nm - x
    centre, half = float(x.min() + x.max()) / 2, float(np.ptp(x)) / 2
    t = (x - centre) / half
    used = np.ones(x.size, dtype=bool)
    degree = 1
    for _ in range(20):
        degree = _degree(t[used], gap[used], sigma[used], min(max_degree, (int(used.sum()) - 1) // 3))
        coefficients, covariance, scatter = _weighted(t[used], gap[used], sigma[used], degree)
        left = gap - np.polynomial.chebyshev.chebval(t, coefficients)
        core = max(1.4826 * float(np.median(np.abs(left[used]))), 1e-6)
        # Weighed by its own sigma, too: the centre of a blend may lie farther off than a single line.
        keep = np.abs(left) <= _OUTLIER * np.hypot(core, sigma)
        if np.array_equal(keep, used) or keep.sum() < 6:
            break
        used = keep
    lines = tuple(
        LineUsed(float(n), float(p), float(s), float(r), bool(u))
        for n, p, s, r, u in zip(match.line_nm, x, sigma, left, used, strict=True)
    )
    inside = x[used]
    beyond = _EXTRAPOLATE * float(np.ptp(inside))
    part = AxisPart(
        nominal_laser_nm=float(nominal_laser_nm),
        centre_nm=centre,
        half_nm=half,
        coefficients=tuple(float(c) for c in coefficients),
        covariance=tuple(tuple(float(v) for v in row) for row in covariance),
        scatter_nm=scatter,
        valid_nm=(float(inside.min()) - beyond, float(inside.max()) + beyond),
        laser_vacuum_nm=float(nominal_laser_nm),
        laser_nominal_nm=None,
        laser_sigma_cm1=0.0,
        laser_from="",
        lines=lines,
    )
    # Lines that deviate alike are worth fewer lines: the variance of a mean under first-order correlation.
    together = min(max(part.line_correlation, 0.0), 0.9)
    inflated = (1 + together) / (1 - together) * covariance
    return replace(part, covariance=tuple(tuple(float(v) for v in row) for row in inflated))


def _weighted(t: Floats, gap: Floats, sigma: Floats, degree: int) -> tuple[Floats, Floats, float]:
    """Weighted least squares with an extra scatter common to all lines that brings chi-square to its mean."""
    basis = np.polynomial.chebyshev.chebvander(t, degree)
    freedom = max(1, t.size - degree - 1)

    def solve(extra: float) -> tuple[Floats, Floats, float]:
        weight = 1 / (sigma**2 + extra**2)
        covariance = np.asarray(np.linalg.inv(basis.T @ (weight[:, None] * basis)), dtype=np.float64)
        best = covariance @ (basis.T @ (weight * gap))
        return best, covariance, float(weight @ (gap - basis @ best) ** 2)

    if solve(0.0)[2] <= freedom:
        return (*solve(0.0)[:2], 0.0)
    low, high = 0.0, 10 * float(np.std(gap)) + 10 * float(sigma.max())
    for _ in range(60):  # chi-square falls as the scatter grows
        middle = (low + high) / 2
        low, high = (middle, high) if solve(middle)[2] > freedom else (low, middle)
    return (*solve(high)[:2], high)


def _degree(t: Floats, gap: Floats, sigma: Floats, highest: int) -> int:
    """Return the lowest degree whose leave-one-out error is within 5 % of the best."""
    errors = []
    for degree in range(1, max(1, highest) + 1):
        _, covariance, extra = _weighted(t, gap, sigma, degree)
        weight = 1 / (sigma**2 + extra**2)
        basis = np.polynomial.chebyshev.chebvander(t, degree)
        leverage = np.einsum("ij,jk,ik->i", basis, covariance, basis) * weight
        best = covariance @ (basis.T @ (weight * gap))
        left = (gap - basis @ best) / np.maximum(1 - leverage, 1e-6)
        # One common weighting, or degrees with different scatter could not be compared.
        errors.append(float(np.sqrt(np.average(left**2, weights=1 / (sigma**2 + np.median(sigma) ** 2)))))
    return int(np.flatnonzero(np.array(errors) <= 1.05 * min(errors))[0]) + 1
