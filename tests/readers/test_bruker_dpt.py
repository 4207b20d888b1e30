"""Bruker OPUS data point tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from builders import bruker_dpt, damaged
from spectrode.errors import UnreadableFile
from spectrode.readers import read, reader_for
from spectrode.readers.bruker_dpt import READER

Write = Callable[[bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_file(content: bytes, name: str = "made.dpt") -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return to_file


@pytest.mark.parametrize("end", ["\r\n", "\n"])
@pytest.mark.parametrize(
    ("delimiter", "decimal"), [("\t", "."), (",", "."), (";", ","), ("\t", ","), (" ", "."), (";", ".")]
)
def test_separators(write: Write, delimiter: str, decimal: str, end: str) -> None:
    path = write(bruker_dpt.table(delimiter, decimal, end))
    assert reader_for(path).name == "bruker-dpt"
    data = read(path)
    np.testing.assert_array_equal(data.shift, 4000.5 - 0.5 * np.arange(6)[::-1])
    np.testing.assert_array_equal(data.intensity, [10.25 + np.arange(6)[::-1]])
    assert data.axis_kind == "wavenumber"
    assert any("infrared or Raman" in w for w in data.metadata.warnings)


def test_axis_kind(write: Write) -> None:
    path = write(bruker_dpt.table())
    raman = read(path, axis_kind="raman_shift")
    assert raman.axis_kind == "raman_shift"
    assert not raman.metadata.warnings
    assert read(write(b"10.5\t1\n0.0\t2\n-10.5\t3\n")).axis_kind == "raman_shift"


def test_several_columns_are_several_spectra(write: Write) -> None:
    data = read(write(bruker_dpt.table(columns=3)))
    np.testing.assert_array_equal(data.intensity[:, -1], [10.25, 20.25, 30.25])


def test_other_tables_are_left_alone(tmp_path: Path) -> None:
    assert not READER.sniff(tmp_path / "a.txt", bruker_dpt.table())
    for head in (b"wavenumber\tA\n1\t2\n", b"", b"\0\1\2\3", b"4000.5\n", b"1," * 5000 + b"x", b"##TITLE=x\n"):
        assert not READER.sniff(tmp_path / "a.dpt", head), head


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"4000\t1\n3999\t\xff\n", "line 2"),
        (b"4000\t1\n3999\n3998\t2\n", "line 2"),
        (b"4000\t1\n4001\t2\n3998\t2\n", "neither rising nor falling"),
        (b"4000\n3999\n", "one column"),
        (b"\n \n", "no line of numbers"),
        (b"4000\t1\nnan\t2\n", "not a number"),
    ],
)
def test_faulty_tables(write: Write, content: bytes, words: str) -> None:
    with pytest.raises(UnreadableFile, match=words):
        read(write(content), reader="bruker-dpt")


@pytest.mark.parametrize("name", bruker_dpt.examples())
def test_damage(tmp_path: Path, name: str) -> None:
    raw = bruker_dpt.examples()[name]
    for made in (*damaged.cuts(raw), *damaged.flips(raw, 150)):
        damaged.survives(READER, tmp_path / name, made)


def test_measured_file(shared_data: Callable[[str], Path]) -> None:
    path = shared_data("ir/CuPCtS_powder_ATR.dpt")
    assert reader_for(path).name == "bruker-dpt"
    data = read(path)
    assert (data.n_spectra, data.n_channels, data.axis_kind) == (1, 7259, "wavenumber")
    assert (data.shift[0], data.intensity[0, 0]) == (499.54073, 0.32353)
    assert (data.shift[-1], data.intensity[0, -1]) == (3999.21896, -0.01370)


def test_only_point_tables_are_claimed(shared_data: Callable[[str], Path]) -> None:
    folder = shared_data("ir").parent
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        with open(path, "rb") as stream:
            assert READER.sniff(path, stream.read(1 << 16)) == (path.suffix == ".dpt"), path
