"""The contract catches bad steps: each of these breaks one rule on purpose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
import pytest
from step_contract import CHECKS, Case, check_declaration

from spectrode.errors import StepError
from spectrode.pipeline.parameters import Between
from spectrode.pipeline.step import StepOutput, StepSpec, step

CAUGHT = (AssertionError, StepError, pytest.fail.Exception)


class Unguarded(StepSpec):
    """A step whose function is called as it is: what the contract sees without the guards of ``run_step``."""

    @property
    def call(self) -> Callable[..., StepOutput]:
        def plain(intensity: Any, shift: Any, mask: Any = None, **parameters: Any) -> StepOutput:
            if parameters:
                raise StepError(f"{self.name}: {next(iter(parameters))} is not known to this step")
            result = self.function(np.asarray(intensity), np.asarray(shift))
            return result if isinstance(result, StepOutput) else StepOutput(result, np.asarray(shift))

        return plain


def unguarded(function: Callable[..., Any]) -> StepSpec:
    return Unguarded("bad.step", function, {}, "A bad step.")


def guarded(function: Callable[..., Any], **declared: Any) -> StepSpec:
    return step("bad.step", register=False, **declared)(function).spec  # type: ignore[attr-defined]


def fails(check: str, spec: StepSpec) -> None:
    with pytest.raises(CAUGHT):
        CHECKS[check](spec, Case())


def identity(intensity, shift):
    """Return the input."""
    return intensity


def test_a_good_step_passes_everything() -> None:
    for check in CHECKS.values():
        check(guarded(identity), Case())


# -- caught although nothing guards the function ----------------------------------------------------------------------


def test_changes_the_callers_array() -> None:
    def bad(intensity, shift):
        intensity -= intensity.min()
        return intensity.copy()

    fails("caller_arrays", unguarded(bad))


def test_gives_the_callers_memory_back() -> None:
    fails("caller_arrays", unguarded(identity))


def test_changes_single_precision_to_double() -> None:
    fails("types", unguarded(lambda y, x: y.astype(np.float64)))


def test_keeps_whole_numbers_whole() -> None:
    fails("types", unguarded(lambda y, x: y.copy()))


def test_cannot_take_one_flat_spectrum() -> None:
    def bad(intensity, shift):
        if intensity.ndim == 1:
            raise StepError("bad.step needs a list of spectra, but one was given")
        return intensity.copy()

    fails("one_spectrum", unguarded(bad))


def test_depends_on_the_direction_of_the_axis() -> None:
    fails("reversed_axis", unguarded(lambda y, x: y * np.arange(y.shape[-1])))


def test_reverses_the_axis() -> None:
    fails("shape_and_axis", unguarded(lambda y, x: StepOutput(y[:, ::-1], x[::-1])))


def test_listens_to_masked_channels() -> None:
    fails("mask", unguarded(lambda y, x: y - y.mean(axis=1, keepdims=True)))


def test_spreads_a_lost_channel_over_its_spectrum() -> None:
    fails("lost_channel", unguarded(lambda y, x: y - y.mean(axis=-1, keepdims=True)))


def test_takes_unknown_parameters() -> None:
    class Careless(Unguarded):
        @property
        def call(self) -> Callable[..., StepOutput]:
            return lambda intensity, shift, **anything: StepOutput(intensity, shift)

    fails("messages", Careless("bad.step", identity, {}, "A bad step."))


# -- caught behind the guards -----------------------------------------------------------------------------------------


def test_mixes_neighbouring_spectra() -> None:
    def bad(intensity, shift):
        """Smooth across spectra."""
        return (intensity + np.roll(intensity, 1, axis=0)) / 2

    fails("independence", guarded(bad))
    CHECKS["independence"](guarded(bad, uses_neighbours=True), Case())  # declared, it is legal


def _next_row(rows, total, scan_shape, scan_index, parameters):
    return np.where(rows + 1 < total, rows + 1, -1)[:, None]


def test_looks_farther_than_its_neighbourhood() -> None:
    def bad(intensity, shift, *, neighbours):
        """Subtract the mean of all the spectra that happen to be there."""
        return intensity[: len(neighbours)] - intensity.mean(axis=0)

    def good(intensity, shift, *, neighbours):
        """Subtract the next spectrum."""
        following = np.where(neighbours >= 0, intensity[neighbours[:, 0]], 0.0)
        return intensity[: len(neighbours)] - following

    fails("blocks", guarded(bad, neighbourhood=_next_row))
    CHECKS["blocks"](guarded(good, neighbourhood=_next_row), Case())


def test_scales_by_the_brightest_spectrum() -> None:
    def bad(intensity, shift):
        """Divide by the largest value of all."""
        return intensity / max(np.abs(intensity).max(), 1e-300)

    fails("independence", guarded(bad))


def test_depends_on_the_order_of_the_spectra() -> None:
    def bad(intensity, shift):
        """Subtract the first spectrum."""
        return intensity - intensity[0]

    fails("independence", guarded(bad))


def test_spreads_nan_from_one_spectrum_to_all() -> None:
    def bad(intensity, shift):
        """Subtract the mean spectrum, by an axis-changing step that sees the NaN itself."""
        return intensity - intensity.mean(axis=0)

    fails("lost_spectrum", guarded(bad, changes_axis=True))
    fails("lost_channel", guarded(bad, changes_axis=True))


def test_returns_another_shape() -> None:
    def bad(intensity, shift):
        """Drop a channel but keep the axis."""
        return intensity[:, 1:]

    fails("shape_and_axis", guarded(bad))


def test_drops_a_spectrum() -> None:
    def bad(intensity, shift):
        """Drop the last spectrum."""
        return intensity[:-1]

    fails("shape_and_axis", guarded(bad))


def test_changes_the_axis_without_saying_so() -> None:
    def bad(intensity, shift):
        """Crop."""
        return StepOutput(intensity[:, 1:], shift[1:])

    fails("shape_and_axis", guarded(bad))


def test_shifts_the_axis_without_saying_so() -> None:
    def bad(intensity, shift):
        """Shift."""
        return StepOutput(intensity, shift + 1)

    fails("shape_and_axis", guarded(bad))


def test_crashes_on_one_spectrum() -> None:
    def bad(intensity, shift):
        """Need two spectra."""
        if intensity.shape[0] < 2:
            raise ValueError("two spectra are needed")
        return intensity

    with pytest.raises(ValueError, match="two spectra"):
        CHECKS["one_spectrum"](guarded(bad), Case())
    with pytest.raises(ValueError, match="two spectra"):
        CHECKS["no_spectra"](guarded(bad), Case())


def test_divides_by_zero() -> None:
    def bad(intensity, shift):
        """Divide by the maximum."""
        with np.errstate(all="ignore"):
            return intensity / intensity.max(axis=1, keepdims=True)

    fails("odd_spectra", guarded(bad))


def test_gives_by_products_without_a_row_for_each_spectrum() -> None:
    def bad(intensity, shift):
        """Return one background for all."""
        return StepOutput(intensity, shift, {"background": shift})

    fails("shape_and_axis", guarded(bad))


def test_refuses_spectra_without_signal_although_it_measures_nothing() -> None:
    def bad(intensity, shift):
        """Refuse."""
        if np.ptp(intensity) == 0:
            raise StepError("bad.step cannot work on constant spectra")
        return intensity

    fails("odd_spectra", guarded(bad))
    CHECKS["odd_spectra"](guarded(bad), Case(refuses_without_signal=True))


# -- declarations -----------------------------------------------------------------------------------------------------


def _no_help(intensity, shift, *, width: Annotated[float, Between(0, 9)] = 1.0):
    """Do something."""
    return intensity


def _no_limits(intensity, shift, *, width: float = 1.0):
    """Do something.

    Parameters
    ----------
    width
        Larger is smoother.
    """
    return intensity


def _default_outside(intensity, shift, *, width: Annotated[float, Between(2, 9)] = 1.0):
    """Do something.

    Parameters
    ----------
    width
        Larger is smoother.
    """
    return intensity


def _no_unit(intensity, shift, *, width_cm1: Annotated[float, Between(0, 9)] = 1.0):
    """Do something.

    Parameters
    ----------
    width_cm1
        Larger is smoother.
    """
    return intensity


@pytest.mark.parametrize("function", [_no_help, _no_limits, _default_outside, _no_unit])
def test_a_sloppy_declaration(function: Callable[..., Any]) -> None:
    with pytest.raises(CAUGHT):
        check_declaration(guarded(function))


def test_a_missing_citation() -> None:
    with pytest.raises(AssertionError, match="no citation Nobody1900"):
        check_declaration(guarded(identity, cite="Nobody1900"))
