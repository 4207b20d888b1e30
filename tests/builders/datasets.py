"""Datasets with everything in them, for round trips through files."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from spectrode.dataset import OperandoDataset
from spectrode.history import StepRecord
from spectrode.metadata import Cell, FieldImage, Laser, Metadata, SourceFile
from spectrode.metadata import Sample as SampleRecord


def small() -> OperandoDataset:
    """Two spectra of three channels, two seconds apart."""
    return OperandoDataset(
        np.array([[1.0, 2.0, 3.5], [4.0, 5.0, 6.25]]), np.array([100.0, 101.5, 104.0]), {"time_s": np.array([0.0, 2.0])}
    )


@st.composite
def datasets(draw: st.DrawFn, min_spectra: int = 0, finite: bool = False) -> OperandoDataset:
    """Datasets of all shapes and kinds; ``finite`` keeps NaN and infinity out of the intensities."""
    n, c = draw(st.integers(min_spectra, 7)), draw(st.integers(1, 9))
    dtype = draw(st.sampled_from([np.float32, np.float64, np.uint16]))
    elements = {"allow_nan": False, "allow_infinity": False} if finite and np.dtype(dtype).kind == "f" else {}
    intensity = draw(hnp.arrays(dtype, (n, c), elements=elements or None))
    shift = np.cumsum(draw(hnp.arrays(np.float64, c, elements=st.floats(0.1, 10))))
    if draw(st.booleans()):
        shift = np.linspace(100.5, 1800.25, c) if c > 1 else np.array([100.5])
    columns = {}
    if draw(st.booleans()):
        columns["time_s"] = draw(hnp.arrays(np.float64, n, elements=st.floats(0, 1e6) | st.just(np.nan)))
    if draw(st.booleans()):
        columns["potential_v"] = draw(hnp.arrays(np.float64, n, elements=st.floats(-5, 5)))
    if draw(st.booleans()):
        columns["cycle"] = draw(hnp.arrays(np.int64, n))
    if draw(st.booleans()):
        columns["my own µ"] = draw(hnp.arrays(np.float64, n, elements=st.floats(-1, 1)))
    scan = draw(st.sampled_from([(), (("frame", 1), ("x", 8))]))
    if scan and draw(st.booleans()):
        columns["scan_index"] = np.arange(n)[::-1]
    words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
    return OperandoDataset(
        intensity=intensity,
        shift=shift,
        columns=columns,
        scan_shape=scan,
        mask=draw(st.none() | hnp.arrays(bool, (n, c))),
        variance=draw(st.none() | hnp.arrays(np.float64, (n, c))),
        metadata=Metadata(
            title=draw(st.none() | words),
            started_at=draw(st.none() | st.datetimes(timezones=st.timezones())),
            laser=Laser(wavelength_nm=draw(st.none() | st.floats(200, 2000))),
            sample=SampleRecord(draw(st.none() | words)),
            cell=Cell(reference_electrode="Li/Li+"),
            sources=(SourceFile("map.wdf", "renishaw-wdf", "0" * 64, 12, "spectra", {"a": 1}),),
            vendor={"tree": {"µ": [1, 2.5, "text ## $$", draw(words)], "nothing": None}},
            images=draw(st.sampled_from([(), (FieldImage("light", np.ones((2, 3, 3), np.uint8), (0.0, 1.0), None),)])),
        ),
        history=(StepRecord("baseline.asls", {"lam": 1e5}, "0.1", ("Eilers2005",), 3, 0.5, ("note",)),),
        axis_kind=draw(st.sampled_from(["raman_shift", "wavenumber", "wavelength"])),
    )


def without(dataset: OperandoDataset, *parts: str, original: OperandoDataset | None = None) -> OperandoDataset:
    """Take out what a format cannot hold, or the flags and notes that reading adds to empty and undated spectra."""
    for part in parts:
        if part == "images":
            dataset = dataset.replace(metadata=dataset.metadata.replace(images=()))
        elif part == "flags of the reader":
            assert original is not None
            notes = tuple(w for w in dataset.metadata.warnings if "they are flagged" not in w)
            dataset = dataset.replace(
                columns={k: v for k, v in dataset.columns.items() if k != "flags" or k in original.columns},
                mask=original.mask if "flags" in dataset.columns else dataset.mask,
                metadata=dataset.metadata.replace(warnings=notes),
            )
        else:
            dataset = dataset.replace(**{part: None})
    return dataset


def as_float64(dataset: OperandoDataset) -> OperandoDataset:
    return dataset.replace(intensity=np.asarray(dataset.intensity, dtype=np.float64))
