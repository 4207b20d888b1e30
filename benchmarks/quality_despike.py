"""Print what the despiking steps find, spoil and keep, beside RamanSPy's Whitaker-Hayes, on simulated truth.

    python benchmarks/quality_despike.py [first seed]

Recovery: cosmic rays (signal to noise 8 to 200) of which the highest channel was marked. Decidable: the same of those
whose charge no single line, as wide as the instrument's or wider, explains to within chi-squared of 25; the others look
like flashes of light, and nothing in one spectrum tells them apart. Precision: marked channels in
which, or beside which, charge was put. Height: the largest median change of a narrow band's height over the scenes, in
spectra without a cosmic ray. Flashes: those none of whose bands was touched.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from builders.spikes import SCENARIOS, Scene, scene
from spectrode.preprocessing import despike

SEEDS = {"map": 2, "small map": 12, "series": 15, "potential step": 15, "focus": 3, "single": 6}


def _auto(s: Scene, width: float | None) -> tuple[np.ndarray, np.ndarray]:
    out = despike.auto(s.counts, np.arange(float(s.counts.shape[1])), scan_shape=s.scan_shape, line_width=width)
    return out.intensity, out.products["spikes"]


def _neighbours(s: Scene, width: float | None) -> tuple[np.ndarray, np.ndarray]:
    out = despike.neighbours(s.counts, np.arange(float(s.counts.shape[1])), scan_shape=s.scan_shape, line_width=width)
    return out.intensity, out.products["spikes"]


def _whitaker_hayes(s: Scene, width: float | None) -> tuple[np.ndarray, np.ndarray]:
    out = despike.whitaker_hayes(s.counts, np.arange(float(s.counts.shape[1])), line_width=width or 2.0)
    return out.intensity, out.products["spikes"]


def _prominence(s: Scene, width: float | None) -> tuple[np.ndarray, np.ndarray]:
    out = despike.prominence(s.counts, np.arange(float(s.counts.shape[1])), line_width=width)
    return out.intensity, out.products["spikes"]


def _ramanspy(s: Scene, width: float | None) -> tuple[np.ndarray, np.ndarray]:
    from ramanspy.preprocessing.despike import _whitaker_hayes as theirs

    cleaned = theirs(s.counts, None, 3, 8)[0]
    return cleaned, cleaned != s.counts


METHODS: dict[str, Callable[[Scene, float | None], tuple[np.ndarray, np.ndarray]]] = {
    "auto": _auto,
    "neighbours": _neighbours,
    "whitaker_hayes": _whitaker_hayes,
    "prominence": _prominence,
    "RamanSPy": _ramanspy,
}


KEYS = ("recovery", "decidable", "precision", "flashes")


def measured(s: Scene, cleaned: np.ndarray, spikes: np.ndarray) -> dict[str, tuple[float, float]]:
    """Return sums and numbers: found events, true marks, kept flashes, and the worst change of a band's height."""
    found = sum(spikes[row, place[np.argmax(s.counts[row, place] - s.light[row, place])]] for row, place, _ in s.events)
    sure = [e for e, decidable in zip(s.events, s.decidable, strict=True) if decidable]
    known = sum(spikes[row, place[np.argmax(s.counts[row, place] - s.light[row, place])]] for row, place, _ in sure)
    near = s.hit.copy()
    near[:, 1:] |= s.hit[:, :-1]
    near[:, :-1] |= s.hit[:, 1:]
    kept = sum(not any(spikes[row, max(c - 3, 0) : c + 4].any() for c in centres) for row, centres in s.flashes)
    clean = ~s.hit.any(axis=1)
    clean[[row for row, _ in s.flashes]] = False
    change = [
        abs(np.mean(cleaned[clean, c]) - np.mean(s.counts[clean, c])) / np.mean(s.counts[clean, c] - 300)
        for c in s.bands
        if clean.any()
    ]
    return {
        "recovery": (found, len(s.events)),
        "decidable": (known, len(sure)),
        "precision": (np.count_nonzero(spikes & near), np.count_nonzero(spikes)),
        "flashes": (kept, len(s.flashes)),
        "height": (max(change, default=0.0), 1),
    }


def table(first_seed: int, psf: float = 2.4) -> dict[tuple[str, str], dict[str, float]]:
    """Return recovery, precision, flashes kept (shares) and change of height, by scenario and method."""
    result = {}
    width = psf if psf > 2.6 else None  # as a lamp tells; so wide a line is not believed without
    for kind in SCENARIOS:
        scenes = [scene(kind, first_seed + k, psf=psf) for k in range(SEEDS[kind])]
        for name, method in METHODS.items():
            parts = [measured(s, *method(s, width)) for s in scenes]
            row = {}
            for key in KEYS:
                total = sum(p[key][1] for p in parts)
                row[key] = sum(p[key][0] for p in parts) / total if total else float("nan")
            row["height"] = max(p["height"][0] for p in parts)
            result[kind, name] = row
    return result


def main() -> None:
    """Print the tables."""
    first = int(sys.argv[1]) if len(sys.argv) > 1 else 6000
    for psf in (2.4, 3.0):
        print(f"lines of the instrument {psf} channels wide, seeds from {first}")
        print(
            f"{'scenario':16}{'method':16}{'recovery':>10}{'decidable':>10}{'precision':>10}{'flashes':>10}{'height':>10}"
        )
        for (kind, name), row in table(first, psf).items():
            shares = "".join(f"{row[key]:>10.1%}" for key in KEYS)
            print(f"{kind:16}{name:16}{shares}{row['height']:>10.2%}")


if __name__ == "__main__":
    main()
