"""Small tables of time, potential and current from no program in particular."""

from __future__ import annotations


def examples() -> dict[str, bytes]:
    """Return small legal files by name."""
    rows = [(2.0 * k, 3.5 - 0.05 * k, 0.25 * (-1) ** k, k // 4) for k in range(9)]
    plain = "time/s,E vs Li/Li+ (V),I/mA,cycle\n" + "".join(f"{t},{e:.4f},{i},{c}\n" for t, e, i, c in rows)
    german = "Test_Time(h);Potential/V;<I>/mA\n" + "".join(f"{t};{e:.4f};{i}\n" for t, e, i, _ in rows)
    stamped = "timestamp\tpotential (mV)\tcurrent (uA)\n"
    stamped += "".join(f"2024-01-10 11:02:{10 + int(t)}\t{1000 * e:.1f}\t{1000 * i}\n" for t, e, i, _ in rows)
    return {
        "plain.csv": plain.encode(),
        "decimal_commas.csv": german.replace(".", ",").encode(),
        "stamped.txt": stamped.encode(),
    }
