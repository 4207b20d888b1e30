"""Small Arbin exports: CSV of the older and the newer names, workbooks part by part."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from xml.sax.saxutils import escape

OLD = ("Data_Point", "Test_Time(s)", "Date_Time", "Step_Time(s)", "Step_Index", "Cycle_Index", "Current(A)",
       "Voltage(V)", "Charge_Capacity(Ah)", "Discharge_Capacity(Ah)", "Internal_Resistance(Ohm)")  # fmt: skip
NEW = ("Data Point", "Test Time (s)", "Date Time", "Step Time (s)", "Step Index", "Cycle Index", "Current (A)",
       "Voltage (V)", "Charge Capacity (Ah)", "Discharge Capacity (Ah)", "Internal Resistance (Ohm)")  # fmt: skip
START = datetime(2010, 9, 27, 23, 59, 0)
# (seconds, step, cycle, A, V, Ah charged, Ah discharged): the counters begin again with cycle 2.
ROWS = (
    (0.0, 1, 1, 0.0, 3.0, 0.0, 0.0),
    (30.0, 1, 1, 0.0, 3.0, 0.0, 0.0),
    (60.0, 2, 1, 1.2, 3.4, 0.01, 0.0),
    (90.0, 2, 1, 1.2, 3.5, 0.02, 0.0),
    (120.0, 3, 1, -1.2, 3.3, 0.02, 0.01),
    (150.0, 2, 2, 1.2, 3.5, 0.01, 0.0),
)

Row = Sequence[float]


def cells(row: Row, number: int, stamp: object) -> list[object]:
    time, step, cycle, amps, volts, charged, discharged = row
    return [number, time, stamp, 0.0, int(step), int(cycle), amps, volts, charged, discharged, 0.025]


def arbin_csv(
    rows: Sequence[Row] = ROWS,
    names: Sequence[str] = OLD,
    *,
    start: datetime = START,
    stamp: str = "%Y-%m-%d %H:%M:%S",
    pause_s: float = 0.0,
    delimiter: str = ",",
    decimal: str = ".",
    tab: bool = False,
) -> bytes:
    """Return a CSV export; after a pause (before row 4, from 0) the clock has run on."""
    lines = [delimiter.join(names)]
    for k, row in enumerate(rows):
        when = start + timedelta(seconds=row[0] + (pause_s if k >= 4 else 0))
        text = ("\t" if tab else "") + when.strftime(stamp)
        values = [c if isinstance(c, str) else str(c).replace(".", decimal) for c in cells(row, k + 1, text)]
        lines.append(delimiter.join(values))
    return ("\n".join(lines) + "\n").encode()


def excel_day(when: datetime, epoch: datetime = datetime(1899, 12, 30)) -> float:
    return (when - epoch) / timedelta(days=1)


def column_name(k: int) -> str:
    return (chr(64 + k // 26) if k >= 26 else "") + chr(65 + k % 26)


def sheet_xml(rows: Sequence[Sequence[object]], shared: list[str]) -> bytes:
    """A sheet; texts are shared, except the first of each row, which is inline."""
    out = []
    for r, row in enumerate(rows, start=1):
        parts = []
        for k, value in enumerate(row):
            place = f"{column_name(k)}{r}"
            if isinstance(value, str) and k == 0:
                parts.append(f'<c r="{place}" t="inlineStr"><is><t>{escape(value)}</t></is></c>')
            elif isinstance(value, str):
                if value not in shared:
                    shared.append(value)
                parts.append(f'<c r="{place}" t="s"><v>{shared.index(value)}</v></c>')
            elif value is not None:
                parts.append(f'<c r="{place}"><v>{value!r}</v></c>')
        out.append(f'<row r="{r}">{"".join(parts)}</row>')
    space = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    body = f"<worksheet {space}><sheetData>{''.join(out)}</sheetData></worksheet>"
    return ('<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n' + body).encode()


def workbook(sheets: Mapping[str, Sequence[Sequence[object]]], *, since_1904: bool = False) -> bytes:
    """Return a workbook of sheets by name."""
    shared: list[str] = []
    parts = {f"xl/worksheets/sheet{k}.xml": sheet_xml(rows, shared)
             for k, rows in enumerate(sheets.values(), start=1)}  # fmt: skip
    relation = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    listed = "".join(f'<sheet name="{name}" sheetId="{k}" r:id="rId{k}"/>' for k, name in enumerate(sheets, start=1))
    pr = '<workbookPr date1904="1"/>' if since_1904 else "<workbookPr/>"
    parts["xl/workbook.xml"] = (
        f'<workbook {main} xmlns:r="{relation}">{pr}<sheets>{listed}</sheets></workbook>'.encode()
    )
    related = "".join(
        f'<Relationship Id="rId{k}" Type="{relation}/worksheet" Target="worksheets/sheet{k}.xml"/>'
        for k in range(1, len(sheets) + 1)
    )
    package = "http://schemas.openxmlformats.org/package/2006"
    parts["xl/_rels/workbook.xml.rels"] = (
        f'<Relationships xmlns="{package}/relationships">{related}</Relationships>'.encode()
    )
    texts = "".join(f"<si><t>{escape(t)}</t></si>" for t in shared)
    parts["xl/sharedStrings.xml"] = f"<sst {main}>{texts}</sst>".encode()
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    overrides = "".join(
        f'<Override PartName="/{name}" ContentType="{kind}.{what}+xml"/>'
        for name, what in [("xl/workbook.xml", "sheet.main"), ("xl/sharedStrings.xml", "sharedStrings")]
        + [(p, "worksheet") for p in parts if "worksheets" in p]
    )
    default = '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    default += '<Default Extension="xml" ContentType="application/xml"/>'
    parts["[Content_Types].xml"] = f'<Types xmlns="{package}/content-types">{default}{overrides}</Types>'.encode()
    parts["_rels/.rels"] = (
        f'<Relationships xmlns="{package}/relationships"><Relationship Id="rId1" '
        f'Type="{relation}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
    ).encode()
    return zipped(parts)


def zipped(parts: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name, (2024, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def table(rows: Sequence[Row] = ROWS, names: Sequence[str] = OLD, *, start: datetime = START,
          epoch: datetime = datetime(1899, 12, 30)) -> list[list[object]]:  # fmt: skip
    """Header and rows of a sheet, with dates as days."""
    found: list[list[object]] = [list(names)]
    for k, row in enumerate(rows):
        found.append(cells(row, k + 1, excel_day(start + timedelta(seconds=row[0]), epoch)))
    return found


def statistics() -> list[list[object]]:
    """A sheet of one row a cycle, which has times and currents too but no steps."""
    return [["Cycle_Index", "Test_Time(s)", "Current(A)", "Voltage(V)"], [1, 150.0, 1.2, 3.5]]


def arbin_xlsx(rows: Sequence[Row] = ROWS, *, split: int | None = None) -> bytes:
    """Return a workbook as MITS Pro writes it; ``split`` puts the rows from there on another sheet."""
    sheets: dict[str, Sequence[Sequence[object]]] = {"Global_Info": [["TEST REPORT"], ["Channel", 8]]}
    if split is None:
        sheets["Channel_1-008"] = table(rows)
    else:
        whole = table(rows)
        sheets["Channel_1-008_1"] = whole[: split + 1]
        sheets["Channel_1-008_2"] = [whole[0], *whole[split + 1 :]]
    sheets["Statistics_1-008"] = statistics()
    return workbook(sheets)


def examples() -> dict[str, bytes]:
    """Small valid files by name."""
    return {
        "old.csv": arbin_csv(),
        "new.csv": arbin_csv(names=NEW, stamp="%m/%d/%Y %H:%M:%S.%f", tab=True),
        "book.xlsx": arbin_xlsx(),
        "two_sheets.xlsx": arbin_xlsx(split=3),
    }
