from __future__ import annotations

import numpy as np
import pytest
from mixtures import raman_mixture
from scipy.signal import savgol_filter

from spectrode.errors import StepError
from spectrode.unmixing.rank import estimate_rank


@pytest.mark.parametrize(
    ("name", "ind_at_4", "significance"), [("m1", 1.31916e-6, (5.8e-4, 28.4)), ("matrix", 3.50840e-7, (2.6e-18, 28.9))]
)
def test_als2004_published_rank(als2004, name, ind_at_4, significance):
    data = getattr(als2004, name)
    for noise in ("uniform", "estimated"):
        rank = estimate_rank(data, noise=noise)
        assert (rank.ind_minimum, rank.parallel, rank.suggested) == (4, 4, 4)
        assert int(np.argmin(rank.ind)) + 1 == 4
        assert rank.ind[3] == pytest.approx(ind_at_4, rel=2e-5)
        assert rank.significance_percent[3:5] == pytest.approx(significance, rel=0.02)
        assert not any("disagree" in reason for reason in rank.reasons)


def test_als2004_singular_values_and_lack_of_fit(als2004):
    values = estimate_rank(als2004.matrix).singular_values
    np.testing.assert_allclose(values[:5], [20.59293, 3.498700, 0.879331, 0.776659, 0.068924], rtol=1e-5)
    for data, expected in (
        (als2004.m1, [15.324, 4.252, 2.551, 1.665, 1.616]),
        (als2004.matrix, [17.742, 5.934, 4.190, 1.944, 1.916]),
    ):
        found = estimate_rank(data).singular_values[:5]
        lack = 100 * np.sqrt(1 - np.cumsum(found**2) / np.sum(data**2))
        np.testing.assert_allclose(lack, expected, atol=6e-4)


@pytest.mark.parametrize("counts", [200.0, 20000.0])
@pytest.mark.parametrize("seed", [0, 1])
def test_shot_noise_does_not_add_components(counts, seed):
    mixture = raman_mixture(k=4, counts=counts, seed=seed)
    rank = estimate_rank(mixture.intensity)
    assert (rank.parallel, rank.suggested) == (4, 4)


def test_strong_shot_noise_misleads_ind_and_the_reasons_say_so():
    rank = estimate_rank(raman_mixture(k=4, counts=20000.0).intensity)
    assert rank.ind_minimum > 4
    text = " ".join(rank.reasons)
    assert "criteria disagree" in text
    assert "assume independent noise of equal size" in text


def test_poisson_weights_on_counts_with_their_background():
    rng = np.random.default_rng(0)
    mixture = raman_mixture(k=3, counts=5000.0)
    counts = rng.poisson(mixture.clean + 200.0)
    rank = estimate_rank(counts, noise="counts")
    assert rank.parallel == 4  # three compounds and the flat background
    variance = np.maximum(counts, 1.0)
    assert estimate_rank(counts, variance=variance).parallel == 4


@pytest.mark.parametrize("counts", [50.0, 2000.0])
@pytest.mark.parametrize("window", [(5, 2), (9, 2), (15, 3)])
def test_smoothed_data_do_not_explode(counts, window):
    mixture = raman_mixture(k=4, counts=counts)
    rank = estimate_rank(savgol_filter(mixture.intensity, *window, axis=1))
    assert rank.suggested == 4
    assert any("added up before judging" in reason for reason in rank.reasons)


def test_a_faint_component_is_counted_but_not_suggested():
    """Its singular value, √((θ²+n)(θ²+c))/θ·σ of the spiked model with θ = 40, is 1.18 times that of the noise."""
    rng = np.random.default_rng(4)
    mixture = raman_mixture(k=3, noise="even")
    u, v = rng.normal(size=400), rng.normal(size=600)
    faint = 400.0 * np.outer(u / np.linalg.norm(u), v / np.linalg.norm(v))
    rank = estimate_rank(mixture.intensity + faint)
    assert (rank.parallel, rank.suggested) == (4, 3)
    assert rank.weighted_singular_values[3] / rank.threshold == pytest.approx(1.18, abs=0.06)
    assert any("1 more exceed the noise by too little" in reason for reason in rank.reasons)


def test_noise_alone_and_its_size():
    rng = np.random.default_rng(2)
    found = [estimate_rank(rng.normal(0, 5.0, (150, 200))).parallel for _ in range(5)]
    assert sum(found) <= 1
    mixture = raman_mixture(noise="even")
    assert estimate_rank(mixture.intensity).noise_rms == pytest.approx(10.0, rel=0.02)


def test_order_scale_and_type_do_not_matter():
    data = raman_mixture(n=200, channels=300).intensity
    rank = estimate_rank(data)
    order = np.random.default_rng(1).permutation(len(data))
    for other, factor in ((data[order], 1.0), (data * 1e-6, 1e-6), (data.astype(np.float32), 1.0)):
        again = estimate_rank(other)
        assert again.suggested == rank.suggested == 4
        np.testing.assert_allclose(again.singular_values, rank.singular_values * factor, rtol=1e-4)
    assert estimate_rank(data).reasons == rank.reasons


@pytest.mark.parametrize(
    ("data", "suggested"),
    [
        (np.ones((1, 20)), 1),
        (np.ones((5, 20)), 1),
        (np.full((30, 20), 3.1, dtype=np.float32), 1),
        (np.ones((3, 1)), 1),
        (np.zeros((4, 20)), 0),
        (np.full((4, 20), np.nan), 0),
        (np.empty((0, 20)), 0),
        (np.outer(np.arange(1, 9), np.ones(20, dtype=int)), 1),
        (np.outer(np.arange(1.0, 9.0), np.ones(20)) + np.outer(np.arange(8.0) ** 2, np.arange(20.0)), 2),
    ],
)
def test_strange_data(data, suggested):
    rank = estimate_rank(data)
    assert rank.suggested == suggested
    assert rank.reasons


def test_missing_and_unused_spectra_are_left_out():
    data = raman_mixture(n=200, channels=300).intensity
    extended = np.vstack([data, np.full((1, 300), np.nan), np.zeros((2, 300)), np.full((1, 300), 1e9)])
    use = np.ones(204, dtype=bool)
    use[-1] = False
    np.testing.assert_allclose(
        estimate_rank(extended, use=use).singular_values, estimate_rank(data).singular_values, rtol=1e-9
    )


def test_refuses_in_words():
    with pytest.raises(StepError, match="max_components needs a number from 1, but 0"):
        estimate_rank(np.ones((3, 4)), max_components=0)
    with pytest.raises(StepError, match=r"variance must have the shape of intensity \(3, 4\), but has \(4,\)"):
        estimate_rank(np.ones((3, 4)), variance=np.ones(4))
    with pytest.raises(StepError, match="one of estimated, counts, uniform, but 'poisson'"):
        estimate_rank(np.ones((3, 4)), noise="poisson")
    with pytest.raises(StepError, match=r"\(spectra, channels\), but has shape \(4,\)"):
        estimate_rank(np.ones(4))
