"""Writes everything of one analysis into a folder, all of it or nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .._atomic import atomic_folder
from ..errors import Cancelled
from ..results import AnalysisResult
from .html import render_report
from .tables import write_tables

__all__ = ["write_results"]


def write_results(
    result: AnalysisResult,
    folder: str | Path,
    *,
    progress: Callable[[str, int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Path:
    """Write ``result.h5``, ``report.html``, the CSV tables, ``figures/*.svg`` and ``recipe.toml``.

    Files appear in ``folder`` only when all of them are complete; those of an earlier run are replaced.

    Returns
    -------
    Path
        The report page.
    """
    from .figures import all_figures

    folder = Path(folder)
    stages: list[tuple[str, Callable[[Path], None]]] = [
        ("saving", lambda place: result.save(place / "result.h5")),
        ("tables", lambda place: write_tables(result, place)),
        ("recipe", lambda place: result.recipe.save(place / "recipe.toml")),
    ]
    with atomic_folder(folder) as place:
        for number, (name, work) in enumerate(stages):
            _tell(progress, should_stop, name, number, len(stages) + 1)
            work(place)
        _tell(progress, should_stop, "report", len(stages), len(stages) + 1)
        figures = all_figures(result)
        (place / "figures").mkdir()
        for figure in figures:
            (place / "figures" / f"{figure.name}.svg").write_text(figure.svg, encoding="utf-8")
        (place / "report.html").write_text(render_report(result, figures), encoding="utf-8")
        _tell(progress, should_stop, "report", len(stages) + 1, len(stages) + 1)
    return folder / "report.html"


def _tell(
    progress: Callable[[str, int, int], None] | None,
    should_stop: Callable[[], bool] | None,
    stage: str,
    done: int,
    total: int,
) -> None:
    if should_stop is not None and should_stop():
        raise Cancelled("writing the results was cancelled; nothing was written")
    if progress is not None:
        progress(stage, done, total)
