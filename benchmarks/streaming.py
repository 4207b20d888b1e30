"""Memory, rate and scaling of a stream from file to file, over a native file of any size.

``python benchmarks/streaming.py [--gigabytes 40] [--prefixes 1 2 4] [--memory 2GB] [--folder DIR]
[--steps despike.whitaker_hayes baseline.arpls]``

The input is a native file whose intensities are an HDF5 virtual dataset that repeats a small base file, so 40 GB of
spectra take 30 MB of disk. The output cannot be virtual. What is not to be processed in full is processed as prefixes
of the sizes given (GB of input): each is a native file of its own, so its survey, columns and layout are those of that
size. Every prefix runs in a process of its own, whose largest resident memory the system reports. With
``--prefixes 40`` all of it is processed, for which the folder needs 42 GB. Each output is deleted at once.

For each: rate, seconds before the first block, largest memory. At the end the exponent of the time against the number
of spectra (1 is proportional), and the memory for the layout alone of the file of full size.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np

from spectrode.cli_process import _bytes
from spectrode.dataset import OperandoDataset
from spectrode.errors import Cancelled
from spectrode.pipeline.recipe import RecipeStep
from spectrode.streaming import process
from spectrode.writers.native_hdf5 import Reserved, save_into

CHANNELS, BASE, ROW = 1024, 8192, 1000


def base_spectra() -> np.ndarray:
    """Return spectra with a fluorescence background, three lines and cosmic rays."""
    rng = np.random.default_rng(1)
    shift = np.linspace(200, 2000, CHANNELS)
    lines = sum(np.exp(-0.5 * ((shift - at) / 8) ** 2) for at in (520, 1001, 1580))
    background = 2000 * np.exp(-(((shift - 900) / 900) ** 2)) + 300
    counts = rng.poisson(background * rng.uniform(0.5, 1.5, (BASE, 1)) + rng.uniform(0, 800, (BASE, 1)) * lines)
    hit = rng.choice(BASE, BASE // 50, replace=False)
    counts[hit, rng.integers(5, CHANNELS - 5, hit.size)] += 5000
    return counts.astype(np.float32)


def virtual_map(folder: Path, gigabytes: float) -> Path:
    """Make a map whose intensities repeat those of ``base.h5``."""
    base = folder / "base.h5"
    if not base.exists():
        with h5py.File(base, "w") as file:
            file.create_dataset("x", data=base_spectra(), chunks=(512, 128))
    n = max(BASE, round(gigabytes * 1e9 / (4 * CHANNELS * ROW)) * ROW)
    layout = h5py.VirtualLayout((n, CHANNELS), np.float32)
    repeated = h5py.VirtualSource(base, "x", (BASE, CHANNELS))
    for start in range(0, n, BASE):
        stop = min(start + BASE, n)
        layout[start:stop] = repeated[: stop - start]
    path = folder / f"map-{gigabytes:g}.h5"
    y, x = np.divmod(np.arange(n), ROW)
    dataset = OperandoDataset(
        Reserved((n, CHANNELS), np.dtype(np.float32)),
        np.linspace(200, 2000, CHANNELS),
        {"time_s": np.arange(n) * 0.1, "x_um": x * 0.5, "y_um": y * 0.5},
        scan_shape=(("y", n // ROW), ("x", ROW)) if n % ROW == 0 else (),
    )
    with h5py.File(path, "w") as file:
        save_into(dataset.replace(intensity=np.zeros((n, 0)), shift=np.zeros(0)), file)
        data = file["entry/data"]
        for name in ("intensity", "shift"):
            del data[name]
        data["shift"] = dataset.shift
        data.create_virtual_dataset("intensity", layout)
    return path


def child(source: str, target: str, steps: list[str], memory: int, first_block_only: bool) -> None:
    """Process one file and print what it took, as JSON."""
    began = time.perf_counter()
    marks: list[tuple[float, int]] = []
    try:
        report = process(
            source,
            [RecipeStep(name) for name in steps],
            target,
            memory_bytes=memory,
            progress=lambda _, done, __: marks.append((time.perf_counter() - began, done)),
            should_stop=(lambda: bool(marks)) if first_block_only else None,
        )
        block = report.block
    except Cancelled:
        block = marks[0][1]
    found = {
        "seconds": time.perf_counter() - began,
        "first": marks[0][0],
        "spectra": marks[-1][1],
        "block": block,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }
    sys.stdout.write(json.dumps(found))


def run(source: Path, steps: list[str], memory: str, *, first_block_only: bool = False) -> dict[str, float]:
    target = source.with_name("out.h5")
    words = [str(source), str(target), json.dumps(steps), memory, json.dumps(first_block_only)]
    try:
        done = subprocess.run([sys.executable, __file__, "--child", *words], capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(done.stderr)
        found: dict[str, float] = json.loads(done.stdout)
        return found
    finally:
        for name in ("out.h5", "out.h5.part", "out.h5.journal"):
            (source.parent / name).unlink(missing_ok=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=40)
    parser.add_argument("--prefixes", type=float, nargs="+", default=[0.5, 1, 2])
    parser.add_argument("--memory", default="2GB")
    parser.add_argument("--steps", nargs="+", default=["despike.whitaker_hayes", "baseline.arpls"])
    parser.add_argument("--folder", type=Path, default=None)
    given = parser.parse_args()
    print(f"{os.cpu_count()} processors; {' + '.join(given.steps)}; {given.memory}")
    print(f"{'input/GB':>9} {'spectra':>9} {'block':>6} {'s':>8} {'begin/s':>8} {'spectra/s':>10} {'peak/GB':>8}")
    sizes, times = [], []
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        folder = Path(name)
        run(virtual_map(folder, 0.05), given.steps, given.memory)  # compiles what is not compiled yet
        for gigabytes in given.prefixes:
            found = run(virtual_map(folder, gigabytes), given.steps, given.memory)
            rate = found["spectra"] / found["seconds"]
            sizes.append(found["spectra"])
            times.append(found["seconds"])
            print(
                f"{gigabytes:9.3g} {found['spectra']:9.0f} {found['block']:6.0f} {found['seconds']:8.1f} "
                f"{found['first']:8.1f} {rate:10.0f} {found['peak'] / 1e9:8.2f}",
                flush=True,
            )
        if len(sizes) > 1:
            slope = np.polyfit(np.log(sizes), np.log(times), 1)[0]
            print(f"time grows with the number of spectra to the power {slope:.2f}")
        if given.gigabytes > max(given.prefixes):
            found = run(virtual_map(folder, given.gigabytes), given.steps, given.memory, first_block_only=True)
            print(
                f"{given.gigabytes:g} GB, opened, surveyed, laid out and its first block of {found['block']:.0f} done: "
                f"{found['seconds']:.1f} s, peak {found['peak'] / 1e9:.2f} GB"
            )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        a, b, c, d, e = sys.argv[2:]
        child(a, b, json.loads(c), _bytes(d), json.loads(e))
    else:
        main()
