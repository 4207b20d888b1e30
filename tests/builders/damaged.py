"""Damages files in every way that a reader must survive."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

from spectrode.errors import UnreadableFile
from spectrode.readers.registry import Reader

# Of the processor, so that a busy machine fails no test.
SECONDS = 2.0


def cuts(raw: bytes, places: int = 150) -> Iterator[bytes]:
    """The file cut off at many places, and at each of its first bytes."""
    step = max(1, len(raw) // places)
    for at in sorted({*range(1, min(40, len(raw))), *range(1, len(raw), step), len(raw) - 1}):
        yield raw[:at]


def flips(raw: bytes, count: int, seed: int = 3, within: int | None = None) -> Iterator[bytes]:
    """The file with one to four bytes changed, more often in its head."""
    chance = random.Random(seed)
    for number in range(count):
        made = bytearray(raw)
        reach = len(raw) if number % 2 else min(len(raw), within or 700)
        for _ in range(chance.randint(1, 4)):
            made[chance.randrange(reach)] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        yield bytes(made)


def survives(reader: Reader, path: Path, content: bytes) -> bool:
    """Read damaged content as the registry does; True if it was read, False if refused. Anything else fails."""
    from spectrode.readers import read

    path.write_bytes(content)
    begun = time.process_time()
    try:
        read(path, reader=reader.name)
        whole = True
    except UnreadableFile as refusal:
        whole = False
        named = str(path) in str(refusal)
    assert time.process_time() - begun < SECONDS
    assert whole or named
    return whole
