"""Line of evidence B, on experiments made here: triangles, staircases and single sweeps with known drivers."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from spectrode.assignment.course import Course, Leg, course_of, legs_of
from spectrode.assignment.drivers import variance_inflation, what_it_follows
from spectrode.assignment.electrochemical import check_window, electrochemical_evidence
from spectrode.assignment.onset import SweepPoint, sweep_points
from spectrode.dataset import OperandoDataset
from spectrode.errors import SpectrodeError
from spectrode.library import load_library
from spectrode.library.entry import Appearance
from spectrode.library.validate import entry_problems
from spectrode.metadata import Cell, Metadata

Floats = NDArray[np.float64]


def following(rng: np.random.Generator, n: int, share: float) -> Floats:
    noise = rng.standard_normal(n)
    for i in range(1, n):
        noise[i] = share * noise[i - 1] + np.sqrt(1 - share**2) * noise[i]
    return noise


def course(v: Floats | None, y: Floats, *, charge: Floats | None = None, pixels: Floats | None = None) -> Course:
    n = y.size
    return Course(
        time_s=60.0 * np.arange(n),
        potential_v=v,
        spread_v=np.zeros(n),
        charge_mah=charge,
        dose=None,
        cycle=None,
        values=y[:, None],
        pixels=None if pixels is None else pixels[:, :, None],
    )


# ---- onsets ---------------------------------------------------------------------------------------------------------

GROWTH = {
    "nucleation": lambda u: 1 - np.exp(-((u / 0.25) ** 2)),
    "approach": lambda u: 1 - np.exp(-u / 0.15),
    "line": lambda u: u / 0.4,
    "step": lambda u: (u > 0).astype(float),
}


@pytest.mark.parametrize(("law", "sd"), [("nucleation", 0.08), ("approach", 0.08), ("line", 0.1), ("step", 0.2)])
def test_the_onset_lies_in_its_interval(law: str, sd: float) -> None:
    held, widths = [], []
    v = np.linspace(3.0, 4.6, 80)
    for seed in range(1000, 1040):
        rng = np.random.default_rng(seed)
        onset = rng.uniform(3.5, 4.1)
        y = GROWTH[law](np.maximum(v - onset, 0)) + sd * rng.standard_normal(v.size)
        found, _ = sweep_points(course(v, y), Leg(0, v.size, 1, 1), 0, seed=seed)
        if found.identifiable:
            held.append(found.interval_v[0] <= onset <= found.interval_v[1])
            widths.append(found.interval_v[1] - found.interval_v[0])
    assert len(held) >= 36
    assert np.mean(held) >= 0.86
    assert 0.015 < np.median(widths) < 0.45


def test_pixels_of_different_brightness_widen_nothing_but_their_own_noise() -> None:
    held = []
    v = np.linspace(4.6, 3.0, 60)
    for seed in range(1100, 1140):
        rng = np.random.default_rng(seed)
        onset = rng.uniform(3.5, 4.1)
        bright = rng.lognormal(0, 0.5, 25)
        grown = np.maximum(onset - v, 0) / 0.4
        pixels = grown[:, None] * bright + 0.3 * rng.standard_normal((60, 25))
        found, _ = sweep_points(course(v, pixels.mean(axis=1), pixels=pixels), Leg(0, 60, -1, 1), 0, seed=seed)
        assert found.direction == -1
        held.append(found.identifiable and found.interval_v[0] <= onset <= found.interval_v[1])
    assert np.mean(held) >= 0.86


@pytest.mark.parametrize("share", [0.0, 0.6])
def test_noise_has_no_onset(share: float) -> None:
    v = np.linspace(3.0, 4.6, 80)
    wrong = 0
    for seed in range(1200, 1260):
        y = 1 + 0.1 * following(np.random.default_rng(seed), 80, share)
        wrong += any(p.identifiable for p in sweep_points(course(v, y), Leg(0, 80, 1, 1), 0, seed=seed))
    assert wrong <= 3


def test_appearing_and_vanishing_within_one_sweep() -> None:
    v = np.linspace(3.0, 4.6, 90)
    y = np.clip((v - 3.4) / 0.2, 0, 1) * np.clip((4.3 - v) / 0.3, 0, 1)
    y = y + 0.03 * np.random.default_rng(1300).standard_normal(90)
    onset, offset = sweep_points(course(v, y), Leg(0, 90, 1, 1), 0)
    assert onset.interval_v[0] < 3.4 < onset.interval_v[1]
    assert offset.interval_v[0] < 4.3 < offset.interval_v[1]
    assert onset.potential_v < offset.potential_v


def test_reasons_for_no_onset() -> None:
    v = np.linspace(3.0, 4.6, 60)
    noise = 0.02 * np.random.default_rng(1301).standard_normal(60)
    growing, _ = sweep_points(course(v, v - 3.0 + noise), Leg(0, 60, 1, 1), 0)
    assert "from the first points of this sweep on" in growing.reason
    assert np.isnan(growing.potential_v)
    flat, _ = sweep_points(course(v, 1 + noise), Leg(0, 60, 1, 1), 0)
    assert flat.reason == "no single rise or fall stands out of the noise in this sweep"
    falling, gone = sweep_points(course(v, np.maximum(3.8 - v, 0) + noise), Leg(0, 60, 1, 1), 0)
    assert falling.reason == "it does not rise in this sweep"
    assert gone.interval_v[0] < 3.8 < gone.interval_v[1]
    short, _ = sweep_points(course(v, v), Leg(0, 5, 1, 1), 0)
    assert "5 points" in short.reason
    assert legs_of(course(None, v)) == ()
    assert legs_of(course(np.full(60, 3.2), v)) == ()


def test_the_potentials_spread_within_a_point_widens_the_interval() -> None:
    v = np.linspace(3.0, 4.6, 60)
    y = np.maximum(v - 3.8, 0) + 0.01 * np.random.default_rng(1302).standard_normal(60)
    sharp = course(v, y)
    blurred = Course(sharp.time_s, v, np.full(60, 0.2), None, None, None, sharp.values, None)
    (a, _), (b, _) = (sweep_points(c, Leg(0, 60, 1, 1), 0) for c in (sharp, blurred))
    assert b.interval_v[1] - b.interval_v[0] > 0.2 > a.interval_v[1] - a.interval_v[0]


# ---- what it follows ------------------------------------------------------------------------------------------------

N = 120
TURN = np.linspace(0, 1, N)


def triangles(cycles: int) -> Floats:
    return 3.0 + 1.6 * (1 - np.abs(2 * ((cycles * TURN) % 1) - 1))


def leaky_charge(v: Floats) -> Floats:
    """Return a charge with a wave in it that lags behind and does not come back in full."""
    speed = np.gradient(v)
    current = speed + 0.6 * np.exp(-(((v - 4.1) / 0.15) ** 2)) * speed
    return np.cumsum(np.roll(current, 3) + 0.15 * np.abs(speed).mean())


def unit(a: Floats) -> Floats:
    return (a - a.min()) / np.ptp(a)


TRUTHS = {
    "potential": lambda v, q, rng: 1 / (1 + np.exp(-(v - rng.uniform(3.8, 4.3)) / 0.08)),
    "charge": lambda v, q, rng: unit(q),
    "time or dose only": lambda v, q, rng: 1 - np.exp(-TURN / rng.uniform(0.2, 1.0)),
    "constant": lambda v, q, rng: np.ones(N),
}


def verdicts(truth: str, v: Floats, q: Floats, seeds: range, share: float = 0.0) -> Counter[str]:
    told: Counter[str] = Counter()
    for seed in seeds:
        rng = np.random.default_rng(seed)
        y = TRUTHS[truth](v, q, rng) + 0.1 * following(rng, N, share)
        told[what_it_follows(course(v, y, charge=q), 0).verdict] += 1
    return told


@pytest.mark.parametrize("truth", list(TRUTHS))
def test_three_cycles_tell_potential_charge_and_time(truth: str) -> None:
    v = triangles(3)
    told = verdicts(truth, v, leaky_charge(v), range(1400, 1420))
    told += verdicts(truth, v, leaky_charge(v), range(1420, 1440), share=0.6)
    wrong = sum(count for verdict, count in told.items() if verdict not in (truth, "confounded"))
    assert wrong <= 2  # of 40: at most 5 % of false statements
    assert told[truth] >= 28


@pytest.mark.parametrize("truth", ["potential", "charge", "time or dose only"])
def test_a_single_sweep_is_confounded_whatever_is_true(truth: str) -> None:
    v = 3.0 + 1.6 * TURN
    told = verdicts(truth, v, v - 3.0, range(1450, 1465))
    assert told["confounded"] == 15


def test_charge_that_goes_with_potential_is_not_told_from_it_but_time_is() -> None:
    v = triangles(2)
    q = v + 0.02 * np.sin(9 * v)
    y = TRUTHS["potential"](v, q, np.random.default_rng(1470)) + 0.05 * np.random.default_rng(1471).standard_normal(N)
    follows = what_it_follows(course(v, y, charge=q), 0)
    assert follows.verdict == "confounded"
    assert follows.confounded == (("potential", "charge"),)
    assert "time or dose" in follows.excluded
    assert follows.vif["potential", "charge"] > 10
    assert "variance inflation" in follows.reason


def test_growth_that_stays_is_told_by_its_steps_and_a_single_step_is_not() -> None:
    wrong = 0
    told = Counter[str]()
    for seed in range(1480, 1495):
        for cycles in (1, 3):
            v = triangles(cycles)
            grown = unit(np.cumsum(np.maximum(v - 4.2, 0)))
            y = grown + 0.05 * np.random.default_rng(seed).standard_normal(N)
            verdict = what_it_follows(course(v, y), 0).verdict
            told[f"{cycles} {verdict}"] += 1
            wrong += verdict not in ("potential", "confounded")
    assert wrong == 0
    assert told["1 confounded"] >= 14
    assert told["3 potential"] >= 12


def test_a_drift_beside_the_potential_is_told() -> None:
    v = triangles(3)
    y = 1 / (1 + np.exp(-(v - 4.1) / 0.08)) + TURN + 0.1 * np.random.default_rng(1500).standard_normal(N)
    follows = what_it_follows(course(v, y, charge=leaky_charge(v)), 0)
    assert (follows.verdict, follows.also) == ("potential", ("time or dose",))


def test_without_potential_and_with_few_points_nothing_is_claimed() -> None:
    y = TURN + 0.01 * np.random.default_rng(1501).standard_normal(N)
    assert what_it_follows(course(None, y), 0).verdict == "confounded"
    few = what_it_follows(course(triangles(1)[:10], y[:10]), 0)
    assert few.verdict == "confounded"
    assert "too few" in few.reason


def test_variance_inflation_sees_a_bent_relation() -> None:
    t = np.linspace(0, 1, 50)
    assert variance_inflation(t, np.exp(6 * t)) == np.inf
    assert variance_inflation(t, np.abs(2 * t - 1)) == pytest.approx(1, abs=0.01)
    assert np.isnan(variance_inflation(t, np.ones(50)))


# ---- windows --------------------------------------------------------------------------------------------------------


def window(direction: str = "oxidation", reference: str = "Li/Li+", **bounds: float) -> Appearance:
    return Appearance(
        reference=reference, direction=direction, evidence="reported", standing="seen", source="x", value="1", **bounds
    )


def onset(volts: float, half: float = 0.05, direction: int = 1) -> SweepPoint:
    return SweepPoint("onset", 1, direction, volts, (volts - half, volts + half), 1.0)


def test_inside_outside_and_unknown() -> None:
    at = [onset(4.1)]
    inside = check_window("a", [window(from_v=4.14)], at, "Li/Li+")
    assert (inside.status, inside.distance_v) == ("inside", 0.0)
    outside = check_window("a", [window(from_v=4.5)], at, "Li/Li+")
    assert outside.status == "outside"
    assert outside.distance_v == pytest.approx(0.4)
    assert "outside by 0.4 V" in outside.words
    assert check_window("a", [window(from_v=4.5), window(from_v=4.0)], at, "Li/Li+").status == "inside"
    assert check_window("a", [], at, "Li/Li+").status == "window unknown"
    other_way = check_window("a", [window("reduction", to_v=4.5)], at, "Li/Li+")
    assert other_way.status == "window unknown"
    assert "on oxidation" in other_way.words
    lost = SweepPoint("onset", 1, 1, np.nan, (np.nan, np.nan), np.nan, "it does not rise in this sweep")
    nowhere = check_window("a", [window(from_v=4.5)], [lost], "Li/Li+")
    assert nowhere.status == "potential unknown"
    assert "does not rise" in nowhere.words


def test_reference_electrodes_are_converted_and_unknown_ones_refused() -> None:
    at = [onset(0.2)]  # versus SCE: 0.2 + 0.2412 + 3.040 versus Li/Li+
    found = check_window("a", [window(from_v=3.4, to_v=3.6)], at, "SCE")
    assert found.status == "inside"
    assert "3.48 V" in found.words
    assert "by convention" in found.words
    for reference in (None, "Ag wire"):
        assert check_window("a", [window(from_v=3.4)], at, reference).status == "potential unknown"


# ---- the whole ------------------------------------------------------------------------------------------------------


def series(seed: int, cycles: int = 3, frames: int = 90, pixels: int = 12) -> tuple[OperandoDataset, Floats, Floats]:
    """Return a series of maps, whose spectra each have their own potential, and two concentrations."""
    rng = np.random.default_rng(seed)
    n = frames * pixels
    turn = np.linspace(0, 1, n)
    v = 3.0 + 1.8 * (1 - np.abs(2 * ((cycles * turn) % 1) - 1))
    bright = np.tile(rng.lognormal(0, 0.3, pixels), frames)
    film = np.clip((v - 4.52) / 0.15, 0, 1) * bright
    burnt = (1 - np.exp(-turn / 0.5)) * bright
    dataset = OperandoDataset(
        np.zeros((n, 3)),
        np.array([1.0, 2.0, 3.0]),
        columns={"time_s": 5.0 * np.arange(n), "potential_v": v, "potential_spread_v": np.full(n, 0.002)},
        scan_shape=(("frame", frames), ("x", pixels)),
        metadata=Metadata(cell=Cell(reference_electrode="Li/Li+")),
    )
    return dataset, film + 0.1 * rng.standard_normal(n), burnt + 0.1 * rng.standard_normal(n)


def test_evidence_of_a_film_and_of_what_the_beam_makes() -> None:
    dataset, film, burnt = series(1600)
    library = load_library()
    found = electrochemical_evidence(
        dataset,
        np.stack([film, burnt], axis=1),
        ["film", "burnt"],
        library,
        candidates=[("cei_broad", "li2co3", "ec"), ()],
    )
    assert [e.follows.verdict for e in found] == ["potential", "time or dose only"]
    rising = [p for p in found[0].points if p.kind == "onset" and p.direction > 0]
    assert len(rising) == 3
    assert sum(p.interval_v[0] <= 4.52 <= p.interval_v[1] for p in rising) >= 2
    assert [w.status for w in found[0].windows] == ["inside", "window unknown", "window unknown"]
    assert "cei_broad" in found[0].words[2]
    assert "temprano2024" in found[0].words[2]
    assert len(found[0].words) == 5
    assert all(w.endswith(".") for e in found for w in e.words)
    again = electrochemical_evidence(dataset, np.stack([film, burnt], axis=1), ["film", "burnt"], library)
    assert again[0].points == found[0].points


def test_maps_are_reduced_to_frames_with_their_pixels() -> None:
    dataset, film, _ = series(1601)
    reduced = course_of(dataset, film[:, None])
    assert reduced.values.shape == (90, 1)
    assert reduced.pixels is not None
    assert reduced.pixels.shape == (90, 12, 1)
    np.testing.assert_allclose(reduced.pixels.mean(axis=1), reduced.values)
    assert (reduced.spread_v > 0.03).all()  # a frame lasts while the potential moves on
    assert len(legs_of(reduced)) == 6


def test_missing_columns_and_wrong_lengths() -> None:
    rng = np.random.default_rng(1602)
    bare = OperandoDataset(np.zeros((40, 3)), np.array([1.0, 2.0, 3.0]))
    (found,) = electrochemical_evidence(bare, rng.random((40, 1)), ["a"], load_library(), candidates=[("li2co3",)])
    assert found.points == ()
    assert found.windows[0].status == "potential unknown"
    assert found.follows.verdict in ("constant", "confounded")
    unknown = bare.replace(
        columns={"potential_v": np.full(40, np.nan)}, metadata=Metadata(cell=Cell(reference_electrode="Li/Li+"))
    )
    assert course_of(unknown, rng.random((40, 1))).potential_v is None
    one = electrochemical_evidence(bare.select([0]), [[1.0]], ["a"], load_library())
    assert one[0].follows.verdict == "confounded"
    with pytest.raises(SpectrodeError, match="no spectrum"):
        course_of(bare, np.full((40, 1), np.nan))
    with pytest.raises(SpectrodeError, match="rows"):
        electrochemical_evidence(bare, rng.random((41, 1)), ["a"], load_library())
    with pytest.raises(SpectrodeError, match="2 names"):
        electrochemical_evidence(bare, rng.random((40, 1)), ["a", "b"], load_library())


def test_library_windows_name_their_sources() -> None:
    library = load_library()
    with_window = [e for e in library if e.appears]
    assert {"cei_broad", "li2co3", "ledc", "li2o2"} <= {e.id for e in with_window}
    for entry in with_window:
        for appears in entry.appears:
            assert appears.source in {s.id for s in entry.source}
            assert (appears.value is not None) == (appears.standing == "seen")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"to_v": None}, "neither from_v nor to_v"),
        ({"from_v": 1.2}, "from_v is above to_v"),
        ({"reference": "a wire"}, "is not known"),
        ({"source": "nobody"}, "not listed under [[source]]"),
        ({"value": None}, "not quoted"),
        ({"standing": "recalled"}, "recalled, so no value"),
    ],
)
def test_windows_are_validated(changes: dict[str, object], words: str) -> None:
    entry = load_library().get("li2co3")
    assert entry_problems(entry, legacy=True) == []
    broken = replace(entry, appears=(replace(entry.appears[0], **changes),))
    assert any(words in problem for problem in entry_problems(broken, legacy=True))
