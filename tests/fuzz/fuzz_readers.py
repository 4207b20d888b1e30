"""Feed damaged files to the readers: ``python tests/fuzz/fuzz_readers.py --reader NAME|all --count 20000 --seed 1``.

Every input is a legal file (of ``tests/builders`` and, where the folder of measured files is at hand, a small one of
those) after one to three mishaps (:mod:`mutations`). It depends on the seed, the reader and its number alone, so
``--from NUMBER --count 1`` repeats one. The reader must read it or refuse it:

- by ``UnreadableFile`` that names the file, in one line; any other exception, and any warning, is a violation;
- within 2 s of processor time (and 20 s on the clock, after which the process is ended as hanging);
- within 64 MiB of memory above what the process had after reading legal files. The limit is enforced on the address
  space (``RLIMIT_AS``, not on Windows), so that memory is counted when it is asked for, touched or not; a
  ``MemoryError`` is a violation although the registry makes it an ``UnreadableFile``. The table gives the largest
  growth of resident memory in one read (on Linux).

Reading runs in processes of its own, so that a crash is caught, counted, and the rest goes on. Ends with 1 if there was
any violation.
"""
# ruff: noqa: T201  (a script: it prints)

from __future__ import annotations

import argparse
import json
import os
import queue
import random
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [p for p in (str(HERE), str(HERE.parent)) if p not in sys.path]

CPU_SECONDS = 2.0
CLOCK_SECONDS = 20.0
START_SECONDS = 120.0
MEMORY_BYTES = 64 << 20
# Measured files: so large and so many for each reader, and in so many of the inputs.
SHARED_BYTES = 200_000
SHARED_EACH = 8
SHARED_SHARE = 0.25


@dataclass
class Tally:
    """What became of the inputs of one reader."""

    inputs: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0
    peak_bytes: int = 0
    violations: list[str] = field(default_factory=list)

    def add(self, line: dict[str, Any]) -> None:
        self.inputs += 1
        self.outcomes[line["outcome"]] += 1
        self.slowest_s = max(self.slowest_s, line["cpu_s"])
        self.peak_bytes = max(self.peak_bytes, line["peak"])
        if line["outcome"] not in ("read", "refused"):
            self.violations.append(f"input {line['i']} ({line['file']}): {line['outcome']}: {line['error']}")


# -- the process that reads --------------------------------------------------------------------------------------------


def work(names: Sequence[str], seed: int, first: int, count: int, use_shared: bool) -> None:
    """Read the inputs ``first`` … of each reader, and print a line of JSON for each."""
    import dask
    import examples as corpus

    dask.config.set(scheduler="synchronous")  # the stacks of threads would count as memory
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    warnings.simplefilter("error")
    shared = corpus.shared_examples(SHARED_BYTES, SHARED_EACH) if use_shared else {}
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            legal = corpus.examples()[name]
            _warm_up(corpus.subjects()[name], (*legal, *shared.get(name, ())), Path(folder))
        _limit_memory()
        print(json.dumps({"ready": True}))
        for name in names:
            subject, legal = corpus.subjects()[name], corpus.examples()[name]
            for i in range(first, first + count):
                rng = random.Random(f"{seed}-{name}-{i}")
                pool = shared.get(name) or ()
                chosen = rng.choice(pool) if pool and rng.random() < SHARED_SHARE else rng.choice(legal)
                line = _one(subject, chosen, [e.content for e in legal], rng, Path(folder))
                print(json.dumps({"reader": name, "i": i, "file": chosen.name, **line}))
    print(json.dumps({"done": True}))


def _warm_up(subject: Any, legal: Sequence[Any], folder: Path) -> None:
    """Read legal files, so that all that is imported on the way is imported before memory is limited."""
    for example in legal:
        for lazy in {False, subject.lazy}:
            try:
                data = subject.read(example.write(folder), **({"lazy": True} if lazy else {}))
            except Exception:  # a measured file may well be refused
                continue
            if lazy:
                data.computed()


def _one(subject: Any, example: Any, others: Sequence[bytes], rng: random.Random, folder: Path) -> dict[str, Any]:
    import mutations

    from spectrode.errors import UnreadableFile

    path = example.write(folder, mutations.mutated(example.content, rng, others))
    lazy = subject.lazy and rng.random() < 0.5
    outcome, words = "read", ""
    _forget_peak()
    before = _memory("VmRSS")
    begin = time.process_time()
    try:
        data = subject.read(path, **({"lazy": True} if lazy else {}))
        if lazy:
            data.computed()
    except UnreadableFile as error:
        words = str(error)
        outcome = "refused"
        if _caused_by(error, MemoryError):
            outcome = "memory"
        elif str(path) not in words or "\n" in words:
            outcome = "message"
    except MemoryError as error:
        outcome, words = "memory", repr(error)
    except BaseException as error:  # SystemExit and RecursionError too
        outcome, words = "exception", f"{type(error).__name__}: {error} {_where(error)}"
    cpu_s, peak = time.process_time() - begin, max(0, _memory("VmHWM") - before)
    if cpu_s > CPU_SECONDS:
        outcome, words = "slow", f"{cpu_s:.1f} s"
    path.unlink(missing_ok=True)
    return {"outcome": outcome, "error": words[:300], "cpu_s": cpu_s, "peak": peak}


def _caused_by(error: BaseException | None, kind: type[BaseException]) -> bool:
    while error is not None:
        if isinstance(error, kind):
            return True
        error = error.__cause__ or error.__context__
    return False


def _where(error: BaseException) -> str:
    """Return file and line of the innermost place in Spectrode."""
    import traceback

    frames = [f for f in traceback.extract_tb(error.__traceback__) if "spectrode" in f.filename]
    return f"({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""


def _memory(name: str) -> int:
    """Return a line of /proc/self/status in bytes; 0 where there is no such file."""
    try:
        text = Path("/proc/self/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith(name + ":")), 0)


def _limit_memory() -> None:
    """Limit the address space to what is in use and the bound."""
    used = _memory("VmSize")
    try:
        import resource
    except ImportError:
        return
    if used:
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY_BYTES, resource.getrlimit(resource.RLIMIT_AS)[1]))


def _forget_peak() -> None:
    """Let the peak of resident memory begin anew (Linux)."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


# -- the process that watches ------------------------------------------------------------------------------------------


def run(
    names: Sequence[str], *, count: int, seed: int, first: int = 0, jobs: int = 1, use_shared: bool = True
) -> dict[str, Tally]:
    """Read ``count`` inputs with each reader, ``jobs`` processes at a time; return what became of them."""
    tallies = {name: Tally() for name in names}
    shares = [range(first + k * count // jobs, first + (k + 1) * count // jobs) for k in range(jobs)]
    watchers = [threading.Thread(target=_watch, args=(tallies, s, seed, use_shared), daemon=True) for s in shares if s]
    for watcher in watchers:
        watcher.start()
    for watcher in watchers:
        watcher.join()
    return tallies


_LOCK = threading.Lock()


def _watch(tallies: dict[str, Tally], share: range, seed: int, use_shared: bool) -> None:
    """See one share through: start again after the input at which the process ended or hung."""
    left = [(name, share.start) for name in tallies]
    while left:
        name, start = left[0]
        # The reader that was interrupted goes on alone; those behind it are still whole.
        group = [name] if start > share.start else [n for n, _ in left]
        at = (group[0], start)
        for line in _lines(group, seed, start, share.stop - start, use_shared):
            if "died" in line:
                with _LOCK:
                    file = {"i": at[1], "file": "?", "cpu_s": 0.0, "peak": 0, "error": line["error"]}
                    tallies[at[0]].add({**file, "outcome": line["died"]})
                if not line["ready"]:
                    return  # not the input's fault: starting again would end in the same way
                at = _next(at, group, share)
                break
            with _LOCK:
                tallies[line["reader"]].add(line)
            at = _next((line["reader"], line["i"]), group, share)
        done = {n for n in group if group.index(n) < (group.index(at[0]) if at[0] in group else len(group))}
        left = [(n, at[1] if n == at[0] else s) for n, s in left if n not in done]


def _next(at: tuple[str, int], group: Sequence[str], share: range) -> tuple[str, int]:
    """Return the input after one; an empty name after the last."""
    name, i = at
    if i + 1 < share.stop:
        return name, i + 1
    behind = group[group.index(name) + 1 :]
    return (behind[0], share.start) if behind else ("", 0)


def _lines(group: Sequence[str], seed: int, first: int, count: int, use_shared: bool) -> Iterator[dict[str, Any]]:
    """Yield the lines of one process, and at last how it died if it did not end well."""
    command = [sys.executable, __file__, "--worker", "--reader", ",".join(group), "--seed", str(seed)]
    command += ["--from", str(first), "--count", str(count), *([] if use_shared else ["--no-shared"])]
    env = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryFile("w+") as complaints:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=complaints, text=True, env=env)
        assert process.stdout is not None
        arrived: queue.Queue[str | None] = queue.Queue()
        pump = threading.Thread(target=_pump, args=(process.stdout, arrived), daemon=True)
        pump.start()
        patience, died, ready = START_SECONDS, "", False
        try:
            while True:
                text = arrived.get(timeout=patience)
                if text is None:
                    died = "crash"
                    break
                line = json.loads(text)
                if "done" in line:
                    break
                patience = CLOCK_SECONDS
                if "ready" in line:
                    ready = True
                else:
                    yield line
        except queue.Empty:
            died = "hang"
        finally:
            process.kill()
            process.wait()
            pump.join()
            process.stdout.close()
        if died:
            complaints.seek(0)
            said = " ".join(complaints.read()[-300:].split())
            yield {"died": died, "ready": ready, "error": f"ended with {process.returncode} {said}"}


def _pump(stream: Any, arrived: queue.Queue[str | None]) -> None:
    for text in stream:
        arrived.put(text)
    arrived.put(None)


def table(tallies: dict[str, Tally]) -> str:
    """Return a line a reader."""
    head = f"{'reader':<22}{'inputs':>8}{'read':>8}{'refused':>9}{'other':>7}{'slowest':>10}{'peak':>11}"
    lines = [head, "-" * len(head)]
    for name, t in tallies.items():
        other = t.inputs - t.outcomes["read"] - t.outcomes["refused"]
        lines.append(
            f"{name:<22}{t.inputs:>8}{t.outcomes['read']:>8}{t.outcomes['refused']:>9}{other:>7}"
            f"{1000 * t.slowest_s:>7.0f} ms{t.peak_bytes / 2**20:>7.1f} MiB"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reader", default="all", help="a name, several with commas between, or all")
    parser.add_argument("--count", type=int, default=20_000, help="inputs for each reader")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--from", type=int, default=0, dest="first", help="number of the first input")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes at a time")
    parser.add_argument("--no-shared", action="store_true", help="only files of our own, the same on every machine")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.worker:
        work(given.reader.split(","), given.seed, given.first, given.count, not given.no_shared)
        return 0
    import examples as corpus

    known = corpus.examples()
    names = list(known) if given.reader == "all" else given.reader.split(",")
    unknown = [n for n in names if n not in known]
    if unknown:
        parser.error(f"there is no reader {unknown[0]!r}; possible: {', '.join(known)}")
    without = [n for n in names if not known[n]]
    if without:
        print(f"without example files, and so not tested: {', '.join(without)}")
    begin = time.perf_counter()
    tallies = run(
        [n for n in names if known[n]],
        count=given.count,
        seed=given.seed,
        first=given.first,
        jobs=given.jobs,
        use_shared=not given.no_shared,
    )
    print(table(tallies))
    print(
        f"bounds: {CPU_SECONDS:g} s, {MEMORY_BYTES >> 20} MiB; seed {given.seed}, {time.perf_counter() - begin:.0f} s"
    )
    for name, tally in tallies.items():
        for text in tally.violations[:20]:
            print(f"VIOLATION {name}: {text}")
    return 1 if any(t.violations for t in tallies.values()) or without else 0


if __name__ == "__main__":
    sys.exit(main())
