"""A short fuzz of every reader; ``python tests/fuzz/fuzz_readers.py`` runs a long one."""

from __future__ import annotations

import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fuzz import examples, fuzz_readers, mutations


@pytest.fixture(scope="module")
def tallies() -> dict[str, fuzz_readers.Tally]:
    names = [name for name, found in examples.examples().items() if found]

    # A process of its own for each reader: what another one has loaded must not count against the memory limit.
    def one(name: str) -> fuzz_readers.Tally:
        return fuzz_readers.run([name], count=150, seed=1, use_shared=False)[name]

    with ThreadPoolExecutor(2) as pool:  # the work is in the processes
        return dict(zip(names, pool.map(one, names), strict=True))


@pytest.mark.parametrize("name", [n for n, found in examples.examples().items() if found])
def test_damaged_files_are_read_or_refused(tallies: dict[str, fuzz_readers.Tally], name: str) -> None:
    tally = tallies[name]
    assert tally.violations == []
    assert tally.inputs == 150
    assert tally.outcomes["refused"] > 0, "a reader that refuses nothing checks nothing"
    assert tally.outcomes["read"] > 0, "inputs that all are refused test only the first lines"


# -- the harness itself -----------------------------------------------------------------------------------------------

WORKER = """
import argparse, json, os, time
parser = argparse.ArgumentParser()
parser.add_argument("--worker", action="store_true")
parser.add_argument("--no-shared", action="store_true")
parser.add_argument("--reader")
parser.add_argument("--seed")
parser.add_argument("--from", type=int, dest="first")
parser.add_argument("--count", type=int)
given = parser.parse_args()
print(json.dumps({"ready": True}), flush=True)
for name in given.reader.split(","):
    for i in range(given.first, given.first + given.count):
        if (name, i) == ("b", 3):
            MISHAP
        line = {"reader": name, "i": i, "file": "f", "outcome": "read", "error": "", "cpu_s": 0.0, "peak": 0}
        print(json.dumps(line), flush=True)
print(json.dumps({"done": True}), flush=True)
"""


@pytest.mark.parametrize(("mishap", "outcome"), [("time.sleep(60)", "hang"), ("os._exit(3)", "crash")])
def test_hangs_and_crashes_are_counted_and_the_rest_goes_on(
    mishap: str, outcome: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = tmp_path / "worker.py"
    script.write_text(WORKER.replace("MISHAP", mishap))
    monkeypatch.setattr(fuzz_readers, "__file__", str(script))
    monkeypatch.setattr(fuzz_readers, "CLOCK_SECONDS", 1.0)
    tallies = fuzz_readers.run(["a", "b", "c"], count=7, seed=1, jobs=2)
    assert [t.inputs for t in tallies.values()] == [7, 7, 7]
    assert [dict(t.outcomes) for t in tallies.values()] == [{"read": 7}, {"read": 6, outcome: 1}, {"read": 7}]
    (violation,) = tallies["b"].violations
    assert violation.startswith("input 3 ")


def test_a_worker_that_cannot_start_is_a_violation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = tmp_path / "worker.py"
    script.write_text("raise SystemExit('no such module')")
    monkeypatch.setattr(fuzz_readers, "__file__", str(script))
    tallies = fuzz_readers.run(["a"], count=5, seed=1)
    (violation,) = tallies["a"].violations
    assert "crash" in violation
    assert "no such module" in violation


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the limit is measured in /proc")
def test_memory_is_limited_when_it_is_asked_for() -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import numpy as np, fuzz_readers\n"
        "fuzz_readers._limit_memory()\n"
        "np.empty(fuzz_readers.MEMORY_BYTES // 2, np.uint8)\n"
        "try:\n    np.empty(fuzz_readers.MEMORY_BYTES * 2, np.uint8)\n"
        "except MemoryError:\n    print('refused')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(fuzz_readers.HERE)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "refused"


def test_mutations_depend_on_the_seed_alone_and_take_any_file() -> None:
    for raw in (b"x", b"12 34\n", bytes(range(256)) * 40):
        for k in range(300):
            first, second = (mutations.mutated(raw, random.Random(k), (b"other",)) for _ in range(2))
            assert first == second
    changed = [m(bytes(range(256)), random.Random(1), ()) != bytes(range(256)) for m in mutations.MUTATIONS]
    assert all(changed)
