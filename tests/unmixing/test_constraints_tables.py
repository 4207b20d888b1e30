from __future__ import annotations

import tomllib

import pytest
import tomli_w

from spectrode.errors import StepError
from spectrode.unmixing.constraints.tables import KINDS, from_table, from_tables

TABLES = [
    {"kind": "unimodal", "components": ["film"], "tolerance": 0.05},
    {"kind": "monotonic", "direction": "rising", "column": "charge_mah"},
    {"kind": "closure", "total": [1.0, 2.0], "mode": "at_most"},
    {"kind": "closure", "total": 2.5},
    {"kind": "window", "components": ["film", 2], "low": 0.1, "high": 1.2, "column": "potential_v"},
    {
        "kind": "window",
        "components": ["film"],
        "low": 900.0,
        "high": 1000.0,
        "side": "spectra",
        "mode": "absent_inside",
    },
    {"kind": "presence", "components": ["film"], "blocks": [1, 2]},
    {"kind": "equal_spectrum", "components": ["salt"], "known": "LiPF6 in EC", "max_shift": 2.0},
    {"kind": "equal_concentration", "components": ["salt"], "column": "molar"},
    {"kind": "at_most", "components": ["salt"], "known": "LiPF6 in EC", "factor": 1.5},
    {"kind": "trilinear", "max_lag": 2},
    {"kind": "smooth", "strength": 10.0, "series": "pixel"},
    {"kind": "hard_model", "law": "consecutive", "components": [0, 1, 2], "fixed": {"k2": 0.3}, "scale_by": "block"},
    {"kind": "hard_model", "law": "nernst", "components": ["ox"], "column": "potential_v", "temperature_k": 310.0},
]


@pytest.mark.parametrize("table", TABLES, ids=lambda t: t["kind"])
def test_a_table_makes_a_constraint_that_makes_the_table_through_a_file(table):
    read = tomllib.loads(tomli_w.dumps(table))
    made = from_table(read)
    assert made.to_table() == table
    assert from_table(made.to_table()) == made
    words = made.describe()
    assert len(words) > 15
    assert "\n" not in words


def test_every_kind_is_tried():
    assert {t["kind"] for t in TABLES} == set(KINDS)
    assert len(from_tables(TABLES)) == len(TABLES)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"kind": "unimodel"}, "kind 'unimodel' is not known; possible: at_most, closure"),
        ({"components": ["A"]}, "kind None is not known"),
        ({"kind": "unimodal", "tolerence": 1}, "has no setting 'tolerence'; it has: components"),
        ({"kind": "monotonic"}, "needs direction"),
        ({"kind": "monotonic", "direction": "up"}, "rising or falling"),
        ({"kind": "monotonic", "direction": 3}, "direction"),
        ({"kind": "unimodal", "tolerance": 2.0}, "number from 0 to 1, but 2.0"),
        ({"kind": "unimodal", "tolerance": True}, "tolerance needs a number"),
        ({"kind": "unimodal", "tolerance": float("nan")}, "tolerance needs a number"),
        ({"kind": "unimodal", "components": "film"}, "needs a list"),
        ({"kind": "unimodal", "components": ["a", "a"]}, "each component once"),
        ({"kind": "unimodal", "components": [1.5]}, "names or places"),
        ({"kind": "unimodal", "side": "both"}, "side may be"),
        ({"kind": "unimodal", "column": 4}, "column needs a text"),
        ({"kind": "closure", "total": 0.0}, "total needs a number above 0"),
        ({"kind": "closure", "total": []}, "total needs a number above 0"),
        ({"kind": "closure", "mode": "less"}, "equal or at_most"),
        ({"kind": "window", "components": [0], "low": 2.0, "high": 1.0}, "low must be below high"),
        ({"kind": "window", "components": [0], "low": 0.0, "high": 1.0, "mode": "x"}, "only_inside or absent_inside"),
        ({"kind": "presence", "components": [0], "blocks": []}, "at least one block"),
        ({"kind": "presence", "components": [0], "blocks": ["a"]}, "at least one block"),
        ({"kind": "equal_spectrum", "components": [0, 1], "known": "a"}, "one name or place"),
        ({"kind": "equal_spectrum", "components": [0], "known": "a", "max_shift": 90}, "max_shift needs a number"),
        ({"kind": "equal_spectrum", "components": [0], "known": 7}, "known needs a text"),
        ({"kind": "at_most", "components": [0], "known": "a", "factor": 0.5}, "factor needs a number from 1"),
        ({"kind": "trilinear", "max_lag": 1.5}, "max_lag needs a whole number"),
        ({"kind": "smooth", "strength": 0.0}, "strength needs a number above 0"),
        ({"kind": "hard_model", "law": "magic", "components": [0]}, "'magic' is not known; possible: first_order"),
        ({"kind": "hard_model", "law": "linear", "components": [0, 1]}, "components needs 1 to 1 names"),
        ({"kind": "hard_model", "law": "first_order", "components": [0], "fixed": {"q": 1.0}}, "fixed may hold"),
        ({"kind": "hard_model", "law": "nernst", "components": [0], "temperature_k": -1.0}, "temperature_k"),
    ],
)
def test_a_wrong_table_is_refused_in_one_sentence(table, words):
    with pytest.raises(StepError, match=words) as caught:
        from_table(table)
    assert "\n" not in str(caught.value)
