"""Writes small Gamry files from known numbers."""

from __future__ import annotations

from collections.abc import Sequence

CURVE = ("Pt\tT\tVf\tIm\tVu\tOver", "#\ts\tV vs. Ref.\tA\tV\tbits")
OCV = ("Pt\tT\tVf\tVm\tOver", "#\ts\tV vs. Ref.\tV\tbits")
EIS = (
    "Pt\tTime\tFreq\tZreal\tZimag\tIdc\tVdc\tIERange",
    "#\ts\tHz\tohm\tohm\tA\tV\t#",
)


def table(name: str, titles: tuple[str, str], rows: Sequence[Sequence[object]], *, count: bool = True) -> str:
    lines = [f"{name}\tTABLE" + (f"\t{len(rows)}" if count else ""), *(f"\t{t}" for t in titles)]
    lines += ["\t" + "\t".join(map(str, row)) for row in rows]
    return "\n".join(lines)


def file(
    *tables: str,
    date: str | None = "4/23/2018",
    time: str = "16:43:15",
    convention: str | None = "1",
    extra: Sequence[str] = (),
    tag: str = "CV",
    encoding: str = "latin-1",
) -> bytes:
    lines = ["EXPLAIN", f"TAG\t{tag}", "TITLE\tLABEL\tCyclic Voltammetry\tTest &Identifier"]
    if date is not None:
        lines += [f"DATE\tLABEL\t{date}\tDate", f"TIME\tLABEL\t{time}\tTime"]
    lines += ["NOTES\tNOTES\t2\t&Notes...", "\tfirst note", "\t", "PSTAT\tPSTAT\tREF600-1\tPotentiostat"]
    if convention is not None:
        lines.append(f"CONVENTION\tIQUANT\t{convention}\tCurrent Convention")
    return "\r\n".join([*lines, *extra, *tables, ""]).replace("\r\n", "\n").replace("\n", "\r\n").encode(encoding)


ROWS = ((0, 0.5, -0.25, 1e-3, 0, "......"), (1, 1.0, 0.0, -2e-3, 0, "......"), (2, 1.5, 0.25, 0.0, 0, "...a.."))
LATER = ((0, 2.0, 0.5, 1e-3, 0, "......"), (1, 2.5, 0.75, 4e-3, 0, "......"))
REST = ((0, 1, -0.5, 0, "..."), (1, 4, -0.25, 0, "..."))
IMPEDANCE = ((0, 1, 1e5, 800, -100, -1e-6, 0.125, 9), (1, 3, 1e4, 900, -90, -2e-6, 0.25, 9))


def examples() -> dict[str, bytes]:
    return {
        "curve": file(table("CURVE", CURVE, ROWS)),
        "cycles": file(table("CURVE1", CURVE, ROWS), table("CURVE2", CURVE, LATER)),
        "eis": file(table("OCVCURVE", OCV, REST), table("ZCURVE", EIS, IMPEDANCE, count=False), tag="EISPOT"),
    }
