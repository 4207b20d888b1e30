"""Ohmic drop: the arithmetic, the measured resistance, and what must not be compensated twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from spectrode.electrochemistry.ir_drop import (
    MeasuredResistance,
    compensate_ir_drop,
    measured_resistance,
    ohmic_drop_v,
)
from spectrode.electrochemistry.readers import read_trace
from spectrode.electrochemistry.readers.registry import join_traces
from spectrode.electrochemistry.trace import Trace
from spectrode.errors import SpectrodeError


def trace(**changes: object) -> Trace:
    fields: dict[str, object] = {
        "time_s": np.arange(4.0),
        "potential_v": np.array([1.0, 1.0, 1.0, 1.0]),
        "current_ma": np.array([0.0, 10.0, -10.0, 5.0]),
    }
    return Trace(**{**fields, **changes})  # type: ignore[arg-type]


def randles(frequency: np.ndarray, ohm: float = 20.0, transfer: float = 100.0, farad: float = 1e-5,
            henry: float = 0.0) -> Trace:  # fmt: skip
    """The impedance of R_u in series with R_ct parallel to C, and the leads' inductance."""
    omega = 2 * np.pi * frequency
    z = ohm + transfer / (1 + 1j * omega * transfer * farad) + 1j * omega * henry
    return Trace(
        time_s=np.arange(frequency.size, dtype=float),
        potential_v=np.zeros(frequency.size),
        columns={"freq/Hz": frequency, "Re(Z)/Ohm": z.real, "-Im(Z)/Ohm": -z.imag},
    )


def test_published_drop() -> None:
    assert ohmic_drop_v(0.187, 20.0) == pytest.approx(3.74e-3)  # 187 µA/cm² at 20 Ω cm²


def test_anodic_currents_lower_and_cathodic_ones_raise_the_potential() -> None:
    corrected = compensate_ir_drop(trace(), 20.0)
    np.testing.assert_allclose(corrected.potential_v, [1.0, 0.8, 1.2, 0.9])
    assert "100 % of 20 Ω; the largest correction is 200 mV" in corrected.warnings[0]
    assert corrected.vendor["ir_compensation"]["resistance_ohm"] == 20
    np.testing.assert_allclose(compensate_ir_drop(trace(), 20.0, fraction=0.85).potential_v, [1.0, 0.83, 1.17, 0.915])
    np.testing.assert_allclose(compensate_ir_drop(trace(), 0.0).potential_v, 1.0)
    json.dumps(dict(corrected.vendor))


def test_doubts_are_told() -> None:
    mean = compensate_ir_drop(trace(current_kind="interval_mean"), 1.0)
    assert [w for w in mean.warnings if "mean over each interval" in w]
    holes = compensate_ir_drop(trace(current_ma=np.array([0, np.nan, 1, 1.0])), 1.0)
    assert np.isnan(holes.potential_v[1])
    assert [w for w in holes.warnings if "1 rows have no current" in w]


def test_nothing_is_compensated_twice() -> None:
    once = compensate_ir_drop(trace(), 20.0)
    with pytest.raises(SpectrodeError, match="compensated for 20 Ω already"):
        compensate_ir_drop(once, 1.0)
    with pytest.raises(SpectrodeError, match="compensated for 20 Ω already"):
        compensate_ir_drop(once.replace(vendor={"0": dict(once.vendor), "1": {}}), 1.0)  # joined with another
    with pytest.raises(SpectrodeError, match="already"):
        compensate_ir_drop(once.replace(reference="SCE").versus("SHE"), 1.0, instrument_compensated=True)


def test_what_the_potentiostat_compensated_is_refused_unless_that_is_said() -> None:
    settings = {"use results": ["1"], "comp. level (%)": ["85"], "comp. mode": ["Software"]}
    by_instrument = trace(vendor={"0": {"settings": settings}, "1": {}})
    with pytest.raises(SpectrodeError, match="at 85 %: it compensated while measuring"):
        compensate_ir_drop(by_instrument, 3.0)
    np.testing.assert_allclose(
        compensate_ir_drop(by_instrument, 3.0, instrument_compensated=True).potential_v, [1, 0.97, 1.03, 0.985]
    )
    unused = trace(vendor={"settings": {**settings, "use results": ["0"]}})
    compensate_ir_drop(unused, 3.0)


@pytest.mark.parametrize(
    ("changes", "resistance", "fraction", "says"),
    [
        ({"current_ma": None}, 1.0, 1.0, "no current"),
        ({}, -1.0, 1.0, "not negative"),
        ({}, float("nan"), 1.0, "finite"),
        ({}, 1.0, 1.1, "between 0 and 1"),
    ],
)
def test_impossible_numbers_are_refused(changes: dict, resistance: float, fraction: float, says: str) -> None:
    with pytest.raises(SpectrodeError, match=says):
        compensate_ir_drop(trace(**changes), resistance, fraction=fraction)


def test_the_intercept_is_where_the_spectrum_crosses_the_real_axis() -> None:
    frequency = np.geomspace(1e6, 1, 121)
    found = measured_resistance(randles(frequency, henry=1e-7))
    assert found.method == "intercept"
    # At the crossing, omega L = 1 / (omega C) (R_ct is shorted): R_u within the remaining real part of the arc.
    omega = 1 / np.sqrt(1e-7 * 1e-5)
    assert found.frequency_hz == pytest.approx(omega / 2 / np.pi, rel=0.05)
    assert found.resistance_ohm == pytest.approx(20.0, abs=0.02)
    assert found.notes == ()
    upwards = measured_resistance(randles(frequency[::-1], henry=1e-7))
    assert upwards.resistance_ohm == pytest.approx(found.resistance_ohm)


def test_without_a_crossing_the_highest_frequency_counts_and_its_phase_is_judged() -> None:
    good = measured_resistance(randles(np.geomspace(1e6, 1, 61)))
    assert (good.method, good.frequency_hz) == ("highest_frequency", 1e6)
    assert good.resistance_ohm == pytest.approx(20.0, abs=0.01)
    assert good.notes == ()
    poor = measured_resistance(randles(np.array([1000.0, 100.0])))
    assert "upper limit" in poor.notes[0]
    corrected = compensate_ir_drop(trace(), poor)
    assert poor.notes[0] in corrected.warnings
    assert corrected.vendor["ir_compensation"]["method"] == "highest_frequency"


def test_one_of_several_sweeps_is_taken() -> None:
    frequency = np.geomspace(1e6, 1, 31)
    one, two = randles(frequency, 20.0), randles(frequency, 30.0)
    both = Trace(
        time_s=np.arange(62.0),
        potential_v=np.zeros(62),
        columns={name: np.concatenate([one.columns[name], two.columns[name]]) for name in one.columns},
    )
    assert measured_resistance(both).resistance_ohm == pytest.approx(20.0, abs=0.01)
    assert measured_resistance(both, sweep=1).resistance_ohm == pytest.approx(30.0, abs=0.01)
    with pytest.raises(SpectrodeError, match="no sweep 2 of the frequency; the trace has 2"):
        measured_resistance(both, sweep=2)


def test_what_is_no_impedance_is_refused() -> None:
    with pytest.raises(SpectrodeError, match="no column freq/Hz"):
        measured_resistance(trace())
    with pytest.raises(SpectrodeError, match="has no rows"):
        measured_resistance(randles(np.zeros(0)))
    with pytest.raises(SpectrodeError, match="negative resistance"):
        measured_resistance(randles(np.array([1e6]), ohm=-5.0))


def test_ec_lab_files(shared_data: Callable[[str], Path]) -> None:
    geis = measured_resistance(read_trace(shared_data("echem/biologic/geis.issue_149.mpt")))
    # 10.08 Ω inductive at 200 kHz and 8.458 Ω capacitive at 137 kHz: just above the latter.
    assert geis.method == "intercept"
    assert geis.resistance_ohm == pytest.approx(8.458 + (10.079 - 8.458) * 0.1186 / (2.1746 + 0.1186), abs=0.001)
    assert 136765 < geis.frequency_hz < 199999
    peis = read_trace(shared_data("echem/biologic/peis.issue_149.mpt"))
    first = measured_resistance(peis)
    assert first.resistance_ohm == pytest.approx(12.753, abs=0.001)
    assert measured_resistance(peis, sweep=3).method == "highest_frequency"
    zir = measured_resistance(read_trace(shared_data("echem/biologic/zir.mpt")))
    assert zir.resistance_ohm == pytest.approx(104070.59)
    assert "-42.0°" in zir.notes[0]


def test_a_chain_with_a_used_compensation_is_refused(shared_data: Callable[[str], Path]) -> None:
    chain = "echem/biologic_chain/multiple_techniques_dataset_01_0"
    zir, cva = (read_trace(shared_data(f"{chain}{k}_C01.mpt")) for k in ("7_ZIR", "8_CVA"))
    joined = join_traces([zir, cva])
    with pytest.raises(SpectrodeError, match="at 50 %"):
        compensate_ir_drop(joined, 10.0)
    compensate_ir_drop(cva, 10.0)


def test_the_result_is_a_plain_record() -> None:
    assert MeasuredResistance(1.0, 2.0, "intercept").notes == ()
