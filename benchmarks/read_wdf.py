"""Time to read a synthetic Renishaw map, beside ``numpy.fromfile`` of the same bytes and beside other packages.

``python benchmarks/read_wdf.py [--megabytes 200] [--repeats 5]``. Every line is the best of the repeats, in this order
and in one process, with the file in the cache of the operating system. Other packages (renishawWiRE, ramanspy,
rosettasciio) are timed where they can be imported; none is needed.

``load`` is what the other packages do too. ``read`` is what a user calls: it looks for spectra that are all zero or not
finite as well, and computes the SHA-256 of the file, beside reading it; the hash alone is listed for comparison.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import importlib.metadata
import os
import platform
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from builders import wdf
from spectrode.history import file_sha256
from spectrode.readers import read
from spectrode.readers.renishaw_wdf import load

CHANNELS = 1015


def write_map(path: Path, megabytes: float, seed: int = 1) -> tuple[int, int]:
    """Write a map with positions and times, axis falling as WiRE writes it; return (spectra, channels)."""
    nx = 200
    ny = max(1, round(megabytes * 1e6 / (4 * CHANNELS * nx)))
    n = nx * ny
    y, x = np.divmod(np.arange(n), nx)
    made = wdf.Wdf(
        np.random.default_rng(seed).uniform(0, 1000, (n, CHANNELS)).astype("<f4"),
        np.linspace(3200.0, 100.0, CHANNELS),
        measurement=wdf.MAPPING,
        origins=[
            wdf.Origin(wdf.X, wdf.UM, x, "X", True),
            wdf.Origin(wdf.Y, wdf.UM, y, "Y", True),
            wdf.Origin(wdf.TIME, wdf.FILETIME, wdf.T0 + np.arange(n) * 10_000_000, "Time"),
        ],
        map_flags=0,
        length=(nx, ny, 1),
        extra=[wdf.measurement(1, 1000)],
    )
    path.write_bytes(bytes(made))
    return n, CHANNELS


def best(action: Callable[[], Any], repeats: int) -> float:
    """Return the shortest time of one call, in s; what a call returns is released outside the time."""
    times = []
    for _ in range(repeats):
        gc.collect()
        begin = time.perf_counter()
        kept = action()
        times.append(time.perf_counter() - begin)
        del kept
    return min(times)


def others(path: Path) -> dict[str, Callable[[], Any]]:
    """Return how each other package reads a map, as far as they are installed."""
    found: dict[str, Callable[[], Any]] = {}
    try:
        from renishawWiRE import WDFReader

        def with_renishaw_wire() -> Any:
            reader = WDFReader(path)
            try:
                return np.asarray(reader.spectra)
            finally:
                reader.close()

        found[f"renishawWiRE {importlib.metadata.version('renishawWiRE')}"] = with_renishaw_wire
    except ImportError:
        pass
    try:
        import ramanspy

        found[f"ramanspy {importlib.metadata.version('ramanspy')}"] = lambda: ramanspy.load.renishaw(str(path))
    except ImportError:
        pass
    try:
        from rsciio.renishaw import file_reader

        version = importlib.metadata.version("rosettasciio")
        found[f"rosettasciio {version}"] = lambda: file_reader(str(path))
        found[f"rosettasciio {version}, lazy"] = lambda: file_reader(str(path), lazy=True)
    except ImportError:
        pass
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, default=200.0)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "map.wdf"
        n, channels = write_map(path, given.megabytes)
        size = os.path.getsize(path)
        print(f"{n} spectra × {channels} channels, {size / 1e6:.0f} MB, best of {given.repeats}")
        print(f"Python {platform.python_version()}, numpy {np.__version__}, {os.cpu_count()} cores\n")
        begin = time.perf_counter()
        read(path, lazy=True)
        first = time.perf_counter() - begin
        base = best(lambda: np.fromfile(path, dtype="<f4"), given.repeats)
        rows = [
            ("numpy.fromfile of the file", base, ""),
            ("spectrode load", best(lambda: load(path), given.repeats), "at most 2"),
            ("spectrode read (with checks and SHA-256)", best(lambda: read(path), given.repeats), ""),
            ("  the SHA-256 alone", best(lambda: file_sha256(path), given.repeats), ""),
            ("spectrode read, lazy", best(lambda: read(path, lazy=True), given.repeats), "under 50 ms"),
        ]
        data = read(path, lazy=True)
        rows += [
            ("  then one spectrum", best(lambda: data.intensity[n // 2].compute(), given.repeats), ""),
            ("  then the image of one band (20 channels)", best(lambda: _band(data), given.repeats), ""),
            ("  then everything", best(lambda: data.computed(), given.repeats), ""),
        ]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for name, action in others(path).items():
                try:
                    rows.append((name, best(action, min(2, given.repeats)), ""))
                except Exception as error:  # what another package cannot read is its result
                    print(f"{name} fails: {type(error).__name__}: {error}")
        print(f"{'':<46}{'ms':>9}{'× fromfile':>12}  wanted")
        for name, seconds, wanted in rows:
            print(f"{name:<46}{1000 * seconds:>9.1f}{seconds / base:>12.2f}  {wanted}")
        print(f"\nThe first lazy read of a process imports dask as well: {1000 * first:.0f} ms.")
        assert hashlib.sha256(path.read_bytes()).hexdigest() == read(path).metadata.sources[0].sha256


def _band(data: Any) -> Any:
    return data.intensity[:, 400:420].sum(axis=1).compute()


if __name__ == "__main__":
    main()
