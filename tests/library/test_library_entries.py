"""Every bundled entry, by name, and the statements about them that must stay true."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path

import pytest

from spectrode.library import folder_problems, library_problems, load_library, read_entry
from spectrode.library.generate import updated_ledger, updated_readme
from spectrode.library.json_schema import entry_schema, entry_schema_text
from spectrode.library.stats import stats, stats_table
from spectrode.library.write import dump_entry

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
        if p.is_file() and p.name not in ("entry.toml", "spectrum.csv") and p.parent != references
    ]
    assert stray == []
    beside = {p.name for p in references.iterdir() if p.is_file()}
    assert beside == {"README.md", "entry.schema.json", "published_ids.csv"}


def test_the_groups_a_user_expects_are_there(library):
    assert set(library.groups) == {
        "binder", "calibration", "carbon", "cei", "damage", "electrode", "electrolyte", "gas", "interferent", "probe",
        "sei", "separator", "substrate",
    }  # fmt: skip
    assert len(library) >= 183


def test_species_without_raman_bands_are_invisible_and_named_in_the_readme(library, references):
    invisible = {e.id for e in library if not e.visible_in("raman")}
    assert invisible == {
        "lif", "lih", "li_metal", "metals", "naf",  # forbidden
        "alumina_am", "lec", "li3p", "opal", "water_vapour",  # not known
    }  # fmt: skip
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


def test_the_unassigned_cei_bands_of_the_review_are_an_open_question(library):
    """1128–1264 and 1463–1626 cm-1 have no accepted owner: the entry says so and can never be assigned."""
    entry = library.get("cei_broad")
    assert "no accepted owner" in entry.open_question
    assert all(b.evidence == "contested" for b in entry.band)
    assert {c.id for c in entry.caveat} >= {"cei_unassigned", "sers_carbon"}


def test_open_questions_are_the_ones_known(library):
    assert {e.id for e in library if e.open_question} == {"acetylide", "cei_broad", "dedohc"}


def test_caveats_stand_with_their_sources(library):
    caveats = {c.id: c for e in library for c in e.caveat}
    assert len(caveats) == 28
    assert {"lif_raman", "acetylide_damage", "lemc_ledc"} <= set(caveats)
    assert all(c.sources for c in caveats.values())
    assert "lif_raman" in {c.id for c in library.get("lif").caveat}


def test_generated_files_are_up_to_date(references, library):
    assert (references / "entry.schema.json").read_text(encoding="utf-8") == entry_schema_text()
    readme = (references / "README.md").read_text(encoding="utf-8")
    assert readme == updated_readme(readme, library), "run python -m spectrode.library.generate reference_spectra"
    ledger = (references / "published_ids.csv").read_text(encoding="utf-8")
    assert ledger == updated_ledger(ledger, library)
    assert sum(",legacy," in line for line in ledger.splitlines()) == 183, "nothing joins the legacy entries any more"


def test_every_file_is_in_the_canonical_form(references):
    for path in references.glob("*/*/entry.toml"):
        assert dump_entry(read_entry(path)) == path.read_text(encoding="utf-8"), path


def test_json_schema_accepts_every_entry_and_refuses_a_wrong_one(references):
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator(entry_schema())
    table = {}
    for path in references.glob("*/*/entry.toml"):
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        assert list(validator.iter_errors(table)) == [], path
    assert not validator.is_valid(table | {"colour": "blue"})
    assert not validator.is_valid(table | {"kind": "drawn"})
    assert not validator.is_valid({k: v for k, v in table.items() if k != "formula"})


def test_numbers_are_counted_not_claimed(library):
    total = stats(library).total
    bands = [b for e in library for b in e.band]
    assert total.compounds == len(library) == 183
    assert total.bands == len(bands) == sum(g.bands for g in stats(library).groups)
    assert total.share_seen == pytest.approx(sum(b.provenance == "seen" for b in bands) / len(bands))
    assert total.sources == len({s.id for e in library for s in e.source})
    assert f"| **all** | {total.compounds} |" in stats_table(stats(library))


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
