"""The table as users read it."""

from __future__ import annotations

from spectrode.assignment import ASSIGNMENT_COLUMNS, Assignment, BandMatch, assignment_rows


def row(**changes):
    values = {
        "component": 0,
        "compound_id": "li2co3",
        "compound": "Lithium carbonate",
        "score": 0.73456,
        "q_value": None,
        "evidence": "contested (1 seen, 1 recalled)",
        "kind": "band_list",
        "matched": (BandMatch(1091.04, 1090.0, 3.6, "v1"), BandMatch(155.96, 156.0, 2.9, "lattice")),
        "missing_cm1": (193.0,),
        "unexplained_cm1": (),
        "status": "assigned",
    }
    return Assignment(**{**values, **changes})


def test_columns_and_their_order():
    (first,) = assignment_rows([row()])
    assert tuple(first) == ASSIGNMENT_COLUMNS
    assert ASSIGNMENT_COLUMNS[:12] == (
        "component", "compound_id", "compound", "score", "q_value", "evidence", "kind", "matched_bands_cm1",
        "missing_bands_cm1", "unexplained_bands_cm1", "onset_potential_v", "verdict",
    )  # fmt: skip


def test_values_are_text_and_the_unknown_is_empty():
    (first,) = assignment_rows([row(alternatives=("calcite", "ledc"))])
    assert first == {
        "component": "1",
        "compound_id": "li2co3",
        "compound": "Lithium carbonate",
        "score": "0.735",
        "q_value": "",
        "evidence": "contested (1 seen, 1 recalled)",
        "kind": "band_list",
        "matched_bands_cm1": "1091.0;156.0",
        "missing_bands_cm1": "193.0",
        "unexplained_bands_cm1": "",
        "onset_potential_v": "",
        "verdict": "",
        "status": "assigned",
        "alternatives": "calcite;ledc",
        "indistinguishable": "",
        "posterior": "",
        "log_evidence": "",
        "amount": "",
        "note": "",
    }


def test_zero_is_a_value():
    (first,) = assignment_rows([row(onset_potential_v=0.0, q_value=0.0)])
    assert first["onset_potential_v"] == "0.000"
    assert first["q_value"] == "0"


def test_an_unassigned_component_has_its_row():
    (first,) = assignment_rows(
        [row(compound_id=None, compound="unassigned", status="unassigned", matched=(), score=0.0)]
    )
    assert (first["compound_id"], first["compound"], first["matched_bands_cm1"]) == ("", "unassigned", "")


def test_no_assignment_no_row():
    assert assignment_rows([]) == []
