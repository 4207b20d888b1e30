from __future__ import annotations

from pathlib import Path

import pytest

from spectrode.library import Library, load_library

REFERENCES = Path(__file__).resolve().parents[2] / "reference_spectra"


@pytest.fixture(scope="session")
def references() -> Path:
    return REFERENCES


@pytest.fixture(scope="session")
def library() -> Library:
    return load_library(REFERENCES)
