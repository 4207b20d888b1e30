"""The page and the two tables that sum up a batch."""

from __future__ import annotations

import base64
import csv
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .._atomic import atomic_file
from .._version import __version__
from .plan import Experiment, Plan
from .work import Outcome

__all__ = ["EXPERIMENT_COLUMNS", "write_index"]

EXPERIMENT_COLUMNS = (
    "experiment", "status", "reason", "spectra_files", "echem_files", "recipe", "started_at", "spectra", "frames",
    "duration_s", "potential_min_v", "potential_max_v", "reference_electrode", "components", "lack_of_fit_percent",
    "assigned", "candidates", "warnings", "analysis_s", "report",
)  # fmt: skip
"""Columns of ``experiments.csv``; units are in the names: s, V versus the named reference electrode, percent."""

_ORDER = {"failed": 0, "not run": 1, "left out": 2, "done": 3, "done before": 3}
_MARK = {"done": "✓", "done before": "✓", "failed": "✗", "left out": "–", "not run": "–"}


def write_index(plan: Plan, outcomes: Sequence[Outcome], out: Path) -> Path:
    """Write ``index.html``, ``experiments.csv`` and ``assignments.csv``; return the page."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    pairs = list(zip(plan.experiments, outcomes, strict=True))
    page = environment.get_template("index.html").render(
        rows=[_page_row(one, outcome, out) for one, outcome in pairs],
        counts=_counts(outcomes),
        notes=plan.notes,
        version=__version__,
        title=out.name,
    )
    with atomic_file(out / "index.html") as temporary:
        temporary.write_text(page, encoding="utf-8")
    _write_csv(out / "experiments.csv", EXPERIMENT_COLUMNS, (_table_row(one, outcome) for one, outcome in pairs))
    from ..assignment.report_table import ASSIGNMENT_COLUMNS

    _write_csv(out / "assignments.csv", ("experiment", *ASSIGNMENT_COLUMNS), _assignments(outcomes, out))
    return out / "index.html"


def _has_result(outcome: Outcome) -> bool:
    return outcome.status in ("done", "done before")


def _counts(outcomes: Sequence[Outcome]) -> str:
    done = sum(_has_result(o) for o in outcomes)
    words = [f"{done} of {len(outcomes)} experiments have a result"]
    for status in ("failed", "left out", "not run"):
        number = sum(o.status == status for o in outcomes)
        if number:
            words.append(
                f"{number} {'was' if number == 1 else 'were'} {status}" if status != "failed" else f"{number} failed"
            )
    return "; ".join(words)


def _page_row(one: Experiment, outcome: Outcome, out: Path) -> dict[str, Any]:
    s = outcome.summary
    low, high = s.get("potential_min_v"), s.get("potential_max_v")
    names: dict[str, list[str]] = {"assigned": [], "ambiguous": [], "candidate": []}
    for a in s.get("assignments", ()):
        known = names.setdefault(a["status"], [])
        if a["compound"] not in known:
            known.append(a["compound"])
    for weaker in ("ambiguous", "candidate"):  # a compound may be assigned in one component and a candidate in another
        names[weaker] = [n for n in names[weaker] if n not in names["assigned"]]
    has = _has_result(outcome)
    return {
        "name": one.name,
        "link": f"{quote(one.name)}/report.html" if has else "",
        "status": "done" if has else outcome.status,
        "mark": _MARK[outcome.status],
        "order": _ORDER[outcome.status],
        "reason": outcome.reason,
        "before": outcome.status == "done before",
        "picture": _picture(out / one.name / "thumbnail.svg") if has else "",
        "spectra": s.get("spectra"),
        "frames": s.get("frames", 0),
        "duration_s": s.get("duration_s"),
        "duration": _duration(s.get("duration_s")),
        "started_at": s.get("started_at") or "",
        "started": _moment(s.get("started_at")),
        "low": low,
        "potential": "" if low is None or high is None else f"{_volts(low)} to {_volts(high)}",
        "reference": s.get("reference") or "",
        "components": s.get("components"),
        "names": names,
        "n_assigned": len(names["assigned"]),
        "files": [Path(p).name for p in (*one.spectra, *one.traces)],
        "warnings": s.get("warnings", 0),
    }


def _volts(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def _moment(text: str | None) -> str:
    if not text:
        return ""
    at = datetime.fromisoformat(text)
    zone = "" if at.tzinfo is None else f" {at:%z}".replace("+0000", "UTC")
    return f"{at:%Y-%m-%d %H:%M}{zone}"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return ""
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02d} min"


def _picture(path: Path) -> str:
    try:
        return "data:image/svg+xml;base64," + base64.b64encode(path.read_bytes()).decode()
    except OSError:
        return ""


def _table_row(one: Experiment, outcome: Outcome) -> dict[str, Any]:
    s = outcome.summary
    named = [(a["compound"], a["status"]) for a in s.get("assignments", ())]
    return {
        "experiment": one.name,
        "status": outcome.status,
        "reason": outcome.reason,
        "spectra_files": ";".join(one.spectra),
        "echem_files": ";".join(one.traces),
        "recipe": s.get("recipe", ""),
        "started_at": s.get("started_at") or "",
        "spectra": s.get("spectra", ""),
        "frames": s.get("frames", ""),
        "duration_s": _number(s.get("duration_s"), 3),
        "potential_min_v": _number(s.get("potential_min_v"), 4),
        "potential_max_v": _number(s.get("potential_max_v"), 4),
        "reference_electrode": s.get("reference") or "",
        "components": s.get("components", ""),
        "lack_of_fit_percent": _number(s.get("lack_of_fit_percent"), 3),
        "assigned": ";".join(dict.fromkeys(c for c, status in named if status == "assigned")),
        "candidates": ";".join(dict.fromkeys(c for c, status in named if status != "assigned")),
        "warnings": s.get("warnings", ""),
        "analysis_s": _number(s.get("seconds"), 2),
        "report": f"{one.name}/report.html" if _has_result(outcome) else "",
    }


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _assignments(outcomes: Sequence[Outcome], out: Path) -> Iterable[Mapping[str, Any]]:
    for outcome in outcomes:
        if not _has_result(outcome):
            continue
        try:
            text = (out / outcome.name / "assignments.csv").read_text(encoding="utf-8")
        except OSError:
            continue
        for row in csv.DictReader(text.splitlines()):
            yield {"experiment": outcome.name, **row}


def _write_csv(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    with atomic_file(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as stream:
        table = csv.DictWriter(stream, list(columns), lineterminator="\n", extrasaction="ignore")
        table.writeheader()
        table.writerows(rows)
