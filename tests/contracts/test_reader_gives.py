"""A reader declares what it gives; the table of formats in the documentation is made from that."""

from pathlib import Path

import pytest

from contracts.reader_gives import observed
from fuzz.examples import SHARED, subjects
from spectrode.electrochemistry.readers.registry import TRACE_GIVES
from spectrode.inspection import formats_page
from spectrode.readers.registry import GIVES

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", sorted(subjects()))
def test_what_a_reader_gives_is_what_it_declares(name):
    subject = subjects()[name]
    declared = set(subject.reader.gives)
    assert declared <= set(TRACE_GIVES if subject.is_trace else GIVES)
    assert observed(subject) <= declared, "an example gives more than the reader declares"
    if SHARED.is_dir():
        assert declared <= observed(subject, shared=True), "no example gives what the reader declares"


def test_the_page_of_formats_is_up_to_date():
    """``python docs/make_formats.py`` writes it."""
    assert (ROOT / "docs" / "formats.md").read_text(encoding="utf-8") == formats_page()
