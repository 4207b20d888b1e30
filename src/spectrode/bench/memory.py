"""Memory that a step takes beside its input, from the operating system's own account of a process of its own."""

from __future__ import annotations

import subprocess
import sys

from ..errors import SpectrodeError

__all__ = ["extra_memory"]

_CHILD = """
import resource, sys
import numpy as np
from spectrode.bench.cases import make_spectra
from spectrode.pipeline.step import step_spec
name, n, rows = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
call = step_spec(name).call
small, shift = make_spectra(64 * max(rows, 1) if rows else 600, 1024, 1, "float32", rows)
def outside(values):
    if not rows:
        return {}
    return {"scan_shape": (("y", rows), ("x", len(values) // rows)), "scan_index": np.arange(len(values))}
call(small, shift, keep=(), **outside(small))  # compiled, imported
data = np.tile(small, (n // len(small), 1))
scale = 1 if sys.platform == "darwin" else 1024
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale
call(data, shift, keep=(), **outside(data))
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale
print((after - before) / data.nbytes)
"""


def extra_memory(step: str, *, spectra: int = 100_000, map_rows: int = 0) -> float:
    """Return the peak memory of a step beside its float32 input, in units of that input; its result counts.

    Raises
    ------
    SpectrodeError
        If the process that measures it fails, or the platform keeps no such account (Windows).
    """
    if sys.platform == "win32":
        raise SpectrodeError("the peak memory of a process is not measured on Windows")
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, step, str(spectra), str(map_rows)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SpectrodeError(f"memory of {step} could not be measured: {done.stderr.strip().splitlines()[-1]}")
    return float(done.stdout)
