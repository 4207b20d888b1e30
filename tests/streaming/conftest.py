from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hard_maps import TEST_STEPS, write_map

from spectrode.pipeline.step import StepSpec, step_spec
from spectrode.streaming import run


def _spec(name: str) -> StepSpec:
    return TEST_STEPS.get(name) or step_spec(name)


@pytest.fixture
def steps_that_look_around(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the test steps known by name, to this process only and not to the list of all steps."""
    monkeypatch.setattr("spectrode.streaming.chain.step_spec", _spec)
    monkeypatch.setattr("spectrode.pipeline.run.step_spec", _spec)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut into blocks of 512 spectra, however much memory there is."""
    monkeypatch.setattr(run, "_LARGEST_BLOCK", 512)


@pytest.fixture(scope="session")
def hard_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with a hard map of 1,763 spectra, in four blocks of 512."""
    return write_map(tmp_path_factory.mktemp("hard") / "map.h5")


@pytest.fixture
def leftovers(tmp_path: Path) -> Callable[[], list[str]]:
    """Return a function that lists what lies in the folder of the test."""
    return lambda: sorted(p.name for p in tmp_path.iterdir())
