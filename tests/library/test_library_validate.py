"""The checks catch what they claim to catch, all at once and in words."""

from __future__ import annotations

import pytest

from spectrode.errors import LibraryError
from spectrode.library import entry_problems, folder_problems, library_problems, load_library, read_entry

GOOD = """\
schema_version = 1
id = "water"
name = "Water"
formula = "H2O"
cas = "7732-18-5"
smiles = "O"
aliases = ["moisture"]
group = "electrolyte"
kind = "band_list"
licence = "CC0-1.0"

[[band]]
technique = "raman"
position_cm1 = 1640.0
uncertainty_cm1 = 5
fwhm_cm1 = 80.0
intensity = "m"
rel_intensity = 0.3
rel_intensity_basis = "estimate"
assignment = "bend"
state = "liquid"
coordination = "na"
evidence = "established"
provenance = "seen"
basis = "value_in_document"
sources = [{ id = "someone1970", how = "seen", value = "1640" }]

[[source]]
id = "someone1970"
citation = "Someone, J. Nothing 1 (1970) 1"
doi = "10.1000/182"
tier = "peer_reviewed"
kind = "document"
"""


@pytest.fixture
def write(tmp_path):
    def write(text=GOOD, folder="electrolyte/water"):
        place = tmp_path / folder
        place.mkdir(parents=True, exist_ok=True)
        (place / "entry.toml").write_text(text, encoding="utf-8")
        return place

    return write


def test_a_good_entry_has_no_problem(write):
    folder = write()
    assert folder_problems(folder) == []
    entry = read_entry(folder / "entry.toml")
    assert entry.band[0].uncertainty_cm1 == 5.0
    assert isinstance(entry.band[0].uncertainty_cm1, float)
    assert entry.visible_in("raman")
    assert not entry.visible_in("ir")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('cas = "7732-18-5"', 'cas = "7732-18-4"', "check digit"),
        ('smiles = "O"', 'smiles = "C(O"', "smiles"),
        ('id = "water"', 'id = "Water 1"', "lower-case"),
        ("position_cm1 = 1640.0", "position_cm1 = 0.0", "between 0 and 5000"),
        ("position_cm1 = 1640.0", "position_cm1 = 5000.0", "between 0 and 5000"),
        ("position_cm1 = 1640.0", "position_cm1 = nan", "needs a number"),
        ("position_cm1 = 1640.0", 'position_cm1 = "1640"', "needs a number"),
        ("position_cm1 = 1640.0", "position_cm1 = true", "needs a number"),
        ("uncertainty_cm1 = 5", "uncertainty_cm1 = 0", "uncertainty is 0"),
        ("fwhm_cm1 = 80.0", "fwhm_cm1 = -1.0", "width is -1"),
        ("rel_intensity = 0.3", "rel_intensity = 1.2", "rel_intensity is 1.2"),
        ('intensity = "m"', 'intensity = "strong"', "possible: vs, s, m, w, vw, sh"),
        ('state = "liquid"', 'state = "wet"', "'wet'; possible: amorphous"),
        ('evidence = "established"', 'evidence = "contested"', "give the reason in evidence_note"),
        ('provenance = "seen"', 'provenance = "recalled"', "recalled, but the value was seen in 'someone1970'"),
        ('how = "seen", value = "1640"', 'how = "recalled"', "provenance is seen, but no source"),
        (', value = "1640"', "", "its value is not quoted"),
        ('tier = "peer_reviewed"', 'tier = "unrefereed"', "no source above the tier unrefereed"),
        ('doi = "10.1000/182"', 'doi = "doi:10.1000/182"', "a DOI starts with 10."),
        ('[{ id = "someone1970"', '[{ id = "nobody"', "'nobody' is not listed under [[source]]"),
        ('technique = "raman"', 'technique = "ir"', "say why in no_raman_reason"),
        ('aliases = ["moisture"]', 'aliases = ["moisture"]\ncolour = "none"', "the key 'colour' is not known"),
        ('formula = "H2O"\n', "", "formula is missing"),
        ("schema_version = 1", "schema_version = 9", "schema_version is 9"),
        ('group = "electrolyte"', 'group = "sei"', "the folder lies in 'electrolyte'"),
        ('kind = "band_list"', 'kind = "measured"', "there is no spectrum.csv"),
        ("[[band]]", "[[band", "not valid TOML"),
    ],
)
def test_each_fault_is_named(write, old, new, words):
    assert old in GOOD
    problems = folder_problems(write(GOOD.replace(old, new, 1)))
    assert any(words in p for p in problems), problems


def test_all_faults_are_told_at_once(write):
    text = GOOD.replace('cas = "7732-18-5"', 'cas = "1-1"').replace("uncertainty_cm1 = 5", "uncertainty_cm1 = -5")
    text = text.replace("rel_intensity = 0.3", "rel_intensity = 3.0")
    assert len(folder_problems(write(text))) == 3


def test_shape_faults_are_told_at_once_too(write):
    text = GOOD.replace('name = "Water"\n', "").replace('state = "liquid"', 'state = "wet"').replace("= 80.0", '= "80"')
    problems = folder_problems(write(text))
    assert len(problems) == 3
    assert any("band 1 (raman 1640.0): state" in p for p in problems)


def test_an_entry_that_denies_raman_bands_may_only_list_contested_ones(write):
    folder = write(GOOD.replace('licence = "CC0-1.0"', 'licence = "CC0-1.0"\nno_raman_reason = "forbidden"'))
    assert any("can only be contested or tentative" in p for p in folder_problems(folder))


def test_the_same_band_twice_is_a_problem(write):
    band = GOOD[GOOD.index("[[band]]") : GOOD.index("[[source]]")]
    entry = read_entry(write(GOOD + "\n" + band) / "entry.toml")
    assert any("listed 2 times" in p for p in entry_problems(entry))


def test_names_and_sources_must_agree_across_entries(write, tmp_path):
    write()
    other = GOOD.replace('id = "water"', 'id = "brine"').replace('name = "Water"', 'name = "Moisture"')
    write(other.replace("J. Nothing 1", "J. Nothing 2"), "electrolyte/brine")
    problems = library_problems(tmp_path)
    assert any("the name 'moisture' already belongs to electrolyte/brine" in p for p in problems)
    assert any("the source 'someone1970' reads differently in electrolyte/brine" in p for p in problems)


def test_a_stray_file_is_a_problem(write):
    folder = write()
    (folder / "notes.txt").write_text("x")
    assert any("notes.txt" in p for p in folder_problems(folder))


def test_loading_names_the_file_and_every_problem(write, tmp_path):
    write(GOOD.replace('formula = "H2O"\n', ""))
    write(GOOD.replace('kind = "band_list"', 'kind = "drawn"'), "sei/water")
    with pytest.raises(LibraryError) as caught:
        load_library(tmp_path)
    assert "electrolyte/water/entry.toml: entry: formula is missing" in str(caught.value)
    assert "sei/water/entry.toml: entry: kind is 'drawn'" in str(caught.value)


def test_an_id_in_two_groups_is_refused(write, tmp_path):
    write()
    write(folder="sei/water")
    with pytest.raises(LibraryError, match="is taken by group electrolyte"):
        load_library(tmp_path)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(LibraryError, match="holds no reference entry"):
        load_library(tmp_path)
    assert library_problems(tmp_path)
