"""The electrochemical side: potential programme, coverage of each species, current, the potentiostat's record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..electrochemistry.trace import Trace, charge_from_current
from .settings import SimulationSettings
from .species import Process

__all__ = ["REFERENCE", "PotentialProgramme", "coverage", "current_ma", "programme", "record"]

REFERENCE = "Li/Li+"
_COARSEST_STEPS = 20_000


@dataclass(frozen=True, eq=False)
class PotentialProgramme:
    """Straight pieces of potential (V vs Li/Li+) against time (s)."""

    time_s: NDArray[np.float64]
    potential_v: NDArray[np.float64]

    def at(self, time_s: ArrayLike) -> NDArray[np.float64]:
        """Return the potential at given times; beyond the ends it is held."""
        return np.asarray(np.interp(np.asarray(time_s, dtype=float), self.time_s, self.potential_v))

    def integral(self, time_s: ArrayLike) -> NDArray[np.float64]:
        """Return the integral of the potential from the first corner to each time, V s (exact)."""
        t = np.asarray(time_s, dtype=float)
        corner, value = self.time_s, self.potential_v
        whole = np.concatenate([[0.0], np.cumsum(np.diff(corner) * (value[1:] + value[:-1]) / 2)])
        k = np.clip(np.searchsorted(corner, t, side="right") - 1, 0, corner.size - 1)
        return np.asarray(whole[k] + (t - corner[k]) * (value[k] + self.at(t)) / 2)

    def mean(self, start_s: ArrayLike, end_s: ArrayLike) -> NDArray[np.float64]:
        """Return the mean potential between two times, as an exposure sees it."""
        begin, end = np.asarray(start_s, dtype=float), np.asarray(end_s, dtype=float)
        return np.asarray((self.integral(end) - self.integral(begin)) / (end - begin))

    def slope(self, time_s: ArrayLike) -> NDArray[np.float64]:
        """Return dE/dt in V/s of the piece that each time lies in."""
        k = np.searchsorted(self.time_s, time_s, side="right") - 1
        rates = np.diff(self.potential_v) / np.diff(self.time_s)
        return np.asarray(rates[np.clip(k, 0, rates.size - 1)])


def programme(settings: SimulationSettings) -> PotentialProgramme:
    """Rest at the start potential, sweep to the vertex, sweep to the end."""
    s = settings
    rate = s.scan_rate_v_per_s
    steps = [s.rest_s, abs(s.vertex_v - s.start_v) / rate, abs(s.end_v - s.vertex_v) / rate]
    levels = [s.start_v, s.start_v, s.vertex_v, s.end_v]
    pieces = [(d, v) for d, v in zip(steps, levels[1:], strict=True) if d > 0]
    time = np.concatenate([[0.0], np.cumsum([d for d, _ in pieces])])
    return PotentialProgramme(time, np.array([levels[0], *[v for _, v in pieces]]))


def fine_times(settings: SimulationSettings) -> NDArray[np.float64]:
    """Return the times on which coverage and current are computed: 0.5 s apart, coarser in very long runs."""
    duration = settings.duration_s
    step = max(0.5, duration / _COARSEST_STEPS)
    return np.linspace(0.0, duration, int(np.ceil(duration / step)) + 1)


def coverage(
    time_s: NDArray[np.float64], potential_v: NDArray[np.float64], processes: Sequence[Process], direction: int
) -> NDArray[np.float64]:
    """Integrate the coverage of each process, from zero.

    Parameters
    ----------
    direction
        -1: processes run below their onset (reduction); +1: above (oxidation).

    Returns
    -------
    ndarray
        (times, processes), between 0 and 1.
    """
    middle = (potential_v[1:] + potential_v[:-1])[:, None] / 2
    width = np.array([p.width_v for p in processes])
    onset = np.array([p.onset_v for p in processes])
    loss_at = np.array([p.onset_v if p.loss_v is None else p.loss_v for p in processes])
    grow = _logistic(direction * (middle - onset) / width) * [p.growth_per_s for p in processes]
    lose = _logistic(-direction * (middle - loss_at) / width) * [p.loss_per_s for p in processes]
    kept = np.array([p.kept for p in processes])
    step = np.diff(time_s)
    theta = np.zeros((time_s.size, len(processes)))
    # The steps depend on each other; each is the exact solution for rates that are constant over the step.
    for n in range(step.size):
        loss = np.where(theta[n] > kept, lose[n], 0.0)
        rate = grow[n] + loss
        decay = np.exp(-rate * step[n])
        target = np.divide(grow[n] + loss * kept, rate, out=theta[n].copy(), where=rate > 0)
        theta[n + 1] = target + (theta[n] - target) * decay
    return theta


def _logistic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(0.5 * (1.0 + np.tanh(x / 2.0)))


def current_ma(
    settings: SimulationSettings,
    path: PotentialProgramme,
    time_s: NDArray[np.float64],
    charged: Sequence[tuple[NDArray[np.float64], Sequence[Process]]],
    direction: int,
) -> NDArray[np.float64]:
    """Return the mean current over each interval of ``time_s``, mA, cathodic negative.

    Double layer, the charge that each process takes up or gives back (so that current and coverage agree), and a
    small steady decomposition of the electrolyte towards the vertex.

    Parameters
    ----------
    charged
        Pairs of coverage (times, processes) and the processes themselves.
    """
    step = np.diff(time_s)
    middle = (time_s[1:] + time_s[:-1]) / 2
    potential = path.at(middle)
    total = settings.capacitance_mf * path.slope(middle)
    beyond = direction * (potential - settings.vertex_v)
    total = total + direction * 0.010 * np.exp(np.clip(beyond / 0.25, -50, 5))
    for theta, processes in charged:
        charge_mc = np.array([p.charge_mc for p in processes])
        total = total + direction * (np.diff(theta, axis=0) @ charge_mc) / step
    return np.asarray(total)


def record(
    settings: SimulationSettings,
    path: PotentialProgramme,
    fine_s: NDArray[np.float64],
    fine_current_ma: NDArray[np.float64],
    rng: np.random.Generator,
) -> Trace:
    """Return what the potentiostat writes: Ewe at each row, and the mean current of the interval that ends there."""
    rows = np.arange(0.0, settings.duration_s, settings.trace_interval_s)
    rows = np.unique(np.concatenate([rows, path.time_s, [settings.duration_s]]))
    passed = np.concatenate([[0.0], np.cumsum(fine_current_ma * np.diff(fine_s))])
    mean = np.diff(np.interp(rows, fine_s, passed)) / np.diff(rows)
    current = np.concatenate([[mean[0]], mean]) + settings.current_noise_ma * rng.standard_normal(rows.size)
    vertex_time = path.time_s[-2]
    return Trace(
        time_s=rows,
        potential_v=path.at(rows) + settings.potential_noise_v * rng.standard_normal(rows.size),
        current_ma=current,
        current_kind="interval_mean",
        charge_mah=charge_from_current(rows, current, "interval_mean"),
        columns={
            "cycle": np.ones(rows.size, dtype=np.int64),
            "half_cycle": (rows > vertex_time).astype(np.int64),
            "control_v": path.at(rows),
        },
        reference=REFERENCE,
        started_at=settings.started_at.astimezone(UTC),
        technique="Cyclic Voltammetry Advanced",
        instrument="simulated",
    )
