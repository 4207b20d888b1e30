"""The figures of the report. Each function draws one; a figure that the data cannot fill is left out."""

from __future__ import annotations

import io
import textwrap
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..electrochemistry.clock import trace_zero_s
from ..results import AnalysisResult
from .style import FALLING, MAP, RC, RESTING, RISING, component_colour

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["ReportFigure", "all_figures"]

WIDTH = 9.2


@dataclass(frozen=True)
class ReportFigure:
    """A drawn figure with its caption."""

    name: str
    title: str
    caption: str
    svg: str


def all_figures(result: AnalysisResult) -> list[ReportFigure]:
    """Draw every figure that the result has data for."""
    import matplotlib as mpl

    makers: list[tuple[str, str, Callable[[AnalysisResult], tuple[Any, str] | None]]] = [
        ("timeline", "Potential, current and frames", draw_timeline),
        ("spectra", "Mean spectra before and after processing", draw_spectra),
        ("background", "Fluorescence background", draw_background),
        ("components", "Component spectra and reference bands", draw_components),
        ("maps", "Concentration maps", draw_maps),
        ("concentrations", "Concentrations", draw_concentrations),
        ("rank", "Number of components", draw_rank),
    ]
    figures = []
    with mpl.rc_context(RC):
        for name, title, maker in makers:
            drawn = maker(result)
            if drawn is not None:
                figures.append(ReportFigure(name, title, drawn[1], _svg(drawn[0])))
    return figures


def _figure(height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(WIDTH, height), layout="constrained")


def _svg(figure: Figure) -> str:
    stream = io.StringIO()
    # No date and a fixed salt: the same result gives the same file.
    import matplotlib as mpl

    with mpl.rc_context({"svg.hashsalt": "spectrode"}):
        figure.savefig(stream, format="svg", metadata={"Date": None})
    text = stream.getvalue()
    return text[text.index("<svg") :]


def _axis_time(result: AnalysisResult) -> tuple[NDArray[np.float64] | None, str, float]:
    """Return mid-exposure times in a readable unit, its name, and seconds a unit."""
    dataset = result.dataset
    if "time_s" not in dataset.columns or not np.isfinite(dataset.columns["time_s"]).any():
        return None, "", 1.0
    seconds = dataset.mid_time_s
    span = float(np.nanmax(seconds) - np.nanmin(seconds))
    if result.trace is not None and len(result.trace):
        span = max(span, float(np.ptp(result.trace.time_s)))
    scale, unit = (3600.0, "h") if span > 3 * 3600 else (60.0, "min") if span > 180 else (1.0, "s")
    return seconds / scale, unit, scale


def draw_timeline(result: AnalysisResult) -> tuple[Any, str] | None:
    """Potential and current against time; bars where spectra were taken."""
    times, unit, scale = _axis_time(result)
    trace = result.trace
    shift = None if trace is None else trace_zero_s(result.dataset, trace)
    if times is None or trace is None or shift is None:
        return None
    t = (trace.time_s + shift) / scale
    has_current = trace.current_ma is not None and np.isfinite(trace.current_ma).any()
    figure = _figure(3.6 if has_current else 2.6)
    axes = figure.subplots(2 if has_current else 1, 1, sharex=True, squeeze=False)[:, 0]
    axes[0].plot(t, trace.potential_v, color="black", lw=1)
    axes[0].set_ylabel(f"E / V vs {trace.reference or '?'}")
    if has_current:
        axes[1].plot(t, trace.current_ma, color="black", lw=1)
        axes[1].axhline(0, color="0.8", lw=0.8, zorder=0)
        axes[1].set_ylabel("i / mA")
    axes[-1].set_xlabel(f"time after the first exposure / {unit}")
    frame = result.dataset.frame_of()
    count = int(frame.max()) + 1 if frame.size else 0
    exposure = np.nan_to_num(result.dataset.columns.get("exposure_s", np.zeros(frame.size)))
    for k in range(count):
        inside = times[frame == k]
        if not np.isfinite(inside).any():
            continue
        half = float(np.median(exposure[frame == k])) / 2 / scale
        low, high = np.nanmin(inside) - half, np.nanmax(inside) + half
        for ax in axes:
            ax.axvspan(low, high, color="#56B4E9", alpha=0.35 if k % 2 else 0.18, lw=0)
        if 1 < count <= 40 and (count <= 20 or k % 2 == 0):
            axes[0].text((low + high) / 2, 1.01, str(k), transform=axes[0].get_xaxis_transform(), ha="center", size=7)
    outside = int(np.count_nonzero(~np.isfinite(result.dataset.columns.get("potential_v", np.zeros(0)))))
    caption = (
        f"Shaded: when each of the {count} frames was recorded (numbers above)."
        if count > 1
        else "Shaded: when the spectra were recorded."
    )
    if outside:
        caption += f" {outside} of {result.dataset.n_spectra} spectra lie outside the trace and have no potential."
    return figure, caption


def draw_spectra(result: AnalysisResult) -> tuple[Any, str] | None:
    """First and last frame, raw (above) and processed (below)."""
    means = result.raw_frame_means
    good = np.flatnonzero(np.isfinite(means).any(axis=1)) if means.size else np.zeros(0, dtype=int)
    if good.size == 0:
        return None
    processed = _processed_frame_means(result)
    figure = _figure(4.6)
    above, below = figure.subplots(2, 1)
    chosen = [(good[0], FALLING, "first frame")]
    if good[-1] != good[0]:
        chosen.append((good[-1], RISING, "last frame"))
    for k, colour, label in chosen:
        above.plot(result.raw_shift, means[k], color=colour, label=f"{label} ({k})" if len(chosen) > 1 else "mean")
        below.plot(result.dataset.shift, processed[k], color=colour)
    above.set_ylabel("as recorded / counts")
    below.set_ylabel("processed / counts")
    below.axhline(0, color="0.8", lw=0.8, zorder=0)
    below.set_xlabel(result.dataset.axis_label)
    above.legend(loc="upper right")
    return figure, "Mean over the usable spectra of a frame, as recorded (above) and after all steps (below)."


def _processed_frame_means(result: AnalysisResult) -> NDArray[np.float64]:
    from ..analysis import frame_means

    return frame_means(result.dataset)


def draw_background(result: AnalysisResult) -> tuple[Any, str] | None:
    """Mean of the removed background against time and against potential."""
    level = result.dataset.columns.get("background_mean")
    times, unit, _ = _axis_time(result)
    if level is None or times is None:
        return None
    potential = result.dataset.columns.get("potential_v")
    both = potential is not None and np.isfinite(potential).any()
    figure = _figure(2.7)
    axes = figure.subplots(1, 2 if both else 1, sharey=True, squeeze=False)[0]
    axes[0].plot(times, level, ".", ms=2, color="0.6", rasterized=True)
    centres, medians = _per_frame(result, times, level)
    if centres.size > 1:
        axes[0].plot(centres, medians, "o-", ms=3.5, color="black", label="frame median")
        axes[0].legend(loc="best")
    axes[0].set_xlabel(f"time / {unit}")
    axes[0].set_ylabel("mean background / counts")
    if both:
        _by_sweep(axes[1], result, level)
        axes[1].set_xlabel(_potential_label(result))
        axes[1].legend(loc="best", markerscale=3)
    return (
        figure,
        "Mean of the background that the baseline steps removed; a point a spectrum. It is kept in result.h5.",
    )


def _potential_label(result: AnalysisResult) -> str:
    return f"E / V vs {result.dataset.metadata.cell.reference_electrode or '?'}"


def _sweeps(result: AnalysisResult) -> list[tuple[NDArray[np.bool_], str, str]]:
    sweep = result.dataset.columns.get("sweep", np.zeros(result.dataset.n_spectra))
    return [
        (sweep < 0, FALLING, "potential falling"),
        (sweep > 0, RISING, "potential rising"),
        (sweep == 0, RESTING, "at rest"),
    ]


def _by_sweep(ax: Any, result: AnalysisResult, values: NDArray[Any]) -> None:
    potential = result.dataset.columns["potential_v"]
    for chosen, colour, label in _sweeps(result):
        shown = chosen & np.isfinite(potential)
        if shown.any():
            ax.plot(potential[shown], values[shown], ".", ms=2, color=colour, label=label, alpha=0.6, rasterized=True)


def _per_frame(
    result: AnalysisResult, x: NDArray[np.float64], y: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Median of ``x`` and ``y`` in each frame."""
    frame = result.dataset.frame_of()
    count = int(frame.max()) + 1 if frame.size else 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # frames without a single finite value give NaN
        pairs = np.array([[np.nanmedian(x[frame == k]), np.nanmedian(y[frame == k])] for k in range(count)])
    return (pairs[:, 0], pairs[:, 1]) if count else (np.zeros(0), np.zeros(0))


def draw_components(result: AnalysisResult) -> tuple[Any, str] | None:
    """Each component with the bands of what it was assigned to."""
    found = result.decomposition
    if found is None:
        return None
    count = len(found.names)
    figure = _figure(0.9 + 1.5 * count)
    figure.set_layout_engine("constrained", hspace=0.16)
    axes = figure.subplots(count, 1, sharex=True, squeeze=False)[:, 0]
    shift = result.dataset.shift
    for k, ax in enumerate(axes):
        if result.bands is not None:
            limits = (result.bands.spectra_lower[k], result.bands.spectra_upper[k])
            ax.fill_between(shift, *limits, color=component_colour(k), alpha=0.25, lw=0)
        ax.plot(shift, found.spectra[k], color=component_colour(k), lw=1.1)
        names = _draw_reference_bands(ax, result, k)
        label = f"component {k + 1}" + (f" (fixed: {found.names[k]})" if found.known[k] else "")
        words = ax.set_title(textwrap.shorten(f"{label}: {names}", 100, placeholder=" …"), loc="left", size=9)
        words.set_in_layout(False)  # a long title must not squeeze the axes
        ax.set_yticks([])
        ax.set_ylim(-0.05, 1.42)
        ax.spines["left"].set_visible(False)
    axes[-1].set_xlabel(result.dataset.axis_label)
    axes[-1].set_xlim(shift[0], shift[-1])
    shaded = "" if result.bands is None else " Shaded: 95 % interval from noise and rotational ambiguity together."
    return figure, (
        f"Spectra scaled to a maximum of 1.{shaded} Triangles above: bands of the assigned references, filled where "
        "matched, open where expected but missing; crosses: bands that no listed reference explains."
    )


def _draw_reference_bands(ax: Any, result: AnalysisResult, component: int) -> str:
    rows = [a for a in result.assignments if a.component == component]
    names = []
    height, above = 1.12, 1.32
    unexplained: set[float] = set()
    for a in rows:
        unexplained |= set(a.unexplained_cm1)
        if a.compound_id is None:
            names.append("unassigned")
            continue
        names.append(a.compound if a.status == "assigned" else f"{a.compound} ({a.status})")
        matched = [m.reference_cm1 for m in a.matched]
        _marks(ax, matched, height, "v", ms=5, color="black")
        _marks(ax, a.missing_cm1, height, "v", ms=5, mfc="none", color="black")
        for position in matched:
            ax.axvline(position, color="0.85", lw=0.8, zorder=0)
    _marks(ax, sorted(unexplained), above, "x", ms=4, color="#D55E00")
    return ", ".join(dict.fromkeys(names))


def _marks(ax: Any, positions: Sequence[float], height: float, marker: str, **style: Any) -> None:
    # An empty line would still take part in the layout, with a box in the corner of the page.
    if positions:
        ax.plot(positions, [height] * len(positions), marker, clip_on=False, **style)


def draw_maps(result: AnalysisResult) -> tuple[Any, str] | None:
    """Concentration maps: a row a component and up to six frames; a single map has its components side by side."""
    found = result.decomposition
    names = [n for n, _ in result.dataset.scan_shape]
    if found is None or "y" not in names or "x" not in names or set(names) - {"frame", "y", "x"}:
        return None
    cube = result.dataset.as_cube(found.concentrations.astype(float))
    cube = cube.reshape(-1, *cube.shape[-3:])
    draw = _single_map if cube.shape[0] == 1 else _map_series
    return draw(result, cube), (
        "Concentration in counts at the component's strongest band; each colour scale ends at its 99th percentile. "
        "Grey: no spectrum. "
        + (
            "Titles: median potential of the frame; each pixel has its own in timeline.csv."
            if cube.shape[0] > 1
            else ""
        )
    )


def _single_map(result: AnalysisResult, cube: NDArray[Any]) -> Any:
    count = cube.shape[-1]
    across = min(count, 3)
    down = -(-count // across)
    extent, _ = _extent(result)
    width = WIDTH / across
    figure = _figure(min(down * (0.75 * width * _height_ratio(extent) + 0.6), 14.0))
    axes = figure.subplots(down, across, squeeze=False, sharex=True, sharey=True)
    for k, ax in enumerate(axes.flat):
        if k >= count:
            ax.set_visible(False)
            continue
        shown = _draw_map(ax, result, cube[0, :, :, k], cube[..., k])
        ax.set_title(f"component {k + 1}", size=9)
        _label_map(ax, result, left=k % across == 0, bottom=k + across >= count)
        figure.colorbar(shown, ax=ax, shrink=0.85, pad=0.02).ax.tick_params(labelsize=7)
    return figure


def _map_series(result: AnalysisResult, cube: NDArray[Any]) -> Any:
    frames = np.unique(np.linspace(0, cube.shape[0] - 1, min(6, cube.shape[0])).round().astype(int))
    extent, _ = _extent(result)
    rows = cube.shape[-1]
    width = (WIDTH - 1.6) / max(len(frames), 3)
    figure = _figure(min(0.7 + rows * (width * _height_ratio(extent) + 0.35), 14.0))
    axes = figure.subplots(rows, len(frames), squeeze=False, sharex=True, sharey=True)
    for k in range(rows):
        for j, frame in enumerate(frames):
            ax = axes[k, j]
            shown = _draw_map(ax, result, cube[frame, :, :, k], cube[..., k])
            if k == 0:
                ax.set_title(_frame_title(result, int(frame)), size=8)
            _label_map(ax, result, left=j == 0, bottom=k == rows - 1, component=k)
        bar = figure.colorbar(shown, ax=list(axes[k]), shrink=0.9, pad=0.01)
        bar.ax.tick_params(labelsize=7)
        bar.set_label("counts", size=8)
    return figure


def _height_ratio(extent: tuple[float, float, float, float]) -> float:
    ratio = abs(extent[3] - extent[2]) / max(abs(extent[1] - extent[0]), 1e-9)
    return min(max(ratio, 0.35), 1.6)


def _draw_map(ax: Any, result: AnalysisResult, values: NDArray[Any], whole: NDArray[Any]) -> Any:
    """Draw one map; ``whole`` are all values that share its colour scale."""
    top = float(np.nanpercentile(whole, 99)) if np.isfinite(whole).any() else 1.0
    ax.set_facecolor("0.85")
    ax.tick_params(labelsize=7)
    extent, _ = _extent(result)
    return ax.imshow(
        values, extent=extent, cmap=MAP, vmin=0, vmax=max(top, 1e-12), aspect="equal", origin="lower",
        interpolation="nearest",
    )  # fmt: skip


def _label_map(ax: Any, result: AnalysisResult, *, left: bool, bottom: bool, component: int | None = None) -> None:
    _, known = _extent(result)
    if left:
        words = "" if component is None else f"component {component + 1}\n"
        ax.set_ylabel(words + ("y / µm" if known else "row"), size=8)
    if bottom:
        ax.set_xlabel("x / µm" if known else "column", size=8)


def _frame_title(result: AnalysisResult, frame: int) -> str:
    inside = result.dataset.frame_of() == frame
    potential = result.dataset.columns.get("potential_v")
    text = f"frame {frame}"
    if potential is not None and np.isfinite(potential[inside]).any():
        text += f"\n{np.nanmedian(potential[inside]):.2f} V"
    return text


def _extent(result: AnalysisResult) -> tuple[tuple[float, float, float, float], bool]:
    """Return the edges of the map in µm, or in pixels where positions are unknown."""
    sizes = dict(result.dataset.scan_shape)
    edges = []
    for axis in ("x", "y"):
        values = result.dataset.columns.get(f"{axis}_um")
        if values is None or not np.isfinite(values).any():
            return (-0.5, sizes["x"] - 0.5, -0.5, sizes["y"] - 0.5), False
        low, high = float(np.nanmin(values)), float(np.nanmax(values))
        half = (high - low) / max(sizes[axis] - 1, 1) / 2 or 0.5
        first, last = _ends_along(result, axis, values)
        edges += [low - half, high + half] if first <= last else [high + half, low - half]
    return (edges[0], edges[1], edges[2], edges[3]), True


def _ends_along(result: AnalysisResult, axis: str, values: NDArray[Any]) -> tuple[float, float]:
    """Return the mean position of the first and of the last grid line along an axis."""
    dataset = result.dataset
    names = [n for n, _ in dataset.scan_shape]
    place = np.asarray(np.unravel_index(dataset.scan_index, dataset.scan_sizes)[names.index(axis)])
    return float(np.nanmean(values[place == place.min()])), float(np.nanmean(values[place == place.max()]))


def draw_concentrations(result: AnalysisResult) -> tuple[Any, str] | None:
    """Concentrations against potential with the sweep direction visible, and against time."""
    found = result.decomposition
    if found is None:
        return None
    times, unit, _ = _axis_time(result)
    potential = result.dataset.columns.get("potential_v")
    has_potential = potential is not None and np.isfinite(potential).any()
    panels = [name for name, there in (("potential", has_potential), ("time", times is not None)) if there]
    if not panels:
        return None
    count = len(found.names)
    figure = _figure(0.5 + 1.6 * count)
    axes = figure.subplots(count, len(panels), squeeze=False, sharex="col", sharey="row")
    for k in range(count):
        values = found.concentrations[:, k]
        for ax, panel in zip(axes[k], panels, strict=True):
            if panel == "potential":
                _by_sweep(ax, result, values)
                centres, medians = _per_frame(result, np.asarray(potential), values)
            else:
                assert times is not None
                ax.plot(times, values, ".", ms=2, color="0.6", alpha=0.6, rasterized=True)
                centres, medians = _per_frame(result, times, values)
            if centres.size > 1:
                ax.plot(centres, medians, "o-", ms=3, lw=0.9, color="black", label="frame median")
            if panel == "time" and times is not None and result.bands is not None and centres.size > 1:
                _, low = _per_frame(result, times, result.bands.concentrations_lower[:, k])
                _, high = _per_frame(result, times, result.bands.concentrations_upper[:, k])
                ax.fill_between(centres, low, high, color=component_colour(k), alpha=0.25, lw=0)
        axes[k, 0].set_ylabel(f"component {k + 1}\ncounts")
        top = np.nanpercentile(values, 99.5) if np.isfinite(values).any() else 1.0
        axes[k, 0].set_ylim(-0.04 * max(top, 1e-12), 1.1 * max(top, 1e-12))
    for ax, panel in zip(axes[-1], panels, strict=True):
        ax.set_xlabel(_potential_label(result) if panel == "potential" else f"time / {unit}")
    if has_potential:
        axes[0, 0].legend(loc="upper center", bbox_to_anchor=(0.5, 1.32), ncols=4, markerscale=3)
    return figure, (
        "A point a spectrum; black: median of each frame, joined in time order. "
        + (
            "No intervals were computed, so read these as one possible solution."
            if result.bands is None
            else "Shaded, against time: median of the limits that noise and rotational ambiguity set (95 %)."
        )
    )


def draw_rank(result: AnalysisResult) -> tuple[Any, str] | None:
    """Singular values and the indicator function."""
    rank = result.rank
    if rank is None:
        return None
    shown = min(12, len(rank.singular_values))
    figure = _figure(2.4)
    left, right = figure.subplots(1, 2)
    left.semilogy(np.arange(1, shown + 1), rank.singular_values[:shown], "o-", color="black", ms=4)
    left.set_xlabel("component")
    left.set_ylabel("singular value")
    ind = np.asarray(rank.ind, dtype=float)[:shown]
    positive = np.isfinite(ind) & (ind > 0)
    if positive.any():
        right.semilogy(np.arange(1, ind.size + 1)[positive], ind[positive], "o-", color="black", ms=4)
    right.set_xlabel("components")
    right.set_ylabel("Malinowski IND")
    for ax in (left, right):
        ax.axvline(rank.suggested, color=RISING, lw=1, ls="--")
    return figure, f"Dashed: suggested number ({rank.suggested}). " + " ".join(rank.reasons)
