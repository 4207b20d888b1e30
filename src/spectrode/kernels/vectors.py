"""Sixteen float64 numbers as one value within compiled kernels.

Loops over lanes of separate arrays are vectorised by the compiler only when it can prove that the arrays do not
overlap, which it mostly cannot. Here the sixteen numbers are one value for the compiler too: it stays in registers
from one channel to the next, and each lane sees exactly the same operations. Such values live inside kernels only::

    total = splat(0.0)
    for i in range(channels):
        x = load(work, i)                      # work is (channels, 16), C-ordered
        total = total + where(x < 0.0, x, 0.0)
    store(sums, 0, total)
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import njit, types
from numba.core.typing.templates import ConcreteTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

from .lanes import LANES

__all__ = ["absolute", "bits", "exp", "load", "splat", "square_root", "store", "where"]


class _Lanes(types.Type):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__(name=f"spectrode_lanes{LANES}")


class _Mask(types.Type):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__(name=f"spectrode_lane_mask{LANES}")


_LANES, _MASK = _Lanes(), _Mask()
_VECTOR = ir.VectorType(ir.DoubleType(), LANES)
_TRUTHS = ir.VectorType(ir.IntType(1), LANES)
_WHOLE = ir.VectorType(ir.IntType(64), LANES)


@register_model(_Lanes)
class _LanesModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _VECTOR)


@register_model(_Mask)
class _MaskModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _TRUTHS)


def _spread(builder: Any, scalar: Any) -> Any:
    zero = ir.Constant(ir.IntType(32), 0)
    first = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), scalar, zero)
    everywhere = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    return builder.shuffle_vector(first, ir.Constant(_VECTOR, ir.Undefined), everywhere)


def _whole(number: int) -> Any:
    return ir.Constant(_WHOLE, [number] * LANES)


def _operation(symbol: Any, result: Any, make: Callable[[Any, Any, Any], Any]) -> None:
    """Teach numba one operator between lanes and lanes, or lanes and a number."""
    pairs = [(_LANES, _LANES), (_LANES, types.float64), (types.float64, _LANES)]

    class Template(ConcreteTemplate):  # type: ignore[misc]
        cases = [signature(result, *pair) for pair in pairs]  # noqa: RUF012

    infer_global(symbol)(Template)

    for pair in pairs:

        @lower_builtin(symbol, *pair)
        def code(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
            left, right = (
                value if kind == _LANES else _spread(builder, value)
                for value, kind in zip(arguments, sig.args, strict=True)
            )
            return make(builder, left, right)


_FLAGS = ("contract",)
_operation(operator.add, _LANES, lambda b, x, y: b.fadd(x, y, flags=_FLAGS))
_operation(operator.sub, _LANES, lambda b, x, y: b.fsub(x, y, flags=_FLAGS))
_operation(operator.mul, _LANES, lambda b, x, y: b.fmul(x, y, flags=_FLAGS))
_operation(operator.truediv, _LANES, lambda b, x, y: b.fdiv(x, y))
_operation(operator.lt, _MASK, lambda b, x, y: b.fcmp_ordered("<", x, y))
_operation(operator.gt, _MASK, lambda b, x, y: b.fcmp_ordered(">", x, y))


def _address(context: Any, builder: Any, kind: Any, array: Any, row: Any) -> Any:
    data = context.make_array(kind)(context, builder, array).data
    start = builder.mul(row, ir.Constant(ir.IntType(64), LANES))
    return builder.bitcast(builder.gep(data, [start]), _VECTOR.as_pointer())


@intrinsic
def load(typing_context: Any, array: Any, row: Any) -> Any:
    """Return row ``row`` of a C-ordered float64 array of 16 columns. Rows are not checked."""

    def code(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
        return builder.load(_address(context, builder, sig.args[0], *arguments), align=8)

    return _LANES(array, types.int64), code


@intrinsic
def store(typing_context: Any, array: Any, row: Any, value: Any) -> Any:
    """Write 16 numbers to row ``row`` of a C-ordered float64 array of 16 columns. Rows are not checked."""

    def code(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
        builder.store(arguments[2], _address(context, builder, sig.args[0], *arguments[:2]), align=8)
        return context.get_dummy_value()

    return types.none(array, types.int64, _LANES), code


@intrinsic
def splat(typing_context: Any, number: Any) -> Any:
    """Return the same number in all lanes."""

    def code(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
        return _spread(builder, arguments[0])

    return _LANES(types.float64), code


@intrinsic
def where(typing_context: Any, mask: Any, yes: Any, no: Any) -> Any:
    """Return ``yes`` in the lanes where ``mask`` is true and ``no`` elsewhere; both may be numbers."""
    kinds = [_LANES if kind == _LANES else types.float64 for kind in (yes, no)]

    def code(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
        chosen, other = (
            value if kind == _LANES else _spread(builder, value)
            for value, kind in zip(arguments[1:], sig.args[1:], strict=True)
        )
        return builder.select(arguments[0], chosen, other)

    return _LANES(_MASK, *kinds), code


@intrinsic
def bits(typing_context: Any, mask: Any) -> Any:
    """Return a mask as an integer, lane 0 in the lowest bit."""

    def code(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
        return builder.zext(builder.bitcast(arguments[0], ir.IntType(LANES)), ir.IntType(64))

    return types.int64(_MASK), code


def _call(builder: Any, name: str, value: Any) -> Any:
    name = f"{name}.v{LANES}f64"
    function = builder.module.globals.get(name)
    if function is None:
        function = ir.Function(builder.module, ir.FunctionType(_VECTOR, [_VECTOR]), name)
    return builder.call(function, [value])


@intrinsic
def square_root(typing_context: Any, value: Any) -> Any:
    """Return the square roots; NaN for negative numbers."""

    def code(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
        return _call(builder, "llvm.sqrt", arguments[0])

    return _LANES(_LANES), code


@intrinsic
def absolute(typing_context: Any, value: Any) -> Any:
    """Return the absolute values."""

    def code(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
        return _call(builder, "llvm.fabs", arguments[0])

    return _LANES(_LANES), code


@intrinsic
def _times_power_of_two(typing_context: Any, value: Any, shifted: Any) -> Any:
    """Multiply by 2^k, k standing in the low bits of ``shifted``, in two factors as in :func:`.lanes.exp_lane`."""

    def code(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
        whole = builder.sub(builder.bitcast(arguments[1], _WHOLE), _whole(0x4338000000000000))
        half = builder.ashr(whole, _whole(1))
        result = arguments[0]
        for part in (half, builder.sub(whole, half)):
            power = builder.bitcast(builder.shl(builder.add(part, _whole(1023)), _whole(52)), _VECTOR)
            result = builder.fmul(result, power)
        return result

    return _LANES(_LANES, _LANES), code


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def exp(x: Any) -> Any:
    """Return the exponentials, with the arithmetic of :func:`spectrode.kernels.lanes.exp_lane`."""
    x = where(x > 710.0, 710.0, x)
    x = where(x < -746.0, -746.0, x)
    shifted = x * 1.4426950408889634 + 6755399441055744.0
    k = shifted - 6755399441055744.0
    r = (x - k * 6.93147180369123816490e-01) - k * 1.90821492927058770002e-10
    p = r * (1.0 / 6227020800.0) + 1.0 / 479001600.0
    p = p * r + 1.0 / 39916800.0
    p = p * r + 1.0 / 3628800.0
    p = p * r + 1.0 / 362880.0
    p = p * r + 1.0 / 40320.0
    p = p * r + 1.0 / 5040.0
    p = p * r + 1.0 / 720.0
    p = p * r + 1.0 / 120.0
    p = p * r + 1.0 / 24.0
    p = p * r + 1.0 / 6.0
    p = p * r + 0.5
    p = p * r * r + r + 1.0
    return _times_power_of_two(p, shifted)
