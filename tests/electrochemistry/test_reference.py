"""Reference electrodes: published conversions, names as programs write them, what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from spectrode.electrochemistry.readers import read_trace
from spectrode.electrochemistry.reference import REFERENCE_ELECTRODES, convert_potential, find_reference
from spectrode.electrochemistry.trace import Trace
from spectrode.errors import SpectrodeError


def trace(reference: str | None = "SCE") -> Trace:
    return Trace(
        time_s=np.arange(3.0),
        potential_v=np.array([0.1, np.nan, -0.2]),
        current_ma=np.array([1.0, 2.0, 3.0]),
        reference=reference,
        warnings=("before",),
        vendor={"a": 1},
    )


def test_published_conversions() -> None:
    # McAuley group: +0.100 V vs SCE is +0.142 V vs saturated Ag/AgCl, with 0.241 and 0.199 V.
    assert round(float(convert_potential(0.100, "SCE", "agcl-sat-lj")), 3) == 0.142
    # 300 mV vs Ag/AgCl (sat.) is 497 mV vs SHE.
    assert round(float(convert_potential(0.300, "Ag/AgCl(sat)", "SHE")), 6) == 0.497
    np.testing.assert_allclose(convert_potential([0.1, 3.0], "Li/Li+", "SHE"), [-2.94, -0.04])


def test_there_and_back_is_the_identity() -> None:
    values = np.linspace(-1, 5, 7)
    for a in REFERENCE_ELECTRODES:
        for b in REFERENCE_ELECTRODES:
            np.testing.assert_allclose(convert_potential(convert_potential(values, a, b), b, a), values, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("SCE Saturated Calomel Electrode (0.241 V)", "sce"),
        ("SCE (0.244 V)", "sce-lj"),
        ("Ag/AgCl / KCl (sat'd) (0.197 V)", "agcl-sat"),
        ("Ag/AgCl / KCl (sat'd) (199 mV)", "agcl-sat-lj"),
        ("Ag/AgCl / KCl (3.5M) (0.205 V)", "agcl-3.5m-lj"),
        ("NHE Normal Hydrogen Electrode (0.000 V)", "she"),
        ("vs. Ag/AgCl (3 M KCl)", "agcl-3m"),
        ("Ag/AgCl 0,1 M", "agcl-0.1m"),
        ("Hg/Hg2Cl2, 1 mol/L KCl", "calomel-1m"),
        ("saturated calomel electrode with liquid junction", "sce-lj"),
        ("Li/Li+", "li"),
        ("V vs Li+/Li", "li"),
        ("Li⁺/Li", "li"),
        ("lithium metal", "li"),
        ("AGCL-SAT", "agcl-sat"),
    ],
)
def test_names_as_people_and_programs_write_them(name: str, entry: str) -> None:
    assert find_reference(name).id == entry


def test_every_entry_is_found_by_its_own_name_and_id() -> None:
    for entry in REFERENCE_ELECTRODES.values():
        assert find_reference(entry.name) is entry
        assert find_reference(entry.id) is entry
        assert entry.standing == "definition" or entry.source


def test_a_value_in_brackets_stands_for_electrodes_that_are_not_in_the_table() -> None:
    entry = find_reference("Hg/Hg2SO4 / K2SO4 (sat'd) (0.650 V)")
    assert (entry.potential_v, entry.standing) == (0.65, "stated")
    assert find_reference("SSCE Sodium Saturated Calomel Electrode (0.236 V)").potential_v == 0.236
    odd = find_reference("SCE (0.3 V)")
    assert (odd.potential_v, odd.standing) == (0.3, "stated")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("Ag/AgCl", "does not say its electrolyte, which makes up to 91 mV"),
        ("calomel", "does not say its electrolyte"),
        ("Ag/AgCl 2 M KCl", "not in the table at that concentration"),
        ("Ag/AgCl / NaCl (3 M)", "is not known"),
        ("SSCE", "is not known"),
        ("RHE", "is not known"),
        ("Reversible hydrogen electrode", "is not known"),
        ("LiFePO4", "is not known"),
        ("Na/Na+", "is not known"),
        ("", "is not known"),
    ],
)
def test_names_that_leave_it_open_are_refused(name: str, says: str) -> None:
    with pytest.raises(SpectrodeError, match=says):
        find_reference(name)


def test_a_trace_keeps_the_entries() -> None:
    converted = trace("SCE Saturated Calomel Electrode (0.241 V)").versus("SHE")
    np.testing.assert_allclose(converted.potential_v, [0.3412, np.nan, 0.0412])
    assert converted.reference == "SHE"
    assert converted.warnings[0] == "before"
    assert "by +241.2 mV (entries sce, +0.2412 V, and she, +0 V" in converted.warnings[1]
    record = converted.vendor["reference_conversions"]
    assert [(r["from"]["id"], r["to"]["id"]) for r in record] == [("sce", "she")]
    again = converted.versus("agcl-sat")
    assert [(r["from"]["id"], r["to"]["id"]) for r in again.vendor["reference_conversions"]] == [
        ("sce", "she"),
        ("she", "agcl-sat"),
    ]
    assert again.vendor["a"] == 1
    json.dumps(again.vendor)
    np.testing.assert_array_equal(again.current_ma, [1, 2, 3])


def test_doubts_stay_with_the_converted_trace() -> None:
    assert not [w for w in trace("SCE").versus("agcl-sat").warnings if "junction" in w]
    assert [w for w in trace("SCE").versus("agcl-sat-lj").warnings if "includes a liquid junction" in w]
    assert [w for w in trace("Li/Li+").versus("SHE").warnings if "convention" in w]
    assert not [w for w in trace("Li/Li+").versus("Li+/Li").warnings if "convention" in w]


def test_what_a_trace_does_not_say_must_be_given() -> None:
    with pytest.raises(SpectrodeError, match="does not say versus which reference"):
        trace(None).versus("SHE")
    with pytest.raises(SpectrodeError, match="give from_"):
        convert_potential(0.1, None, "SHE")
    given = convert_potential(trace(None), "sce", "SHE")
    assert given.reference == "SHE"
    other = convert_potential(trace("Li/Li+"), "sce", "SHE")
    assert [w for w in other.warnings if "'Li/Li+'; 'SCE' was given and used" in w]


def test_the_reference_that_ec_lab_names(shared_data: Callable[[str], Path]) -> None:
    named = read_trace(shared_data("echem/biologic/cp.mpt"))
    assert named.reference == "SCE Saturated Calomel Electrode (0.241 V)"
    np.testing.assert_allclose(named.versus("SHE").potential_v - named.potential_v, 0.2412, atol=1e-9)
