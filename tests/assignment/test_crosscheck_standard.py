"""The salt's band as an internal standard, in maps whose focus and power change."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import voigt_profile

from spectrode.assignment.crosschecks import standard_band, standardise
from spectrode.errors import SpectrodeError
from spectrode.library import Library, load_library

Floats = NDArray[np.float64]
SHIFT = np.arange(680.0, 1000.0, 1.0)


@pytest.fixture(scope="module")
def library() -> Library:
    return load_library()


def spectra(seed: int, n: int, *, salt: Floats | float = 1.0, position: float = 741.0) -> tuple[Floats, Floats]:
    """Return (n, channels) spectra of a salt and a solvent, and how bright each is; noise 1."""
    rng = np.random.default_rng(seed)
    bright = rng.lognormal(0, 0.4, n)
    one = 600 * voigt_profile(SHIFT - position, 1.5, 3.0)
    other = 500 * voigt_profile(SHIFT - 893.0, 1.5, 4.0)
    y = (bright * salt)[:, None] * one + bright[:, None] * other + 0.1 * (SHIFT - 800) + 30
    return y + rng.standard_normal(y.shape), bright


def test_brightness_cancels_and_the_uncertainty_is_right(library: Library) -> None:
    scores = []
    for seed in range(1000, 1010):
        y, bright = spectra(seed, 60)
        rng = np.random.default_rng(seed + 500)
        truth = rng.uniform(1, 2, 60)
        measured = bright * truth + 0.03 * rng.standard_normal(60)
        standard = standard_band(SHIFT, y, library, "pf6")
        assert standard.covered_by == ()
        out = standardise(measured[:, None], standard, concentrations_u=np.full((60, 1), 0.03), time_s=np.arange(60))
        assert out.allowed
        assert out.values is not None
        assert out.values_u is not None
        scale = np.nanmedian(out.values[:, 0] / truth)
        scores.append((out.values[:, 0] / scale - truth) / (out.values_u[:, 0] / scale))
        assert np.corrcoef(out.values[:, 0], truth)[0, 1] > 0.95 > np.corrcoef(measured, truth)[0, 1]
    # Standard scores of the quotients: neither too narrow nor too wide.
    assert 0.85 < np.concatenate(scores).std() < 1.2


def test_a_consumed_salt_is_refused_unless_that_is_accepted(library: Library) -> None:
    told = []
    for seed in range(1020, 1040):
        for change in (0.0, -0.6):
            y, _ = spectra(seed, 80, salt=1 + change * np.linspace(0, 1, 80))
            out = standardise(np.ones((80, 1)), standard_band(SHIFT, y, library, "pf6"), time_s=np.arange(80))
            told.append((change, out.allowed))
    # Brightness scatters by 40 %, so that one loss of twenty may hide in it.
    assert sum(allowed for change, allowed in told if change) <= 1
    assert sum(not allowed for change, allowed in told if not change) <= 1
    # Beside the solvent a loss of a fifth is enough, and the same brightness without a loss is not.
    for loss, allowed in ((0.2, False), (0.0, True)):
        y, bright = spectra(1046, 80, salt=1 - loss * np.linspace(0, 1, 80))
        standard = standard_band(SHIFT, y, library, "pf6")
        assert standardise(np.ones((80, 1)), standard, time_s=np.arange(80), companion=bright).allowed == allowed
    y, _ = spectra(1041, 80, salt=1 - 0.6 * np.linspace(0, 1, 80))
    standard = standard_band(SHIFT, y, library, "pf6")
    refused = standardise(np.ones((80, 1)), standard, time_s=np.arange(80))
    assert refused.values is None
    assert "consumed" in refused.words
    assert standardise(np.ones((80, 1)), standard, time_s=np.arange(80), may_change=True).allowed
    assert "no times" in standardise(np.ones((80, 1)), standard).words


def test_a_covered_band_is_refused(library: Library) -> None:
    y, _ = spectra(1042, 30)
    standard = standard_band(SHIFT, y, library, "pf6", present=("tfsi", "ec"))
    assert any(c.startswith("tfsi") for c in standard.covered_by)
    out = standardise(np.ones((30, 1)), standard)
    assert not out.allowed
    assert "covered by tfsi" in out.words


def test_a_weak_band_is_refused(library: Library) -> None:
    y, _ = spectra(1043, 30, salt=0.02)
    out = standardise(np.ones((30, 1)), standard_band(SHIFT, y, library, "pf6"))
    assert not out.allowed
    assert "too weak" in out.words


def test_single_weak_spectra_become_nan(library: Library) -> None:
    salt = np.ones(30)
    salt[4] = 0.0
    y, _ = spectra(1044, 30, salt=salt)
    out = standardise(np.ones((30, 2)), standard_band(SHIFT, y, library, "pf6"))
    assert out.values is not None
    assert np.isnan(out.values[4]).all()
    assert np.isfinite(np.delete(out.values, 4, axis=0)).all()


def test_perchlorate_and_errors(library: Library) -> None:
    y, _ = spectra(1045, 20, position=933.5)
    assert standard_band(SHIFT, y, library, "clo4").position_cm1 == pytest.approx(933.5, abs=0.2)
    with pytest.raises(SpectrodeError, match="no internal standard 'ec'"):
        standard_band(SHIFT, y, library, "ec")
    with pytest.raises(SpectrodeError, match="does not lie within"):
        standard_band(SHIFT[100:], y[:, 100:], library, "pf6")
    with pytest.raises(SpectrodeError, match="20, components"):
        standardise(np.ones((3, 1)), standard_band(SHIFT, y, library, "clo4"))
