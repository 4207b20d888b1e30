"""The measured runs, where the file is at hand."""

from __future__ import annotations

import pytest

from spectrode.errors import SpectrodeError
from spectrode.validation.als2004 import (
    ambiguity_lines,
    constraint_lines,
    known_spectra_lines,
    rank_lines,
    read_als2004,
    single_run_lines,
)


@pytest.fixture(scope="module")
def data(request):
    return read_als2004(request.getfixturevalue("shared_data")("unmixing/als2004dataset.MAT"))


def numbers(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_four_components(data):
    for line in rank_lines(data)[2:]:
        assert numbers(line)[1:] == ["4", "4", "4", "4"]


def test_known_spectra(data):
    fit, cosine, area = (numbers(line) for line in known_spectra_lines(data)[2:])
    assert float(fit[1]) == pytest.approx(1.9698, abs=2e-4)
    assert float(cosine[1]) == pytest.approx(0.99972, abs=2e-5)
    assert float(area[1]) == pytest.approx(1.9, abs=0.1)


def test_single_run_is_no_worse_than_peers_and_no_better_than_the_floor(data):
    rows = {numbers(line)[0]: numbers(line)[1:] for line in single_run_lines(data)[2:]}
    ours = [float(v) for v in rows["ours"]]
    floor = [float(v) for v in rows["four principal components (no method can be lower)"]]
    peer = [float(v) for v in rows["pyMCR 0.5.1, NNLS"]]
    assert all(f < o <= p for f, o, p in zip(floor, ours, peer, strict=True))


@pytest.mark.slow
def test_trilinearity_finds_the_truth(data):
    free, _, trilinear = (numbers(line) for line in constraint_lines(data)[2:])
    assert float(free[4]) > 5.0  # ambiguous with non-negativity alone
    assert min(float(trilinear[2]), float(trilinear[3])) >= 0.999
    assert float(trilinear[4]) <= 1.5


def test_bands_of_the_case_with_a_closed_answer_and_of_runs_of_one_shape(data):
    lines = [numbers(line) for line in ambiguity_lines(data)[2:]]
    for line in lines[:2]:
        assert line[1] == line[2]
    for line in lines[2:6]:
        low, high = (float(v) for v in line[1].split(" ")[0].split("–"))
        assert 0.0 < low < high < 1.0
    assert float(lines[6][1].split()[0]) < 0.01


def test_another_file_is_refused(tmp_path):
    path = tmp_path / "other.mat"
    path.write_bytes(b"nothing of the sort")
    with pytest.raises(SpectrodeError, match="is not als2004dataset"):
        read_als2004(path)
