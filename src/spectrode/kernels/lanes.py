"""Exponential and logistic function that compiled loops can be vectorised with.

Numba calls the C library for ``np.exp``, one number at a time. The functions here consist of arithmetic without
branches, so that a loop over one flat array becomes vector instructions (0.7 ns a number instead of 4)::

    flat = work.reshape(-1)
    for i in range(flat.size):
        flat[i] = expit_lane(flat[i])

A short inner loop over 16 lanes of two-dimensional arrays is unrolled by the compiler and stays scalar; use flat
arrays as above, or the sixteen numbers in one value of :mod:`spectrode.kernels.vectors`.
"""

from __future__ import annotations

from typing import Any

from numba import njit, types
from numba.extending import intrinsic

__all__ = ["LANES", "bits_as_float", "exp_lane", "expit_lane", "float_as_bits"]

LANES = 16
"""Spectra that kernels work on side by side: two vectors of eight, or four of four."""

_LOG2_E = 1.4426950408889634
# ln 2 in two parts; the first has 32 trailing zero bits, so that its product with a whole number is exact.
_LN2_HIGH = 6.93147180369123816490e-01
_LN2_LOW = 1.90821492927058770002e-10
# Adding 1.5 x 2^52 rounds to a whole number, which then stands in the lowest bits.
_ROUND = 6755399441055744.0
_ROUND_BITS = 0x4338000000000000


@intrinsic
def float_as_bits(typing_context: Any, value: Any) -> Any:
    """Return the 64 bits of a float64 as an integer."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(types.int64))

    return types.int64(types.float64), code


@intrinsic
def bits_as_float(typing_context: Any, value: Any) -> Any:
    """Return the float64 that 64 bits stand for."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(types.float64))

    return types.float64(types.int64), code


# Reordering must never be allowed here (rounding by a large constant would vanish); the flags of a caller do not
# reach into these functions, because they are inlined after their own code has been made.
@njit(cache=True, nogil=True, fastmath={"contract"}, error_model="numpy", forceinline=True)
def exp_lane(x: Any) -> Any:
    """Return e to the power of ``x``, within 2 units in the last place (subnormal results included).

    Too large arguments give infinity, too small ones 0, NaN gives NaN, as with ``np.exp``.

    Notes
    -----
    Range reduction by Cody and Waite, ``x = k ln 2 + r`` with ``|r| <= 0.35``, and the Taylor polynomial of degree 13
    (truncation below 5e-18).
    """
    x = 710.0 if x > 710.0 else x
    x = -746.0 if x < -746.0 else x
    shifted = x * _LOG2_E + _ROUND
    k = shifted - _ROUND
    r = (x - k * _LN2_HIGH) - k * _LN2_LOW
    p = 1.0 / 6227020800.0
    p = p * r + 1.0 / 479001600.0
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
    # The power of two in two factors, because 2^1024 and 2^-1075 are no normal numbers while their results may be.
    whole = float_as_bits(shifted) - _ROUND_BITS
    half = whole >> 1
    return p * bits_as_float((half + 1023) << 52) * bits_as_float((whole - half + 1023) << 52)


@njit(cache=True, nogil=True, fastmath={"contract"}, error_model="numpy", forceinline=True)
def expit_lane(x: Any) -> Any:
    """Return the logistic function ``1 / (1 + exp(-x))``, within 3 units in the last place."""
    return 1.0 / (1.0 + exp_lane(-x))
