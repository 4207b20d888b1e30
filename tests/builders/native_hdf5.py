"""Small native files, as the writer makes them: the reader's only source."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np

from spectrode.dataset import OperandoDataset
from spectrode.metadata import Cell, FieldImage, Laser, Metadata
from spectrode.writers import write


def datasets() -> dict[str, OperandoDataset]:
    """Return a single spectrum, and a map with all that a dataset can hold."""
    shift = np.linspace(400.0, 500.0, 16)
    counts = 1000.0 + np.arange(12)[:, None] * 5.0 + np.arange(16)
    image = FieldImage("white-light image", np.arange(20, dtype=np.uint8).reshape(4, 5), (0.0, 5.0), (0.0, 4.0))
    full = OperandoDataset(
        intensity=counts,
        shift=shift,
        columns={
            "time_s": np.arange(12) * 2.0,
            "x_um": np.tile(np.arange(4.0), 3),
            "y_um": np.repeat(np.arange(3.0), 4),
            "potential_v": np.linspace(3.0, 0.1, 12),
            "scan_index": np.arange(12)[::-1],
        },
        scan_shape=(("y", 3), ("x", 4)),
        metadata=Metadata(
            title="cell 7",
            started_at=datetime(2024, 1, 1, tzinfo=UTC),
            laser=Laser(wavelength_nm=532.0, power_mw=1.0),
            cell=Cell(reference_electrode="Li/Li+"),
            images=(image,),
            vendor={"header": {"a": [1, 2.5, "µ", None]}},
        ),
        mask=counts > 1060,
        variance=counts,
    )
    return {"single.h5": OperandoDataset(counts[:1].astype(np.float32), shift), "full.h5": full}


@cache
def examples() -> dict[str, bytes]:
    """Return small legal files by name."""
    made = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, dataset in datasets().items():
            path = Path(folder) / name
            write(dataset, path)
            made[name] = path.read_bytes()
    return made
