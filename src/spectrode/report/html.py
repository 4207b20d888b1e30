"""The self-contained report page: no scripts, no links to other files."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .._version import __version__
from ..columns import SpectrumFlag
from ..results import AnalysisResult
from .figures import ReportFigure
from .fluorescence import fluorescence_sentences

if TYPE_CHECKING:
    from ..assignment import Assignment

__all__ = ["render_report"]


def render_report(result: AnalysisResult, figures: Sequence[ReportFigure]) -> str:
    """Return the page as HTML text."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    drawn = {
        f.name: {
            "title": f.title,
            "caption": f.caption,
            "data": "data:image/svg+xml;base64," + base64.b64encode(f.svg.encode()).decode(),
        }
        for f in figures
    }
    page: str = environment.get_template("template.html").render(
        title=result.title,
        version=__version__,
        facts=_facts(result),
        figures=drawn,
        fluorescence=[] if result.fluorescence is None else fluorescence_sentences(result.fluorescence),
        assignments=_assignments(result),
        components=_components(result),
        evidence=_evidence(result),
        steps=_steps(result),
        warnings=result.warnings,
        sources=_sources(result),
        versions=sorted(result.versions.items()),
        citations=_citations(result),
        reference_sources=_reference_sources(result),
        recipe=result.recipe,
        recipe_text=result.recipe.dumps(),
    )
    return page


def _facts(result: AnalysisResult) -> list[tuple[str, str]]:
    """Return what was measured, as (name, value) pairs; only what is known."""
    dataset, metadata = result.dataset, result.dataset.metadata
    facts = [("Spectra", f"{dataset.n_spectra}" + _scan_words(dataset.scan_shape))]
    raw = result.raw_shift
    if raw.size:
        facts.append(("Recorded axis", f"{raw[0]:.1f} – {raw[-1]:.1f} {dataset.axis_unit}, {raw.size} channels"))
    if raw.size and not np.array_equal(raw, dataset.shift):
        shift = dataset.shift
        words = f"{shift[0]:.1f} – {shift[-1]:.1f} {dataset.axis_unit}, {shift.size} channels"
        facts.append(("Processed axis", words))
    start = metadata.started_at or metadata.local_start
    if start is not None:
        zone = "" if metadata.started_at else " (time zone not stated)"
        facts.append(("Started", start.isoformat(sep=" ", timespec="milliseconds") + zone))
    times = dataset.columns.get("time_s")
    if times is not None and np.isfinite(times).any():
        facts.append(("Duration", _duration(float(np.nanmax(times) - np.nanmin(times)))))
    facts += _laser_facts(result)
    facts += _potential_facts(result)
    electrolyte = metadata.cell.electrolyte
    for name, value in (("Sample", metadata.sample.name), ("Electrolyte", electrolyte)):
        if value:
            facts.append((name, value))
    flags = dataset.columns.get("flags")
    if flags is not None:
        for flag in SpectrumFlag:
            count = int(np.count_nonzero(flags & int(flag)))
            if count:
                facts.append((f"Flagged: {str(flag.name).lower().replace('_', ' ')}", f"{count} spectra"))
    return facts


def _scan_words(scan: tuple[tuple[str, int], ...]) -> str:
    return f" ({' × '.join(f'{size} {name}' for name, size in scan)})" if scan else ""


def _duration(seconds: float) -> str:
    if seconds >= 5400:
        return f"{seconds / 3600:.2f} h"
    return f"{seconds / 60:.1f} min" if seconds >= 120 else f"{seconds:.2f} s"


def _laser_facts(result: AnalysisResult) -> list[tuple[str, str]]:
    laser, instrument = result.dataset.metadata.laser, result.dataset.metadata.instrument
    parts = []
    if laser.wavelength_nm is not None:
        parts.append(f"{laser.wavelength_nm:.2f} nm")
    if laser.power_mw is not None:
        parts.append(f"{laser.power_mw:g} mW at the sample")
    elif laser.power_fraction is not None:
        parts.append(f"{100 * laser.power_fraction:g} % of full power (mW not stated)")
    facts = [("Laser", ", ".join(parts))] if parts else []
    exposure = result.dataset.columns.get("exposure_s")
    if exposure is not None and np.isfinite(exposure).any():
        low, high = np.nanmin(exposure), np.nanmax(exposure)
        facts.append(("Exposure", f"{low:g} s" if np.isclose(low, high) else f"{low:g} – {high:g} s"))
    words = [w for w in (instrument.vendor, instrument.model, instrument.objective, instrument.grating) if w]
    if words:
        facts.append(("Instrument", ", ".join(words)))
    return facts


def _potential_facts(result: AnalysisResult) -> list[tuple[str, str]]:
    potential = result.dataset.columns.get("potential_v")
    if potential is None or not np.isfinite(potential).any():
        return []
    reference = result.dataset.metadata.cell.reference_electrode
    low, high = np.nanmin(potential), np.nanmax(potential)
    facts = [("Potential at the spectra", f"{low:.3f} – {high:.3f} V vs {reference}")]
    options = result.inputs.options
    if options.get("offset_s") is not None:
        meaning = {
            "clock": "added to the spectrometer's clock",
            "trace_start": "first exposure after the trace's first row",
        }
        how = meaning.get(str(options.get("offset_from")), "given by hand")
        facts.append(("Clock offset", f"{options['offset_s']:g} s ({how}); its uncertainty is not known"))
    return facts


def _components(result: AnalysisResult) -> dict[str, Any] | None:
    found = result.decomposition
    if found is None:
        return None
    return {
        "method": {"mcr_als": "MCR-ALS", "nmf": "NMF"}.get(found.method, found.method),
        "count": len(found.names),
        "lack_of_fit": f"{found.lack_of_fit_percent:.2f}",
        "iterations": found.iterations,
        "converged": found.converged,
        "shares": _shares(result),
        "fixed": [n for n, known in zip(found.names, found.known, strict=True) if known],
    }


def _shares(result: AnalysisResult) -> list[dict[str, str]]:
    """Return how much of the signal each component is, and how little or much it could be at an equal fit."""
    bands = result.bands
    if bands is None:
        return []
    return [
        {
            "name": f"component {k + 1}",
            "share": f"{bands.contribution[k]:.2f}",
            "range": f"{bands.contribution_lowest[k]:.2f} – {bands.contribution_highest[k]:.2f}",
            "words": "" if bands.identifiable[k] else "not identifiable: rotation can turn it into anything",
        }
        for k in range(len(bands.contribution))
    ]


def _evidence(result: AnalysisResult) -> list[dict[str, Any]]:
    """Return what stands beside the names, a row a component that anything is known of."""
    return [
        {"name": f"component {e.component + 1}", "sentences": e.sentences, "checks": e.checks}
        for e in result.evidence
        if e.sentences or e.checks
    ]


def _assignments(result: AnalysisResult) -> list[dict[str, Any]]:
    from ..library import load_library

    entries = load_library().entries
    seen: set[int] = set()
    rows = []
    for a in result.assignments:
        first = a.component not in seen
        seen.add(a.component)
        rows.append(_assignment(a, entries, first, sum(b.component == a.component for b in result.assignments)))
    return rows


def _assignment(a: Assignment, entries: Mapping[str, Any], first: bool, span: int) -> dict[str, Any]:
    """Return one row; what belongs to the whole component is shown in its first row only."""
    return {
        "component": a.component + 1,
        "first": first,
        "span": span,
        "compound": a.compound,
        "status": a.status,
        "indistinguishable": [
            entries[i].name if i in entries else i for i in a.indistinguishable if i != a.compound_id
        ],
        "score": "" if a.compound_id is None else f"{a.score:.2f}",
        "q": "" if a.q_value is None else f"{a.q_value:.3f}",
        "evidence": a.evidence,
        "kind": a.kind.replace("_", " "),
        "matched": [(f"{m.observed_cm1:.0f}", f"{m.reference_cm1:.0f}", m.assignment) for m in a.matched],
        "missing": [f"{v:.0f}" for v in a.missing_cm1],
        "unexplained": [f"{v:.0f}" for v in a.unexplained_cm1],
        "alternatives": [entries[i].name if i in entries else i for i in a.alternatives],
        "note": a.note,
    }


def _steps(result: AnalysisResult) -> list[dict[str, Any]]:
    return [
        {
            "name": r.name,
            "parameters": ", ".join(f"{k} = {v}" for k, v in r.parameters.items() if v is not None),
            "changed": "" if r.changed_spectra is None else f"{r.changed_spectra}",
            "seconds": "" if r.seconds is None else f"{r.seconds:.2f}",
            "notes": r.notes,
        }
        for r in result.steps
    ]


def _sources(result: AnalysisResult) -> list[dict[str, str]]:
    inputs = result.inputs
    return [
        {"name": Path(path).name, "role": role, "sha256": inputs.sha256.get(path, "")}
        for role, paths in (("spectra", inputs.spectra), ("potentiostat", inputs.traces))
        for path in paths
    ]


def _citations(result: AnalysisResult) -> list[str]:
    from ..pipeline.citations import CITATIONS

    keys = [key for r in result.steps for key in r.cite]
    if result.decomposition is not None:
        keys += list(_METHOD_CITATIONS.get(result.decomposition.method, ()))
    if result.rank is not None:
        keys += ["Malinowski1977", "HongShengDobriban2020"]
    if result.assignments:
        keys.append("Lam2010")
    return [CITATIONS.get(key, key) for key in dict.fromkeys(keys)]


def _reference_sources(result: AnalysisResult) -> list[dict[str, str]]:
    """Return where the matched reference bands come from: a row a source, with what it was used for."""
    from ..library import load_library

    entries = load_library().entries
    found: dict[str, dict[str, str]] = {}
    for a in result.assignments:
        entry = entries.get(a.compound_id or "")
        if entry is None:
            continue
        citations = {source.id: source for source in entry.source}
        matched = {m.reference_cm1 for m in a.matched}
        for band in (b for b in entry.band if b.technique == "raman" and b.position_cm1 in matched):
            for used in band.sources:
                source = citations[used.id]
                words = source.citation + (f". doi:{source.doi}" if source.doi else "")
                row = found.setdefault(words, {"citation": words, "how": used.how, "for": entry.name})
                if used.how == "seen":
                    row["how"] = "seen"
                if entry.name not in row["for"].split(", "):
                    row["for"] += f", {entry.name}"
    return list(found.values())


_METHOD_CITATIONS = {
    "mcr_als": ("Tauler1995", "Jaumot2005", "WindigGuilment1991", "KimPark2011"),
    "nmf": ("LeeSeung1999", "CichockiPhan2009"),
}
