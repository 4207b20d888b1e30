"""Raman-like mixtures with known truth, made without any code of the package."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment


@dataclass
class Mixture:
    shift: np.ndarray
    spectra: np.ndarray
    concentrations: np.ndarray
    intensity: np.ndarray
    clean: np.ndarray


def raman_mixture(n=400, channels=600, k=4, counts=400.0, background=80.0, noise="shot", seed=0, shape=0.4):
    """Lorentzian bands, gamma-distributed amounts (a small shape gives nearly pure pixels), Poisson and read noise."""
    rng = np.random.default_rng(seed)
    shift = np.linspace(300.0, 1700.0, channels)
    centres = np.linspace(360.0, 1640.0, 4 * k)
    rng.shuffle(centres)
    spectra = np.zeros((k, channels))
    for i in range(k):
        for centre in centres[4 * i : 4 * i + 4]:
            spectra[i] += rng.uniform(0.3, 1.0) / (1.0 + ((shift - centre) / rng.uniform(6.0, 14.0)) ** 2)
    spectra /= spectra.max(axis=1, keepdims=True)
    amounts = counts * rng.gamma(shape, 1.0, (n, k)) * np.geomspace(1.0, 0.4, k)
    clean = amounts @ spectra
    if noise == "shot":
        data = rng.poisson(clean + background) - background + rng.normal(0.0, 3.0, clean.shape)
    elif noise == "even":
        data = clean + rng.normal(0.0, 10.0, clean.shape)
    else:
        data = clean.copy()
    return Mixture(shift, spectra, amounts, data, clean)


def cosines(found, truth):
    """Return (best matching place among ``found`` of each true spectrum, its cosine)."""
    a = truth / np.linalg.norm(truth, axis=1, keepdims=True)
    b = found / np.linalg.norm(found, axis=1, keepdims=True)
    table = a @ b.T
    _, places = linear_sum_assignment(-table)
    return places, table[np.arange(len(truth)), places]
