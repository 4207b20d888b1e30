"""Words about files, steps and formats, as the command line prints them."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .dataset import OperandoDataset
from .errors import UnknownFormat, UnreadableFile

if TYPE_CHECKING:
    from .electrochemistry.trace import Trace
    from .metadata import FieldImage
    from .pipeline.parameters import Parameter

__all__ = [
    "describe",
    "describe_briefly",
    "describe_dataset",
    "describe_format",
    "describe_step",
    "describe_trace",
    "formats_page",
    "is_trace",
    "list_formats",
    "list_steps",
    "understood",
]


def is_trace(path: str | Path) -> bool:
    """Return True if a file is a potentiostat's, judged by its content.

    A plain table could be either: it is taken for spectra unless only the potentiostat readers recognise it.
    """
    from .electrochemistry.readers import trace_reader_for
    from .readers import reader_for

    try:
        found = trace_reader_for(path)
    except UnknownFormat:
        return False
    if found.name != "delimited-trace":
        return True
    try:
        reader_for(path)
    except UnknownFormat:
        return True
    return False


def understood(
    path: str | Path, *, timezone: str | None = None, options: dict[str, Any] | None = None
) -> OperandoDataset | Trace:
    """Read a file of spectra or of a potentiostat, whichever it is."""
    from .electrochemistry.readers import read_trace
    from .readers import read

    if is_trace(path):
        return read_trace(path, timezone=timezone, **(options or {}))
    try:
        return read(path, timezone=timezone, **(options or {}))
    except UnknownFormat:
        raise
    except UnreadableFile as problem:
        # A generic table with a time and a potential is a potentiostat's, even if its sniffing said "could be either".
        try:
            return read_trace(path, timezone=timezone, **(options or {}))
        except UnreadableFile:
            raise problem from None


def describe(path: str | Path, *, timezone: str | None = None, options: dict[str, Any] | None = None) -> str:
    """Read a file of spectra or of a potentiostat and say what was understood."""
    found = understood(path, timezone=timezone, options=options)
    return describe_dataset(found, path) if isinstance(found, OperandoDataset) else describe_trace(found, path)


def describe_briefly(path: str | Path, *, timezone: str | None = None, options: dict[str, Any] | None = None) -> str:
    """Return one line: path, reader, size, range, start, number of warnings."""
    found = understood(path, timezone=timezone, options=options)
    if isinstance(found, OperandoDataset):
        metadata = found.metadata
        scan = " × ".join(f"{size} {name}" for name, size in found.scan_shape) or "points"
        words = [f"{found.n_spectra} × {found.n_channels} ({scan})", _axis_words(found)]
        warnings = metadata.warnings
        reader = metadata.sources[0].reader if metadata.sources else "?"
        start = metadata.started_at or metadata.local_start
    else:
        words = [f"{len(found)} rows", found.technique or "technique not stated"]
        warnings, reader = found.warnings, found.sources[0].reader
        start = found.started_at or found.local_start
    words.append(start.isoformat(sep=" ", timespec="seconds") if start is not None else "no start")
    if warnings:
        words.append(f"{len(warnings)} warning" + ("s" if len(warnings) > 1 else ""))
    return f"{path}  {reader}  " + "; ".join(words)


def _table(rows: Iterable[tuple[str, str]]) -> str:
    return "\n".join(f"  {name:<16} {value}" for name, value in rows)


def describe_dataset(dataset: OperandoDataset, path: str | Path) -> str:
    """Say what was understood of a file of spectra: shape, axis, laser, times, positions, warnings."""
    metadata = dataset.metadata
    scan = " × ".join(f"{size} {name}" for name, size in dataset.scan_shape) or "list of points"
    reader = metadata.sources[0].reader if metadata.sources else "?"
    rows = [
        ("reader", reader),
        ("spectra", f"{dataset.n_spectra} × {dataset.n_channels} channels ({scan})"),
        ("axis", _axis_words(dataset)),
        ("laser", _laser_words(dataset)),
        ("exposure", _exposure_words(dataset)),
        ("start", _start_words(dataset)),
        ("times", _time_words(dataset)),
        ("positions", _position_words(dataset)),
        ("intensity", _intensity_words(dataset)),
    ]
    instrument = metadata.instrument
    words = [
        w
        for w in (instrument.vendor, instrument.model, instrument.objective, instrument.grating, instrument.detector)
        if w
    ]
    if words:
        rows.append(("instrument", ", ".join(words)))
    if metadata.title:
        rows.append(("title", metadata.title))
    rows += [("image", f"{i.name}: {_image_words(i)}") for i in metadata.images]
    rows += [("warning", text) for text in metadata.warnings]
    return f"{path}\n{_table(rows)}"


def _image_words(image: FieldImage) -> str:
    rows, columns = np.shape(image.pixels)[:2]
    edges = [
        f"{axis} {edge[0]:.6g} … {edge[1]:.6g} µm" for axis, edge in (("x", image.x_um), ("y", image.y_um)) if edge
    ]
    return ", ".join([f"{columns} × {rows} pixels", *edges])


def _axis_words(dataset: OperandoDataset) -> str:
    if not dataset.n_channels:
        return "no channels"
    shift = dataset.shift
    kind = {"raman_shift": "Raman shift", "wavenumber": "wavenumber", "wavelength": "wavelength"}[dataset.axis_kind]
    return f"{kind} {shift[0]:.2f} – {shift[-1]:.2f} {dataset.axis_unit}"


def _laser_words(dataset: OperandoDataset) -> str:
    laser = dataset.metadata.laser
    parts = ["wavelength not stated" if laser.wavelength_nm is None else f"{laser.wavelength_nm:.2f} nm"]
    if laser.power_mw is not None:
        parts.append(f"{laser.power_mw:g} mW at the sample")
    elif laser.power_fraction is not None:
        parts.append(f"{100 * laser.power_fraction:g} % of full power (mW not stated)")
    else:
        parts.append("power not stated")
    return ", ".join(parts)


def _exposure_words(dataset: OperandoDataset) -> str:
    exposure = dataset.columns.get("exposure_s")
    if exposure is None or not np.isfinite(exposure).any():
        words = "not stated"
    else:
        low, high = float(np.nanmin(exposure)), float(np.nanmax(exposure))
        words = f"{low:g} s" if np.isclose(low, high) else f"{low:g} – {high:g} s"
    accumulations = dataset.metadata.instrument.accumulations
    return words + (f" ({accumulations} accumulations)" if accumulations is not None else "")


def _start_words(dataset: OperandoDataset) -> str:
    if dataset.metadata.started_at is not None:
        return dataset.metadata.started_at.isoformat(sep=" ", timespec="microseconds")
    if dataset.metadata.local_start is not None:
        return f"{dataset.metadata.local_start.isoformat(sep=' ')} (local time; the file states no zone)"
    return "not stated"


def _time_words(dataset: OperandoDataset) -> str:
    seconds = dataset.columns.get("time_s")
    if seconds is None or not np.isfinite(seconds).any():
        return "none of their own"
    good = np.sort(seconds[np.isfinite(seconds)])
    stamp = {"end": " at the end of its exposure", "middle": " at the middle of its exposure"}.get(
        dataset.metadata.stamp_refers_to, ""
    )
    derived = " (derived from a nominal step)" if dataset.metadata.times_derived else ""
    if good.size < 2:
        return f"{good.size} spectrum dated{stamp}{derived}"
    steps = np.diff(good)
    listed = (
        ", ".join(f"{s:.3f}" for s in steps)
        if steps.size <= 4
        else (f"{steps.min():.4g} / {np.median(steps):.4g} / {steps.max():.4g}")
    )
    kind = "steps" if steps.size <= 4 else "steps min / median / max"
    return f"{good.size} dated{stamp}, {good[-1] - good[0]:.6g} s in all, {kind} {listed} s{derived}"


def _position_words(dataset: OperandoDataset) -> str:
    parts = []
    for axis in ("x", "y", "z"):
        values = dataset.columns.get(f"{axis}_um")
        if values is not None and np.isfinite(values).any():
            parts.append(f"{axis} {np.nanmin(values):.6g} … {np.nanmax(values):.6g}")
    return (", ".join(parts) + " µm") if parts else "not stated"


def _intensity_words(dataset: OperandoDataset) -> str:
    if dataset.n_spectra == 0 or dataset.n_channels == 0:
        return "none"
    values = np.asarray(dataset.intensity)
    finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    return "not finite" if finite.size == 0 else f"{finite.min():.6g} … {finite.max():.6g} counts ({values.dtype})"


def describe_trace(trace: Trace, path: str | Path) -> str:
    """Say what was understood of a potentiostat file."""
    rows = [
        ("reader", trace.sources[0].reader if trace.sources else "?"),
        ("rows", str(len(trace))),
        ("technique", trace.technique or "not stated"),
    ]
    if trace.started_at is not None:
        rows.append(("start", trace.started_at.isoformat(sep=" ", timespec="milliseconds")))
    elif trace.local_start is not None:
        rows.append(("start", f"{trace.local_start.isoformat(sep=' ')} (local time; the file states no zone)"))
    else:
        rows.append(("start", "not stated: an offset is needed to join it with spectra"))
    if len(trace):
        rows.append(("time", f"{trace.time_s[0]:.6g} … {trace.time_s[-1]:.6g} s"))
        rows.append(("potential", f"{_range(trace.potential_v)} V vs {trace.reference or 'an unnamed reference'}"))
        if trace.current_ma is not None:
            kind = "mean over each interval" if trace.current_kind == "interval_mean" else "instantaneous"
            rows.append(("current", f"{_range(trace.current_ma)} mA ({kind})"))
        charge = trace.charge
        if charge is not None:
            own = "the instrument's own" if trace.charge_mah is not None else "integrated"
            rows.append(("charge", f"{_range(charge)} mAh ({own})"))
        for name in ("cycle", "half_cycle", "step"):
            if name in trace.columns:
                values = np.unique(trace.columns[name])
                rows.append((name.replace("_", " "), f"{values.min()} … {values.max()} ({values.size} different)"))
    rows += [("warning", text) for text in trace.warnings]
    return f"{path}\n{_table(rows)}"


def _range(values: Any) -> str:
    finite = values[np.isfinite(values)]
    return f"{finite.min():.6g} … {finite.max():.6g}" if finite.size else "no values"


def list_steps(family: str | None = None) -> str:
    """Return a line a step."""
    from .errors import StepError
    from .pipeline.step import registered_steps

    steps = registered_steps()
    chosen = {n: s for n, s in steps.items() if family is None or n.split(".")[0] == family}
    if not chosen:
        families = sorted({n.split(".")[0] for n in steps})
        raise StepError(f"there is no family of steps {family!r}; possible: {', '.join(families)}")
    width = max(map(len, chosen))
    return "\n".join(f"{name:<{width}}  {spec.summary}" for name, spec in chosen.items())


def describe_step(name: str) -> str:
    """Return a step's parameters with units, limits and defaults, what it needs, and what to cite."""
    from .pipeline.citations import CITATIONS
    from .pipeline.step import step_spec

    spec = step_spec(name)
    lines = [spec.name, f"  {spec.summary}", ""]
    lines.append("parameters" if spec.parameters else "no parameters")
    for parameter in spec.parameters.values():
        lines += _parameter_lines(parameter)
    traits = []
    if spec.needs:
        traits.append(f"needs the columns {', '.join(spec.needs)}")
    if spec.context:
        traits.append(f"uses {', '.join(spec.context)} where present")
    traits.append("looks at neighbouring spectra" if spec.uses_neighbours else "treats every spectrum on its own")
    if spec.changes_axis:
        traits.append("changes the axis")
    lines += ["", *(f"  {t}" for t in traits)]
    if spec.cite:
        lines += ["", "cite", *(f"  {CITATIONS.get(key, key)}" for key in spec.cite)]
    return "\n".join(lines)


def _parameter_lines(parameter: Parameter) -> list[str]:
    words = [parameter.type_name]
    if parameter.unit:
        words.append(parameter.unit)
    if parameter.limits is not None:
        words.append(f"{parameter.limits.low:g} to {parameter.limits.high:g}")
    words.append("must be given" if parameter.required else f"default {parameter.default}")
    lines = [f"  {parameter.name:<18} {', '.join(words)}"]
    if parameter.help:
        lines.append(f"  {'':<18} {parameter.help}")
    return lines


def list_formats() -> str:
    """Return a table of the formats that can be read, with what each reader gives, and of those that can be written."""
    lines = []
    for title, words, rows in _format_tables():
        head = ("name", *words)
        widths = [max(len(row[0]) for row in rows), *(len(w) for w in words)]
        lines += [title, "  " + "  ".join(w.ljust(n) for w, n in zip(head, widths, strict=True)) + "  endings"]
        for name, marks, endings, _ in rows:
            cells = [name.ljust(widths[0]), *(m.center(n) for m, n in zip(marks, widths[1:], strict=True))]
            lines.append("  " + "  ".join(cells) + f"  {endings}")
        lines.append("")
    lines.append("written")
    for name, endings, words_of_loss in _written_formats():
        lines.append(f"  {name:<12} {endings:<22} {words_of_loss}")
    return "\n".join([*lines, "", "spectrode formats NAME explains one reader and its options."])


def describe_format(name: str) -> str:
    """Return what one reader reads, in the words of its own module, and its options."""
    from .electrochemistry.readers import trace_readers
    from .errors import SpectrodeError
    from .readers import readers

    known: dict[str, Any] = {**readers(), **trace_readers()}
    if name not in known:
        raise SpectrodeError(f"there is no reader {name!r}; possible: {', '.join(known)}")
    reader = known[name]
    lines = [f"{reader.name}: {reader.description}", "", inspect.getdoc(sys.modules[reader.load.__module__]) or ""]
    if reader.options:
        lines += ["", "options"]
        for option in reader.options.values():
            lines += [f"  -O {option.name}=…  {option.type_name}. {option.help}"]
    return "\n".join(lines)


def formats_page() -> str:
    """Return the table of formats as a page in Markdown; ``docs/formats.md`` is kept equal to it."""
    lines = [
        "# File formats",
        "",
        "Made by `python docs/make_formats.py` from what the readers declare; a test holds the declarations to the",
        "readers' example files. “✓”: files of the format can hold it and the reader keeps it.",
        "`spectrode formats NAME` says what one reader reads, in which units, and what it does not read.",
    ]
    for title, words, rows in _format_tables():
        lines += ["", f"## {title.capitalize()}", ""]
        head = ["reader", "program and kind of file", "endings", *words]
        lines += ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
        for name, marks, endings, description in rows:
            cells = [f"`{name}`", description, endings, *(m.replace("x", "✓") for m in marks)]
            lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "## Written", "", "| writer | endings | what it cannot hold |", "|---|---|---|"]
    lines += [f"| `{name}` | {endings} | {loss} |" for name, endings, loss in _written_formats()]
    return "\n".join(lines) + "\n"


def _format_tables() -> list[tuple[str, tuple[str, ...], list[tuple[str, list[str], str, str]]]]:
    from .electrochemistry.readers import trace_readers
    from .electrochemistry.readers.registry import TRACE_GIVES
    from .readers import readers
    from .readers.registry import GIVES

    spectra = []
    for r in readers().values():
        marks = ["x" if word in r.gives else "" for word in GIVES] + ["x" if r.lazy else ""]
        spectra.append((r.name, marks, _endings(r.extensions), r.description))
    traces = []
    for t in trace_readers().values():
        marks = ["x" if word in t.gives else "" for word in TRACE_GIVES]
        traces.append((t.name, marks, _endings(t.extensions), t.description))
    return [("spectra", (*GIVES, "lazy"), spectra), ("potentiostat", TRACE_GIVES, traces)]


def _endings(extensions: tuple[str, ...]) -> str:
    """Return the endings; a numbered series (.001, .002 …) as its first ones."""
    return " ".join(extensions if len(extensions) <= 9 else (*extensions[:5], "…"))


def _written_formats() -> list[tuple[str, str, str]]:
    from .writers import writers

    return [(w.name, " ".join(w.extensions), ", ".join(w.loses) or "nothing lost") for w in writers().values()]
