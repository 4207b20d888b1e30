"""Quality of backgrounds on simulated spectra with a known truth: mean absolute error, by method.

The design of 120 spectra (three kinds of bands × four backgrounds × 10), and a second one that differs in everything.
Run: python benchmarks/quality_baseline.py [seed …]; takes about a minute.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from builders.backgrounds import BANDS, Known, bleaching_map, design, second_design
from spectrode.preprocessing.baseline import auto, map_aware
from spectrode.preprocessing.baseline.automatic import lam_of_cutoff

Floats = NDArray[np.float64]
CUTOFFS = np.geomspace(100, 1600, 9)


def errors(found: Floats, known: Known) -> Floats:
    return np.asarray(np.abs(found - known.background).mean(axis=-1))


def over_cutoffs(method: str, known: Known, **more: float) -> Floats:
    """Return (cut-offs, spectra) errors of a method of pybaselines."""
    from pybaselines import Baseline

    fitter = Baseline(known.shift, check_finite=False, assume_sorted=True)
    lams = lam_of_cutoff(CUTOFFS, float(np.diff(known.shift).mean()))
    run = getattr(fitter, method)
    return np.array([errors(np.array([run(y, lam=lam, **more)[0] for y in known.intensity]), known) for lam in lams])


def fixed(method: str, known: Known, **more: float) -> Floats:
    from pybaselines import Baseline

    run = getattr(Baseline(known.shift, check_finite=False, assume_sorted=True), method)
    return errors(np.array([run(y, **more)[0] for y in known.intensity]), known)


def line(name: str, error: Floats, kinds: NDArray[np.str_]) -> None:
    parts = "  ".join(f"{error[kinds == k].mean():.4f}" for k in dict.fromkeys(kinds))
    print(f"  {name:34s} {error.mean():.4f}   {parts}")


def first_table(seed: int) -> None:
    known = design(seed)
    kinds = known.kind[:, 0]
    print(f"\ndesign of 120, seed {seed}; mean, then {' / '.join(BANDS)}")
    out = auto(known.intensity, known.shift).products
    line("baseline.auto", errors(out["background"], known), kinds)
    line("baseline.auto without tails", _without_tails(known), kinds)
    for method, more in (("arpls", {}), ("airpls", {}), ("asls", {"p": 0.01}), ("derpsalsa", {})):
        table = over_cutoffs(method, known, **more)
        best = int(table.mean(axis=1).argmin())
        line(f"{method}, oracle for each spectrum", table.min(axis=0), kinds)
        line(f"{method}, best single ({CUTOFFS[best]:.0f} cm-1)", table[best], kinds)
    line("snip 40", fixed("snip", known, max_half_window=40, decreasing=True), kinds)
    line("modpoly 5", fixed("modpoly", known, poly_order=5), kinds)
    _coverage(out, known)


def _without_tails(known: Known) -> Floats:
    return errors(auto(known.intensity, known.shift, tails=False).products["background"], known)


def _coverage(out: dict[str, Floats], known: Known) -> None:
    inside = np.abs(out["background"] - known.background) < 1.96 * out["background_sigma"]
    between = known.bands < 2 * known.noise[:, None]
    kinds = known.kind[:, 0] if known.kind.ndim == 2 else known.kind
    for kind in dict.fromkeys(kinds):
        rows = kinds == kind
        print(
            f"    95 % band holds the truth, {kind}: everywhere {inside[rows].mean():.3f}, "
            f"between bands {inside[rows][between[rows]].mean() if between[rows].any() else np.nan:.3f}"
        )


def second_table(seed: int, channels: int) -> None:
    known = second_design(seed, channels=channels, repeats=45)
    print(f"\nsecond design, seed {seed}, {channels} channels; mean, then fluorescence 1× / 10× / 100× the bands")
    out = auto(known.intensity, known.shift).products
    line("baseline.auto", errors(out["background"], known), known.kind)
    line("baseline.auto without tails", _without_tails(known), known.kind)
    table = over_cutoffs("arpls", known)
    line("arpls, oracle for each spectrum", table.min(axis=0), known.kind)
    line("arpls, best single", table[int(table.mean(axis=1).argmin())], known.kind)
    _coverage(out, known)


def map_table(seed: int) -> None:
    print(f"\nmaps, 4 frames of 10 × 10, seed {seed}: alone, map_aware, ratio, ratio at edges, coverage")
    shape = (("frame", 4), ("y", 10), ("x", 10))
    for noise in (0.3, 0.1, 0.03, 0.01, 0.003):
        for particles in (0, 3):
            known = bleaching_map(seed, noise=noise, particles=particles)
            alone = errors(auto(known.intensity, known.shift).products["background"], known)
            out = map_aware(known.intensity, known.shift, scan_shape=shape).products
            together = errors(out["background"], known)
            edge = known.kind.astype(bool)
            at_edges = f"{together[edge].mean() / alone[edge].mean():.3f}" if edge.any() else "  -  "
            inside = np.abs(out["background"] - known.background) < 1.96 * out["background_sigma"]
            print(
                f"  noise {noise:<6g} particles {particles}   {alone.mean():.4f}  {together.mean():.4f}  "
                f"{together.mean() / alone.mean():.3f}  {at_edges}  {inside.mean():.3f}"
            )


def cost(repeat: int = 7) -> None:
    """Print the median time a spectrum, of runs taken in turn."""
    known = design(1)
    from pybaselines import Baseline

    fitter = Baseline(known.shift, check_finite=False, assume_sorted=True)
    runs: dict[str, Callable[[], object]] = {
        "baseline.auto": lambda: auto(known.intensity, known.shift),
        "arpls of pybaselines, lam 1e6": lambda: [fitter.arpls(y, lam=1e6) for y in known.intensity],
    }
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeat):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            taken[name].append(time.perf_counter() - start)
    print("\nms a spectrum of 1000 channels (all threads of this process)")
    for name, seconds in taken.items():
        print(f"  {name:34s} {np.median(seconds) / len(known.intensity) * 1e3:.2f}")


def main() -> None:
    warnings.simplefilter("ignore")
    seeds = [int(word) for word in sys.argv[1:]] or [1100]
    for seed in seeds:
        first_table(seed)
    for channels in (512, 2048):
        second_table(seeds[0], channels)
    map_table(seeds[0])
    cost()


if __name__ == "__main__":
    main()
