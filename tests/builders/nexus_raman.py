"""Small NeXus files as pynxtools-raman, pyambit and ramanchada2 lay them out, and the requirements of NXraman."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np

SHIFT = np.array([-10.0, 100.5, 520.25, 700.0])
COUNTS = np.array([5.0, 6.0, 900.0, 7.5])

# What NXraman and the NXoptical_spectroscopy that it extends require (NXDL v2026.01): a path each below the entry,
# "@" before an attribute. Groups of any name are given by the names that Spectrode writes.
REQUIRED = (
    "definition",
    "definition@version",
    "definition@URL",
    "experiment_type",
    "raman_experiment_type",
    "instrument",
    "instrument/scattering_configuration",
    "instrument/beam_incident",
    "instrument/beam_incident/wavelength",
    "instrument/beam_incident/parameter_reliability",
    "instrument/detector_main",
    "instrument/detector_main/detector_channel_type",
    "sample",
    "sample/name",
    "data",
    "data@signal",
    "data@axes",
)


def missing(entry: Any) -> list[str]:
    """Say which requirements an entry does not meet."""
    found = []
    for name in REQUIRED:
        path, _, attribute = name.partition("@")
        if path not in entry or (attribute and attribute not in entry[path].attrs):
            found.append(name)
    return found


def take_out(entry: Any, name: str) -> None:
    path, _, attribute = name.partition("@")
    if attribute:
        del entry[path].attrs[attribute]
    else:
        del entry[path]


def group(parent: Any, name: str, nx_class: str = "", /, **fields: Any) -> Any:
    made = parent.create_group(name)
    if nx_class:
        made.attrs["NX_class"] = nx_class
    for key, value in fields.items():
        put(made, key, value)
    return made


def put(parent: Any, name: str, value: Any) -> None:
    """Write a field; a tuple is a value with its units."""
    value, units = value if isinstance(value, tuple) else (value, None)
    parent[name] = value
    if units is not None:
        parent[name].attrs["units"] = units


def nxdata(parent: Any, name: str, values: Any, axes: dict[str, Any], signal: str = "y_values") -> Any:
    made = group(parent, name, "NXdata", **{signal: values})
    made.attrs["signal"] = signal
    made.attrs["axes"] = list(axes)
    for key, axis in axes.items():
        if axis is not None:
            put(made, key, axis)
    return made


def pynxtools(file: Any, values: Any = COUNTS, axes: dict[str, Any] | None = None, units: str = "1/cm") -> Any:
    """The layout of pynxtools-raman, with all that the reader understands."""
    file.attrs["default"] = "entry"
    entry = group(
        file, "entry", "NXentry", definition="NXraman", title="a wafer", start_time="2024-06-21T14:04:54+02:00"
    )
    entry.attrs["default"] = "data"
    instrument = group(entry, "instrument", "NXinstrument")
    group(instrument, "beam_incident", "NXbeam", wavelength=(532.1, "nm"), average_power=(0.06, "W"))
    detector = group(instrument, "detector_ccd", "NXdetector", count_time=(0.5, "s"), number_of_cycles=20)
    detector["detector_type"] = "CCD"
    group(instrument, "device_information", vendor="Maker", model="One")
    lens = group(instrument, "objective_lens", "NXoptical_lens", magnification=50.0)
    group(lens, "device_information", model="50x long")
    group(group(instrument, "monochromator"), "grating", period=(0.00125, "mm"))
    sample = group(entry, "sample", "NXsample", name="Si")
    group(group(sample, "temperature_env"), "temperature_sensor", value=(300.0, "K"))
    return nxdata(entry, "data", values, axes or {"x_values_raman": (SHIFT, units)})


def charisma(file: Any) -> None:
    """The layout of pyambit: an entry a sample, unit in the singular, no class on most groups."""
    for k, sample in enumerate(("S0B", "PST")):
        entry = group(file, f"TEST-{k}", "NXentry", definition="NXraman")
        entry.attrs["default"] = "RAW_DATA"
        made = nxdata(
            group(entry, "RAW_DATA"), f"{sample}_1", COUNTS + k, {"Wavenumber": (SHIFT, "cm¯¹")}, "Raman intensity"
        )
        made["title"] = sample
        beam = group(group(entry, "instrument", "NXinstrument"), "beam_incident", wavelength=785.0)
        beam["wavelength"].attrs["unit"] = "nm"


def cha(file: Any) -> None:
    """The layout of ramanchada2: (2, channels) arrays with attributes."""
    for name in ("raw", "normalized"):
        file[name] = np.stack([SHIFT, COUNTS / (900 if name == "normalized" else 1)])
        file[name].attrs.update({"sample": "PST", "laser_wl": "785"})


def write(path: Path, fill: Callable[[Any], Any]) -> Path:
    with h5py.File(path, "w") as file:
        fill(file)
    return path


@cache
def examples() -> dict[str, bytes]:
    """Return a file of each layout."""
    with tempfile.TemporaryDirectory() as folder:
        return {
            name: write(Path(folder) / name, fill).read_bytes()
            for name, fill in (("pynxtools.nxs", pynxtools), ("charisma.nxs", charisma), ("chada.cha", cha))
        }
