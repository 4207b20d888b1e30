"""Runs a stream in children that are killed at a chosen call of the operating system, or at a chosen moment.

``python killer.py SOURCE FOLDER calls FIRST STEP`` forks children that die (SIGKILL) at call number FIRST, FIRST +
STEP, … of all writes, truncations, flushes and renames; half of a write is carried out before. After each, another
child finishes the work. ``… moments N`` kills children N times in all, after random times, up to four before one is let
finish. Prints the number of deaths; fails where a finished file differs from that of a run that was left alone.
"""

from __future__ import annotations

import hashlib
import os
import random
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from hard_maps import FAST

from spectrode.streaming import process, run

run._LARGEST_BLOCK = 512


def stream(source: Path, target: Path) -> None:
    process(source, FAST, target, keep=("background",))


def die_at(call: int) -> None:
    """Make this process kill itself at a call that would change what is on the disk."""
    left = call

    def counted(name: str) -> None:
        real = getattr(os, name)

        def replacement(*arguments: object) -> object:
            nonlocal left
            left -= 1
            if left <= 0:
                if name == "write":
                    real(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])  # type: ignore[arg-type,call-overload,index]
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments)

        setattr(os, name, replacement)

    for name in ("write", "ftruncate", "fsync", "replace", "unlink"):
        counted(name)


def child(action: object, *arguments: object) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            action(*arguments)  # type: ignore[operator]
            os._exit(0)
        except BaseException as error:
            sys.stderr.write(f"{error!r}\n")
            os._exit(1)
    return pid


def ended(pid: int) -> int:
    _, status = os.waitpid(pid, 0)
    assert not os.WIFEXITED(status) or os.WEXITSTATUS(status) == 0, "a child failed"
    return int(os.WIFSIGNALED(status))


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def at_calls(source: Path, target: Path, truth: str, first: int, step: int) -> int:
    def doomed(call: int) -> None:
        die_at(call)
        stream(source, target)

    deaths, call = 0, first
    while True:
        target.unlink(missing_ok=True)
        died = ended(child(doomed, call))
        ended(child(stream, source, target))
        assert sha256(target) == truth, f"killed at call {call}"
        assert [p.name for p in target.parent.iterdir()] == [target.name]
        if not died:
            return deaths
        deaths, call = deaths + 1, call + step


def at_moments(source: Path, target: Path, truth: str, times: int) -> int:
    rng = random.Random(7)
    started = time.monotonic()
    ended(child(stream, source, target))
    usual = time.monotonic() - started
    deaths = 0
    while deaths < times:
        target.unlink(missing_ok=True)
        for _ in range(rng.randint(1, 4)):
            pid = child(stream, source, target)
            time.sleep(rng.uniform(0, usual))
            os.kill(pid, signal.SIGKILL)
            deaths += ended(pid)
        ended(child(stream, source, target))
        assert sha256(target) == truth, f"after {deaths} deaths"
    return deaths


def main() -> None:
    source, folder, way, *numbers = sys.argv[1:]
    target = Path(folder) / "out.h5"
    stream(Path(source), target)  # here, so that children need not import everything again
    truth = sha256(target)
    time.sleep(1.1)  # so that a time of day written into the file would show
    how = at_calls if way == "calls" else at_moments
    sys.stdout.write(str(how(Path(source), target, truth, *map(int, numbers))))


if __name__ == "__main__":
    main()
