from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from spectrode.errors import InvalidDataset
from spectrode.unmixing.result import Decomposition


def parts(**changes):
    given = {
        "spectra": np.array([[1.0, 0.5, 0.0], [0.0, -0.1, 1.0]]),
        "concentrations": np.array([[2.0, 0.0], [1.0, 3.0], [np.nan, np.nan], [0.0, 0.0]]),
        "names": ("a", "electrolyte"),
        "known": (False, True),
        "method": "mcr_als",
        "lack_of_fit_percent": 0.0,
        "iterations": 3,
        "converged": True,
        "singular_values": np.array([3.0, 1.0]),
        "residual_rms": np.array([0.0, 0.1, np.nan, 0.0]),
    }
    return given | changes


def test_reconstruct_and_contribution():
    result = Decomposition(**parts())
    np.testing.assert_allclose(result.reconstruct()[:2], [[2.0, 1.0, 0.0], [1.0, 0.2, 3.0]])
    assert np.isnan(result.reconstruct()[2]).all()
    np.testing.assert_allclose(result.reconstruct([1])[1], [0.0, -0.3, 3.0])
    np.testing.assert_allclose(result.contribution, [3 * 1.5, 3 * 0.9])
    assert (result.n_components, result.n_spectra) == (2, 4)


def test_reordered():
    result = Decomposition(**parts()).reordered([1, 0])
    assert result.names == ("electrolyte", "a")
    assert result.known == (True, False)
    np.testing.assert_allclose(result.reconstruct(), Decomposition(**parts()).reconstruct())
    with pytest.raises(InvalidDataset, match=r"each of the components 0 to 1 once, but is \[0, 0\]"):
        result.reordered([0, 0])
    with pytest.raises(InvalidDataset, match=r"components \[2\] were asked for"):
        result.reconstruct([2])


def test_frozen_without_touching_the_callers_arrays():
    given = parts()
    result = Decomposition(**given)
    assert not result.spectra.flags.writeable
    assert given["spectra"].flags.writeable
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.method = "nmf"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"spectra": np.ones((3, 3))}, "3 component spectra need as many"),
        ({"spectra": np.ones(3)}, r"shapes are \(3,\)"),
        ({"names": ("a", "a")}, "names must differ"),
        ({"known": (False, False)}, "may not be negative"),
        ({"spectra": np.full((2, 3), 2.0)}, "maximum of 1"),
        ({"spectra": np.full((2, 3), np.nan)}, "must be finite"),
        ({"concentrations": np.full((4, 2), -1.0)}, "concentrations may not be negative"),
        ({"concentrations": np.array([[np.nan, 1.0]] * 4)}, "missing for all components"),
        ({"residual_rms": np.zeros(3)}, r"residual_rms of shape \(4,\)"),
        ({"lack_of_fit_percent": float("nan")}, "but is nan"),
    ],
)
def test_never_half_valid(changes, words):
    with pytest.raises(InvalidDataset, match=words):
        Decomposition(**parts(**changes))
