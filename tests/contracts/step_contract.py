"""What every step must do, as plain functions, so that registered, imported and deliberately bad steps meet the same.

Each ``check_…`` takes a declaration and a case, and raises (AssertionError, or whatever the step raises) where the
contract is broken.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from spectrode.errors import StepError
from spectrode.pipeline.citations import CITATIONS
from spectrode.pipeline.execute import run_block, take_survey, with_halo
from spectrode.pipeline.parameters import checked_parameters
from spectrode.pipeline.step import StepOutput, StepSpec

RTOL = 1e-9  # a solver may sum in another order when it sees other rows
N = 12
SHIFT = np.concatenate([np.linspace(400, 900, 110, endpoint=False), np.linspace(900, 1400, 90)])  # not quite even


@dataclass(frozen=True)
class Case:
    """What a step needs besides the spectra."""

    parameters: Mapping[str, Any] = field(default_factory=dict)
    outside: Mapping[str, Any] = field(default_factory=dict)
    refuses_without_signal: bool = False
    """The step measures something, and may refuse spectra in which it is not."""


CASES: dict[str, Case] = {
    "calibrate.shift": Case({"shift_cm1": 1.5}),
    "calibrate.reference_line": Case(refuses_without_signal=True),
    "calibrate.apply": Case({"file": str(Path(__file__).parents[1] / "calibration" / "example.toml")}),
    "calibrate.drift": Case({"window_cm1": 40.0}, refuses_without_signal=True),
    "baseline.amormol": Case({"max_iter": 10}),
    "baseline.goldindec": Case({"max_iter_2": 10}),
    "crop.range": Case({"low_cm1": 500, "high_cm1": 1200}),
    "crop.resample": Case({"step_cm1": 5.0}),
    "normalise.band": Case({"low_cm1": 975, "high_cm1": 1030}),
    "normalise.exposure": Case(outside={"exposure_s": np.linspace(1, 2, N)}),
    "normalise.power": Case(outside={"power_mw": np.linspace(1, 2, N)}),
    "despike.neighbours": Case(outside={"scan_shape": (("y", 3), ("x", 4)), "scan_index": np.arange(N)}),
    "despike.auto": Case(outside={"scan_shape": (("y", 3), ("x", 4)), "scan_index": np.arange(N)}),
    "ramanspy.denoise.SavGol": Case({"window_length": 7, "polyorder": 2}),
    "ramanspy.denoise.Kernel": Case({"kernel_type": "flat"}),
}


def case_of(spec: StepSpec) -> Case:
    """Return the case of a step, or one without anything."""
    return CASES.get(spec.name, Case())


def spectra(n: int = N, seed: int = 1) -> NDArray[np.float64]:
    """Return (n, 200) counts: a curved background, lines at 520.45, 700, 1001.4 and 1200, and noise."""
    rng = np.random.default_rng(seed)
    lines = sum(
        height / (1 + ((SHIFT - place) / width) ** 2)
        for place, width, height in ((520.45, 5, 2000), (700, 9, 700), (1001.4, 5, 1500), (1200, 15, 500))
    )
    background = 300 + 200 * np.exp(-(((SHIFT - 950) / 500) ** 2))
    gain = rng.uniform(0.5, 2, (n, 1))
    return gain * (lines + background) + rng.normal(0, 4, (n, SHIFT.size))


def run(
    spec: StepSpec, case: Case, intensity: Any, shift: Any = SHIFT, rows: Any = slice(None), **more: Any
) -> StepOutput:
    """Run a step with its case; per-spectrum columns are cut to ``rows``."""
    outside = {
        key: value[rows] if isinstance(value, np.ndarray) else value
        for key, value in case.outside.items()
    }  # fmt: skip
    if not isinstance(rows, slice) or rows != slice(None):
        outside.pop("scan_shape", None)
        outside.pop("scan_index", None)
    return spec.call(intensity, shift, **outside, **{**case.parameters, **more})


def close(a: Any, b: Any, rtol: float = RTOL) -> None:
    """Compare arrays, NaN equal to NaN, on the scale of the larger values."""
    a, b = np.asarray(a), np.asarray(b)
    assert a.shape == b.shape
    finite = np.abs(b[np.isfinite(b)])
    scale = float(finite.max()) if finite.size else 1.0
    np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * scale, equal_nan=True)


def _is_one_sentence(error: BaseException, spec: StepSpec) -> None:
    text = str(error)
    assert spec.name in text, f"the message does not name the step: {text!r}"
    assert "\n" not in text
    assert 20 < len(text) < 600
    assert not text.endswith("."), "messages carry no full stop: they are printed after a colon"


# -- declaration ------------------------------------------------------------------------------------------------------


def check_declaration(spec: StepSpec) -> None:
    """Every parameter is explained and limited, its default is legal, and the papers exist."""
    family, _, method = spec.name.rpartition(".")
    assert family
    assert method
    assert len(spec.summary) > 10
    assert spec.summary.endswith(".")
    for key in spec.cite:
        assert key in CITATIONS, f"no citation {key}"
    for parameter in spec.parameters.values():
        assert len(parameter.help) > 10, f"{parameter.name} has no help"
        if not parameter.required and parameter.default is not None:
            assert parameter.checked(spec.name, parameter.default, StepError) == parameter.default
        assert parameter.default is not None or parameter.optional
        if spec.name.startswith("ramanspy."):
            continue  # its signatures declare neither limits nor units
        numeric = parameter.type in (int, float) and not parameter.choices
        assert not numeric or parameter.limits is not None, f"{parameter.name} has no limits"
        for suffix, unit in (("_cm1", "cm-1"), ("_s", "s"), ("_mw", "mW"), ("_nm", "nm")):
            assert not parameter.name.endswith(suffix) or parameter.unit == unit


def check_messages(spec: StepSpec, case: Case) -> None:
    """What is wrong with a call is said in one sentence that names the step."""
    y = spectra()
    with pytest.raises(StepError) as caught:
        run(spec, case, y, no_such_parameter=1)
    _is_one_sentence(caught.value, spec)
    assert "no_such_parameter" in str(caught.value)
    for name, parameter in spec.parameters.items():
        bad: list[Any] = [object()]
        if parameter.limits is not None:
            bad += [v for v in (parameter.limits.low - 1, parameter.limits.high + 1) if math.isfinite(v)]
        if parameter.choices:
            bad.append("no such choice")
        if not parameter.optional:
            bad.append(None)
        if parameter.type in (int, float):
            bad += [float("nan"), True, "1"]
        for value in bad:
            with pytest.raises(StepError) as caught:
                run(spec, case, y, **{name: value})
            _is_one_sentence(caught.value, spec)
            assert name in str(caught.value)
        if parameter.required:
            without = Case({k: v for k, v in case.parameters.items() if k != name}, case.outside)
            with pytest.raises(StepError, match=name) as caught:
                run(spec, without, y)
            _is_one_sentence(caught.value, spec)
    for name in spec.needs:
        without = Case(case.parameters, {k: v for k, v in case.outside.items() if k != name})
        with pytest.raises(StepError, match=name) as caught:
            run(spec, without, y)
        _is_one_sentence(caught.value, spec)


# -- shapes and types -------------------------------------------------------------------------------------------------


def check_shape_and_axis(spec: StepSpec, case: Case) -> None:
    """Good spectra give finite results, one row each, on the same axis unless another is declared."""
    y = spectra()
    out = run(spec, case, y)
    assert out.intensity.shape == (N, out.shift.size)
    assert np.all(np.isfinite(out.intensity))
    assert np.all(np.diff(out.shift) > 0)
    if not spec.changes_axis:
        np.testing.assert_array_equal(out.shift, SHIFT)
    for key, product in out.products.items():
        assert product.shape[0] == N, key
        assert np.all(np.isfinite(product)), key


def check_no_spectra(spec: StepSpec, case: Case) -> None:
    """No spectra give no spectra."""
    try:
        out = run(spec, case, np.zeros((0, SHIFT.size)), rows=slice(0, 0))
    except StepError as error:
        assert case.refuses_without_signal
        _is_one_sentence(error, spec)
        return
    assert out.intensity.shape == (0, out.shift.size)
    assert all(p.shape[0] == 0 for p in out.products.values())
    assert out.notes == ()


def check_one_spectrum(spec: StepSpec, case: Case) -> None:
    """One spectrum may come with or without its own axis."""
    y = spectra()
    flat = run(spec, case, y[0], rows=slice(0, 1))
    listed = run(spec, case, y[:1], rows=slice(0, 1))
    assert flat.intensity.ndim == 1
    np.testing.assert_array_equal(flat.intensity, listed.intensity[0])
    np.testing.assert_array_equal(flat.shift, listed.shift)
    for key, product in listed.products.items():
        np.testing.assert_array_equal(flat.products[key], product[0])


def check_types(spec: StepSpec, case: Case) -> None:
    """Single precision stays, whole numbers become double, and the values agree."""
    y = np.round(spectra())
    double = run(spec, case, y)
    assert double.intensity.dtype == np.float64
    whole = run(spec, case, y.astype(np.uint16))
    assert whole.intensity.dtype == np.float64
    close(whole.intensity, double.intensity)
    single = run(spec, case, y.astype(np.float32))
    assert single.intensity.dtype == np.float32
    # Iterations may stop a round apart, so only a loose agreement is asked for.
    close(single.intensity, double.intensity, rtol=2e-3)


def check_caller_arrays(spec: StepSpec, case: Case) -> None:
    """The caller's arrays are neither changed nor needed writeable, and their memory order does not matter."""
    y, x = spectra(), SHIFT.copy()
    kept_y, kept_x = y.copy(), x.copy()
    first = run(spec, case, y, x)
    np.testing.assert_array_equal(y, kept_y)
    np.testing.assert_array_equal(x, kept_x)
    assert y.flags.writeable
    assert not np.shares_memory(first.intensity, y)
    y.flags.writeable = False
    x.flags.writeable = False
    second = run(spec, case, y, x)
    np.testing.assert_array_equal(first.intensity, second.intensity)
    fortran = run(spec, case, np.asfortranarray(y), x)
    close(fortran.intensity, first.intensity)
    strided = run(spec, case, np.repeat(y, 2, axis=1)[:, ::2], x)
    close(strided.intensity, first.intensity)


def check_reversed_axis(spec: StepSpec, case: Case) -> None:
    """A decreasing axis gives the same, reversed."""
    y = spectra()
    forward = run(spec, case, y)
    backward = run(spec, case, y[:, ::-1], SHIFT[::-1])
    np.testing.assert_array_equal(backward.shift, forward.shift[::-1])
    close(backward.intensity, forward.intensity[:, ::-1])
    for key, product in forward.products.items():
        turned = product[:, ::-1] if product.ndim == 2 else product
        close(backward.products[key].astype(float), turned.astype(float))


# -- odd spectra ------------------------------------------------------------------------------------------------------


def _odd(kind: str) -> NDArray[np.float64]:
    y = spectra()
    if kind == "saturated":
        return np.minimum(y, np.quantile(y, 0.9))
    return np.full_like(y, {"zero": 0.0, "constant": 712.0, "negative": -50.0}[kind])


def check_odd_spectra(spec: StepSpec, case: Case) -> None:
    """Zeros, constants and saturated plateaus pass: finite, or NaN with a note; never infinite, never a crash."""
    for kind in ("zero", "constant", "negative", "saturated"):
        try:
            out = run(spec, case, _odd(kind))
        except StepError as error:
            assert case.refuses_without_signal, kind
            _is_one_sentence(error, spec)
            continue
        assert out.intensity.shape == (N, out.shift.size)
        assert not np.any(np.isinf(out.intensity)), kind
        if np.any(np.isnan(out.intensity)):
            assert out.notes, f"{kind}: NaN appeared without a note"


def check_lost_spectrum(spec: StepSpec, case: Case) -> None:
    """A spectrum of NaN stays NaN and leaves the others as they were."""
    y = spectra()
    whole = run(spec, case, y)
    lost = y.copy()
    lost[3] = np.nan
    out = run(spec, case, lost)
    assert np.all(np.isnan(out.intensity[3]))
    others = np.arange(N) != 3
    assert np.all(np.isfinite(out.intensity[others]))
    if not spec.uses_neighbours:
        close(out.intensity[others], whole.intensity[others])


def check_lost_channel(spec: StepSpec, case: Case) -> None:
    """One NaN (or infinity) does not spread to other spectra, nor over its own."""
    y = spectra()
    whole = run(spec, case, y)
    for value in (np.nan, np.inf):
        holed = y.copy()
        holed[3, 60] = value
        out = run(spec, case, holed)
        assert not np.any(np.isinf(out.intensity)) or spec.changes_axis
        others = np.arange(N) != 3
        assert np.all(np.isfinite(out.intensity[others]))
        finite = np.isfinite(out.intensity[3])
        if spec.changes_axis:
            assert finite.sum() >= out.shift.size - 2
        else:
            assert not finite[60]
            assert finite.sum() == SHIFT.size - 1
        if not spec.uses_neighbours:
            close(out.intensity[others], whole.intensity[others])


def check_mask(spec: StepSpec, case: Case) -> None:
    """What lies under the mask has no influence elsewhere."""
    y = spectra()
    mask = np.zeros(y.shape, dtype=bool)
    mask[2, 40:44] = True
    mask[:, 150] = True
    dirty = np.where(mask, 9e5, y)
    a = run(spec, case, y, mask=mask)
    b = run(spec, case, dirty, mask=mask)
    if spec.changes_axis:
        # A new channel counts as masked where an old one beside it is; the caller moves the mask.
        near = np.abs(a.shift[:, None] - SHIFT[None, [*range(40, 44), 150]]).min(axis=1) < 6
        close(a.intensity[:, ~near], b.intensity[:, ~near])
        np.testing.assert_allclose(a.shift, b.shift, rtol=1e-12)
    else:
        close(a.intensity[~mask], b.intensity[~mask])


def check_independence(spec: StepSpec, case: Case) -> None:
    """A spectrum's result depends on that spectrum alone, unless the step declares otherwise."""
    if spec.uses_neighbours:
        return
    y = spectra()
    y[5] *= 40  # a bright one, that would drag the others along
    y[7] = 0
    batch = run(spec, case, y)
    for row in (0, 4, 5):
        alone = run(spec, case, y[row : row + 1], rows=slice(row, row + 1))
        close(alone.intensity[0], batch.intensity[row])
        for key, product in batch.products.items():
            close(alone.products[key][0], product[row])
    order = np.random.default_rng(2).permutation(N)
    shuffled = run(spec, case, y[order], rows=order)
    close(shuffled.intensity, batch.intensity[order])


def check_blocks(spec: StepSpec, case: Case) -> None:
    """Block by block, with the neighbours that a block needs beside it, the result is the same to the last bit."""
    if spec.needs_all_spectra or spec.name.startswith("ramanspy."):
        return
    y = spectra()
    y[4, 30] = np.nan
    mask = np.zeros(y.shape, dtype=bool)
    mask[7, 90:93] = True
    whole = run(spec, case, y, mask=mask)
    parameters = checked_parameters(spec.name, spec.parameters, case.parameters, StepError)
    scan = (case.outside.get("scan_shape"), case.outside.get("scan_index"))
    given: dict[str, Any] = {}
    if spec.survey is not None:
        given["survey"] = take_survey(spec, y, SHIFT, np.zeros(N, dtype=np.int64), parameters, mask)
    for rows in (np.arange(5), np.arange(5, 11), np.arange(11, N)):
        held = rows
        if spec.neighbourhood is not None:
            held, given["neighbours"] = with_halo(rows, spec.neighbourhood(rows, N, *scan, parameters))
        outside = {k: v[rows] if isinstance(v, np.ndarray) else v for k, v in case.outside.items()}
        outside = {k: outside.get(k) for k in (*spec.needs, *spec.context) if k != "mask"}
        block = run_block(spec, y[held], SHIFT, parameters, mask=mask[held], **given, **outside)
        np.testing.assert_array_equal(block.intensity, whole.intensity[rows])
        for key, product in block.products.items():
            np.testing.assert_array_equal(product, whole.products[key][rows])


CHECKS: dict[str, Callable[[StepSpec, Case], None]] = {
    check.__name__.removeprefix("check_"): check
    for check in (
        check_messages,
        check_shape_and_axis,
        check_no_spectra,
        check_one_spectrum,
        check_types,
        check_caller_arrays,
        check_reversed_axis,
        check_odd_spectra,
        check_lost_spectrum,
        check_lost_channel,
        check_mask,
        check_independence,
        check_blocks,
    )
}
