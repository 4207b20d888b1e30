from __future__ import annotations

import numpy as np
import pytest
from mixtures import cosines, raman_mixture

from spectrode.errors import Cancelled, StepError
from spectrode.unmixing.bands import noise_tolerances, profile_bands
from spectrode.unmixing.bootstrap import bootstrap, matched
from spectrode.unmixing.result import Decomposition
from spectrode.unmixing.split_half import split_half
from spectrode.unmixing.unmix import unmix


def solved(seed, *, n=200, channels=200, k=3, known=False, **mixing):
    mixture = raman_mixture(n, channels, k, seed=seed, **mixing)
    given = {"one": mixture.spectra[0]} if known else None
    found = unmix(mixture.intensity, mixture.shift, components=k, known=given)
    places, _ = cosines(found.spectra, mixture.spectra)
    return mixture, found, places


def covered(lower, upper, truth):
    return float(np.mean((lower <= truth) & (truth <= upper)))


def exact_decomposition(C, S):
    top = S.max(axis=1)
    return Decomposition(
        spectra=S / top[:, None],
        concentrations=C * top,
        names=tuple(f"component {i + 1}" for i in range(len(S))),
        known=(False,) * len(S),
        method="mcr_als",
        lack_of_fit_percent=0.0,
        iterations=1,
        converged=True,
        singular_values=np.ones(1),
        residual_rms=np.zeros(len(C)),
    )


def test_combined_bands_cover_the_truth_where_there_are_pure_pixels():
    shares = []
    for seed, noise in ((1200, "shot"), (1201, "even"), (1202, "shot")):
        mixture, found, places = solved(seed, noise=noise)
        bands = profile_bands(mixture.intensity, found, resamples=60, starts=2)
        lower, upper = bands.concentrations_lower[:, places], bands.concentrations_upper[:, places]
        shares.append(covered(lower, upper, mixture.concentrations))
        # Rotation adds next to nothing here, and the bands are of the size of the noise.
        assert (bands.contribution_highest - bands.contribution_lowest).max() < 0.02
        assert bands.identifiable.all()
        assert np.median(upper - lower) < 25.0
    assert 0.90 <= np.mean(shares) <= 0.98


@pytest.mark.slow
def test_combined_bands_cover_nine_to_nearly_all_on_fresh_mixtures():
    shares = []
    for seed in range(1210, 1218):
        mixture, found, places = solved(seed, n=400, channels=300)
        bands = profile_bands(mixture.intensity, found, resamples=100)
        lower, upper = bands.concentrations_lower[:, places], bands.concentrations_upper[:, places]
        shares.append(covered(lower, upper, mixture.concentrations))
    assert 0.90 <= np.mean(shares) <= 0.98


def test_an_ambiguous_pair_is_called_so_and_the_band_holds_the_truth():
    S = np.array([(0.1, 0.5, 1, 0.5, 0.2, 0.3), (0.3, 0.2, 0.4, 1, 0.6, 0.1)])
    C = np.random.default_rng(1000).dirichlet([40.0, 40.0], 60) * 100
    exact = exact_decomposition(C, S)
    bands = profile_bands(C @ S, exact, resamples=5)
    assert not bands.identifiable.all()
    assert any("Not identifiable" in note for note in bands.notes)
    # Without noise nothing but rotation is left.
    np.testing.assert_allclose(bands.spectra_statistical_lower, S, atol=1e-4)
    np.testing.assert_allclose(bands.spectra_lower, bands.spectra_rotational_lower, atol=1e-4)
    assert (bands.spectra_rotational_upper - bands.spectra_rotational_lower).max() > 0.1
    assert (bands.contribution_lowest < bands.contribution).all()
    assert (bands.contribution < bands.contribution_highest).all()


def test_noise_of_a_fit_with_one_component_is_that_of_the_textbook():
    """c = d·s/s·s has the standard error σ/|s|: the band is 2 · 1.96 of it."""
    rng = np.random.default_rng(1003)
    s = np.exp(-0.5 * ((np.arange(80) - 40) / 6.0) ** 2)
    c = rng.uniform(200, 400, 300)
    data = np.outer(c, s) + rng.normal(0, 5.0, (300, 80))
    found = unmix(data, np.arange(80.0), components=1, known={"s": s})
    noise = bootstrap(data, found, resamples=200)
    width = noise.concentrations_upper - noise.concentrations_lower
    assert np.mean(width) == pytest.approx(2 * 1.96 * 5.0 / np.linalg.norm(s), rel=0.06)
    np.testing.assert_array_equal(noise.spectra_lower, noise.spectra_upper)
    tolerance_s, tolerance_c = noise_tolerances(found)
    assert tolerance_c[0] == pytest.approx(5.0 / np.linalg.norm(s), rel=0.05)
    assert tolerance_s[0] == pytest.approx(5.0 / np.linalg.norm(c), rel=0.05)
    assert covered(noise.concentrations_lower[:, 0], noise.concentrations_upper[:, 0], c) == pytest.approx(
        0.95, abs=0.04
    )


def test_correlated_noise_is_resampled_in_pieces():
    """A moving sum over 8 channels makes the error of c nearly √8 times that of white noise of the same size."""
    rng = np.random.default_rng(1004)
    s = np.exp(-0.5 * ((np.arange(200) - 100) / 25.0) ** 2)
    c = rng.uniform(200, 400, 150)
    white = rng.normal(0, 5.0, (150, 207))
    correlated = np.stack([np.convolve(row, np.ones(8), "valid") for row in white]) / np.sqrt(8)
    data = np.outer(c, s) + correlated
    found = unmix(data, np.arange(200.0), components=1, known={"s": s})
    noise = bootstrap(data, found, resamples=150)
    assert noise.channel_block >= 5
    width = float(np.mean(noise.concentrations_upper - noise.concentrations_lower))
    expected = 2 * 1.96 * np.std(correlated @ s) / (s @ s)
    # Pieces keep most of the correlation, not all: the band falls short, but by far less than with white signs.
    assert 0.65 * expected < width < 1.1 * expected
    assert width > 1.8 * 2 * 1.96 * 5.0 / np.linalg.norm(s)


def test_more_spectra_make_spectra_narrower():
    widths = []
    for n in (150, 600):
        mixture, found, _ = solved(1005, n=n, noise="even", shape=0.4)
        noise = bootstrap(mixture.intensity, found, resamples=40)
        widths.append(float(np.mean(noise.spectra_upper - noise.spectra_lower)))
        assert noise.cosines.min() > 0.99
    assert widths[0] / widths[1] == pytest.approx(2.0, rel=0.3)


def test_known_spectra_have_no_width_and_missing_spectra_no_band():
    mixture, _, _ = solved(1006)
    data = mixture.intensity.copy()
    data[3, 5] = np.nan
    found = unmix(data, mixture.shift, components=3, known={"one": mixture.spectra[0]})
    bands = profile_bands(data, found, resamples=8, starts=2)
    assert np.isnan(bands.concentrations_lower[3]).all()
    assert np.isfinite(np.delete(bands.concentrations_upper, 3, axis=0)).all()
    np.testing.assert_allclose(bands.spectra_rotational_lower[0], found.spectra[0], atol=1e-12)
    np.testing.assert_allclose(bands.spectra_upper[0], found.spectra[0], atol=1e-12)
    assert (bands.concentrations_lower[:3] >= 0).all()


def test_seed_progress_groups_and_cancelling():
    mixture, found, _ = solved(1007, n=60, channels=80, k=2)
    seen = []
    one = profile_bands(mixture.intensity, found, resamples=4, starts=1, seed=7, progress=lambda *a: seen.append(a))
    two = profile_bands(mixture.intensity, found, resamples=4, starts=1, seed=7)
    np.testing.assert_array_equal(one.concentrations_lower, two.concentrations_lower)
    np.testing.assert_array_equal(one.spectra_upper, two.spectra_upper)
    done = [d for d, _ in seen]
    assert done == sorted(done)
    assert seen[-1] == (12, 12)
    grouped = bootstrap(mixture.intensity, found, resamples=4, groups=np.repeat(np.arange(6), 10))
    assert grouped.cosines.shape == (4, 2)
    for function in (profile_bands, bootstrap, split_half):
        with pytest.raises(Cancelled):
            function(mixture.intensity, found, should_stop=lambda: True)


def test_own_refit_is_used():
    mixture, found, _ = solved(1008, n=60, channels=80, k=2)
    swapped = bootstrap(mixture.intensity, found, resamples=3, refit=lambda data, start: start[::-1].copy())
    # Components come back in their places, and a refit that moves nothing leaves no width.
    np.testing.assert_allclose(swapped.spectra_lower, found.spectra, atol=1e-12)
    np.testing.assert_allclose(swapped.cosines, 1.0)
    np.testing.assert_array_equal(matched(np.eye(3)[[2, 0, 1]], np.eye(3)), np.eye(3))


def test_split_halves_agree_on_what_is_there_and_not_on_one_component_too_many():
    mixture, found, _ = solved(1009, n=300)
    halves = split_half(mixture.intensity, found, repeats=2)
    assert halves.reproduced.all()
    assert halves.cosines.min() > 0.99
    assert not halves.notes
    more = unmix(mixture.intensity, mixture.shift, components=4)
    halves = split_half(mixture.intensity, more, repeats=2)
    assert not halves.reproduced.all()
    assert any("is not reproduced" in note for note in halves.notes)


def test_refuses_in_words():
    mixture, found, _ = solved(1010, n=40, channels=60, k=2)
    with pytest.raises(StepError, match=r"shape \(40, 60\), but has \(39, 60\)"):
        bootstrap(mixture.intensity[1:], found)
    with pytest.raises(StepError, match=r"level needs a number from 0\.5"):
        bootstrap(mixture.intensity, found, level=95)
    with pytest.raises(StepError, match="resamples needs a whole number from 2, but 1"):
        bootstrap(mixture.intensity, found, resamples=1)
    with pytest.raises(StepError, match="noise_margin needs a number from 0"):
        profile_bands(mixture.intensity, found, noise_margin=-1)
    with pytest.raises(StepError, match="groups must have one value"):
        split_half(mixture.intensity, found, groups=[1, 2])
    with pytest.raises(StepError, match="too few for 2 components"):
        split_half(mixture.intensity, found, groups=np.zeros(40, dtype=int))
