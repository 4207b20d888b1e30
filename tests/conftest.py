"""Shared fixtures. Files that the project may not ship are reached through a folder beside the checkout, or skipped."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def pytest_addoption(pluginmanager: pytest.PytestPluginManager) -> None:
    """Take pytest-qt out where Qt's system libraries are missing: it would end the whole run before any test."""
    try:
        from qtpy import QtWidgets  # noqa: F401
    except ImportError:
        pluginmanager.unregister(name="pytest-qt")


def _shared_folder() -> Path:
    return Path(os.environ.get("SPECTRODE_SHARED_DATA", ROOT.parent / "shared" / "data"))


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """Return a function that gives the path of a measured file, or skips the test where it is not available."""

    def find(name: str) -> Path:
        path = _shared_folder() / name
        if not path.exists():
            pytest.skip(f"the measured file {name} is not on this machine (set SPECTRODE_SHARED_DATA)")
        return path

    return find
