"""Drift: simulated by shot noise on integrated Lorentzians, with courses that are no random walks."""

from __future__ import annotations

import numpy as np
import pytest

from spectrode.calibration import follow_line, shifted
from spectrode.errors import SpectrodeError

X = np.linspace(480, 560, 60)
TIMES = 10.0 * np.arange(200)


def course(kind: str, rng: np.random.Generator) -> np.ndarray:
    part = TIMES / TIMES[-1]
    return {
        "wave": 0.4 * np.sin(8 * part + rng.uniform(0, 6)) + 0.3 * part,
        "warming": 1.2 * (1 - np.exp(-part * 5)),
        "jump": 0.8 * (part > rng.uniform(0.2, 0.8)),
        "none": 0 * part,
    }[kind]


def run(seed: int, kind: str, peak: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    place = 520.7 + course(kind, rng)
    within = np.linspace(-0.5, 0.5, 9) * (X[1] - X[0])
    line = np.mean([1 / (1 + ((X + w - place[:, None]) / 2.2) ** 2) for w in within], axis=0)
    expected = line * peak * rng.uniform(0.7, 1.3, (TIMES.size, 1)) + 100 + 0.3 * (X - 480)
    return place, rng.poisson(expected).astype(float)


@pytest.mark.parametrize(("peak", "kinds"), [(2000, 3), (200, 4), (40, 4)])
def test_the_interval_covers_the_true_course(peak: float, kinds: int) -> None:
    inside, error = [], []
    for seed in range(1000, 1003):
        for kind in ("wave", "warming", "none", "jump")[:kinds]:
            place, counts = run(seed, kind, peak)
            found = follow_line(counts, X, TIMES)
            assert found.identifiable
            inside.append(np.mean(np.abs(found.position_cm1 - place) < 1.96 * found.sigma_cm1))
            error.append(np.sqrt(np.mean((found.position_cm1 - place) ** 2)))
    assert 0.9 <= np.mean(inside) <= 1.0
    assert np.median(error) < {2000: 0.02, 200: 0.06, 40: 0.15}[peak]


def test_weak_lines_are_pooled_and_the_weakest_refused() -> None:
    _, counts = run(1003, "wave", 25)
    assert follow_line(counts, X, TIMES).pooled > 1
    _, counts = run(1004, "wave", 0)
    found = follow_line(counts, X, TIMES)
    assert not found.identifiable
    assert "not identifiable" in found.sentence
    assert np.all(np.isnan(found.position_cm1))
    assert not follow_line(counts[:3], X, TIMES[:3]).identifiable


def test_outliers_lose_their_weight() -> None:
    place, counts = run(1005, "wave", 1000)
    rows = [20, 77, 150]
    counts[rows] = np.roll(counts[rows], 2, axis=1)
    found = follow_line(counts, X, TIMES)
    assert found.group_weight[rows].max() < 0.1
    assert np.median(found.group_weight) > 0.8
    assert np.abs(found.position_cm1 - place)[rows].max() < 0.15


def test_order_and_gaps_do_not_matter() -> None:
    _, counts = run(1006, "warming", 500)
    forward = follow_line(counts, X, TIMES)
    order = np.random.default_rng(1).permutation(TIMES.size)
    mixed = follow_line(counts[order], X, TIMES[order])
    np.testing.assert_allclose(mixed.position_cm1, forward.position_cm1[order], atol=1e-9)
    holed = counts.copy()
    holed[5] = np.nan
    holed[9, 30] = np.nan
    partly = follow_line(holed, X, TIMES)
    np.testing.assert_allclose(partly.position_cm1, forward.position_cm1, atol=0.1)


def test_what_cannot_be_followed() -> None:
    _, counts = run(1007, "none", 500)
    with pytest.raises(SpectrodeError, match="8 are needed; the axis runs from 480 to 560"):
        follow_line(counts, X, TIMES, position_cm1=900)
    with pytest.raises(SpectrodeError, match="finite times"):
        follow_line(counts, X, TIMES[:-1])


def test_shifted_moves_cubics_exactly_and_noise_as_told() -> None:
    cubic = (X - 500) ** 3 - 40 * (X - 500) ** 2
    for move in (-0.9, 0.0, 0.4):
        moved, weights, _ = shifted(cubic[None], X, np.array([move]))
        at = X - move
        inside = (at > X[1]) & (at < X[-2])
        exact = (at - 500) ** 3 - 40 * (at - 500) ** 2
        np.testing.assert_allclose(moved[0, inside], exact[inside], rtol=1e-9, atol=1e-7)
        np.testing.assert_allclose(weights.sum(axis=-1), 1)
    half = (X[1] - X[0]) / 2
    _, weights, _ = shifted(cubic[None], X, np.array([half]))
    assert np.sum(weights[0, 30] ** 2) == pytest.approx(0.640625, abs=1e-6)
