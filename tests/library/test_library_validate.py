"""The checks catch what they claim to catch, all at once and in words."""

from __future__ import annotations

import pytest

from spectrode.errors import LibraryError
from spectrode.library import entry_problems, folder_problems, library_problems, load_library, read_entry, search
from spectrode.library.entry import SCHEMA_VERSION, UPGRADES
from spectrode.library.stats import stats
from spectrode.library.validate import LEDGER_NAME

GOOD = """\
schema_version = 2
id = "water"
name = "Water"
formula = "H2O"
cas = "7732-18-5"
smiles = "O"
aliases = ["moisture"]
group = "electrolyte"
kind = "band_list"
licence = "CC0-1.0"
added = "2026-11-23"

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
        ("schema_version = 2", "schema_version = 9", "schema_version is 9"),
        ('group = "electrolyte"', 'group = "sei"', "the folder lies in 'electrolyte'"),
        ('kind = "band_list"', 'kind = "measured"', "there is no spectrum.csv"),
        ('kind = "band_list"', 'kind = "measured"', "there is no [measurement]"),
        ("schema_version = 2", 'schema_version = "two"', "needs a whole number"),
        ("schema_version = 2", "schema_version = 0", "never existed"),
        ("schema_version = 2\n", "", "schema_version is missing"),
        ('licence = "CC0-1.0"', 'licence = "CC-BY-NC-4.0"', "accepted: CC0-1.0, PDDL-1.0"),
        ('licence = "CC0-1.0"', 'licence = "CC-BY-4.0"', "asks for a name in attribution"),
        ('formula = "H2O"', 'formula = "H2Xx"', "Xx is no element"),
        ('formula = "H2O"', 'formula = "H2S"', "formula H2S has the atoms S1, but smiles has O1"),
        ('added = "2026-11-23"', 'added = "23.11.2026"', "write a day as YYYY-MM-DD"),
        ('added = "2026-11-23"\n', "", "a new entry says since when"),
        ('cas = "7732-18-5"\nsmiles = "O"\n', "", "needs a cas or smiles"),
        ('rel_intensity_basis = "estimate"', 'rel_intensity_basis = "class_default"', "estimate or measure"),
        ('value = "1640"', 'value = "1540"', "'1540', is another number"),
        ("fwhm_cm1 = 80.0", "fwhm_cm1 = 900.0", "at most 500 cm-1"),
        ('added = "2026-11-23"', 'added = "2026-11-23"\nopen_question = " "', "open_question is empty"),
        ('added = "2026-11-23"', 'added = "2026-11-23"\nraman_unknown_reason = "none"', "but one is listed"),
        ('added = "2026-11-23"', 'added = "2026-11-23"\nfurther_sources = ["b"]', "'b' is not listed under [[source]]"),
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


_SECOND_SOURCE = '\n\n[[source]]\nid = "b"\ncitation = "B"\ntier = "review"\nkind = "document"\n'
TWELVE_FAULTS = {
    ('id = "water"', 'id = "Water"'): "id is 'Water'; use lower-case letters",
    ('"7732-18-5"', '"7732-18-6"'): "cas is '7732-18-6', which is not a CAS number with a correct check digit",
    ('formula = "H2O"', 'formula = "H2O2"'): "formula H2O2 has the atoms O2, but smiles has O1 (without H)",
    ('licence = "CC0-1.0"', 'licence = "proprietary"'): "licence is 'proprietary'; accepted: CC0-1.0",
    ('added = "2026-11-23"', 'added = "2026-13-23"'): "added is '2026-13-23'; write a day as YYYY-MM-DD",
    ("uncertainty_cm1 = 5", "uncertainty_cm1 = 0"): "the uncertainty is 0; it must be above 0 cm-1",
    ("fwhm_cm1 = 80.0", "fwhm_cm1 = -80.0"): "the width is -80; it must be above 0 and at most 500 cm-1",
    ("rel_intensity = 0.3", "rel_intensity = 30.0"): "rel_intensity is 30; it must be above 0 and at most 1",
    ('evidence = "established"', 'evidence = "tentative"'): "evidence is tentative; give the reason in evidence_note",
    ('value = "1640"', 'value = "1540"'): "the value quoted from 'someone1970', '1540', is another number",
    ('doi = "10.1000/182"', 'doi = "182"'): "has the doi '182'; a DOI starts with 10. and a registrant",
    ('kind = "document"\n', 'kind = "document"\n' + _SECOND_SOURCE): "the source 'b' is not used by any band or caveat",
}  # fmt: skip


def test_twelve_faults_in_one_entry_give_twelve_messages(write):
    text = GOOD
    for old, new in TWELVE_FAULTS:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    folder = write(text, "electrolyte/Water")
    problems = folder_problems(folder)
    assert len(TWELVE_FAULTS) == len(problems) == 12, problems
    for words in TWELVE_FAULTS.values():
        assert sum(words in p for p in problems) == 1, words


def test_twelve_faults_of_shape_are_told_at_once(write):
    """Where the shape is wrong, nothing else can be checked yet; all of it is still told in one go."""
    text = GOOD.replace('name = "Water"\n', "").replace('state = "liquid"', 'state = "wet"').replace("= 80.0", '= "80"')
    text = text.replace('technique = "raman"', 'technique = "nmr"').replace(
        "rel_intensity = 0.3", "rel_intensity = true"
    )
    text = text.replace('coordination = "na"', 'coordination = "tight"').replace('how = "seen"', 'how = "heard"')
    text = text.replace('evidence = "established"\n', "").replace('aliases = ["moisture"]', 'aliases = "moisture"')
    text = text.replace('tier = "peer_reviewed"', 'tier = "A"').replace('intensity = "m"', 'intensity = "strong"')
    text = text.replace("position_cm1 = 1640.0", 'position_cm1 = 1640.0\ncolour = "blue"')
    problems = folder_problems(write(text))
    assert len(problems) == 12, problems
    assert len(set(problems)) == 12


# ---- versions, withdrawal, published ids ----------------------------------------------------------------------------


def test_an_entry_of_the_first_version_is_upgraded(write):
    folder = write(GOOD.replace("schema_version = 2", "schema_version = 1"))
    assert folder_problems(folder) == []
    assert read_entry(folder / "entry.toml").schema_version == SCHEMA_VERSION
    assert set(UPGRADES) == set(range(1, SCHEMA_VERSION))


WITHDRAWN = '\n[withdrawn]\ndate = "2026-11-24"\nreason = "measured on ice"\n'


def test_a_withdrawn_entry_can_be_read_and_takes_no_part(write, tmp_path):
    write(GOOD.replace("\n[[band]]", WITHDRAWN + "\n[[band]]", 1))
    write(GOOD.replace('"water"', '"ice"').replace('"Water"', '"Ice"').replace("moisture", "frost"), "electrolyte/ice")
    library = load_library(tmp_path)
    assert library.get("water").withdrawn.reason == "measured on ice"
    assert set(library.filter("raman").entries) == {"ice"}
    assert [h.entry.id for h in search(library, formula="H2O")] == ["ice"]
    assert stats(library).total.compounds == 1
    assert library_problems(tmp_path) == []


@pytest.mark.parametrize("replaced_by", ["steam", "water"])
def test_a_withdrawn_entry_names_another_entry(write, tmp_path, replaced_by):
    write(GOOD.replace("\n[[band]]", WITHDRAWN + f'replaced_by = "{replaced_by}"\n\n[[band]]', 1))
    assert any(f"replaced by '{replaced_by}', which is no other entry" in p for p in library_problems(tmp_path))


def test_published_ids_neither_vanish_nor_return_for_another_species(write, tmp_path):
    write()
    ledger = tmp_path / LEDGER_NAME
    ledger.write_text("id,added,formula\nwater,2026-11-23,H2O\n")
    assert library_problems(tmp_path) == []
    ledger.write_text("id,added,formula\nwater,legacy,H2O2\nbrine,legacy,NaCl\n")
    problems = library_problems(tmp_path)
    assert any(p.startswith("brine: the id was published, so its entry cannot vanish") for p in problems)
    assert any("the id was published for H2O2 (legacy)" in p for p in problems)
    ledger.write_text("id,added,formula\n")
    assert any("add the line water,2026-11-23,H2O to published_ids.csv" in p for p in library_problems(tmp_path))


def test_entries_older_than_the_rules_are_spared_the_strict_ones(write, tmp_path):
    old = GOOD.replace('added = "2026-11-23"\n', "").replace('basis = "estimate"', 'basis = "class_default"')
    folder = write(old)
    assert len(folder_problems(folder)) == 2
    (tmp_path / LEDGER_NAME).write_text("id,added,formula\nwater,legacy,H2O\n")
    assert folder_problems(folder) == []


# ---- measured entries -----------------------------------------------------------------------------------------------

MEASURED = GOOD.replace('kind = "band_list"', 'kind = "measured"').replace(
    "\n[[band]]",
    """
[measurement]
technique = "raman"
instrument = "a spectrometer"
calibration = "silicon 520.5, good to 1 cm-1"
sample = "a bottle"
excitation_nm = 785.0

[[band]]""",
    1,
)


@pytest.mark.parametrize(
    ("curve", "words"),
    [
        ("shift_cm1,intensity\n" + "".join(f"{x},{x * x}\n" for x in range(20)), None),
        ("x,y\n1,2\n", "must start with the line shift_cm1,intensity"),
        ("shift_cm1,intensity\n1,a\n", "two numbers on every line"),
        ("shift_cm1,intensity\n1,2\n", "holds 1 points"),
        ("shift_cm1,intensity\n" + "".join(f"{-x},1\n" for x in range(20)), "strictly increasing"),
        ("shift_cm1,intensity\n" + "".join(f"{x},nan\n" for x in range(20)), "not finite"),
    ],
)
def test_the_curve_of_a_measured_entry_is_checked(write, curve, words):
    folder = write(MEASURED)
    (folder / "spectrum.csv").write_text(curve)
    problems = folder_problems(folder)
    assert problems == [] if words is None else any(words in p for p in problems)


def test_a_raman_measurement_names_its_laser(write):
    folder = write(MEASURED.replace("excitation_nm = 785.0\n", ""))
    assert any("excitation_nm is missing" in p for p in folder_problems(folder))
