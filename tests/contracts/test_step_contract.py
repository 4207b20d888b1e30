"""Every registered step, and every step let in from RamanSPy, keeps the contract."""

from __future__ import annotations

import numpy as np
import pytest
from step_contract import CASES, CHECKS, SHIFT, case_of, check_declaration, spectra

from spectrode.errors import Cancelled, StepError
from spectrode.interop.ramanspy import ALLOWED
from spectrode.pipeline.citations import CITATIONS
from spectrode.pipeline.execute import BLOCK
from spectrode.pipeline.step import StepOutput, registered_steps, step, step_spec

STEPS = [*registered_steps(), *(f"ramanspy.{name}" for name in sorted(ALLOWED))]


@pytest.mark.parametrize("name", STEPS)
def test_declaration(name: str) -> None:
    check_declaration(step_spec(name))


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("name", STEPS)
def test_step(name: str, check: str) -> None:
    spec = step_spec(name)
    CHECKS[check](spec, case_of(spec))


def test_the_cases_are_of_existing_steps() -> None:
    assert set(CASES) <= set(STEPS)


def test_the_families_that_a_chemist_looks_for_are_there() -> None:
    wanted = {
        *("crop.range", "crop.resample", "calibrate.shift", "calibrate.reference_line"),
        *("despike.whitaker_hayes", "despike.neighbours", "despike.auto", "smooth.savgol", "smooth.whittaker"),
        *("baseline.asls", "baseline.arpls", "baseline.airpls", "baseline.snip", "baseline.pspline_arpls"),
        *("normalise.exposure", "normalise.power", "normalise.band", "normalise.vector", "normalise.area"),
    }
    assert wanted <= set(registered_steps())


def test_every_citation_is_a_reference() -> None:
    for key, text in CITATIONS.items():
        assert len(text) > 40, key
        assert "  " not in text


def test_an_unknown_step_lists_its_family() -> None:
    with pytest.raises(StepError, match=r"no step 'smooth\.gauss'; possible: smooth\.savgol, smooth\.whittaker"):
        step_spec("smooth.gauss")


@step("dummy.count", register=False)
def _count(intensity, shift):
    """Return the input and count the spectra that it saw."""
    return StepOutput(intensity, shift, counts={"{count} of {total} seen": len(intensity)})


def test_counts_are_added_up_over_blocks() -> None:
    seen = []
    total = 2 * BLOCK + 7
    out = _count(np.ones((total, 5)), np.arange(5.0), progress=lambda done, of: seen.append((done, of)))
    assert out.notes == (f"{total} of {total} seen",)
    assert seen == [(BLOCK, total), (2 * BLOCK, total), (total, total)]


def test_a_run_can_be_cancelled_between_blocks() -> None:
    with pytest.raises(Cancelled, match=r"dummy\.count"):
        _count(np.ones((1200, 5)), np.arange(5.0), should_stop=lambda: True)


@pytest.mark.parametrize("axis", [[0, 1, np.inf], [0, np.nan, 2], [0, 1, 1], [0, 2, 1]])
def test_an_axis_that_is_not_monotonic_and_finite_is_refused(axis: list[float]) -> None:
    with pytest.raises(StepError, match="strictly increasing or decreasing and finite"):
        _count(np.ones((2, 3)), axis)


def test_an_axis_of_another_length_is_refused() -> None:
    with pytest.raises(StepError, match="200 channels"):
        _count(spectra(), SHIFT[:-1])


def test_a_column_of_another_length_is_refused() -> None:
    with pytest.raises(StepError, match=r"exposure_s must have shape \(12,\), but has \(3,\)"):
        step_spec("normalise.exposure").call(spectra(), SHIFT, exposure_s=[1.0, 2.0, 3.0])


def test_one_value_stands_for_all_spectra() -> None:
    out = step_spec("normalise.exposure").call(spectra(), SHIFT, exposure_s=2.0)
    np.testing.assert_allclose(out.intensity, spectra() / 2)


def test_masked_channels_are_treated_by_what_was_done_around_them() -> None:
    y = spectra()
    mask = np.zeros(SHIFT.size, dtype=bool)
    mask[50] = True
    divided = step_spec("normalise.vector").call(y, SHIFT, mask=mask)
    np.testing.assert_allclose(divided.intensity[:, 50], y[:, 50] / divided.products["scale"])
    flat = step_spec("baseline.arpls").call(y, SHIFT, mask=mask)
    np.testing.assert_allclose(flat.intensity[:, 50], y[:, 50] - flat.products["background"][:, 50])
