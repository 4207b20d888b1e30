"""Writes a simulated experiment as the files that an instrument pair would leave, and the truth beside them."""

from __future__ import annotations

import re
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._atomic import atomic_folder
from .._time import parse_zone
from .._version import __version__
from ..electrochemistry.trace import Trace
from ..errors import InvalidDataset
from ..history import file_sha256, versions
from .cell import REFERENCE
from .experiment import SimulatedExperiment
from .samples import FILES, SamplePaths
from .settings import PRESETS, SimulationSettings
from .species import REFERENCES
from .truth import TRUTH_FORMAT, TRUTH_VERSION, Truth

__all__ = ["command_line", "write_experiment", "write_mpt", "write_truth"]

_WHAT = {
    "map": "spectra of the map series, native HDF5, times in UTC",
    "trace": "potentiostat record in the layout of an EC-Lab text export; its start stamp is local time without a zone",
    "truth": "what the experiment was made of (spectrode.simulate.read_truth)",
}
_LAYOUT_COLUMNS = (
    "mode",
    "ox/red",
    "error",
    "control changes",
    "counter inc.",
    "time/s",
    "control/V",
    "Ewe/V",
    "<I>/mA",
    "cycle number",
    "(Q-Qo)/mA.h",
    "half cycle",
)


def write_experiment(experiment: SimulatedExperiment, folder: str | Path, *, command: str | None = None) -> SamplePaths:
    """Write map.h5, cv.mpt, truth.h5 and manifest.toml into a folder; each appears whole or not at all.

    Parameters
    ----------
    command
        The command line that made it; by default the one that would make it again.

    Returns
    -------
    SamplePaths
        Where the files are.

    Raises
    ------
    SpectrodeError
        If the folder cannot be made.
    """
    from ..writers import write

    folder = Path(folder)
    with atomic_folder(folder) as temporary:
        write(experiment.dataset, temporary / FILES["map"])
        write_mpt(experiment.trace, temporary / FILES["trace"], experiment.settings)
        write_truth(experiment.truth, temporary / FILES["truth"])
        _write_manifest(experiment, temporary, command or command_line(experiment.settings, folder.name))
    return SamplePaths.of(folder)


def command_line(settings: SimulationSettings, out: str = "OUT") -> str:
    """Return the ``spectrode simulate`` command for settings (only options that differ from the preset)."""
    base = PRESETS.get(settings.preset, PRESETS["sei-shiners"])
    options = [f"--preset {settings.preset}", f"--seed {settings.seed}"]
    sizes = ("frames", "rows", "columns")
    options += [f"--{n} {getattr(settings, n)}" for n in sizes if getattr(settings, n) != getattr(base, n)]
    return f"spectrode simulate {out} {' '.join(options)}"


def write_truth(truth: Truth, path: str | Path) -> None:
    """Write the truth as HDF5; real numbers in single precision except times and axes."""
    import h5py

    exact = {"start_s", "shift_true_cm1", "shift_reported_cm1", "flash_position_px"}
    with h5py.File(path, "w") as file:
        file.attrs["format"] = TRUTH_FORMAT
        file.attrs["format_version"] = TRUTH_VERSION
        file.attrs["creator"] = f"spectrode {__version__}"
        for item in fields(Truth):
            value = getattr(truth, item.name)
            if item.name == "scalars":
                file.create_group("scalars").attrs.update(value)
            elif isinstance(value, tuple):
                file.create_dataset(item.name, data=list(value), dtype=h5py.string_dtype())
            else:
                stored = value.astype(np.float32) if value.dtype.kind == "f" and item.name not in exact else value
                packing = {"compression": "gzip", "shuffle": True} if stored.size > 1000 else {}
                file.create_dataset(item.name, data=stored, **packing)


def write_mpt(trace: Trace, path: str | Path, settings: SimulationSettings) -> None:
    """Write a trace in the layout of an EC-Lab text export of a cyclic voltammogram.

    The stamp is the wall clock of ``settings.potentiostat_zone`` and, as in the vendor's files, does not say so.

    Raises
    ------
    InvalidDataset
        If the trace has no absolute start, no current or no charge.
    """
    if trace.started_at is None or trace.current_ma is None or trace.charge_mah is None:
        raise InvalidDataset("an EC-Lab text needs a trace with an absolute start, a current and a charge")
    header = _mpt_header(trace.started_at, settings)
    rows = _mpt_rows(trace, trace.current_ma, trace.charge_mah)
    header[1] = f"Nb header lines : {len(header) + 1:<20d}"
    text = "\r\n".join([*header, "\t".join(_LAYOUT_COLUMNS) + "\t", *rows]) + "\r\n"
    Path(path).write_bytes(text.encode("latin-1"))


def _mpt_header(started_at: datetime, s: SimulationSettings) -> list[str]:
    local = started_at.astimezone(parse_zone(s.potentiostat_zone))
    stamp = local.strftime("%m/%d/%Y %H:%M:%S.") + f"{local.microsecond // 1000:03d}"
    low, high = sorted((s.start_v, s.vertex_v))
    hours, rest = divmod(s.rest_s, 3600)
    hold = f"{int(hours)}:{int(rest // 60):02d}:{rest % 60:.4f}"
    table = [
        ("Ei (V)", f"{s.start_v:.3f}"),
        ("vs.", "Ref"),
        ("ti (h:m:s)", hold),
        ("dti (s)", f"{s.trace_interval_s:.4f}"),
        ("dE/dt", f"{s.scan_rate_v_per_s * 1000:.6f}"),
        ("dE/dt unit", "mV/s"),
        ("E1 (V)", f"{s.vertex_v:.3f}"),
        ("vs.", "Ref"),
        ("Ef (V)", f"{s.end_v:.3f}"),
        ("vs.", "Ref"),
        ("nc cycles", "0"),
    ]
    return [
        "EC-Lab ASCII FILE",
        "",  # number of header lines, filled in when they are counted
        "",
        "Cyclic Voltammetry Advanced",
        "",
        "Run on channel : 1 (SN 0000)",
        "User : ",
        "Electrode connection : standard",
        "Potential control : Ewe",
        f"Ewe ctrl range : min = {low - 0.05:.2f} V, max = {high + 0.05:.2f} V",
        "Safety Limits :",
        "\tDo not start on E overload",
        "Channel : Floating",
        f"Acquisition started on : {stamp}",
        "Saved on :",
        "\tFile : cv.mpr",
        "Device : SIMULATED (SN 0000)",
        f"Written by spectrode {__version__} (software)",
        "Electrode material : ",
        "Initial state : ",
        "Electrolyte : 1 M LiPF6 in EC:EMC with 2 % VC (simulated)",
        "Comments : simulated by spectrode.simulate; not a measurement",
        f"Reference electrode : {REFERENCE}",
        "Electrode surface area : 1.131 cm\xb2",
        "Cycle Definition : Charge/Discharge alternance",
        *(f"{name:<20}{value:<20}" for name, value in table),
        "",
    ]


def _scientific(values: Any, digits: int) -> list[str]:
    # The vendor writes three digits of exponent.
    return [re.sub(r"E([+-])(\d\d)$", r"E\g<1>0\2", f"{v:.{digits}E}") for v in np.asarray(values, dtype=float)]


def _mpt_rows(trace: Trace, current_ma: NDArray[np.float64], charge_mah: NDArray[np.float64]) -> list[str]:
    n = len(trace)
    control = trace.columns.get("control_v", trace.potential_v)
    columns = [
        ["2"] * n,
        ["1" if i > 0 else "0" for i in current_ma],
        ["0"] * n,
        ["0"] * n,
        ["0"] * n,
        _scientific(trace.time_s, 15),
        _scientific(control, 7),
        _scientific(trace.potential_v, 7),
        _scientific(current_ma, 15),
        _scientific(trace.columns["cycle"], 15),
        _scientific(charge_mah, 15),
        [str(int(h)) for h in trace.columns["half_cycle"]],
    ]
    return ["\t".join(row) for row in zip(*columns, strict=True)]


def _write_manifest(experiment: SimulatedExperiment, folder: Path, command: str) -> None:
    import tomli_w

    s, truth, data = experiment.settings, experiment.truth, experiment.dataset
    table = {
        "title": f"Simulated operando SHINERS experiment: {s.preset}",
        "simulated": True,
        "licence": "CC0-1.0",
        "made_by": command,
        "reference_electrode": REFERENCE,
        "potentiostat_time_zone": s.potentiostat_zone,
        "spectra": data.n_spectra,
        "channels": data.n_channels,
        "components": [
            {
                "name": name,
                "library_id": library_id,
                "near_field": bool(near),
                # TOML has nan, but a missing key is easier to read.
                **({"onset_potential_v": round(float(onset), 4)} if np.isfinite(onset) else {}),
            }
            for name, library_id, near, onset in zip(
                truth.components, truth.library_ids, truth.near_field, truth.onset_potential_v, strict=True
            )
        ],
        "settings": s.as_table(),
        "effective": {"scan_rate_mv_per_s": s.scan_rate_v_per_s * 1000, "duration_s": s.duration_s},
        "versions": versions(),
        "files": [
            {
                "name": FILES[role],
                "role": role,
                "what": what,
                "bytes": (folder / FILES[role]).stat().st_size,
                "sha256": file_sha256(folder / FILES[role]),
            }
            for role, what in _WHAT.items()
        ],
        "references": REFERENCES,
    }
    (folder / FILES["manifest"]).write_bytes(tomli_w.dumps(table).encode())
