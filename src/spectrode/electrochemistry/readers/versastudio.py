"""Princeton Applied Research VersaStudio data (``.par``).

Structure: text in sections ``<Name> … </Name>`` of lines ``key=value``. ``<Experiment>`` holds the date
(``DateAcquired``, ``TimeAcquired``; local, without a zone), ``<Instrument>`` the model, ``<ActionN>`` the settings,
``<SegmentN>`` the column names (``Definition=…``) and the rows. Segments are joined; the columns ``Segment #`` and
``ActionId`` tell them apart, the first is also the ``step``.

Units: V, A, s. Current: anodic positive as far as known; the file does not state the program's setting, and a warning
says so unless ``current_sign`` is given. The date is taken as that of the begin.

Impedance: the rows hold the potential and current of the direct part beside frequency and impedance. They are a trace,
but in rows that were taken while a frequency was measured ``E(V)`` and ``I(A)`` may be set values (they are constant in
the measured file); a warning says so.

Test files: an impedance file of impedance.py (MIT); small ones from ``tests/builders/versastudio.py``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import UnreadableFile
from ...readers._text import head_text, read_text, split_lines
from ..trace import Trace
from ._instrument import (
    Block,
    CurrentSign,
    continued,
    english_date,
    impedance_only,
    iupac,
    scaled,
    trace_or_refusal,
    unique,
    whole,
)
from .registry import TraceReader

__all__ = ["READER", "load"]

_TIME, _POTENTIAL, _CURRENT, _STEP = "Elapsed Time(s)", "E(V)", "I(A)", "Segment #"
_REFERENCE = re.compile(r"^(.*?)\s*\(([-+\d.]+) Volts?\)$")


def sniff(path: Path, head: bytes) -> bool:
    """Return True if the file begins with the section of the program VersaStudio."""
    text = head_text(head[:4096])
    return text is not None and re.match(r"\s*<Application>\s*[\r\n]+Name=VersaStudio", text) is not None


def load(path: Path, *, current_sign: CurrentSign | None = None) -> Trace:
    """Read a VersaStudio file.

    Parameters
    ----------
    current_sign
        Which current the file counts as positive; the file itself does not say.

    Raises
    ------
    UnreadableFile
        If it has no segment with time and potential, or segments do not follow each other.
    """
    sections, tables, open_section = _parsed(path, split_lines(read_text(path)))
    warnings: list[str] = []
    if open_section:
        warnings.append(f"the file ends within its section {open_section}; it seems cut off")
    filled = [t for t in tables if len(t)] or tables[:1]
    if not filled:
        raise UnreadableFile(path, f"has no segment; its sections are {', '.join(sections) or 'none'}")
    for table in filled:
        if _TIME not in table.columns or _POTENTIAL not in table.columns:
            if "Frequency(Hz)" in table.columns:
                raise impedance_only(path, f"the columns {', '.join(table.columns)}")
            raise UnreadableFile(path, f"its {table.name} lacks {_TIME} or {_POTENTIAL}")
    joined = continued(filled, _TIME)
    if joined is None:
        names = ", ".join(t.name for t in filled)
        raise UnreadableFile(
            path, f"its segments ({names}) differ in their columns or do not follow each other in time"
        )
    current = scaled(joined.values(_CURRENT), 1e3) if _CURRENT in joined.columns else None
    current, _, notes = iupac(current, None, current_sign, "the option current_sign")
    warnings += notes
    columns: dict[str, NDArray[Any]] = dict(joined.further(_TIME, _POTENTIAL, _CURRENT, _STEP, "Point #"))
    if _STEP in joined.columns:
        columns["step"] = whole(joined.values(_STEP))
    if "Frequency(Hz)" in columns and np.any(columns["Frequency(Hz)"] > 0):
        warnings.append("rows with a frequency are impedance; their potential and current are those of the direct part")
    if not len(joined):
        warnings.append("the file has a header but no rows")
    actions = [s.get("Name", "") for name, s in sections.items() if re.fullmatch(r"Action[1-9]\d*", name)]
    instrument = sections.get("Instrument", {})
    return trace_or_refusal(
        path,
        joined.values(_TIME),
        potential_v=joined.values(_POTENTIAL),
        current_ma=current,
        columns=columns,
        reference=_reference(sections.get("Action0", {}).get("Reference Electrode", "")),
        local_start=_start(sections.get("Experiment", {}), warnings),
        technique=" → ".join(a for a in actions if a) or None,
        instrument=" ".join(v for k in ("Type", "Model") if (v := instrument.get(k))) or None,
        warnings=tuple(warnings),
        vendor={"sections": sections, "columns": list(joined.columns)},
    )


READER = TraceReader(
    name="versastudio",
    description="Princeton Applied Research VersaStudio data",
    extensions=(".par",),
    sniff=sniff,
    load=load,
    gives=("local start", "current", "step", "reference"),
)


def _parsed(path: Path, lines: Sequence[str]) -> tuple[dict[str, dict[str, str]], list[Block], str | None]:
    """Return {section: {key: value}}, the segments' tables, and the section that is not closed."""
    sections: dict[str, dict[str, str]] = {}
    tables: list[Block] = []
    name: str | None = None
    rows: list[str] = []
    for line in lines:
        text = line.strip()
        if name is None:
            begun = re.fullmatch(r"<(\w+)>", text)
            if begun:
                name, rows = begun[1], []
        elif text == f"</{name}>":
            _close(path, name, rows, sections, tables, cut=False)
            name = None
        elif text:
            rows.append(text)
    if name is not None:
        _close(path, name, rows, sections, tables, cut=True)
    return sections, tables, name


def _close(
    path: Path,
    name: str,
    rows: Sequence[str],
    sections: dict[str, dict[str, str]],
    tables: list[Block],
    *,
    cut: bool,
) -> None:
    pairs = [row.partition("=") for row in rows if "=" in row]
    sections.setdefault(name, {key: value for key, _, value in pairs})
    definition = sections[name].get("Definition")
    if not name.startswith("Segment") or definition is None:
        return
    columns = [cell.strip() for cell in definition.split(",")]
    body = [[cell.strip() for cell in row.split(",")] for row in rows if "=" not in row]
    # The definition ends with an unnamed number, which a row need not have.
    needed = len(columns) - 1 if columns[-1] in ("0", "") else len(columns)
    if cut and body and len(body[-1]) < needed:
        body.pop()
    for k, cells in enumerate(body):
        if len(cells) < needed:
            raise UnreadableFile(path, f"row {k + 1} of {name} has {len(cells)} fields where {needed} were expected")
    columns = columns[:needed]
    tables.append(Block(name, unique(columns), [""] * needed, [cells[:needed] for cells in body]))


def _reference(text: str) -> str | None:
    match = _REFERENCE.match(text.strip())
    name = match[1] if match else text.strip()
    return None if not name or name.strip("()").lower() in {"unspecified", "none"} else text.strip()


def _start(experiment: dict[str, str], warnings: list[str]) -> datetime | None:
    date, clock = experiment.get("DateAcquired", ""), experiment.get("TimeAcquired", "")
    start = english_date(date, clock)
    if start is None:
        stated = f"the date {date} {clock} is not one in English" if date or clock else "the file has no date"
        warnings.append(f"{stated}; the trace has no absolute start")
    else:
        warnings.append("the file does not say whether its date is that of the begin; it is taken so")
    return start
