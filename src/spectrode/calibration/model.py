"""A saved calibration: what was measured with which lines, what came out, and how far it may be trusted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import SpectrodeError

__all__ = ["AxisPart", "Calibration", "CheckLine", "IntensityPart", "LineUsed", "Source", "Verification"]

Floats = NDArray[np.float64]
Matrix = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class LineUsed:
    """One lamp line."""

    line_vacuum_nm: float
    nominal_nm: float
    """Where it was found on the instrument's own axis."""
    sigma_nm: float
    residual_nm: float
    """Line minus fitted map."""
    used: bool
    """False: rejected as an outlier."""


@dataclass(frozen=True)
class CheckLine:
    """One line of the held-out standard."""

    reference_cm1: float
    before_cm1: float
    """On the instrument's own axis."""
    after_cm1: float
    sigma_cm1: float
    """Of the peak fit and of the calibrated axis together, without the standard's own."""


@dataclass(frozen=True)
class Verification:
    """What the calibration does to a standard that had no part in it."""

    standard: str
    standard_sigma_cm1: float
    lines: tuple[CheckLine, ...]

    @property
    def rms_before_cm1(self) -> float:
        """Root mean square deviation on the instrument's own axis."""
        return float(np.sqrt(np.mean([(x.before_cm1 - x.reference_cm1) ** 2 for x in self.lines])))

    @property
    def rms_after_cm1(self) -> float:
        """The same on the calibrated axis."""
        return float(np.sqrt(np.mean([(x.after_cm1 - x.reference_cm1) ** 2 for x in self.lines])))

    @property
    def passed(self) -> bool:
        """True if the calibration made the standard no worse."""
        return self.rms_after_cm1 <= self.rms_before_cm1


@dataclass(frozen=True)
class AxisPart:
    """The map from the instrument's own wavelengths to vacuum wavelengths, and the wavelength of the laser.

    ``vacuum_nm = nominal_nm + sum c[k] T_k((nominal_nm - centre_nm) / half_nm)`` with Chebyshev polynomials T_k.
    A Raman-shift axis is first turned back into the instrument's own wavelengths with ``nominal_laser_nm``.
    """

    nominal_laser_nm: float
    """The wavelength by which the instrument made its Raman shifts, on the scale of its own axis."""
    centre_nm: float
    half_nm: float
    coefficients: tuple[float, ...]
    covariance: Matrix
    scatter_nm: float
    """Standard deviation of the lamp lines about the map beyond what their own fits explain."""
    valid_nm: tuple[float, float]
    """Nominal wavelengths within which the map is backed by lines."""
    laser_vacuum_nm: float
    laser_nominal_nm: float | None
    """Where the line that told the laser stood, on the nominal axis; None if the laser was given."""
    laser_sigma_cm1: float
    """Standard uncertainty of the laser's wavenumber, without that of the map."""
    laser_from: str
    lines: tuple[LineUsed, ...]
    spacing_nm: tuple[float, float, float] | None = None
    """Distance of the channels at ``centre_nm`` minus, without and plus ``half_nm``: the mark of grating and detector.
    None if not known."""
    verification: Verification | None = None

    @property
    def line_correlation(self) -> float:
        """Correlation of the residuals of neighbouring lamp lines: near 0 if the map is right, near 1 if it is too
        stiff (an axis stitched from several windows has steps that no polynomial follows)."""
        used = [line for line in self.lines if line.used]
        z = np.array([line.residual_nm / np.hypot(line.sigma_nm, self.scatter_nm) for line in used])
        return float(np.sum(z[1:] * z[:-1]) / np.sum(z**2)) if z.size > 2 and np.any(z) else 0.0

    @property
    def lines_are_random(self) -> bool:
        """False if neighbouring lamp lines deviate alike, beyond chance (one sided, 1 %)."""
        return bool(self.line_correlation * np.sqrt(sum(line.used for line in self.lines)) <= 2.33)

    def spacing_ratio(self, nominal_nm: ArrayLike) -> float | None:
        """Return how many times coarser than the calibrated channels these are; None where that cannot be told."""
        nominal = np.asarray(nominal_nm, dtype=np.float64)
        t = ((nominal[1:] + nominal[:-1]) / 2 - self.centre_nm) / self.half_nm
        inside = np.abs(t) <= 1
        if self.spacing_nm is None or np.count_nonzero(inside) < 10:
            return None
        left, middle, right = self.spacing_nm
        expected = middle + (right - left) / 2 * t + ((right + left) / 2 - middle) * t**2
        return float(np.median(np.diff(nominal)[inside] / expected[inside]))

    def vacuum_nm(self, nominal_nm: ArrayLike) -> Floats:
        """Return vacuum wavelengths for the instrument's own wavelengths."""
        nominal = np.asarray(nominal_nm, dtype=np.float64)
        return np.asarray(nominal + self._basis(nominal) @ np.array(self.coefficients))

    def shift_cm1(self, nominal_nm: ArrayLike) -> Floats:
        """Return Raman shifts (vacuum, cm-1) for the instrument's own wavelengths."""
        return np.asarray(1e7 / self.laser_vacuum_nm - 1e7 / self.vacuum_nm(nominal_nm))

    def nominal_nm(self, shift_cm1: ArrayLike, laser_nm: float | None = None) -> Floats:
        """Return the instrument's own wavelengths of an axis that it gave as Raman shifts.

        Parameters
        ----------
        shift_cm1
            As the instrument wrote them.
        laser_nm
            The laser wavelength it used for them; that of the calibration if not given.
        """
        laser = self.nominal_laser_nm if laser_nm is None else laser_nm
        return np.asarray(1e7 / (1e7 / laser - np.asarray(shift_cm1, dtype=np.float64)))

    def sigma_cm1(self, shift_cm1: ArrayLike) -> Floats:
        """Return the standard uncertainty of calibrated Raman shifts.

        Lamp lines (through the covariance of the map) and the laser; their correlation is respected, so that it is
        smallest near the line that told the laser. The deviation of single lines (``scatter_nm``) is not in it.
        """
        vacuum = 1e7 / (1e7 / self.laser_vacuum_nm - np.asarray(shift_cm1, dtype=np.float64))
        jacobian = self._basis(self._inverse(vacuum)) * (1e7 / vacuum**2)[..., None]
        if self.laser_nominal_nm is not None:
            at = np.asarray(self.laser_nominal_nm)
            jacobian = jacobian - self._basis(at) * (1e7 / self.vacuum_nm(at) ** 2)[..., None]
        variance = np.einsum("...i,ij,...j->...", jacobian, np.array(self.covariance), jacobian)
        return np.asarray(np.sqrt(variance + self.laser_sigma_cm1**2))

    @property
    def valid_cm1(self) -> tuple[float, float]:
        """The valid range in calibrated Raman shifts."""
        low, high = self.shift_cm1(np.array(self.valid_nm))
        return float(low), float(high)

    def _inverse(self, vacuum_nm: Floats) -> Floats:
        nominal = vacuum_nm
        for _ in range(4):  # the correction is small and smooth, so this converges by its slope (< 0.01) each time
            nominal = nominal - (self.vacuum_nm(nominal) - vacuum_nm)
        return nominal

    def _basis(self, nominal_nm: Floats) -> Floats:
        t = (nominal_nm - self.centre_nm) / self.half_nm
        basis = np.polynomial.chebyshev.chebvander(t, len(self.coefficients) - 1)
        return np.asarray(basis.reshape((*np.shape(nominal_nm), len(self.coefficients))))


@dataclass(frozen=True)
class IntensityPart:
    """The relative response of the instrument: measured intensities are multiplied by ``factor``."""

    standard: str
    laser_nm: float
    bandwidth_cm1: float
    """Full width of the smoothing of the measured standard."""
    shift_cm1: tuple[float, ...]
    """Knots, increasing."""
    factor: tuple[float, ...]
    """Correction at the knots; its median is 1."""
    sigma: tuple[float, ...]
    """Relative standard uncertainty of ``factor`` from the noise of the measured standard."""
    geometry: str = "180-degree (backscattering)"

    def at(self, shift_cm1: ArrayLike) -> tuple[Floats, Floats]:
        """Return (factor, relative uncertainty) at Raman shifts; NaN outside the knots."""
        from scipy.interpolate import PchipInterpolator

        x = np.asarray(shift_cm1, dtype=np.float64)
        knots = np.array(self.shift_cm1)
        factor = PchipInterpolator(knots, np.log(self.factor), extrapolate=False)(x)
        inside = (x >= knots[0]) & (x <= knots[-1])
        return np.exp(factor), np.where(inside, np.interp(x, knots, self.sigma), np.nan)


@dataclass(frozen=True)
class Source:
    """A file that went in."""

    role: str
    name: str
    sha256: str


@dataclass(frozen=True)
class Calibration:
    """A calibration of one optical path of one instrument."""

    created: str
    """ISO 8601 with a time zone."""
    instrument: str = ""
    optical_path: str = ""
    """Name of the path, such as ``x20``; a dataset or step that names another is refused."""
    objective: str | None = None
    grating: str | None = None
    detector: str | None = None
    axis: AxisPart | None = None
    intensity: IntensityPart | None = None
    sources: tuple[Source, ...] = ()
    flags: tuple[str, ...] = ()
    """What a user should know before trusting it."""

    def sigma_cm1(self, shift_cm1: ArrayLike) -> Floats:
        """Return the standard uncertainty of calibrated Raman shifts; see :meth:`AxisPart.sigma_cm1`."""
        if self.axis is None:
            raise SpectrodeError("this calibration holds an intensity response, but no axis")
        return self.axis.sigma_cm1(shift_cm1)
