"""What a simulated experiment was made of, kept beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UnreadableFile

__all__ = ["Truth", "read_truth"]

TRUTH_FORMAT = "spectrode-simulation-truth"
TRUTH_VERSION = 1


@dataclass(frozen=True, eq=False)
class Truth:
    """The parts of a simulated experiment: n spectra, c channels, k components.

    The expected counts are ``concentrations @ pure_spectra + fluorescence + flashes + offset_counts``; cosmic rays
    and noise come on top (:meth:`expected_counts`).
    """

    components: tuple[str, ...]
    """(k,) names; the first is the electrolyte, the second the electrode, the others the interface species."""
    library_ids: tuple[str, ...]
    """(k,) identifiers that such compounds have in a reference library."""
    near_field: NDArray[np.bool_]
    """(k,) True for interface species, which only the near field sees."""
    pure_spectra: NDArray[np.float64]
    """(k, c) as this instrument sees them, maximum 1."""
    concentrations: NDArray[np.float64]
    """(n, k) counts at the strongest band."""
    coverage: NDArray[np.float64]
    """(n, k) what the cell did, without enhancement and focus: 1 is full (electrolyte: always 1)."""
    onset_potential_v: NDArray[np.float64]
    """(k,) potential vs Li/Li+ at which 5 % of the greatest coverage is first reached; NaN for the far field and for
    species that do not form."""
    band_component: NDArray[np.int64]
    """(bands,) component that each band belongs to."""
    band_position_cm1: NDArray[np.float64]
    """(bands,) true position, drawn within the uncertainty of the literature."""
    band_literature_cm1: NDArray[np.float64]
    band_fwhm_cm1: NDArray[np.float64]
    """(bands,) width without the instrument."""
    band_height: NDArray[np.float64]
    """(bands,) relative to the other bands of the component."""
    shift_true_cm1: NDArray[np.float64]
    """(c,) the true axis."""
    shift_reported_cm1: NDArray[np.float64]
    """(c,) the axis that the instrument writes."""
    start_s: NDArray[np.float64]
    """(n,) true start of each exposure after the start of the potentiostat."""
    potential_v: NDArray[np.float64]
    """(n,) mean over the exposure, vs Li/Li+."""
    enhancement: NDArray[np.float64]
    """(n,) relative to the median pixel, flicker included."""
    collection: NDArray[np.float64]
    """(n,) focus and laser power."""
    fluorescence_weights: NDArray[np.float64]
    """(n, 2) lasting and bleaching background, counts."""
    fluorescence_shapes: NDArray[np.float64]
    """(2, c)."""
    cosmic_spectrum: NDArray[np.int64]
    cosmic_channel: NDArray[np.int64]
    cosmic_counts: NDArray[np.float64]
    cosmic_event: NDArray[np.int64]
    """(hits,) one row for each channel that a cosmic ray hit."""
    flash_spectrum: NDArray[np.int64]
    flash_position_px: NDArray[np.float64]
    flash_counts: NDArray[np.float64]
    flash_event: NDArray[np.int64]
    """(lines,) one row for each line of a genuine flash."""
    scalars: Mapping[str, float] = field(default_factory=dict)
    """offset_counts, gain_e_per_count, read_noise_e, psf_fwhm_px, clock_offset_s, scan_rate_v_per_s, …"""

    def __post_init__(self) -> None:
        object.__setattr__(self, "scalars", MappingProxyType(dict(self.scalars)))

    @property
    def fluorescence(self) -> NDArray[np.float64]:
        """(n, c) the smooth background, counts."""
        return np.asarray(self.fluorescence_weights @ self.fluorescence_shapes)

    @property
    def cosmic_mask(self) -> NDArray[np.bool_]:
        """(n, c) True where a cosmic ray hit."""
        mask = np.zeros((self.concentrations.shape[0], self.pure_spectra.shape[1]), dtype=bool)
        mask[self.cosmic_spectrum, self.cosmic_channel] = True
        return mask

    @property
    def cosmic_rays(self) -> NDArray[np.float64]:
        """(n, c) counts deposited by cosmic rays."""
        counts = np.zeros((self.concentrations.shape[0], self.pure_spectra.shape[1]))
        np.add.at(counts, (self.cosmic_spectrum, self.cosmic_channel), self.cosmic_counts)
        return counts

    def component(self, name: str) -> int:
        """Return the index of a component by its name or library identifier.

        Raises
        ------
        KeyError
            If there is none of that name.
        """
        for names in (self.components, self.library_ids):
            if name in names:
                return names.index(name)
        raise KeyError(f"there is no component {name!r}; it has {', '.join(self.components)}")

    def bands(self) -> NDArray[np.float64]:
        """(n, c) all Raman bands, without background and flashes, counts."""
        return np.asarray(self.concentrations @ self.pure_spectra)

    def flash_light(self) -> NDArray[np.float64]:
        """(n, c) light of the flashes, counts."""
        from .instrument import narrow_lines

        light = np.zeros((self.concentrations.shape[0], self.pure_spectra.shape[1]))
        lines = narrow_lines(self.flash_position_px, light.shape[1], self.scalars["psf_fwhm_px"])
        np.add.at(light, self.flash_spectrum, self.flash_counts[:, None] * lines)
        return light

    def expected_counts(self) -> NDArray[np.float64]:
        """(n, c) mean of the counts over the noise, without cosmic rays and before rounding and saturation."""
        return np.asarray(self.bands() + self.fluorescence + self.flash_light() + self.scalars["offset_counts"])

    def variance_counts(self) -> NDArray[np.float64]:
        """(n, c) variance of the counts: shot noise, read noise and rounding."""
        gain, read = self.scalars["gain_e_per_count"], self.scalars["read_noise_e"]
        return np.asarray((self.expected_counts() - self.scalars["offset_counts"]) / gain + (read / gain) ** 2 + 1 / 12)


def read_truth(path: str | Path) -> Truth:
    """Read a ``truth.h5``.

    Raises
    ------
    UnreadableFile
        If the file is missing, damaged, or no truth of this version.
    """
    import h5py

    path = Path(path)
    if not path.is_file():
        raise UnreadableFile(path, "there is no such file")
    try:
        with h5py.File(path, "r") as file:
            kind, version = file.attrs.get("format"), file.attrs.get("format_version")
            if kind != TRUTH_FORMAT or version != TRUTH_VERSION:
                raise UnreadableFile(path, f"holds {kind!r} version {version}, not {TRUTH_FORMAT!r} {TRUTH_VERSION}")
            values = {f.name: _read(file, f.name) for f in fields(Truth) if f.name != "scalars"}
            scalars = {name: float(value) for name, value in file["scalars"].attrs.items()}
    except (OSError, KeyError) as error:
        raise UnreadableFile(path, f"is damaged or no truth of a simulation ({error})") from error
    return Truth(**values, scalars=scalars)


def _read(file: Any, name: str) -> Any:
    if name in ("components", "library_ids"):
        return tuple(file[name].asstr()[()].tolist())
    array = file[name][()]
    if array.dtype.kind == "f":
        return array.astype(np.float64)
    return array.astype(bool) if name == "near_field" else array.astype(np.int64)
