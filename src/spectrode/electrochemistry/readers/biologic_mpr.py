"""BioLogic EC-Lab binary data (``.mpr``).

Structure (facts from the documentation of yadg and threads of galvani; every offset and every column below was checked
on files with a text twin; no code was taken from either): the text ``BIO-LOGIC MODULAR FILE``, then modules. A module
is ``MODULE``, a short name (10 characters), a long name (25), a length, a version, a date (8 characters ``mm/dd/yy``),
then as many bytes as the length says. EC-Lab 11.50 put ``0xFFFFFFFF`` before the length and a second version after the
first.

- ``VMP Set``: technique and settings. The part common to all techniques is decoded into ``vendor["settings"]``; the
  technique's own parameters are kept as hexadecimal text, not decoded.
- ``VMP data``: number of rows, column ids, padding up to a fixed place, rows without padding. The six flags (mode,
  ox/red, error, control changes, Ns changes, counter inc.) share one byte.
- ``VMP LOG``: instrument, channel, host, and the start as an OLE date (days since 1899-12-30, local time without a
  zone). As in the text export it is the start of the whole *chain*, and ``time/s`` counts from it. A file that EC-Lab
  did not finish has no log, and then the start is not known.
- ``VMP loop``: the first row of each pass of a loop; it becomes the column ``part``.

The text export computes some columns that the binary file lacks; three of them are computed here in the same way:
``<I>/mA`` is dq over the interval that ends at the row (first row: 0 without a charge, else unknown); the cycle number
is half of the half-cycle number (EC-Lab's default definition "Charge/Discharge alternance"); and half cycles are
EC-Lab's own. ``vendor["derived"]`` names them. Two-electrode exports call the potential Ecell where the binary file
calls it Ewe: the binary file does not tell. The export replaces harmonics above the instrument's bandwidth by -1 and 0
(``peis.issue_149``); here they stay as they are stored.

A column of unknown id has an unknown width. What lies before the first and behind the last unknown one can still be
placed, because the size of a row is known; it is read and the rest named in a warning. A file whose time or potential
lies between unknown columns is refused.

Test files: twins of the yadg collection (EC-Lab 11.12 to 11.61); small files from ``tests/builders/biologic_mpr.py``.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import UnreadableFile
from ..trace import CurrentKind, Trace
from ._instrument import trace_or_refusal, unique
from .eclab_mpt import _charge, _current, _further_columns, _parts, _potential
from .registry import TraceReader

__all__ = ["READER", "load"]

_MAGIC = b"BIO-LOGIC MODULAR FILE\x1a"
_FIRST_MODULE = 52
_NEW_LAYOUT = 0xFFFFFFFF
_OLE_EPOCH = datetime(1899, 12, 30)

# The bits of the flag byte.
_FLAGS = {1: ("mode", 0x03), 2: ("ox/red", 0x04), 3: ("error", 0x08), 21: ("control changes", 0x10)}
_FLAGS |= {31: ("Ns changes", 0x20), 65: ("counter inc.", 0x80)}

_F4, _F8, _U2, _U4 = "<f4", "<f8", "<u2", "<u4"
_COLUMNS: dict[int, tuple[str, str]] = {
    4: ("time/s", _F8),
    5: ("control/V/mA", _F4),
    6: ("Ewe/V", _F4),
    7: ("dq/mA.h", _F8),
    8: ("I/mA", _F4),
    9: ("Ece/V", _F4),
    11: ("<I>/mA", _F8),
    13: ("(Q-Qo)/mA.h", _F8),
    16: ("Analog IN 1/V", _F4),
    17: ("Analog IN 2/V", _F4),
    19: ("control/V", _F4),
    20: ("control/mA", _F4),
    23: ("dQ/mA.h", _F8),
    24: ("cycle number", _F8),
    32: ("freq/Hz", _F4),
    33: ("|Ewe|/V", _F4),
    34: ("|I|/A", _F4),
    35: ("Phase(Z)/deg", _F4),
    36: ("|Z|/Ohm", _F4),
    37: ("Re(Z)/Ohm", _F4),
    38: ("-Im(Z)/Ohm", _F4),
    39: ("I Range", _U2),
    70: ("P/W", _F4),
    74: ("|Energy|/W.h", _F8),
    76: ("<I>/mA", _F4),
    77: ("<Ewe>/V", _F4),
    96: ("|Ece|/V", _F4),
    98: ("Phase(Zce)/deg", _F4),
    99: ("|Zce|/Ohm", _F4),
    100: ("Re(Zce)/Ohm", _F4),
    101: ("-Im(Zce)/Ohm", _F4),
    123: ("Energy charge/W.h", _F8),
    124: ("Energy discharge/W.h", _F8),
    125: ("Capacitance charge/µF", _F8),
    126: ("Capacitance discharge/µF", _F8),
    131: ("Ns", _U2),
    168: ("Rcmp/Ohm", _F4),
    169: ("Cs/µF", _F4),
    172: ("Cp/µF", _F4),
    174: ("<Ewe>/V", _F4),
    434: ("(Q-Qo)/C", _F4),
    435: ("dQ/C", _F4),
    441: ("<Ece>/V", _F4),
    467: ("Q charge/discharge/mA.h", _F8),
    468: ("half cycle", _U4),
    469: ("z cycle", _U4),
    473: ("THD Ewe/%", _F4),
    474: ("THD I/%", _F4),
    476: ("NSD Ewe/%", _F4),
    477: ("NSD I/%", _F4),
    479: ("NSR Ewe/%", _F4),
    480: ("NSR I/%", _F4),
    **{484 + h: (f"|Ewe h{h}|/V", _F4) for h in range(2, 8)},
    **{490 + h: (f"|I h{h}|/A", _F4) for h in range(2, 8)},
}

_TECHNIQUES = {
    4: "Galvanostatic Cycling with Potential Limitation",
    6: "Cyclic Voltammetry",
    11: "Open Circuit Voltage",
    24: "Chronoamperometry / Chronocoulometry",
    25: "Chronopotentiometry",
    28: "Wait",
    29: "Potentio Electrochemical Impedance Spectroscopy",
    30: "Galvano Electrochemical Impedance Spectroscopy",
    50: "IR compensation (PEIS)",
    51: "Cyclic Voltammetry Advanced",
    108: "Linear Sweep Voltammetry",
    127: "Modulo Bat",
}


def sniff(path: Path, head: bytes) -> bool:
    """Return True if the file begins as EC-Lab's binary files do."""
    return head.startswith(_MAGIC)


def load(path: Path) -> Trace:
    """Read an EC-Lab binary file.

    Returns
    -------
    Trace
        ``local_start`` is the start of the acquisition (of the whole chain), None without a log; ``<I>`` is the mean
        over the interval that ends at the row, ``I`` instantaneous.

    Raises
    ------
    UnreadableFile
        If modules are cut off, the columns do not fill the rows, or there is no time.
    """
    data = path.read_bytes()
    modules = _modules(path, data)
    rows = modules.get("VMP data")
    if rows is None:
        raise UnreadableFile(path, f"has no data module; its modules are {', '.join(modules) or 'none'}")
    warnings: list[str] = []
    layout = _layout(path, rows, warnings)
    table = _table(rows, layout)
    if "time/s" not in table:
        raise UnreadableFile(path, "has no column time/s")
    settings = _settings(modules.get("VMP Set"))
    log = _log(modules.get("VMP LOG"))
    start = _start(log, "VMP LOG" in modules, warnings)
    derived = _derive(table)
    time = table["time/s"]
    parts = _parts(_loops(modules.get("VMP loop"), warnings), time.size, warnings)
    potential, potential_column, is_cell_voltage = _potential(table, time.size, warnings)
    kind: CurrentKind
    with np.errstate(all="ignore"):
        current, kind, current_column = _current(table)
        charge, charge_column = _charge(table, parts)
    columns = _further_columns(table, (potential_column, current_column), parts)
    if not time.size:
        warnings.append("the file has a header but no rows")
    number = settings.get("technique_number")
    return trace_or_refusal(
        path,
        time,
        potential_v=potential,
        current_ma=current,
        current_kind=kind,
        charge_mah=charge,
        columns=columns,
        reference=None if is_cell_voltage else _reference(settings),
        local_start=start,
        technique=None if number is None else _TECHNIQUES.get(number, f"technique {number}"),
        instrument=f"SN {log['device_serial']}" if log.get("device_serial") else None,
        warnings=tuple(warnings),
        vendor={
            "settings": settings,
            "log": log,
            "columns": list(layout.names),
            "column_ids": list(layout.ids),
            "derived": derived,
            "potential_column": potential_column,
            "current_column": current_column,
            "charge_column": charge_column,
            "modules": {name: len(module.content) for name, module in modules.items()},
        },
    )


READER = TraceReader(
    name="biologic-mpr",
    description="BioLogic EC-Lab binary data",
    extensions=(".mpr",),
    sniff=sniff,
    load=load,
    gives=("local start", "current", "charge", "cycle", "step", "reference"),
)


# -- modules ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Module:
    content: bytes
    version: int
    new: bool


def _modules(path: Path, data: bytes) -> dict[str, _Module]:
    """Return the modules by short name; the first of a name counts."""
    if not data.startswith(_MAGIC):
        raise UnreadableFile(path, "does not begin as an EC-Lab binary file")
    found: dict[str, _Module] = {}
    place = _FIRST_MODULE
    while place < len(data):
        if data[place : place + 6] != b"MODULE":
            raise UnreadableFile(path, f"should have a module at byte {place}, but has {data[place : place + 6]!r}")
        name = data[place + 6 : place + 16].decode("latin-1").rstrip()
        (first,) = struct.unpack_from("<I", data, place + 41)
        new = first == _NEW_LAYOUT
        if new:
            length, version = struct.unpack_from("<II", data, place + 45)
            begin = place + 65
        else:
            length, version = struct.unpack_from("<II", data, place + 41)
            begin = place + 57
        if begin + length > len(data):
            raise UnreadableFile(
                path,
                f"is cut off: its module {name!r} should have {length} bytes, but {max(len(data) - begin, 0)} follow",
            )
        found.setdefault(name, _Module(data[begin : begin + length], version, new))
        place = begin + length
    return found


# -- rows -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Layout:
    ids: tuple[int, ...]
    names: tuple[str, ...]
    dtype: np.dtype[Any]
    flags: tuple[int, ...]
    rows: int
    offset: int


def _column_ids(path: Path, module: _Module) -> tuple[tuple[int, ...], int, int]:
    """Return the column ids, the number of rows and the place of the first row."""
    content = module.content
    if len(content) < 6:
        raise UnreadableFile(path, f"its data module has only {len(content)} bytes")
    (rows,) = struct.unpack_from("<I", content)
    if module.new:
        (count,) = struct.unpack_from("<H", content, 4)
        begin, width, offset = 6, 2, 1007
    elif module.version in (2, 3):
        count, begin, width, offset = content[4], 5, 2, 405 if module.version == 2 else 406
    elif module.version == 0:
        count, begin, width, offset = content[4], 5, 1, 100
    else:
        raise UnreadableFile(path, f"its data module has version {module.version}; possible: 0, 2, 3 or EC-Lab 11.50's")
    if begin + count * width > offset or offset > len(content):
        raise UnreadableFile(path, f"its data module says that it has {count} columns, which is not possible")
    return struct.unpack_from(f"<{count}{'H' if width == 2 else 'B'}", content, begin), rows, offset


def _layout(path: Path, module: _Module, warnings: list[str]) -> _Layout:
    ids, rows, offset = _column_ids(path, module)
    size = len(module.content) - offset
    if rows and (size % rows or not size):
        raise UnreadableFile(
            path, f"its {rows} rows do not fit the {size} bytes of its data module; it is cut or damaged"
        )
    fields: list[tuple[int | None, str, int]] = []  # id (None: flags), type, width; an unknown column has width 0
    for column in ids:
        if column in _FLAGS:
            if all(key is not None for key, _, _ in fields):
                fields.append((None, "u1", 1))
        elif column in _COLUMNS:
            kind = _COLUMNS[column][1]
            fields.append((column, kind, int(kind[2:])))
        else:
            fields.append((column, "", 0))
    known = sum(width for _, _, width in fields)
    unknown = [k for k, (_, kind, _) in enumerate(fields) if not kind]
    row_size = size // rows if rows else known + len(unknown)
    if row_size < known + len(unknown) or (not unknown and row_size != known):
        raise UnreadableFile(path, f"a row has {row_size} bytes, but its columns need {known}; the file is damaged")
    names: list[str] = []
    kinds: list[str] = []
    places: list[int] = []
    before = 0
    behind = row_size
    for key, kind, width in fields[: unknown[0]] if unknown else fields:
        names.append(_name(key))
        kinds.append(kind)
        places.append(before)
        before += width
    for key, kind, width in reversed(fields[unknown[-1] + 1 :] if unknown else []):
        behind -= width
        names.append(_name(key))
        kinds.append(kind)
        places.append(behind)
    if unknown:
        left_out = [_named(fields[k]) for k in range(unknown[0], unknown[-1] + 1)]
        if any(fields[k][0] in (4, 6, 174, 77) for k in range(unknown[0], unknown[-1] + 1)):
            raise UnreadableFile(
                path, f"has columns of unknown kind before the time or potential: {', '.join(left_out)}"
            )
        warnings.append(f"columns of unknown kind were left out: {', '.join(left_out)}")
    dtype = np.dtype({"names": unique(names), "formats": kinds, "offsets": places, "itemsize": row_size})
    return _Layout(ids, dtype.names or (), dtype, tuple(i for i in ids if i in _FLAGS), rows, offset)


def _name(key: int | None) -> str:
    return "flags" if key is None else _COLUMNS[key][0]


def _named(field: tuple[int | None, str, int]) -> str:
    key, kind, _ = field
    return _name(key) if kind else f"id {key}"


def _table(module: _Module, layout: _Layout) -> dict[str, NDArray[np.float64]]:
    block = np.frombuffer(module.content, dtype=layout.dtype, count=layout.rows, offset=layout.offset)
    table: dict[str, NDArray[np.float64]] = {}
    for name in layout.names:
        if name == "flags":
            for flag in layout.flags:
                label, mask = _FLAGS[flag]
                bits = block[name] & mask
                table[label] = (bits if flag == 1 else bits != 0).astype(np.float64)
        else:
            with np.errstate(all="ignore"):  # a damaged number may be a signalling NaN
                table[name] = block[name].astype(np.float64)
    return table


def _derive(table: dict[str, NDArray[np.float64]]) -> dict[str, str]:
    """Add the columns that the text export computes; return how."""
    derived: dict[str, str] = {}
    if "I/mA" not in table and "<I>/mA" not in table and "dq/mA.h" in table:
        charge, time = table["dq/mA.h"], table["time/s"]
        with np.errstate(all="ignore"):
            width = np.diff(time)
            mean = np.where(charge[1:] == 0, 0.0, charge[1:] * 3600.0 / np.where(width > 0, width, np.nan))
        first = np.where(charge[:1] == 0, 0.0, np.nan)
        table["<I>/mA"] = np.concatenate([first, mean])[: time.size]
        derived["<I>/mA"] = "dq/mA.h over the interval that ends at the row"
    if "cycle number" not in table and "half cycle" in table:
        table["cycle number"] = np.floor_divide(table["half cycle"], 2)
        derived["cycle number"] = "half cycle // 2 (Charge/Discharge alternance)"
    return derived


def _loops(module: _Module | None, warnings: list[str]) -> list[tuple[int, int]]:
    """Return the first and last row of each pass."""
    if module is None or len(module.content) < 4:
        return []
    (count,) = struct.unpack_from("<I", module.content)
    if count < 2:
        return []
    if 4 + 4 * count > len(module.content):
        warnings.append(f"the module of loops says that it has {count} entries, which is not possible; it is not used")
        return []
    starts = struct.unpack_from(f"<{count}I", module.content, 4)
    return [(a, b - 1) for a, b in pairwise(starts)]


# -- settings and log -------------------------------------------------------------------------------------------------


def _text(content: bytes, place: int) -> str:
    """Return a text that its length precedes."""
    if place >= len(content):
        return ""
    return content[place + 1 : place + 1 + content[place]].decode("cp1252", errors="replace").strip("\x00 \r\n")


def _single(content: bytes, place: int) -> float | None:
    if place + 4 > len(content):
        return None
    (value,) = struct.unpack_from("<f", content, place)
    return float(f"{value:.7g}") if math.isfinite(value) else None


def _settings(module: _Module | None) -> dict[str, Any]:
    if module is None or not module.content:
        return {}
    content = module.content
    # The parameters of the technique follow the common part, whose size changed once.
    begin = 0x1845 if len(content) > 0x1845 else 0x0572
    return {
        "technique_number": content[0],
        "comments": _text(content, 0x007),
        "active_material_mass_mg": _single(content, 0x107),
        "at_x": _single(content, 0x10B),
        "molecular_weight_g_mol": _single(content, 0x10F),
        "atomic_weight_g_mol": _single(content, 0x113),
        "electrode_material": _text(content, 0x11E),
        "initial_state": _text(content, 0x16F),
        "electrolyte": _text(content, 0x1C0),
        "electrode_area_cm2": _single(content, 0x211),
        "reference_electrode": _text(content, 0x215),
        "reference_potential_v": _single(content, 0x248),
        "characteristic_mass": _single(content, 0x24C),
        "technique_parameters_hex": content[begin:].hex(),
    }


def _reference(settings: Mapping[str, Any]) -> str | None:
    """Return the reference electrode as the text export writes it."""
    name = str(settings.get("reference_electrode", ""))
    if not name or name.strip("()").lower() in {"unspecified", "none", "<none>"}:
        return None
    potential = settings.get("reference_potential_v")
    return name if potential is None else f"{name} ({potential:.3f} V)"


def _log(module: _Module | None) -> dict[str, Any]:
    if module is None or len(module.content) < 0x252:
        return {}
    content = module.content
    (serial,) = struct.unpack_from("<H", content, 0x0AB)
    (days,) = struct.unpack_from("<d", content, 0x249)
    return {
        "channel": content[9] + 1,
        "channel_serial": serial,
        "ewe_control_min_v": _single(content, 0x1F8),
        "ewe_control_max_v": _single(content, 0x1FC),
        "start_ole_date": days if math.isfinite(days) else None,
        "file": _text(content, 0x251),
        "host": _text(content, 0x351),
        "address": _text(content, 0x384),
        "ec_lab_version": _text(content, 0x3B7),
        "server_version": _text(content, 0x3BE),
        "interpreter_version": _text(content, 0x3C5),
        "device_serial": _text(content, 0x3CF) if re.fullmatch(r"\w{1,16}", _text(content, 0x3CF)) else "",
    }


def _start(log: Mapping[str, Any], has_log: bool, warnings: list[str]) -> datetime | None:
    days = log.get("start_ole_date")
    if not has_log:
        warnings.append("the file has no log, so the trace has no absolute start")
        return None
    # EC-Lab's first version is of 1999; beyond 2100 the number is damage.
    if days is None or not 36000 < days < 73100:
        warnings.append("the start in the log is not a possible date; the trace has no absolute start")
        return None
    milliseconds = round((days % 1) * 86_400_000)
    return _OLE_EPOCH + timedelta(days=int(days), milliseconds=milliseconds)
