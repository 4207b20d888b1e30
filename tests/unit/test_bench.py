"""The benchmark command, on sizes too small to say anything about speed."""

import numpy as np
from typer.testing import CliRunner

from spectrode.bench import CASES, make_spectra, measure, scaling
from spectrode.bench.scaling import Scaling
from spectrode.bench.table import scaling_lines, table_lines
from spectrode.cli import app
from spectrode.pipeline.step import registered_steps


def test_every_case_is_a_step_with_a_named_peer() -> None:
    steps = registered_steps()
    for case in CASES:
        assert case.step in steps
        assert case.peer
        assert set(case.parameters) <= set(steps[case.step].parameters)


def test_peers_run() -> None:
    data, shift = make_spectra(4, 128)
    for case in CASES:
        case.run_peer(data, shift, case.parameters)


def test_a_measurement_holds_what_it_prints() -> None:
    case = next(c for c in CASES if c.step == "baseline.snip")
    found = measure(case, rounds=1, channels=64, scale=0.01)
    assert found.ratio_low <= found.ratio <= found.ratio_high
    np.testing.assert_allclose(found.ratio, found.peer_us / found.ours_us)
    line = table_lines([found], {"baseline.snip": 1.0})[-1]
    assert "pybaselines snip" in line
    assert ("missed" in line) == (found.ratio < case.bar)
    assert "1.00 ×" in line


def test_the_exponent_is_that_of_the_times() -> None:
    found = scaling("baseline.snip", (20, 40), channels=64)
    slope = np.log(found.seconds[1] / found.seconds[0]) / np.log(2)
    np.testing.assert_allclose(found.exponent, slope)
    assert "1.000" in scaling_lines([Scaling("a", (10, 100), (1.0, 10.0), 1.0)])[-1]


def test_an_unknown_step_is_named() -> None:
    result = CliRunner().invoke(app, ["bench", "baseline.nothing"])
    assert result.exit_code == 1
    assert "baseline.asls" in str(result.exception)
