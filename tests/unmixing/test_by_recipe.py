"""Unmixing as a recipe asks for it: constraints, weights, and spectra with gaps."""

from __future__ import annotations

import numpy as np
import pytest

from spectrode.dataset import OperandoDataset
from spectrode.errors import RecipeError, SpectrodeError
from spectrode.metadata import Cell, Metadata
from spectrode.pipeline.recipe import Recipe
from spectrode.unmixing.by_recipe import unmixed_by_recipe

SHIFT = np.linspace(400, 1800, 240)
SHAPES = np.stack(
    [sum(np.exp(-(((SHIFT - p) / 12) ** 2)) for p in places) for places in ((520, 900), (720, 1090), (1350, 1580))]
)


def mixed(seed: int = 1000, n: int = 60) -> tuple[OperandoDataset, np.ndarray]:
    rng = np.random.default_rng(seed)
    t = np.linspace(0, 1, n)
    amounts = np.stack([1 + 0 * t, t, np.clip(2 * t - 1, 0, None)], axis=1) * rng.uniform(0.6, 1.4, (n, 3)) * 1000
    counts = amounts @ SHAPES + rng.normal(0, 5, (n, SHIFT.size))
    columns = {"time_s": t * 100, "potential_v": 3 - 2 * t}
    metadata = Metadata(cell=Cell(reference_electrode="Li/Li+"))
    return OperandoDataset(counts, SHIFT, columns, metadata=metadata), amounts


def recipe(text: str = "", unmixing: str = "components = 3") -> Recipe:
    return Recipe.loads(f"recipe_version = 1\n[unmixing]\nset_aside_events = false\n{unmixing}\n{text}")


def agreement(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return, for each true component, the best correlation of its amounts with a component found."""
    k = found.shape[1]
    return np.corrcoef(found.T, truth.T)[:k, k:].max(axis=0)


def test_a_window_keeps_a_component_out() -> None:
    dataset, _ = mixed()
    text = """
[[constraints]]
kind = "window"
components = ["component 3"]
column = "potential_v"
low = 0.0
high = 2.0
"""
    _, unmixed = unmixed_by_recipe(dataset, recipe(text))
    found = unmixed.decomposition
    assert found is not None
    outside = dataset.columns["potential_v"] > 2.0
    assert np.all(found.concentrations[outside, 2] == 0)
    assert np.any(found.concentrations[~outside, 2] > 0)
    assert any("potential_v" in note for note in found.notes)


def test_a_spectrum_with_a_gap_takes_part() -> None:
    dataset, truth = mixed()
    counts = np.array(dataset.intensity)
    counts[5, 40:44] = np.nan
    mask = np.zeros(counts.shape, dtype=bool)
    mask[9, 100:110] = True
    counts[9, 100:110] = 65535
    counts[20] = np.nan
    gapped = dataset.replace(intensity=counts, mask=mask)
    _, unmixed = unmixed_by_recipe(gapped, recipe())
    found = unmixed.decomposition
    assert found is not None
    assert np.isnan(found.concentrations[20]).all()
    there = np.arange(len(counts)) != 20
    assert np.isfinite(found.concentrations[there]).all()
    assert np.all(agreement(found.concentrations[there], truth[there]) > 0.99)


def test_noise_weights_trust_the_quiet_channels() -> None:
    dataset, truth = mixed(1001)
    rng = np.random.default_rng(1002)
    sigma = np.where(SHIFT < 1000, 120.0, 3.0) * np.ones((dataset.n_spectra, 1))
    noisy = dataset.replace(intensity=truth @ SHAPES + rng.normal(0, 1, sigma.shape) * sigma, variance=sigma**2)
    errors = []
    for weights in ("none", "noise"):
        _, unmixed = unmixed_by_recipe(noisy, recipe(unmixing=f'components = 3\nweights = "{weights}"'))
        assert unmixed.decomposition is not None
        quiet = unmixed.decomposition.reconstruct()[:, SHIFT > 1000] - (truth @ SHAPES)[:, SHIFT > 1000]
        errors.append(float(np.sqrt(np.mean(quiet**2))))
    assert errors[1] < 0.7 * errors[0]


def test_recipes_keep_their_constraints() -> None:
    text = '[[constraints]]\nkind = "unimodal"\ncomponents = ["component 2"]\n'
    made = recipe(text)
    again = Recipe.loads(made.effective().dumps())
    assert again.constraints == made.constraints
    assert again.constraints[0]["kind"] == "unimodal"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[[constraints]]\nkind = "convex"\n', "unimodal"),
        ('[[constraints]]\nkind = "window"\nlow = 1.0\n', "constraints"),
        ("constraints = 3\n", "tables"),
    ],
)
def test_a_wrong_constraint_is_one_sentence(text: str, words: str) -> None:
    table = text if text.startswith("[[") else ""
    head = "" if table else text
    with pytest.raises(RecipeError, match=words):
        Recipe.loads(f"recipe_version = 1\n{head}[unmixing]\ncomponents = 2\n{table}")


def test_blocks_that_do_not_exist_are_named() -> None:
    dataset, _ = mixed()
    text = '[[constraints]]\nkind = "unimodal"\ncomponents = ["component 2"]\n'
    with pytest.raises(SpectrodeError, match="potential_v"):
        unmixed_by_recipe(dataset, recipe(text, 'components = 3\nblocks = "cell"'))
