"""Saved calibrations: exact round trips, refusals, upgrades."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spectrode.calibration import (
    AxisPart,
    Calibration,
    CheckLine,
    IntensityPart,
    LineUsed,
    Source,
    Verification,
    calibration_from_text,
    calibration_to_text,
    files,
    load_calibration,
    save_calibration,
)
from spectrode.errors import SpectrodeError

number = st.floats(allow_nan=False, allow_infinity=False)
numbers = st.lists(number, max_size=4).map(tuple)
pair = st.tuples(number, number)
words = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=12)
axes = st.builds(
    AxisPart,
    *[number] * 3,
    coefficients=numbers,
    covariance=st.lists(numbers, max_size=3).map(tuple),
    scatter_nm=number,
    valid_nm=pair,
    laser_vacuum_nm=number,
    laser_nominal_nm=st.none() | number,
    laser_sigma_cm1=number,
    laser_from=words,
    lines=st.lists(st.builds(LineUsed, *[number] * 4, st.booleans()), max_size=2).map(tuple),
    spacing_nm=st.none() | st.tuples(number, number, number),
    verification=st.none()
    | st.builds(Verification, words, number, st.lists(st.builds(CheckLine, *[number] * 4), max_size=2).map(tuple)),
)
intensities = st.builds(IntensityPart, words, number, number, numbers, numbers, numbers, words)
calibrations = st.builds(
    Calibration,
    *[words] * 3,
    objective=st.none() | words,
    grating=st.none() | words,
    axis=st.none() | axes,
    intensity=st.none() | intensities,
    sources=st.lists(st.builds(Source, *[words] * 3), max_size=2).map(tuple),
    flags=st.lists(words, max_size=2).map(tuple),
)


@settings(max_examples=60, deadline=None)
@given(calibrations, st.sampled_from(["toml", "json"]))
def test_every_number_and_word_comes_back(calibration: Calibration, kind: Any) -> None:
    assert calibration_from_text(calibration_to_text(calibration, kind), kind) == calibration


def changed(**entries: Any) -> str:
    data = json.loads(calibration_to_text(Calibration(created="2026-01-01T00:00:00+00:00"), "json"))
    data.update(entries)
    return json.dumps({k: v for k, v in data.items() if v is not None})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (changed(schema=99), "calibration of version 99, but this program knows versions up to 1; use a newer"),
        (changed(schema="1"), "without a readable version"),
        (changed(kind="something"), "not a calibration made by Spectrode"),
        (changed(created=None), "damaged calibration.*created"),
        (changed(colour="red"), "damaged calibration.*unknown entries colour"),
        (changed(flags="x"), "damaged calibration.*a list was expected"),
        (changed(axis={"centre_nm": "x"}), "damaged calibration.*a finite number was expected"),
        ("{", "not a calibration"),
        ("[1]", "not a calibration made by"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_sentence(text: str, message: str) -> None:
    with pytest.raises(SpectrodeError, match=message) as caught:
        calibration_from_text(text, "json")
    assert "\n" not in str(caught.value)


def test_an_old_version_is_upgraded(monkeypatch: pytest.MonkeyPatch) -> None:
    old = calibration_to_text(Calibration(created="2026-01-01T00:00:00+00:00", instrument="A"))
    monkeypatch.setattr(files, "SCHEMA", 2)
    monkeypatch.setitem(files._UPGRADES, 1, lambda data: {**data, "instrument": data["instrument"] + "B"})
    assert calibration_from_text(old).instrument == "AB"


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "cal.toml"
    first = Calibration(created="2026-01-01T00:00:00+00:00", optical_path="x20 µ")
    save_calibration(first, path)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", lambda *a, **k: (_ for _ in ()).throw(OSError("full")))
        with pytest.raises(OSError, match="full"):
            save_calibration(Calibration(created="x"), path)
    assert load_calibration(path) == first
    assert [p.name for p in tmp_path.iterdir()] == ["cal.toml"]
    for name, message in (("none.toml", "cannot be read"), ("cal.pickle", r"a \.toml or \.json file")):
        with pytest.raises(SpectrodeError, match=message):
            load_calibration(tmp_path / name)
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SpectrodeError, match="not text"):
        load_calibration(tmp_path / "b.toml")
