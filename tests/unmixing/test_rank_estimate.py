from __future__ import annotations

import numpy as np
import pytest
from mixtures import raman_mixture
from scipy.signal import savgol_filter

from spectrode.errors import Cancelled, StepError
from spectrode.unmixing.blocks import SpectraBlocks
from spectrode.unmixing.rank import estimate_rank
from spectrode.unmixing.rank.crossvalidation import held_out_error


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


@pytest.mark.parametrize(("strength", "suggested", "ratio"), [(32.0, 3, 1.06), (60.0, 4, 1.49)])
def test_a_faint_component_is_suggested_only_if_halves_agree(strength, suggested, ratio):
    """Its singular value is √((θ²+n)(θ²+c))/θ·σ (spiked model), and √n + √c is what the noise reaches.

    The halves have θ/√2; by the same model they share a cosine of 0.19 for θ = 32 and 0.72 for θ = 60.
    """
    rng = np.random.default_rng(4)
    mixture = raman_mixture(k=3, noise="even")
    u, v = rng.normal(size=400), rng.normal(size=600)
    faint = 10.0 * strength * np.outer(u / np.linalg.norm(u), v / np.linalg.norm(v))
    rank = estimate_rank(mixture.intensity + faint)
    assert (rank.parallel, rank.suggested) == (4, suggested)
    assert rank.weighted_singular_values[3] / rank.threshold == pytest.approx(ratio, abs=0.06)
    assert any("1 more exceed the noise" in reason for reason in rank.reasons) == (suggested == 3)


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
    with pytest.raises(StepError, match="one of estimated, poisson, counts, uniform, but 'shot'"):
        estimate_rank(np.ones((3, 4)), noise="shot")
    with pytest.raises(StepError, match=r"\(spectra, channels\), but has shape \(4,\)"):
        estimate_rank(np.ones(4))
    with pytest.raises(StepError, match="groups must have one value for each of 3 spectra"):
        estimate_rank(np.ones((3, 4)), groups=[0, 1])
    with pytest.raises(StepError, match="resamples needs a number from 1, but 0"):
        estimate_rank(np.ones((3, 4)), resamples=0)


def baseline_residue(n, shift, rng, size=20.0):
    """Smooth curves that come and go with a smooth field, as a baseline that is too stiff leaves behind."""
    x = (shift - shift[0]) / np.ptp(shift)
    phases = 2 * np.pi * np.array([0.7, 1.3, 1.8, 2.4])[:, None] * x + rng.uniform(0, 6, (4, 1))
    field = np.cumsum(rng.normal(size=(n, 4)), axis=0)
    return size * field / field.std(axis=0) @ np.cos(phases)


@pytest.mark.parametrize("seed", [1000, 1001, 1002])
def test_what_a_baseline_leaves_and_events_are_no_components(seed):
    mixture = raman_mixture(k=4, seed=seed)
    rng = np.random.default_rng(seed)
    data = mixture.intensity + baseline_residue(400, mixture.shift, rng)
    for row in (17, 200, 333):
        data[row, rng.integers(600)] += 4000.0
    rank = estimate_rank(data)
    assert rank.parallel >= 8  # four more curves stand far above the noise
    assert rank.suggested == 4
    assert rank.broad >= 2
    assert rank.stability == 1.0
    assert len(rank.resamples) == 10
    assert rank.shared_cosines[3] > 0.9
    assert any("as what a baseline leaves behind" in reason for reason in rank.reasons)


def test_a_background_that_is_still_there_is_a_component():
    mixture = raman_mixture(k=3, noise="even", counts=2000.0)
    x = np.linspace(0, 1, 600)
    amount = 4000.0 + 500.0 * np.random.default_rng(3).normal(size=400)
    rank = estimate_rank(mixture.intensity + np.outer(amount, 1.0 - 0.5 * x))
    assert rank.background_kept
    assert rank.suggested == 4


def test_real_error_held_out_entries_and_noise_law(als2004):
    rank = estimate_rank(als2004.m1)
    singular = np.linalg.svd(als2004.m1, compute_uv=False)
    expected = np.sqrt(np.sum(singular[4:] ** 2) / (96 * (51 - 4)))
    assert rank.real_error[3] == pytest.approx(expected, rel=1e-6)
    assert rank.held_out_minimum == 4
    assert rank.held_out[0] == 1.0
    rng = np.random.default_rng(1000)
    mixture = raman_mixture(n=600, k=3, counts=3000.0, noise="none", seed=1000)
    noisy = mixture.clean + rng.normal(size=mixture.clean.shape) * np.sqrt(100.0 + 0.5 * mixture.clean)
    rank = estimate_rank(noisy, noise="poisson")
    assert rank.suggested == 3
    assert rank.noise_floor == pytest.approx(100.0, rel=0.1)
    assert rank.noise_per_count == pytest.approx(0.5, rel=0.15)


def test_held_out_error_follows_the_definition():
    rng = np.random.default_rng(1001)
    data = rng.normal(size=(30, 2)) @ rng.normal(size=(2, 40)) + 1e-3 * rng.normal(size=(30, 40))
    error = held_out_error(SpectraBlocks(data, np.ones(30, dtype=bool)), 4, seed=5)
    order = np.random.default_rng(5)
    row, column = order.permutation(30) % 3, order.permutation(40) % 3
    left = 0.0
    for r in range(3):
        for c in range(3):
            rows, columns = row == r, column == c
            u, s, v = np.linalg.svd(data[np.ix_(~rows, ~columns)], full_matrices=False)
            inverse = v[:2].T @ np.diag(1 / s[:2]) @ u[:, :2].T
            guess = data[np.ix_(rows, ~columns)] @ inverse @ data[np.ix_(~rows, columns)]
            left += np.sum((data[np.ix_(rows, columns)] - guess) ** 2)
    assert error[2] == pytest.approx(left / np.sum(data**2), rel=1e-6)
    assert np.argmin(error) == 2


def test_groups_stay_together_and_cancelling():
    """Each spectrum twice: halves that share a copy would call its noise reproduced."""
    mixture = raman_mixture(n=150, channels=300, k=3, noise="even")
    rng = np.random.default_rng(2)
    odd = np.zeros((150, 300))
    odd[40] = 600.0 * rng.normal(size=300) / 10.0  # one spectrum of its own
    twice = np.repeat(mixture.intensity + odd, 2, axis=0) + rng.normal(size=(300, 300))
    rank = estimate_rank(twice, groups=np.repeat(np.arange(150), 2))
    assert rank.suggested == 3
    with pytest.raises(Cancelled):
        estimate_rank(mixture.intensity, should_stop=lambda: True)


def simulated_rank(name, seed):
    """Run the bundled recipe's steps on a fresh simulated experiment; return (true number, estimate)."""
    from spectrode.pipeline.recipe import Recipe
    from spectrode.pipeline.run import apply_steps
    from spectrode.simulate import preset, simulate_experiment

    experiment = simulate_experiment(preset(name, seed=seed))
    recipe = Recipe.load({"nothing-forms": "sei-shiners"}.get(name, name)).effective()
    processed, _ = apply_steps(experiment.dataset, recipe.steps)
    present = int(np.count_nonzero(experiment.truth.concentrations.max(axis=0) > 1e-6))
    return present, estimate_rank(processed.intensity)


def test_simulated_experiment_is_right_or_off_by_one():
    true, rank = simulated_rank("sei-shiners", 1100)
    assert abs(rank.suggested - true) <= 1
    assert 0.0 <= rank.stability <= 1.0


@pytest.mark.slow
def test_simulated_experiments_are_right_or_off_by_one_in_nine_of_ten():
    wrong = [
        abs(rank.suggested - true)
        for name in ("sei-shiners", "cei-shiners", "nothing-forms")
        for true, rank in (simulated_rank(name, seed) for seed in range(1101, 1108))
    ]
    assert np.mean(np.array(wrong) <= 1) >= 0.9
