"""Ways in which files go wrong: cut, flipped, overwritten, spliced, and with sizes that cannot be."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

EXTREMES = (
    0,
    1,
    2,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0x8000,
    0xFFFF,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFF,
    2**62,
    2**63,
    2**64 - 1,
)
WORDS = (
    b"",
    b"0",
    b"-1",
    b"1e308",
    b"-1e999",
    b"nan",
    b"inf",
    b"4294967295",
    b"99999999999999999999",
    b"0x10",
    b"1,5",
    b";",
)
_NUMBER = re.compile(rb"\d+")


def truncated(raw: bytes, rng: random.Random, others: Sequence[bytes]) -> bytes:
    """Cut the end off; as often near the beginning, where headers are, as anywhere."""
    return raw[: rng.randrange(min(len(raw), 256) if rng.random() < 0.3 else len(raw))]


def flipped(raw: bytes, rng: random.Random, others: Sequence[bytes]) -> bytes:
    """Flip up to 20 bits."""
    out = bytearray(raw)
    for _ in range(rng.choice((1, 1, 2, 5, 20))):
        out[_place(out, rng)] ^= 1 << rng.randrange(8)
    return bytes(out)


def overwritten(raw: bytes, rng: random.Random, others: Sequence[bytes]) -> bytes:
    """Overwrite a run with zeros, ones or noise."""
    at, length = _place(raw, rng), rng.choice((1, 2, 4, 8, 16, 64, 512))
    filler = rng.choice((b"\0", b"\xff", None))
    run = rng.randbytes(length) if filler is None else filler * length
    return raw[:at] + run + raw[at + length :]


def spliced(raw: bytes, rng: random.Random, others: Sequence[bytes]) -> bytes:
    """Remove, repeat or move a piece, or put in one of another file."""
    source = rng.choice((raw, *others)) if others else raw
    start = rng.randrange(len(source))
    piece = source[start : start + rng.choice((1, 3, 4, 16, 100, 1000))]
    at, over = _place(raw, rng), rng.choice((0, len(piece)))
    if rng.random() < 0.25:
        return raw[:at] + raw[at + len(piece) :]
    return raw[:at] + piece * rng.choice((1, 1, 1, 3, 50)) + raw[at + over :]


def oversized(raw: bytes, rng: random.Random, others: Sequence[bytes]) -> bytes:
    """Put an extreme number where a size could be: binary of 1 to 8 bytes, or the digits of a text."""
    numbers = list(_NUMBER.finditer(raw[:4096]))
    if numbers and rng.random() < (0.7 if b"\0" not in raw else 0.1):
        found = rng.choice(numbers)
        return raw[: found.start()] + rng.choice(WORDS) + raw[found.end() :]
    width = rng.choice((1, 2, 4, 4, 4, 8, 8))
    at = _place(raw, rng)
    if rng.random() < 0.7:
        at -= at % width
    value = rng.choice((*EXTREMES, len(raw), len(raw) - at, len(raw) + 1)) % (1 << 8 * width)
    return raw[:at] + value.to_bytes(width, rng.choice(("little", "little", "big"))) + raw[at + width :]


def _place(raw: bytes | bytearray, rng: random.Random) -> int:
    """Return a place: half of the time in the first kilobyte, where the headers are."""
    return rng.randrange(min(len(raw), 1024) if rng.random() < 0.5 else len(raw))


MUTATIONS: tuple[Callable[[bytes, random.Random, Sequence[bytes]], bytes], ...] = (
    truncated,
    flipped,
    overwritten,
    spliced,
    oversized,
)


def mutated(raw: bytes, rng: random.Random, others: Sequence[bytes] = ()) -> bytes:
    """Return a file after one to three mishaps."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        if raw:
            raw = rng.choice(MUTATIONS)(raw, rng, others)
    return raw
