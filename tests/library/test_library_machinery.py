"""Search by bands, drawing, comparison, export, catalogue, and a measured spectrum that becomes an entry."""

import csv
import dataclasses
import json
import shutil

import numpy as np
import pytest

from spectrode.errors import LibraryError
from spectrode.library import load_library
from spectrode.library.add import Answers, add_entry
from spectrode.library.catalogue import collisions, write_catalogue
from spectrode.library.collection import Library
from spectrode.library.difference import library_difference
from spectrode.library.drawing import draw_text, envelope, save_drawing, svg_text
from spectrode.library.export import export_library
from spectrode.library.ranking import rank_by_bands
from spectrode.library.render import INTENSITY_UNCERTAINTY, render, render_uncertainty
from spectrode.library.validate import folder_problems


@pytest.fixture(scope="module")
def library():
    return load_library()


def test_carbonate_bands_rank_lithium_carbonate_first_and_explain_the_others(library):
    ranked = rank_by_bands(library, [1090, 711], tolerance_cm1=5)
    assert ranked[0].entry.id == "li2co3"
    assert ranked[0].hits == 2
    assert [b.position_cm1 for b in ranked[0].matched if b] == pytest.approx([1090, 711], abs=1.5)
    one_band = [r for r in ranked if r.hits == 1]
    assert one_band
    assert all(None in r.matched for r in one_band)


def test_a_claimed_line_of_an_invisible_species_is_shown_last(library):
    ranked = rank_by_bands(library, [406])
    claims = [r.entry.id for r in ranked if not r.entry.visible_in("raman")]
    assert "lif" in claims
    assert [r.entry.id for r in ranked[-len(claims) :]] == claims


@pytest.mark.parametrize("technique", ["raman", "ir"])
def test_every_species_is_found_by_its_own_strongest_bands(library, technique):
    missed = []
    for entry in library:
        bands = sorted(entry.bands(technique), key=lambda b: -b.rel_intensity)[:4]
        if len(bands) < 4 or not entry.visible_in(technique) or entry.withdrawn is not None:
            continue
        ranked = rank_by_bands(library, [b.position_cm1 for b in bands], tolerance_cm1=3, technique=technique)
        best = [r.entry.id for r in ranked if r.hits == ranked[0].hits][:3]
        if entry.id not in best:
            missed.append(entry.id)
    assert missed == []


@pytest.mark.parametrize(("positions", "tolerance"), [([], 5.0), ([1000.0], 0.0), ([1000.0], -1.0)])
def test_senseless_searches_are_refused(library, positions, tolerance):
    with pytest.raises(LibraryError):
        rank_by_bands(library, positions, tolerance_cm1=tolerance)


def test_drawing_has_its_maximum_where_the_strongest_band_is(library):
    silicon = library.get("si_c" if "si_c" in library else "silicon")
    strongest = max(silicon.bands("raman"), key=lambda b: b.rel_intensity)
    shift = np.arange(100, 1200, 0.5)
    assert shift[np.argmax(envelope(silicon, shift, "raman"))] == pytest.approx(strongest.position_cm1, abs=1)
    lines = draw_text(silicon, width=60, height=5).splitlines()
    assert len(lines) == 7
    assert all(len(line) <= 60 for line in lines)


def test_states_are_alternatives_and_not_added_up(library):
    carbonate = library.get("li2co3")
    shift = np.arange(1000, 1200, 0.25)
    assert envelope(carbonate, shift, "raman").max() < 1.3


@pytest.mark.parametrize("line_shape", ["lorentzian", "gaussian", "pseudo_voigt"])
def test_uncertainty_of_a_drawing_agrees_with_random_draws(library, line_shape):
    """Against a Monte Carlo over positions and intensities, where first order holds (wide bands)."""
    entry = library.get("ec")
    band = dataclasses.replace(entry.bands("raman")[0], position_cm1=900.0, uncertainty_cm1=1.0, fwhm_cm1=30.0)
    second = dataclasses.replace(band, position_cm1=960.0, rel_intensity=0.5, rel_intensity_basis="measured")
    one = dataclasses.replace(entry, band=(band, second))
    shift = np.arange(800, 1060, 1.0)
    rng = np.random.default_rng(0)
    draws = []
    for _ in range(3000):
        moved = [
            dataclasses.replace(
                b,
                position_cm1=b.position_cm1 + rng.normal(0, b.uncertainty_cm1),
                rel_intensity=b.rel_intensity * (1 + rng.normal(0, INTENSITY_UNCERTAINTY[b.rel_intensity_basis])),
            )
            for b in one.band
        ]
        draws.append(render(dataclasses.replace(one, band=tuple(moved)), shift, line_shape=line_shape))
    scatter = np.std(draws, axis=0)
    np.testing.assert_allclose(render_uncertainty(one, shift, line_shape=line_shape), scatter, rtol=0.12, atol=0.002)


def test_drawings_are_files_that_do_not_change(library, tmp_path):
    entry = library.get("ec")
    assert svg_text(entry) == svg_text(entry)
    save_drawing(entry, tmp_path / "ec.svg")
    save_drawing(entry, tmp_path / "ec.png")
    assert (tmp_path / "ec.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(LibraryError, match="png"):
        save_drawing(entry, tmp_path / "ec.pdf")


def test_difference_names_what_changed(library):
    entry = library.get("li2co3")
    band = dataclasses.replace(entry.band[0], position_cm1=entry.band[0].position_cm1 + 1)
    changed = dataclasses.replace(entry, name="Carbonate of lithium", band=(band, *entry.band[2:]))
    new = Library({**library.entries, "li2co3": changed, "new_one": entry})
    old = Library({**library.entries, "gone": entry})
    lines = library_difference(old, new)
    assert any(line.startswith("+ new_one") for line in lines)
    assert any(line.startswith("- gone: removed; withdraw it") for line in lines)
    assert any("name was 'Lithium carbonate'" in line for line in lines)
    assert any("position_cm1 was" in line for line in lines)
    assert any("removed" in line and "band" in line for line in lines)
    assert len(lines) == 5
    assert library_difference(library, library) == []


def test_tables_of_bands_hold_every_band(library, tmp_path):
    export_library(library, tmp_path / "bands.csv")
    with open(tmp_path / "bands.csv", newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    present = [e for e in library if e.withdrawn is None]
    assert len(rows) == sum(len(e.band) for e in present)
    export_library(library, tmp_path / "bands.json")
    assert len(json.loads((tmp_path / "bands.json").read_text(encoding="utf-8"))) == len(rows)
    assert {row["provenance"] for row in rows} == {"seen", "recalled"}


def test_arrays_hold_no_pickle_and_say_what_each_curve_is(library, tmp_path):
    export_library(library, tmp_path / "drawn.npz")
    with np.load(tmp_path / "drawn.npz", allow_pickle=False) as found:
        assert found["spectra"].shape == (found["ids"].size, found["shift"].size)
        assert set(found["kinds"]) <= {"band_list", "measured", "digitised", "computed"}
        assert "lif" not in found["ids"]


def test_peak_tables_can_be_read_back_by_hand(library, tmp_path):
    small = library.filter(ids=["ec", "li2co3"])
    export_library(small, tmp_path / "two.jdx")
    text = (tmp_path / "two.jdx").read_text(encoding="utf-8")
    assert text.count("##END=") == 3
    assert "##BLOCKS= 3" in text
    positions = [float(line.split(",")[0]) for line in text.splitlines() if line[:1].isdigit()]
    assert positions == [b.position_cm1 for e in small for b in e.bands("raman")]


def test_nexus_export_is_a_native_file(library, tmp_path):
    from spectrode import read

    count = export_library(library, tmp_path / "drawn.h5")
    assert read(tmp_path / "drawn.h5").n_spectra == count


def test_other_endings_are_refused(library, tmp_path):
    with pytest.raises(LibraryError, match=r"\.csv"):
        export_library(library, tmp_path / "x.docx")


def test_collisions_of_lithium_carbonate_include_alkyl_carbonates(library):
    others = {c.other.id for c in collisions(library.get("li2co3"), library)}
    assert {"ledc", "lemc"} <= others


def test_catalogue_has_a_page_a_species_and_no_dead_links(library, tmp_path):
    import re

    part = library.filter(ids=["ec", "li2co3", "lif", "ledc"])
    index = write_catalogue(part, tmp_path / "pages")
    pages = {p.name: p.read_text(encoding="utf-8") for p in index.parent.iterdir()}
    assert {"index.html", "bands.html", "ec.html", "li2co3.html"} <= set(pages)
    for name, text in pages.items():
        for target in re.findall(r'href="([^"#]+)"', text):
            assert target in pages, f"{name} links to {target}"
        assert "<script" not in text
    assert "recalled" in pages["li2co3.html"]


# ---- from a raw file to an entry -------------------------------------------------------------------------------------


def answers(**changes):
    known = {
        "id": "test_species", "name": "Test species", "formula": "C2H4O", "smiles": "C1CO1", "group": "sei",
        "sample": "made up", "instrument": "simulated, 600 l/mm", "calibration": "Si 520.45 cm-1",
        "axis_uncertainty_cm1": 0.8, "excitation_nm": 785.0, "measured_by": "A. Tester", "measured_on": "2026-01-15",
    }  # fmt: skip
    return Answers(**{**known, **changes})


TRUE_BANDS = ((620.3, 9.0, 400.0), (1001.7, 7.0, 1000.0), (1450.2, 14.0, 250.0))


@pytest.fixture
def raw_file(tmp_path):
    rng = np.random.default_rng(4)
    shift = np.arange(300, 1800, 1.3)
    light = 3000 * np.exp(-(((shift - 200) / 1200) ** 2))
    for position, width, height in TRUE_BANDS:
        light += height / (1 + ((shift - position) / (width / 2)) ** 2)
    counts = rng.poisson(light)
    path = tmp_path / "raw.txt"
    np.savetxt(path, np.column_stack([shift, counts]), fmt="%.4f")
    return path


def test_a_measured_spectrum_becomes_a_valid_entry(raw_file, tmp_path):
    place, remarks = add_entry([raw_file], answers(), tmp_path / "mine")
    assert folder_problems(place) == []
    assert remarks == []
    entry = load_library(tmp_path / "mine").get("test_species")
    found = {b.position_cm1: b for b in entry.band}
    for position, width, _ in TRUE_BANDS:
        nearest = min(found, key=lambda p: abs(p - position))
        assert abs(nearest - position) < 3 * found[nearest].uncertainty_cm1
        assert found[nearest].uncertainty_cm1 >= 0.8, "the axis uncertainty enters every band"
        assert found[nearest].fwhm_cm1 == pytest.approx(width, rel=0.35)
    assert entry.kind == "measured"
    assert entry.measurement.original_file == "raw.txt"
    assert "arPLS" in entry.measurement.processing[0]
    assert raw_file.exists()


def test_an_existing_entry_is_never_overwritten(raw_file, tmp_path):
    add_entry([raw_file], answers(), tmp_path / "mine")
    with pytest.raises(LibraryError, match="exists already"):
        add_entry([raw_file], answers(), tmp_path / "mine")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"id": "No Good"}, "lower-case"),
        ({"licence": "all rights reserved"}, "licence"),
        ({"excitation_nm": None}, "laser line"),
        ({"calibration": "", "sample": ""}, "sample is empty"),
        ({"smiles": None}, "cas or smiles"),
    ],
)
def test_bad_answers_are_told_and_nothing_is_written(raw_file, tmp_path, changes, words):
    with pytest.raises(LibraryError, match=words):
        add_entry([raw_file], answers(**changes), tmp_path / "mine")
    assert not list((tmp_path / "mine").glob("*/*/entry.toml")) if (tmp_path / "mine").exists() else True


def test_a_spectrum_without_bands_is_refused(tmp_path):
    shift = np.arange(300, 1800, 1.3)
    noise = np.random.default_rng(0).normal(1000, 10, shift.size)
    np.savetxt(tmp_path / "flat.txt", np.column_stack([shift, noise]))
    with pytest.raises(LibraryError, match="no band stands"):
        add_entry([tmp_path / "flat.txt"], answers(min_snr=12.0), tmp_path / "mine")


def test_the_list_of_published_ids_is_kept(raw_file, tmp_path, library):
    from spectrode.resources import reference_folder

    copy = tmp_path / "reference"
    shutil.copytree(reference_folder(), copy)
    add_entry([raw_file], answers(), copy)
    assert "test_species" in (copy / "published_ids.csv").read_text(encoding="utf-8")
