"""Layouts of the native file: time of one spectrum, of one band image and of writing, and the size.

``python benchmarks/layout_hdf5.py [--spectra 20000] [--channels 1024] [--repeats 9] [--folder /tmp]``. Medians over the
repeats, each with a freshly opened file that is in the cache of the operating system. ``counts`` are Poisson counts as
float32, ``processed`` the same after a subtraction and a division, which no longer are whole numbers. The native
writer's own layout stands in the last lines.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from spectrode.dataset import OperandoDataset
from spectrode.writers import write

BAND = 38
CHUNKS = ((512, 128), (256, 128), (128, 128), (64, 1024))
FILTERS: dict[str, dict[str, Any]] = {
    "none": {},
    "lzf": {"compression": "lzf", "shuffle": True},
    "gzip-1": {"compression": "gzip", "compression_opts": 1, "shuffle": True},
    "gzip-4": {"compression": "gzip", "compression_opts": 4, "shuffle": True},
}


def spectra(n: int, channels: int) -> Iterator[tuple[str, Any]]:
    level = 500 + 100 * np.sin(np.arange(channels) / 50)
    counts = np.random.default_rng(1).poisson(level, (n, channels)).astype(np.float32)
    yield "counts", counts
    yield "processed", (counts - np.float32(480.3)) / np.float32(1.0123)


def timed(path: Path, action: Callable[[Any, int], Any], repeats: int) -> float:
    times = []
    for k in range(repeats):
        with h5py.File(path) as file:
            began = time.perf_counter()
            action(file, k)
            times.append(time.perf_counter() - began)
    return 1e3 * float(np.median(times))


def line(label: str, path: Path, name: str, seconds: float, shape: tuple[int, int], repeats: int) -> None:
    n, channels = shape
    one = timed(path, lambda file, k: file[name][(k * 1999 + 7) % n], repeats)

    def band(file: Any, k: int) -> None:
        first = (k * 101) % max(1, channels - BAND)
        file[name][:, first : first + BAND]

    size = path.stat().st_size / (4 * n * channels)
    print(f"{label:<34} {one:9.2f} {timed(path, band, repeats):9.2f} {seconds:9.2f} {size:9.2f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--spectra", type=int, default=20_000)
    parser.add_argument("--channels", type=int, default=1024)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--folder", type=Path, default=None)
    given = parser.parse_args()
    shape = (given.spectra, given.channels)
    print(f"{'':<34} {'pixel/ms':>9} {'band/ms':>9} {'write/s':>9} {'size':>9}")
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        path = Path(folder) / "x.h5"
        for kind, values in spectra(*shape):
            for chunks in CHUNKS:
                for label, packing in FILTERS.items():
                    began = time.perf_counter()
                    with h5py.File(path, "w") as file:
                        limited = tuple(min(c, s) for c, s in zip(chunks, shape, strict=True))
                        stored = file.create_dataset("x", shape=shape, dtype=values.dtype, chunks=limited, **packing)
                        for start in range(0, shape[0], 4096):
                            stored[start : start + 4096] = values[start : start + 4096]
                    line(f"{kind}, {chunks}, {label}", path, "x", time.perf_counter() - began, shape, given.repeats)
            began = time.perf_counter()
            write(OperandoDataset(values, np.arange(shape[1], dtype=float)), path)
            seconds = time.perf_counter() - began
            line(f"{kind}, native writer", path, "entry/data/intensity", seconds, shape, given.repeats)


if __name__ == "__main__":
    main()
