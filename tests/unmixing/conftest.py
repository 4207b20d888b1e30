from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.io import loadmat


@pytest.fixture(scope="session")
def als2004(shared_data):
    """The tutorial set of Jaumot et al. 2005: four HPLC-DAD runs of four compounds, with the references."""
    content = loadmat(shared_data("unmixing/als2004dataset.MAT"))
    return SimpleNamespace(
        m1=content["m1"],
        matrix=content["MATRIX"],
        spectra=content["spure"],
        # Row i of spure belongs to this column of cpure.
        concentrations=content["cpure"][:, [2, 0, 1, 3]],
        axis=np.arange(96.0),
    )
