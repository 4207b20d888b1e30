"""What an unmixing returns: spectra, concentrations, and how far to trust them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InvalidDataset

__all__ = ["Decomposition"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Decomposition:
    """Spectra as sums of components, ``intensity ≈ concentrations @ spectra``.

    Parameters
    ----------
    spectra
        (k, channels), finite, each row scaled to a maximum of 1; never negative, except that a known spectrum stays
        as it was given.
    concentrations
        (spectra, k), never negative, in counts at the component's strongest channel. A spectrum that took no part has
        NaN in all its places; one that is zero everywhere has 0.
    names
        A name for each component, all different.
    known
        True for a spectrum that was given and held fixed.
    method
        ``mcr_als`` or ``nmf``.
    lack_of_fit_percent
        100·√(Σe² / Σd²) over the spectra that took part.
    iterations
        Iterations done, of the run that was kept.
    converged
        True if the residual settled to the tolerance asked for.
    singular_values
        (m,) the leading singular values of the data, falling.
    residual_rms
        (spectra,) root mean square of each spectrum's residual, in counts; NaN where no part was taken.
    notes
        Sentences for the reader of the result.

    Raises
    ------
    InvalidDataset
        If the parts do not fit together, or a number that may not be negative or missing is.
    """

    spectra: Array
    concentrations: Array
    names: tuple[str, ...]
    known: tuple[bool, ...]
    method: str
    lack_of_fit_percent: float
    iterations: int
    converged: bool
    singular_values: Array
    residual_rms: Array
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("spectra", "concentrations", "singular_values", "residual_rms"):
            object.__setattr__(self, name, _frozen(getattr(self, name)))
        for name in ("names", "known", "notes"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        self._check_shapes()
        self._check_values()

    @property
    def n_components(self) -> int:
        """Number of components."""
        return int(self.spectra.shape[0])

    @property
    def n_spectra(self) -> int:
        """Number of spectra, those included that took no part."""
        return int(self.concentrations.shape[0])

    @property
    def contribution(self) -> Array:
        """(k,) the summed intensity of each component over all spectra and channels, in counts."""
        return np.asarray(np.nansum(self.concentrations, axis=0) * self.spectra.sum(axis=1))

    def reconstruct(self, components: Sequence[int] | None = None) -> Array:
        """Return the modelled spectra, (spectra, channels), from all components or from some (0-based).

        Raises
        ------
        InvalidDataset
            If a component does not exist.
        """
        if components is None:
            return self.concentrations @ self.spectra
        chosen = list(components)
        if any(not 0 <= i < self.n_components for i in chosen):
            raise InvalidDataset(f"components {chosen} were asked for, but there are 0 to {self.n_components - 1}")
        return self.concentrations[:, chosen] @ self.spectra[chosen]

    def reordered(self, order: Sequence[int]) -> Decomposition:
        """Return the same result with its components in another order; ``order[i]`` is the old place of the new i.

        Raises
        ------
        InvalidDataset
            If ``order`` does not name every component once.
        """
        places = [int(i) for i in order]
        if sorted(places) != list(range(self.n_components)):
            raise InvalidDataset(
                f"order must name each of the components 0 to {self.n_components - 1} once, but is {places}"
            )
        return replace(
            self,
            spectra=self.spectra[places],
            concentrations=self.concentrations[:, places],
            names=tuple(self.names[i] for i in places),
            known=tuple(self.known[i] for i in places),
        )

    def _check_shapes(self) -> None:
        if self.spectra.ndim != 2 or self.concentrations.ndim != 2:
            raise InvalidDataset(
                "a decomposition needs spectra (k, channels) and concentrations (spectra, k), "
                f"but their shapes are {self.spectra.shape} and {self.concentrations.shape}"
            )
        k, n = self.spectra.shape[0], self.concentrations.shape[0]
        sizes = (self.concentrations.shape[1], len(self.names), len(self.known))
        if any(size != k for size in sizes):
            raise InvalidDataset(
                f"{k} component spectra need as many concentrations, names and known marks, but there are {sizes}"
            )
        if self.residual_rms.shape != (n,) or self.singular_values.ndim != 1:
            raise InvalidDataset(
                f"{n} spectra need residual_rms of shape ({n},) and singular_values of one dimension, "
                f"but the shapes are {self.residual_rms.shape} and {self.singular_values.shape}"
            )
        if len(set(self.names)) != k:
            raise InvalidDataset(f"component names must differ, but are {', '.join(self.names)}")

    def _check_values(self) -> None:
        if not np.isfinite(self.spectra).all():
            raise InvalidDataset("component spectra must be finite, but hold a missing or infinite value")
        if self.spectra.size and not np.allclose(self.spectra.max(axis=1), 1.0, rtol=1e-9, atol=0.0):
            raise InvalidDataset("each component spectrum must have a maximum of 1")
        found = ~np.array(self.known, dtype=bool)
        if (self.spectra[found] < 0).any():
            raise InvalidDataset("a component spectrum that was found, not given, may not be negative")
        missing = np.isnan(self.concentrations)
        if (missing.any(axis=1) != missing.all(axis=1)).any() or np.isinf(self.concentrations).any():
            raise InvalidDataset("concentrations must be finite, or missing for all components of a spectrum")
        for name in ("concentrations", "singular_values", "residual_rms"):
            if (getattr(self, name) < 0).any():
                raise InvalidDataset(f"{name} may not be negative")
        if not (math.isfinite(self.lack_of_fit_percent) and self.lack_of_fit_percent >= 0):
            raise InvalidDataset(
                f"the lack of fit must be zero or a positive percentage, but is {self.lack_of_fit_percent}"
            )


def _frozen(values: Any) -> Array:
    """Return a read-only float64 view; the caller's array and its flags stay as they are."""
    view = np.asarray(values, dtype=np.float64).view()
    view.flags.writeable = False
    return view
