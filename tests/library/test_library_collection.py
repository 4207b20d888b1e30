"""Looking up, narrowing, searching and drawing."""

from __future__ import annotations

import numpy as np
import pytest

from spectrode.errors import LibraryError
from spectrode.library import render, search


def test_get_by_id_name_and_alias(library):
    assert library.get("ec") is library.get("EC") is library.get("ethylene carbonate")
    with pytest.raises(LibraryError, match=r"no entry 'unobtainium'; possible: .*ec"):
        library.get("unobtainium")


def test_filter_by_group_and_id(library):
    part = library.filter("raman", groups=("carbon",), ids=("LiPF6",))
    assert set(part.entries) == {"graphite", "carbon_black", "pf6"}
    with pytest.raises(LibraryError, match=r"no group 'solvents'; possible: .*electrolyte"):
        library.filter(groups=("solvents",))
    assert "ec" not in library.without("ec")
    assert "ec" in library


def test_entries_cannot_be_changed(library):
    with pytest.raises(TypeError):
        library.entries["x"] = library.get("ec")


def test_search_by_position_orders_by_distance(library):
    hits = search(library, position_cm1=1090.4, tolerance_cm1=6.0)
    assert hits[0].entry.id == "li2co3"
    assert hits[0].bands[0].position_cm1 == 1090.0
    assert [h.distance_cm1 for h in hits] == sorted(h.distance_cm1 for h in hits)
    assert all(abs(b.position_cm1 - 1090.4) <= 6.0 for h in hits for b in h.bands)
    assert "calcite" in {h.entry.id for h in hits}


def test_search_position_zero_is_a_position(library):
    assert search(library, position_cm1=0.0, tolerance_cm1=1.0) == []


def test_search_by_technique(library):
    assert "li2co3" not in {h.entry.id for h in search(library, position_cm1=864.0, tolerance_cm1=1.0)}
    assert "li2co3" in {h.entry.id for h in search(library, position_cm1=864.0, tolerance_cm1=1.0, technique="ir")}


def test_search_by_formula_group_and_text(library):
    assert [h.entry.id for h in search(library, formula="CO3Li2")] == ["li2co3"]
    assert [h.entry.id for h in search(library, formula="SiO2", group="substrate")] == ["quartz", "silica_glass"]
    assert {h.entry.id for h in search(library, text="ring BREATHING")} >= {"ec", "polystyrene"}
    assert search(library, text="ring breathing", group="carbon") == []


@pytest.mark.parametrize("line_shape", ["lorentzian", "gaussian", "pseudo_voigt"])
def test_render_has_the_height_and_width_asked(library, line_shape):
    """CaF2 has one band (322 cm-1, 10 wide): maximum 1, half of it five to either side, whatever the shape."""
    shift = np.arange(200.0, 450.0, 0.5)
    drawn = render(library.get("caf2"), shift, line_shape=line_shape, fwhm_cm1=99.0)
    assert drawn.shape == shift.shape
    assert drawn.max() == pytest.approx(1.0)
    assert shift[np.argmax(drawn)] == 322.0
    assert drawn[shift == 317.0] == pytest.approx(0.5)
    assert drawn[shift == 327.0] == pytest.approx(0.5)


def test_render_uses_the_given_width_where_none_is_known(library):
    shift = np.arange(450.0, 480.0, 0.25)
    narrow = render(library.get("clo4"), shift, fwhm_cm1=4.0, line_shape="gaussian")
    assert np.sum(narrow >= narrow.max() / 2) * 0.25 == pytest.approx(4.0, abs=0.5)


def test_render_draws_the_states_asked(library):
    shift = np.arange(500.0, 540.0, 0.5)
    assert shift[np.argmax(render(library.get("si_c"), shift, states=("crystalline",)))] == 520.5
    assert shift[np.argmax(render(library.get("si_c"), shift, states=("nanocrystalline",)))] == 515.0


@pytest.mark.parametrize(
    ("entry", "options", "words"),
    [
        ("lif", {}, "Rock salt"),
        ("si_c", {"states": ("liquid",)}, "states held: crystalline, nanocrystalline"),
        ("si_c", {"technique": "ir"}, "has no ir band"),
        ("si_c", {"fwhm_cm1": 0.0}, "fwhm_cm1 must be above 0"),
        ("si_c", {"line_shape": "square"}, "line_shape is 'square'"),
    ],
)
def test_render_says_why_not(library, entry, options, words):
    with pytest.raises(LibraryError, match=words):
        render(library.get(entry), np.arange(100.0, 200.0), **options)
