"""Two pictures: an experiment that the analysis got right, and one that it did not, with the reason."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .judge import Judgement, _cosines, _on_axis, _pairs, judge
from .truth import Component, Experiment

if TYPE_CHECKING:
    from ..library import Library
    from ..results import AnalysisResult

__all__ = ["draw_case", "validation_pictures"]

_SEEDS = range(20)
_TRUE, _FOUND = "#000000", "#0072B2"


def validation_pictures(folder: Path, *, seeds: Sequence[int] = _SEEDS, recipe: str | Path = "raman-map") -> list[Path]:
    """Draw the experiment with the best and the one with the worst verdict as PNG files.

    Parameters
    ----------
    folder
        Made if it is not there.
    seeds
        The experiments to choose from.

    Returns
    -------
    list of Path
        ``good.png`` and ``failing.png``.
    """
    from ..analysis import analyse
    from ..library import load_library
    from .experiment import make_experiment

    library = load_library()
    cases = []
    for seed in seeds:
        experiment = make_experiment(seed, library=library)
        result = analyse(experiment.dataset, recipe=recipe)
        cases.append((_merit(judge(experiment, result, library)), seed))
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, (_, seed) in (("good", max(cases)), ("failing", min(cases))):
        experiment = make_experiment(seed, library=library)
        path = folder / f"{name}.png"
        draw_case(path, experiment, analyse(experiment.dataset, recipe=recipe), library)
        written.append(path)
    return written


def _merit(judged: Judgement) -> float:
    """Return a number that is large for a good case: things right minus things wrong."""
    visible = [s for s in judged.species if s.snr >= 10.0]
    right = sum(s.found for s in visible) + sum(u.unassigned for u in judged.unknowns)
    wrong = sum(not s.found for s in visible) + 2 * sum(c.wrong_in_class for c in judged.claims)
    return right - wrong - abs(judged.rank_error)


def draw_case(path: Path, experiment: Experiment, result: AnalysisResult, library: Library) -> None:
    """Draw spectra as measured, then each true component over the one found for it, and the verdict in words."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    from ..report.style import RC

    judged = judge(experiment, result, library)
    components = experiment.truth.components
    with mpl.rc_context(RC):
        figure = Figure(figsize=(11.0, 2.3 + 1.45 * len(components)), layout="constrained")
        parts: Any = figure.subfigures(2, 1, height_ratios=[1.9, 1.45 * len(components)])
        top, bottom = parts
        _measured(top, experiment)
        _components(bottom, experiment, result, judged)
        figure.suptitle(_title(experiment, judged), fontsize=10)
        figure.savefig(path, format="png", dpi=130)


def _title(experiment: Experiment, judged: Judgement) -> str:
    return (
        f"Simulated experiment {experiment.seed} ({judged.scenario}): {judged.true_components} components to be seen, "
        f"{judged.used} taken"
    )


def _measured(figure: Any, experiment: Experiment) -> None:
    dataset = experiment.dataset
    left, right = figure.subplots(1, 2)
    frame = dataset.frame_of()
    for number in range(int(frame.max()) + 1):
        mean = dataset.intensity[frame == number].mean(axis=0)
        left.plot(dataset.shift, mean, color=str(0.75 - 0.7 * number / max(int(frame.max()), 1)), lw=0.8)
    left.set(title="as measured: mean of each frame, later is darker", xlabel="Raman shift (cm⁻¹)", ylabel="counts")
    right.plot(dataset.shift, dataset.intensity[len(dataset) // 2], color="#666666", lw=0.6)
    right.set(title="one spectrum as measured", xlabel="Raman shift (cm⁻¹)")


def _components(figure: Any, experiment: Experiment, result: AnalysisResult, judged: Judgement) -> None:
    components = experiment.truth.components
    shift = np.asarray(result.dataset.shift)
    true = np.array([_on_axis(experiment, c.spectrum, shift) for c in components])
    found = result.decomposition
    estimated = np.zeros((0, shift.size)) if found is None else found.spectra
    cosine = _cosines(true, estimated)
    pairs = _pairs(cosine)
    axes = figure.subplots(len(components), 2, squeeze=False, width_ratios=[3, 2])
    for i, component in enumerate(components):
        spectrum, amounts = axes[i]
        spectrum.plot(shift, true[i], color=_TRUE, lw=1.0)
        place = pairs.get(i)
        title = "none found for it"
        if place is not None and found is not None:
            title = f"found (blue), cosine with the truth {cosine[i, place]:.2f}"
            spectrum.plot(shift, estimated[place], color=_FOUND, lw=0.9)
            _amounts(amounts, component, found.concentrations[:, place])
        else:
            amounts.set_axis_off()
        amounts.set_title(title, loc="left", fontsize=8)
        spectrum.set_title(_verdict(component, place, judged), loc="left", fontsize=8)
        spectrum.set_yticks([])
        spectrum.set_ylabel("true (black)" if i == 0 else "")
    axes[-1][0].set_xlabel("Raman shift (cm⁻¹)")
    figure.supxlabel(
        "right: concentration found against the true one, counts at the strongest channel", fontsize=8, x=0.8
    )


def _amounts(axes: Any, component: Component, found: NDArray[np.float64]) -> None:
    axes.plot(component.concentrations, found, ".", ms=2, color=_FOUND)
    top = float(component.concentrations.max())
    axes.plot([0, top], [0, top], color="#666666", lw=0.6)


def _verdict(component: Component, place: int | None, judged: Judgement) -> str:
    """Return what it is, its signal-to-noise ratio, whether it was named, and if not, why."""
    known = {s.id: s for s in judged.species}
    parts = []
    for species in component.species:
        verdict = known.get(species.id or "")
        if verdict is None:
            wrong = [c.id for c in judged.claims if c.component == place and c.wrong_in_class]
            parts.append(f"unknown, SNR {species.snr:.0f}: " + (f"called {', '.join(wrong)}" if wrong else "not named"))
        elif verdict.found:
            parts.append(f"{species.id}, SNR {species.snr:.0f}: named")
        else:
            also = " (in an ambiguous class)" if verdict.found_in_class else ""
            parts.append(f"{species.id}, SNR {species.snr:.0f}: missed by {verdict.stage}{also}")
    return fill(f"{component.kind} — " + "; ".join(parts), 90)
