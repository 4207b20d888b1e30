"""Every bundled entry, by name, and the statements about them that must stay true."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from spectrode.library import folder_problems, library_problems, load_library

FOLDER = Path(__file__).resolve().parents[2] / "reference_spectra"
ENTRIES = sorted(p.parent.relative_to(FOLDER).as_posix() for p in FOLDER.glob("*/*/entry.toml"))


@pytest.mark.parametrize("entry", ENTRIES)
def test_entry_passes_every_check(entry):
    assert folder_problems(FOLDER / entry) == []


def test_the_collection_passes_every_check(references):
    assert library_problems(references) == []


def test_nothing_but_entries_and_the_readme_lies_in_the_folder(references):
    stray = [
        p.relative_to(references).as_posix()
        for p in references.rglob("*")
        if p.is_file() and p.name not in ("entry.toml", "spectrum.csv") and p != references / "README.md"
    ]
    assert stray == []


def test_the_groups_a_user_expects_are_there(library):
    assert set(library.groups) == {
        "calibration", "carbon", "cei", "damage", "electrode", "electrolyte", "sei", "substrate",
    }  # fmt: skip
    assert len(library) >= 40


def test_species_without_raman_bands_are_invisible_and_named_in_the_readme(library, references):
    invisible = {e.id for e in library if not e.visible_in("raman")}
    assert invisible == {"lif", "li_metal", "metals"}
    assert not set(library.filter("raman").entries) & invisible
    readme = (references / "README.md").read_text(encoding="utf-8")
    for entry_id in invisible:
        assert f"`{entry_id}`" in readme


def test_readme_lists_every_entry(library, references):
    readme = (references / "README.md").read_text(encoding="utf-8")
    assert [e.id for e in library if f"`{e.id}`" not in readme] == []


def test_polystyrene_positions_are_those_of_astm_e1840(library):
    """ASTM E1840 means, as copied in two independent public calibration tables."""
    positions = [b.position_cm1 for b in library.get("polystyrene").bands()]
    assert positions == [620.9, 795.8, 1001.4, 1031.8, 1155.3, 1450.5, 1583.1, 1602.3, 2852.4, 2904.5, 3054.3]


def test_the_unassigned_cei_bands_of_the_review_are_nobodys(library):
    """1128–1264 and 1463–1626 cm-1 have no accepted owner: no entry may be made of them."""
    assert not [e.id for e in library if "unassigned" in e.name.lower()]


def test_a_recalled_number_is_never_marked_as_seen(library):
    for entry in library:
        tiers = {s.id: s.tier for s in entry.source}
        for band in entry.band:
            read = [r for r in band.sources if r.how == "seen" and tiers[r.id] != "unrefereed"]
            assert (band.provenance == "seen") == bool(read), (entry.id, band.position_cm1)
            assert all(r.value for r in band.sources if r.how == "seen")


def test_contested_bands_give_the_reason(library):
    contested = [(e.id, b) for e in library for b in e.band if b.evidence in ("contested", "tentative")]
    assert len(contested) > 20
    assert [i for i, b in contested if not b.evidence_note] == []
    assert "contamination" in next(b.evidence_note for i, b in contested if i == "li2co3" and b.position_cm1 == 1091.0)


def test_loading_is_repeatable_and_leaves_the_files_alone(references):
    before = hashlib.sha256(b"".join(p.read_bytes() for p in sorted(references.rglob("*.toml")))).digest()
    assert dict(load_library(references).entries) == dict(load_library(references).entries)
    assert hashlib.sha256(b"".join(p.read_bytes() for p in sorted(references.rglob("*.toml")))).digest() == before
