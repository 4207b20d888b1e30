"""Small EC-Lab text files, as EC-Lab writes them: tabs at the end of the column line, none at the end of the file."""

from __future__ import annotations

from collections.abc import Sequence

COLUMNS = ("mode", "time/s", "Ewe/V", "<I>/mA", "(Q-Qo)/mA.h", "half cycle", "cycle number", "Ns", "Analog IN 1/V")
ROWS = tuple(
    (1, 10.0 * (k + 1), 3.0 + 0.1 * k, 3.6 * (-1) ** k, 0.01 * (k % 2), k // 3, k // 6, k // 3, 1.25 + 0.25 * k)
    for k in range(8)
)


def mpt(
    rows: Sequence[Sequence[float]] = ROWS,
    columns: Sequence[str] = COLUMNS,
    *,
    stamp: str | None = "07/29/2020 10:31:01.250",
    extra: Sequence[str] = (),
    decimal: str = ".",
) -> bytes:
    """Return one file."""
    head = ["", "Galvanostatic Cycling with Potential Limitation", "", "Run on channel : 1 (SN 1)"]
    head += [f"Acquisition started on : {stamp}"] if stamp else []
    head += ["Reference electrode : Li/Li+", "Device : SP-200 (SN 2)", "Electrode surface area : 0.001 cm²", *extra]
    head += ["Cycle Definition : Charge/Discharge alternance", f"{'Ns':<20}{'0':<20}{'1':<20}", ""]
    lines = ["EC-Lab ASCII FILE", f"Nb header lines : {len(head) + 3}          ", *head, "\t".join(columns) + "\t"]
    body = "\n".join("\t".join(f"{v:.6E}" if isinstance(v, float) else str(v) for v in row) for row in rows)
    return ("\n".join(lines) + "\n" + body.replace(".", decimal)).encode("latin-1")


def examples() -> dict[str, bytes]:
    """Return small legal files by name."""
    loops = ("Number of loops : 2", "Loop 0 from point number 0 to 3", "Loop 1 from point number 4 to 7")
    cell = [(0.5 * k, 3.5 - 0.01 * k, 1.0) for k in range(5)]
    return {
        "cycling.mpt": mpt(),
        "decimal_commas.mpt": mpt(decimal=","),
        "looped.mpt": mpt(extra=loops),
        "no_start.mpt": mpt(stamp=None),
        "cell_voltage.mpt": mpt(cell, ("time/s", "Ecell/V", "I/mA")),
        "no_rows.mpt": mpt(()),
    }
