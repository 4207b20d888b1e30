"""WITec text exports: the header variants, headed graphs, TrueMatch; synthetic and measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import spectrode
from spectrode.errors import UnreadableFile
from spectrode.readers import witec_text
from spectrode.readers.registry import read, reader_for

AXIS = np.array([87.74, 191.03, 294.32, 397.6])


def table(counts: np.ndarray, labels: list[str] | None, units: str | None, axis: np.ndarray = AXIS) -> str:
    """Write what WITec writes: axis in the first column, numbers in scientific notation behind a space."""
    rows = ["\t".join(f" {v:.5E}" for v in (a, *c)) for a, c in zip(axis, counts.T, strict=True)]
    if units is not None:
        rows.insert(0, "\t".join([units, *["CCD cts"] * counts.shape[0]]))
    if labels is not None:
        rows.insert(0, "\t".join(["X-Axis", *labels]))
    return "\n".join(rows) + "\n"


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.replace("\n", "\r\n").encode(encoding))
    return path


PIXELS = [f"Map_000_Spec.Data 1_F({x}/{y})" for y in range(2) for x in range(3)]
COUNTS = np.arange(24.0).reshape(6, 4)


@pytest.mark.parametrize(("labels", "units"), [(PIXELS, "rel. 1/cm"), (PIXELS, None), (None, "rel. 1/cm")])
def test_header_variants_give_one_array(tmp_path, labels, units):
    data = read(write(tmp_path / "m.txt", table(COUNTS, labels, units)))
    assert data.metadata.sources[0].reader == "witec-text"
    np.testing.assert_array_equal(data.intensity, COUNTS)
    np.testing.assert_array_equal(data.shift, AXIS)
    warned = any("positions are unknown" in w for w in data.metadata.warnings)
    if labels is None:
        assert (data.scan_shape, warned) == ((), True)
    else:
        assert (data.scan_shape, warned) == ((("y", 2), ("x", 3)), False)
        assert data.metadata.title == "Map_000_Spec.Data 1"


def test_pixels_are_placed_by_label_not_by_order(tmp_path):
    order = [5, 0, 4, 1, 3]  # one pixel missing
    data = read(write(tmp_path / "m.txt", table(COUNTS[order], [PIXELS[k] for k in order], "rel. 1/cm")))
    np.testing.assert_array_equal(data.scan_index, order)
    np.testing.assert_array_equal(data.as_cube(data.intensity[:, 0]), [[0, 4, np.nan], [12, 16, 20]])


def test_series_have_an_order_but_no_time(tmp_path):
    labels = [f"Time Series_000_Spec.Data 1({k})" for k in range(6)]
    data = read(write(tmp_path / "t.txt", table(COUNTS, labels, "rel. 1/cm")))
    assert data.scan_shape == (("time", 6),)
    assert "time_s" not in data.columns
    assert any("neither time nor position" in w for w in data.metadata.warnings)


@pytest.mark.parametrize(("unit", "kind"), [("nm", "wavelength"), ("rel. 1/cm", "raman_shift"), ("1/cm", "wavenumber")])
def test_unit_row_gives_the_kind_of_axis(tmp_path, unit, kind):
    assert read(write(tmp_path / "m.txt", table(COUNTS, PIXELS, unit))).axis_kind == kind


def test_unknown_unit_is_refused(tmp_path):
    with pytest.raises(UnreadableFile, match=r"axis in 'eV'; known are rel\. 1/cm"):
        read(write(tmp_path / "m.txt", table(COUNTS, PIXELS, "eV")))


def test_falling_axis_is_turned_with_the_counts(tmp_path):
    data = read(write(tmp_path / "m.txt", table(COUNTS, PIXELS, "rel. 1/cm", AXIS[::-1])))
    np.testing.assert_array_equal(data.shift, AXIS)
    np.testing.assert_array_equal(data.intensity, COUNTS[:, ::-1])


def test_plain_table_is_left_to_the_generic_reader(tmp_path):
    path = write(tmp_path / "m.txt", table(COUNTS, None, None))
    assert reader_for(path).name == "delimited-text"
    data = read(path)
    np.testing.assert_array_equal(data.intensity, COUNTS)
    assert any("neither time nor position" in w for w in data.metadata.warnings)


GRAPH = """//Exported ASCII-File
[Header]
FileName = C:\\data\\a.wip
GraphName = Spectrum--000--Spec.Data 1
SizeX = {x}
SizeY = {y}
SizeGraph = 4
{more}
XAxisUnit = nm
DataUnit = CCD cts

[Data]
"""


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "utf-16"])
def test_graph_with_header(tmp_path, encoding):
    position = "PositionUnit = µm\nPositionX = 2.5\nPositionY = -1\nPositionZ = 0"
    text = GRAPH.format(x=1, y=1, more=position)
    text += "X-Axis,Spectrum--000--Spec.Data 1\nnm,CCD cts\n"
    text += "".join(f" {500 + k:.9E}, {k * 1.5:.9E}\n" for k in range(4))
    data = read(write(tmp_path / "g.txt", text, encoding))
    assert data.axis_kind == "wavelength"
    np.testing.assert_array_equal(data.shift, [500, 501, 502, 503])
    np.testing.assert_array_equal(data.intensity, [[0, 1.5, 3, 4.5]])
    assert [data.columns[f"{a}_um"][0] for a in "xyz"] == [2.5, -1, 0]
    assert data.metadata.vendor["header"]["FileName"] == "C:\\data\\a.wip"


def test_graph_of_a_map_has_pixel_steps(tmp_path):
    more = "ScanUnit = µm\nScanWidth = 30\nScanHeight = 10\nScanOriginX = 100"
    text = GRAPH.format(x=3, y=2, more=more) + table(COUNTS, None, None, np.arange(500.0, 504))
    data = read(write(tmp_path / "g.txt", text))
    assert data.scan_shape == (("y", 2), ("x", 3))
    assert data.columns["x_um"].tolist() == [0, 10, 20, 0, 10, 20]
    assert data.columns["y_um"].tolist() == [0, 0, 0, 5, 5, 5]


def truematch(*axes: np.ndarray) -> str:
    text = "[WITEC_TRUEMATCH_ASCII_HEADER]\nVersion = 1.0\n\n"
    for number, axis in enumerate(axes):
        text += f"[SpectrumHeader]\nTitle = Particle {number}\nExcitationWavelength = 532.2\n"
        text += f"SpectrumSize = {axis.size}\nXDataKind = nm\n\n[SampleMetaData]\nArea = {number}.5\n\n[SpectrumData]\n"
        text += "".join(f"{a}\t{number * 10 + k}\n" for k, a in enumerate(axis)) + "\n"
    return text


def test_truematch(tmp_path):
    axis = np.array([528.2, 528.34, 528.48])
    data = read(write(tmp_path / "p.txt", truematch(axis, axis)))
    np.testing.assert_array_equal(data.intensity, [[0, 1, 2], [10, 11, 12]])
    assert data.axis_kind == "wavelength"
    assert data.metadata.laser.wavelength_nm == 532.2
    assert [s["Area"] for s in data.metadata.vendor["spectra"]] == ["0.5", "1.5"]


def test_truematch_on_two_axes_is_refused(tmp_path):
    axis = np.array([528.2, 528.34, 528.48])
    with pytest.raises(UnreadableFile, match="different axes"):
        read(write(tmp_path / "p.txt", truematch(axis, axis + 0.1)))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("X-Axis\tSpec.Data 1(0)\n", "no numbers after its header"),
        (table(COUNTS, PIXELS, "rel. 1/cm")[:-27], "line 6 has 5 values where line 3 has 7"),
        ("//Exported ASCII-File\n[Header]\nSizeGraph = 4\n", "no \\[Data\\] section"),
        (GRAPH.format(x=1, y=1, more="") + "500\t1\n501\t2\n", "announces 4 channels but holds 2"),
        (GRAPH.format(x=5, y=1, more="") + "500\t1\n501\t2\n502\t2\n503\t2\n", "announces 5 × 1 spectra but holds 1"),
        (truematch(AXIS)[:-9], "announces 4 channels"),
        (truematch(AXIS)[:-4], "line 17 has 1 values where line 14 has 2"),
        ("[WITEC_TRUEMATCH_ASCII_HEADER]\nVersion = 1.0\n", "without any spectrum"),
        ("[WITEC_TRUEMATCH_ASCII_HEADER]\n[SpectrumHeader]\nTitle = a\n", "without \\[SpectrumData\\]"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, text, said):
    with pytest.raises(UnreadableFile, match=said):
        read(write(tmp_path / "a.txt", text))


def test_nan_one_spectrum_one_channel(tmp_path):
    text = "X-Axis\tSpec.Data 1\nrel. 1/cm\tCCD cts\n 1.0E+02\t NaN\n 2.0E+02\t 1.0E+00\n"
    data = read(write(tmp_path / "a.txt", text))
    assert data.columns["flags"].tolist() == [32]
    one = read(write(tmp_path / "b.txt", "X-Axis\tSpec.Data 1\nrel. 1/cm\tCCD cts\n 1.0E+02\t 5\n"))
    assert (one.n_spectra, one.n_channels) == (1, 1)


def test_sniffer_declines_other_files(tmp_path):
    for head in (
        b"EC-Lab ASCII FILE\r\n",
        b"##TITLE=x\r\n",
        b"<xml>",
        b"X-Axis,Intensity\n1,2\n",
        b"100.5\t2\n101.5\t3\n",
        b"X-Axis\tSpec.Data\x00 1\n",
        b"//Exported ASCII-File\n[Header]\nImageName = a\n",
        b"",
    ):
        assert not witec_text.sniff(tmp_path / "x.txt", head), head


# -- measured files ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", ["full", "label", "unit", "no"])
def test_map_variants_equal_the_separate_export(shared_data, variant):
    data = spectrode.read(shared_data(f"witec/Witec-Map_{variant}.txt"))
    counts = np.loadtxt(shared_data("witec/Witec-Map-y.dat")).reshape(25, 1024)
    np.testing.assert_array_equal(data.intensity, counts)
    np.testing.assert_allclose(data.shift, np.loadtxt(shared_data("witec/Witec-Map-x.dat")), rtol=6e-6)
    assert data.scan_shape == ((("y", 5), ("x", 5)) if variant in ("full", "label") else ())
    mean = data.intensity.mean(axis=0)
    near = (data.shift > 500) & (data.shift < 550)
    assert data.shift[near][np.argmax(mean[near])] == pytest.approx(525.7, abs=1.6)  # half a channel


@pytest.mark.parametrize("variant", ["full", "label", "unit"])
def test_series_variants_equal_the_separate_export(shared_data, variant):
    data = spectrode.read(shared_data(f"witec/Witec-timeseries_{variant}.txt"))
    counts = np.loadtxt(shared_data("witec/Witec-timeseries-y.dat")).reshape(100, 1024)
    np.testing.assert_array_equal(data.intensity, counts)
    assert data.metadata.sources[0].reader == "witec-text"


def test_silicon_wafer(shared_data):
    data = spectrode.read(shared_data("witec/Si-wafer-Raman-Spectrum-1.txt"))
    assert (data.n_spectra, data.n_channels, data.axis_kind) == (1, 1600, "wavelength")
    assert data.shift[0] == 530.7816803
    assert data.metadata.title == "Spectrum--000--Spec.Data 1"
    # Silicon's 520.7 cm-1 line, excited by the line that the same file shows saturated near 532.3 nm.
    laser = data.shift[data.intensity[0] >= 65535].mean()
    away = data.shift > 540
    line = data.shift[away][np.argmax(data.intensity[0][away])]
    assert 1e7 / laser - 1e7 / line == pytest.approx(520.7, abs=8)  # the laser line is 8 channels of 2.9 cm-1 wide


def test_truematch_particles(shared_data):
    data = spectrode.read(shared_data("witec/Witec_TrueMatch.txt"))
    assert (data.n_spectra, data.n_channels, data.axis_kind) == (2, 1024, "wavelength")
    assert data.metadata.laser.wavelength_nm == pytest.approx(532.200988769531)
    assert data.metadata.vendor["spectra"][1]["Title"] == "Particle 4681"
    assert data.intensity[0, :3].tolist() == [683, 680, 683.5]


def test_single_column_export_is_refused_in_words(shared_data):
    with pytest.raises(UnreadableFile, match="one column of numbers"):
        spectrode.read(shared_data("witec/Witec-Map-x.dat"))
