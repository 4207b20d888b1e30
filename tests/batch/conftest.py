"""Small experiments that several tests share; they are only read."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

# The processes that tests start import the makers too.
sys.path.insert(0, str(Path(__file__).parent))

import batch_experiments as made


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with ``maps/cell0.h5`` … and ``cv/run0.mpt`` …, and a quick recipe."""
    folder = tmp_path_factory.mktemp("lab")
    for number in range(3):
        made.make(folder, number)
    made.quick_recipe(folder)
    return folder


@pytest.fixture
def light_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the figures out, which take most of the time and are tested elsewhere."""
    import spectrode.report as report
    from spectrode.report.tables import write_tables

    def write_results(result, folder, **_):
        folder.mkdir(parents=True)
        result.save(folder / "result.h5")
        write_tables(result, folder)
        (folder / "report.html").write_text("<p>report</p>", encoding="utf-8")
        return folder / "report.html"

    monkeypatch.setattr(report, "write_results", write_results)
