"""Writes small JCAMP-DX texts from known numbers, in each of the standard's forms of a table."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

SQZ = "@ABCDEFGHI"
SQZ_NEGATIVE = "@abcdefghi"
DIF = "%JKLMNOPQR"
DIF_NEGATIVE = "%jklmnopqr"
DUP = " STUVWXYZs"


def squeezed(value: int, positive: str, negative: str) -> str:
    digits = str(abs(value))
    return (negative if value < 0 else positive)[int(digits[0])] + digits[1:]


def sqz(value: int) -> str:
    return squeezed(value, SQZ, SQZ_NEGATIVE)


def dif(value: int) -> str:
    return squeezed(value, DIF, DIF_NEGATIVE)


def dup(count: int) -> str:
    return DUP[int(str(count)[0])] + str(count)[1:]


def table(y: Sequence[int], first_x: int, step: int, form: str, per_line: int = 5) -> list[str]:
    """Lines of ``(X++(Y..Y))`` in one of the forms affn, pac, sqz, dif, difdup."""
    lines = []
    for start in range(0, len(y), per_line):
        part = list(y[start : start + per_line])
        x = first_x + start * step
        if form == "affn":
            lines.append(f"{x} " + " ".join(map(str, part)))
        elif form == "pac":
            lines.append(f"{x}" + "".join(f"{v:+d}" for v in part))
        elif form == "sqz":
            lines.append(f"{x}" + "".join(map(sqz, part)))
        else:
            # Each line but the first begins with the last value of the line before, as a check, at that value's x.
            if start:
                part = [y[start - 1], *part]
                x -= step
            steps = [b - a for a, b in pairwise(part)]
            lines.append(f"{x}{sqz(part[0])}" + (with_dup(steps) if form == "difdup" else "".join(map(dif, steps))))
    if form in ("dif", "difdup"):
        lines.append(f"{first_x + (len(y) - 1) * step}{sqz(y[-1])}")
    return lines


def with_dup(steps: Sequence[int]) -> str:
    out, k = "", 0
    while k < len(steps):
        run = 1
        while k + run < len(steps) and steps[k + run] == steps[k]:
            run += 1
        out += dif(steps[k]) + (dup(run) if run > 1 else "")
        k += run
    return out


def block(
    title: str = "made",
    y: Sequence[int] = (),
    *,
    form: str = "affn",
    first_x: int = 400,
    step: int = 2,
    data_type: str = "RAMAN SPECTRUM",
    units: str = "1/CM",
    y_factor: float = 1.0,
    lines: Sequence[str] | None = None,
    table_label: str = "XYDATA=(X++(Y..Y))",
    end: bool = True,
    **records: object,
) -> str:
    """One block; ``records`` replace or add header records (None takes one out; ``_`` in names is a space)."""
    header: dict[str, object] = {
        "JCAMP-DX": "4.24",
        "DATA TYPE": data_type,
        "XUNITS": units,
        "YUNITS": "COUNTS",
        "XFACTOR": 1,
        "YFACTOR": y_factor,
        "FIRSTX": first_x,
        "LASTX": first_x + step * (len(y) - 1),
        "NPOINTS": len(y),
    }
    header.update({name.replace("_", " "): value for name, value in records.items()})
    text = f"##TITLE={title}\n" + "".join(f"##{k}={v}\n" for k, v in header.items() if v is not None)
    body = table(y, first_x, step, form) if lines is None else lines
    return text + f"##{table_label}\n" + "".join(line + "\n" for line in body) + ("##END=\n" if end else "")


def link(*blocks: str, title: str = "several", declared: int | None = None) -> str:
    count = len(blocks) if declared is None else declared
    return f"##TITLE={title}\n##JCAMP-DX=4.24\n##DATA TYPE=LINK\n##BLOCKS={count}\n" + "".join(blocks) + "##END=\n"


VALUES = (100, 120, 140, 140, 140, 95, 0, -7, -7, -8, -9, -9, -9, 250, 1013, 1013, 12)


def examples() -> dict[str, bytes]:
    """Return a few small valid files by name."""
    found = {f"{form}.jdx": block(y=VALUES, form=form) for form in ("affn", "pac", "sqz", "dif", "difdup")}
    found["pairs.jdx"] = block(
        y=VALUES[:3], lines=["400.5, 1; 402.5, 2", "405.5 3"], table_label="XYPOINTS=(XY..XY)", FIRSTX=400.5
    )
    found["peaks.jdx"] = block(
        y=VALUES[:2], lines=["400,1 520,2"], table_label="PEAK TABLE=(XY..XY)", FIRSTX=None, LASTX=None
    )
    found["link.jdx"] = link(block("one", VALUES), block("two", VALUES, form="dif", first_x=500))
    return {name: text.encode() for name, text in found.items()}
