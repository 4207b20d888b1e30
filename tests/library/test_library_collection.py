"""Looking up, narrowing, searching and drawing."""

from __future__ import annotations

import os

import numpy as np
import pytest

from spectrode.assignment import assign_components
from spectrode.errors import LibraryError
from spectrode.library import load_library, render, search
from spectrode.library.collection import BUNDLED, LIBRARY_VARIABLE


def test_get_by_id_name_and_alias(library):
    assert library.get("ec") is library.get("EC") is library.get("ethylene carbonate")
    with pytest.raises(LibraryError, match=r"no entry 'unobtainium'; possible: .*ec"):
        library.get("unobtainium")


def test_filter_by_group_and_id(library):
    part = library.filter("raman", groups=("carbon",), ids=("LiPF6",))
    assert set(part.entries) == {"graphite", "graphite_lithiated", "hard_carbon", "carbon_black", "pf6"}
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


# ---- a user's own folders -------------------------------------------------------------------------------------------


@pytest.fixture
def own(references, tmp_path):
    """Return a function that makes a folder with one entry: CaF2 with its line where the caller wants it."""
    text = (references / "substrate/caf2/entry.toml").read_text(encoding="utf-8")

    def make(name, entry_id="caf2", position="322.0"):
        place = tmp_path / name / "substrate" / entry_id
        place.mkdir(parents=True)
        changed = text.replace('id = "caf2"', f'id = "{entry_id}"').replace("= 322.0", f"= {position}")
        (place / "entry.toml").write_text(changed, encoding="utf-8")
        return tmp_path / name

    return make


def test_own_entries_stand_beside_the_bundled_ones(own, library, monkeypatch):
    monkeypatch.delenv(LIBRARY_VARIABLE, raising=False)
    mine = own("mine", "my_window")
    both = load_library(extra=[mine])
    assert len(both) == len(library) + 1
    assert both.origin["my_window"] == str(mine)
    assert {both.origin[i] for i in library.entries} == {BUNDLED}
    assert both.overridden == frozenset()
    assert both.filter(groups=("substrate",)).origin["my_window"] == str(mine)


def test_the_environment_names_own_folders_and_the_first_wins(own, monkeypatch):
    first, second, nearest = (
        own("first", position="300.0"),
        own("second", position="310.0"),
        own("near", position="1.0"),
    )
    monkeypatch.setenv(LIBRARY_VARIABLE, f"{first}{os.pathsep}{second}")
    assert load_library().get("caf2").bands()[0].position_cm1 == 300.0
    assert load_library().origin["caf2"] == str(first)
    assert load_library().overridden == {"caf2"}
    assert load_library(extra=[nearest]).get("caf2").bands()[0].position_cm1 == 1.0
    monkeypatch.setenv(LIBRARY_VARIABLE, "")
    assert load_library().origin["caf2"] == BUNDLED


def test_a_folder_that_is_named_is_loaded_alone(own, monkeypatch):
    monkeypatch.setenv(LIBRARY_VARIABLE, "/nowhere")
    assert set(load_library(own("mine")).entries) == {"caf2"}
    with pytest.raises(LibraryError, match=r"nowhere holds no reference entry"):
        load_library()


def test_a_changed_file_is_read_again(own):
    mine = own("mine", position="300.0")
    assert load_library(mine).get("caf2").bands()[0].position_cm1 == 300.0
    path = mine / "substrate/caf2/entry.toml"
    path.write_text(path.read_text(encoding="utf-8").replace("= 300.0", "= 1300.0"), encoding="utf-8")
    assert load_library(mine).get("caf2").bands()[0].position_cm1 == 1300.0


def test_a_match_says_which_library_it_came_from(own, monkeypatch):
    monkeypatch.delenv(LIBRARY_VARIABLE, raising=False)
    both = load_library(extra=[own("mine", position="300.0")])
    shift = np.arange(150.0, 900.0)
    noise = np.random.default_rng(1).normal(scale=0.01, size=shift.size)
    (row,) = assign_components(shift, 1 / (1 + ((shift - 300.0) / 5) ** 2) + noise, both.filter(ids=["caf2"]))
    assert row.compound_id == "caf2"
    assert row.kind == "band_list (mine)"
    assert "stands in place of another of the same id" in row.note
    (row,) = assign_components(shift, 1 / (1 + ((shift - 322.0) / 5) ** 2) + noise, load_library().filter(ids=["caf2"]))
    assert row.kind == "band_list"
