from __future__ import annotations

import numpy as np
import pytest
from mixtures import cosines, raman_mixture

from spectrode.errors import Cancelled, StepError
from spectrode.unmixing.unmix import unmix


def cosine(a, b):
    return np.sum(a * b, axis=0) / np.linalg.norm(a, axis=0) / np.linalg.norm(b, axis=0)


# -- published data -----------------------------------------------------------------------------------------------


def test_als2004_known_spectra(als2004):
    known = dict(zip("abcd", als2004.spectra, strict=True))
    result = unmix(als2004.matrix, als2004.axis, components=4, known=known)
    assert result.lack_of_fit_percent == pytest.approx(1.9698, abs=1e-4)
    np.testing.assert_allclose(
        cosine(result.concentrations, als2004.concentrations), [0.99994, 0.99989, 0.99994, 0.99972], atol=1.1e-5
    )
    assert result.names == tuple("abcd")
    areas = result.concentrations.reshape(4, 51, 4).sum(axis=1)
    truth = als2004.concentrations.reshape(4, 51, 4).sum(axis=1)
    assert np.abs((areas / areas[0]) / (truth / truth[0]) - 1).max() < 0.0195


@pytest.mark.parametrize(("name", "limit", "floor"), [("m1", 1.668, 1.6650), ("matrix", 1.9461, 1.944)])
def test_als2004_from_the_reference_spectra(als2004, name, limit, floor):
    result = unmix(
        getattr(als2004, name),
        als2004.axis,
        components=4,
        initial=als2004.spectra,
        max_iterations=3000,
        tolerance=1e-7,
    )
    assert floor < result.lack_of_fit_percent <= limit
    assert result.converged
    _, cos = cosines(result.spectra, als2004.spectra)
    assert cos.min() > 0.98


@pytest.mark.parametrize("initial", ["purest", "purest_spectra", "spa", "vca"])
def test_als2004_from_nothing(als2004, initial):
    result = unmix(als2004.matrix, als2004.axis, components=4, initial=initial, max_iterations=3000, tolerance=1e-7)
    assert 1.944 < result.lack_of_fit_percent < 1.9465
    if initial != "purest":  # broad bands: no channel belongs to one compound alone
        assert cosines(result.spectra, als2004.spectra)[1].min() > 0.98


# -- simulated truth ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["mcr_als", "nmf"])
@pytest.mark.parametrize("initial", ["purest", "purest_spectra", "spa", "vca"])
@pytest.mark.parametrize("seed", [0, 1])
def test_raman_mixture_with_shot_noise(method, initial, seed):
    mixture = raman_mixture(seed=seed)
    result = unmix(mixture.intensity, mixture.shift, method=method, components=4, initial=initial)
    places, cos = cosines(result.spectra, mixture.spectra)
    assert cos.min() >= 0.99
    for true, found in enumerate(places):
        assert np.corrcoef(result.concentrations[:, found], mixture.concentrations[:, true])[0, 1] > 0.99
    # What is left is the noise: 80 background counts, 3² read noise and the signal's own.
    noise = np.sqrt((mixture.clean + 80.0 + 9.0).mean(axis=1))
    assert np.median(result.residual_rms / noise) == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize("seed", [0, 1])
def test_no_pure_pixels_but_bands_of_their_own(seed):
    mixture = raman_mixture(shape=6.0, seed=seed)
    result = unmix(mixture.intensity, mixture.shift, components=4)
    assert cosines(result.spectra, mixture.spectra)[1].min() >= 0.99


def test_known_spectrum_stays_exactly_and_helps():
    mixture = raman_mixture(shape=2.0)
    given = 17.0 * mixture.spectra[2] - 0.01
    before = given.copy()
    result = unmix(mixture.intensity, mixture.shift, components=4, known={"electrolyte": given})
    np.testing.assert_array_equal(result.spectra[0], given / given.max())
    np.testing.assert_array_equal(given, before)
    assert result.names == ("electrolyte", "component 2", "component 3", "component 4")
    assert result.known == (True, False, False, False)
    places, cos = cosines(result.spectra, mixture.spectra)
    assert places[2] == 0
    assert cos.min() >= 0.99


def test_scale_of_the_input_does_not_matter():
    mixture = raman_mixture(n=150, channels=300)
    one = unmix(mixture.intensity, mixture.shift, components=4)
    for factor in (1e-9, 1e7):
        other = unmix(mixture.intensity * factor, mixture.shift, components=4)
        assert other.iterations == one.iterations
        np.testing.assert_allclose(other.spectra, one.spectra, atol=1e-8)
        np.testing.assert_allclose(other.concentrations, one.concentrations * factor, atol=1e-5 * factor)


def test_order_of_spectra_does_not_matter():
    mixture = raman_mixture(n=150, channels=300)
    order = np.random.default_rng(0).permutation(150)
    one = unmix(mixture.intensity, mixture.shift, components=4)
    other = unmix(mixture.intensity[order], mixture.shift, components=4)
    np.testing.assert_allclose(other.spectra, one.spectra, atol=1e-6)
    np.testing.assert_allclose(other.concentrations, one.concentrations[order], atol=1e-2)


def test_ordered_by_contribution_and_repeatable():
    mixture = raman_mixture()
    one, two = (unmix(mixture.intensity, mixture.shift, components=4, initial="vca", seed=5) for _ in range(2))
    assert (np.diff(one.contribution) <= 0).all()
    np.testing.assert_array_equal(one.spectra, two.spectra)
    np.testing.assert_array_equal(one.concentrations, two.concentrations)
    np.testing.assert_allclose(one.reconstruct(), mixture.clean, atol=40.0)


@pytest.mark.parametrize("kind", [np.float32, np.int32, np.uint16])
def test_other_number_types(kind):
    mixture = raman_mixture(background=0.0)
    data = np.clip(np.round(mixture.intensity), 0, None)
    exact = unmix(data, mixture.shift, components=4)
    found = unmix(data.astype(kind), mixture.shift, components=4)
    np.testing.assert_allclose(found.spectra, exact.spectra, atol=1e-6)
    nmf = unmix(data.astype(kind), mixture.shift, components=4, method="nmf")
    assert cosines(nmf.spectra, mixture.spectra)[1].min() >= 0.99


def test_data_on_disk_are_read_in_slices(tmp_path):
    import h5py

    mixture = raman_mixture(n=150, channels=100)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        lazy = file.create_dataset("x", data=mixture.intensity)
        found = unmix(lazy, mixture.shift, components=4)
    np.testing.assert_array_equal(found.spectra, unmix(mixture.intensity, mixture.shift, components=4).spectra)


@pytest.mark.parametrize("method", ["mcr_als", "nmf"])
def test_one_component(method):
    """The best rank-one fit of a positive matrix is its first singular pair (Perron–Frobenius)."""
    data = np.random.default_rng(0).random((30, 40)) + 0.5
    result = unmix(data, np.arange(40.0), components=1, method=method, tolerance=1e-12)
    U, s, Vt = np.linalg.svd(data)
    np.testing.assert_allclose(result.reconstruct(), s[0] * np.outer(U[:, 0], Vt[0]), rtol=1e-6)
    assert result.lack_of_fit_percent == pytest.approx(100 * np.sqrt(1 - s[0] ** 2 / np.sum(s**2)), rel=1e-9)
    np.testing.assert_allclose(result.singular_values, s[:20])


def test_one_spectrum_and_exact_data():
    one = unmix(np.array([[1.0, 4.0, 2.0]]), np.arange(3.0), components=1)
    np.testing.assert_allclose(one.spectra, [[0.25, 1.0, 0.5]])
    np.testing.assert_allclose(one.concentrations, [[4.0]])
    same = unmix(np.ones((6, 5)), np.arange(5.0), components=3)
    assert same.lack_of_fit_percent < 1e-6
    assert np.isfinite(same.concentrations).all()
    assert np.isfinite(same.spectra).all()


def test_a_component_too_many_is_named():
    spectrum = np.array([0.2, 1.0, 0.4, 0.0])
    data = np.outer([1.0, 2.0, 3.0], spectrum)
    result = unmix(data, np.arange(4.0), components=2, known={"a": spectrum, "b": spectrum[::-1] + 0.1})
    assert "b contributes nothing; fewer components would do." in result.notes


def test_missing_empty_and_unused_spectra():
    mixture = raman_mixture(n=120, channels=200)
    data = mixture.intensity.copy()
    data[5, 7] = np.nan
    data[6] = 0.0
    data[8, 3] = np.inf
    use = np.ones(120, dtype=bool)
    use[9] = False
    result = unmix(data, mixture.shift, components=4, use=use)
    rest = ~np.isin(np.arange(120), [5, 6, 8, 9])
    alone = unmix(mixture.intensity[rest], mixture.shift, components=4)
    np.testing.assert_allclose(result.spectra, alone.spectra, atol=1e-9)
    np.testing.assert_allclose(result.concentrations[rest], alone.concentrations, atol=1e-6)
    assert np.isnan(result.concentrations[[5, 8, 9]]).all()
    assert np.isnan(result.residual_rms[[5, 8, 9]]).all()
    np.testing.assert_array_equal(result.concentrations[6], 0.0)
    assert result.residual_rms[6] == 0.0
    assert "3 spectra took no part: not in use, or with missing values." in result.notes
    assert np.isnan(data[5, 7])


def test_lack_of_fit_is_of_the_data_as_given():
    mixture = raman_mixture(n=120, channels=200)
    for method in ("mcr_als", "nmf"):
        result = unmix(mixture.intensity, mixture.shift, components=4, method=method)
        residual = mixture.intensity - result.reconstruct()
        lack = 100 * np.linalg.norm(residual) / np.linalg.norm(mixture.intensity)
        assert result.lack_of_fit_percent == pytest.approx(lack, rel=1e-9)
        np.testing.assert_allclose(result.residual_rms, np.sqrt((residual**2).mean(axis=1)))


def test_restarts_keep_the_best():
    mixture = raman_mixture(n=120, channels=200, shape=3.0)
    options = {"components": 4, "initial": "random", "max_iterations": 15}
    one = unmix(mixture.intensity, mixture.shift, **options)
    seen = []
    many = unmix(mixture.intensity, mixture.shift, restarts=4, progress=lambda *a: seen.append(a), **options)
    assert many.lack_of_fit_percent <= one.lack_of_fit_percent
    assert any(note.startswith("5 runs from different starts") for note in many.notes)
    assert seen[-1] == (75, 75)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


# -- NMF ----------------------------------------------------------------------------------------------------------


def test_nmf_fits_as_well_as_scikit_learn_and_says_what_it_clipped():
    from sklearn.decomposition import NMF

    mixture = raman_mixture(n=120, channels=200)
    clipped = np.maximum(mixture.intensity, 0.0)
    model = NMF(4, init="nndsvda", max_iter=2000, tol=1e-8)
    W = model.fit_transform(clipped)
    result = unmix(mixture.intensity, mixture.shift, components=4, method="nmf", max_iterations=2000, tolerance=1e-8)
    _, cos = cosines(result.spectra, model.components_)
    assert cos.min() > 0.9999
    reference = np.linalg.norm(clipped - W @ model.components_)
    refit = np.linalg.norm(clipped - result.reconstruct())
    assert refit == pytest.approx(reference, rel=0.02)
    share = 100 * np.mean(mixture.intensity < 0)
    assert f"{share:.2g} % of the values were negative" in result.notes[0]


def test_nmf_cannot_hold_known_spectra():
    mixture = raman_mixture(n=30, channels=50)
    with pytest.raises(StepError, match="'nmf' cannot hold known spectra fixed; method 'mcr_als' can"):
        unmix(mixture.intensity, mixture.shift, components=4, method="nmf", known={"a": mixture.spectra[0]})


@pytest.mark.parametrize("method", ["mcr_als", "nmf"])
def test_cancel(method):
    mixture = raman_mixture(n=30, channels=50)
    with pytest.raises(Cancelled, match="unmixing was cancelled"):
        unmix(mixture.intensity, mixture.shift, components=3, method=method, should_stop=lambda: True)


# -- words --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"components": 5}, r"5 components were asked for, but only 4 of 4 spectra are usable"),
        ({"components": 0}, "components needs a whole number from 1, but 0 was given"),
        ({"components": True}, "components needs a whole number from 1, but True"),
        ({"components": 2.0}, "components needs a whole number from 1, but 2.0"),
        ({"max_iterations": 0}, "max_iterations needs a whole number from 1"),
        ({"restarts": -1}, "restarts needs a whole number from 0"),
        ({"tolerance": float("nan")}, "tolerance needs a number from 0, but nan"),
        ({"method": "pca"}, "method 'pca' is not known; possible: mcr_als, nmf"),
        ({"shift": np.arange(3.0)}, r"one value for each of 6 channels, but has \(3,\)"),
        ({"use": np.ones(3, dtype=bool)}, r"one value for each of 4 spectra, but has shape \(3,\)"),
        ({"use": np.zeros(4, dtype=bool)}, "only 0 of 4 spectra"),
        ({"known": {"a": np.ones(5)}}, r"'a' must have 6 channels, but has shape \(5,\)"),
        ({"known": {"a": np.zeros(6)}}, "'a' must be finite and somewhere above zero"),
        ({"known": {"a": np.full(6, np.nan)}}, "'a' must be finite"),
        ({"known": {k: np.ones(6) for k in "abc"}}, "3 spectra are known, but only 2 components"),
        ({"initial": "best"}, "start 'best' is not known"),
        ({"initial": np.ones((3, 6))}, r"must have shape \(2, 6\)"),
        ({"initial": -np.ones((2, 6))}, "must be finite, not negative"),
        ({"intensity": np.ones(6)}, r"\(spectra, channels\), but has shape \(6,\)"),
        ({"intensity": np.ones((4, 6), dtype=complex)}, "real numbers, but its type is complex128"),
        ({"intensity": np.zeros((4, 6))}, "only 0 of 4 spectra"),
    ],
)
def test_refuses_in_words(changes, words):
    given = {"intensity": np.random.default_rng(0).random((4, 6)), "shift": np.arange(6.0), "components": 2}
    given |= changes
    with pytest.raises(StepError, match=words):
        unmix(given.pop("intensity"), given.pop("shift"), **given)
