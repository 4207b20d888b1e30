"""Damages files of potentiostats and checks that a reader answers with a trace or `UnreadableFile`, nothing else."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from spectrode.electrochemistry.readers.registry import read_trace, trace_reader_for, trace_readers
from spectrode.errors import UnreadableFile

SLOWEST_S = 2.0


def attempt(raw: bytes, path: Path, reader: str) -> str | None:
    """Read a damaged file; return the refusal, or None if it could be read."""
    path.write_bytes(raw)
    begun = time.perf_counter()
    refusal, trace = None, None
    try:
        trace = read_trace(path, reader=reader)
    except UnreadableFile as error:
        refusal = error
    assert time.perf_counter() - begun < SLOWEST_S
    if trace is None:
        assert refusal is not None
        assert str(path) in str(refusal)
        return refusal.reason
    assert trace.potential_v.shape == trace.time_s.shape
    json.dumps(trace.vendor, allow_nan=False)
    return None


def check_all(examples: Mapping[str, bytes], reader: str, folder: Path, *, flips: int = 150) -> dict[str, int]:
    """Cut each example at many places and flip bytes of it; return how often it was refused and read."""
    rng = random.Random(3)
    seen = {"refused": 0, "read": 0}
    for name, raw in examples.items():
        damaged = [raw[: round(len(raw) * k / 40)] for k in range(1, 40)]
        for _ in range(flips):
            changed = bytearray(raw)
            for _ in range(rng.choice((1, 1, 4, 20))):
                changed[rng.randrange(len(raw))] = rng.randrange(256)
            damaged.append(bytes(changed))
        damaged += [b"\0" * 300, raw[:40] + b"\xff" * 400, raw * 2]
        for one in damaged:
            refused = attempt(one, folder / f"{abs(hash(name))}.bin", reader) is not None
            seen["refused" if refused else "read"] += 1
    return seen


def claimed_by(path: Path) -> list[str]:
    """Return the vendor readers (not the one for any table) that recognise a file."""
    head = path.read_bytes()[: 1 << 16]
    return [n for n, r in trace_readers().items() if n != "delimited-trace" and r.sniff(path, head)]


def check_recognised(examples: Mapping[str, bytes], reader: str, folder: Path) -> None:
    """Each example is claimed by this reader alone, whatever its name, is not changed, and reads the same twice."""
    for k, raw in enumerate(examples.values()):
        path = folder / f"{k}.wdf"
        path.write_bytes(raw)
        assert claimed_by(path) == [reader]
        assert trace_reader_for(path).name == reader
        if "z60w" in str(raw[:20]).lower():
            with pytest.raises(UnreadableFile, match="impedance file"):
                read_trace(path)
        else:
            one, two = read_trace(path), read_trace(path)
            np.testing.assert_array_equal(one.time_s, two.time_s)
            np.testing.assert_array_equal(one.potential_v, two.potential_v)
        assert path.read_bytes() == raw
