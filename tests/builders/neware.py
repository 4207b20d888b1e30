"""Writes small Neware files of all known versions from one list of numbers, so that they can be compared."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

BLOCK = 4096
REST, CHARGE, DISCHARGE = 4, 1, 2


@dataclass(frozen=True)
class Row:
    """One record; capacities in mAh since the step began."""

    step_time_s: float
    clock: datetime
    volts: float
    milliamperes: float
    charged: float = 0.0
    discharged: float = 0.0
    status: int = REST
    step_index: int = 1
    cycle: int = 1
    interval_s: float = 1.0


def rows(start: datetime = datetime(2024, 7, 1, 10, 0, 0, 400000, tzinfo=UTC)) -> list[Row]:
    """Rest, charge at 36 mA, discharge at 72 mA: five rows, one second apart, each; steps overlap in their end."""
    found = []
    elapsed = 0.0
    for number, (status, current) in enumerate(((REST, 0.0), (CHARGE, 36.0), (DISCHARGE, -72.0)), start=1):
        for k in range(5):
            passed = abs(current) * k / 3600
            found.append(
                Row(
                    float(k),
                    start + timedelta(seconds=elapsed + k),
                    3.0 + 0.1 * number + 0.01 * k,
                    current if k else current / 2,
                    passed if status == CHARGE else 0.0,
                    passed if status == DISCHARGE else 0.0,
                    status,
                    number,
                    1 if number < 3 else 2,
                    0.0 if k == 0 else 1.0,
                )
            )
        elapsed += 4.0
    return found


# -- nda --------------------------------------------------------------------------------------------------------------

RANGE, FACTOR = 100, 1e-2


def counts(row: Row) -> tuple[int, ...]:
    """Time in ms, 0.1 mV, current and capacities in counts of the range."""
    capacities = [round(v * 3600 / FACTOR) for v in (row.charged, row.discharged)]
    energies = [round(c * row.volts) for c in capacities]
    whole = round(row.step_time_s * 1000), round(row.volts * 1e4), round(row.milliamperes / FACTOR)
    return (*whole, *capacities, *energies)


def dated(clock: datetime) -> bytes:
    return struct.pack("<H5B", clock.year, clock.month, clock.day, clock.hour, clock.minute, clock.second)


def nda29(
    records: Sequence[Row], *, current_range: int = RANGE, celsius: float | None = None, twice: bool = False
) -> bytes:
    head = bytearray(3200)
    head[:14] = b"NEWARE20200325"
    head[14] = 29
    head[3096:3096] = b"BTSServer(R3)-7.6.0.301".ljust(100, b"\0") + b"BTS 7.6.0.1408".ljust(50, b"\0")
    out = bytes(head) + b"\0\0\0\0"
    auxiliary = b""
    for k, row in enumerate(records, start=1):
        time, volts, amps, *charges = counts(row)
        record = struct.pack("<HIIHBB", 0x55, k, row.cycle - 1, row.step_index, row.status, 0)
        record += struct.pack("<Qii", time, volts, amps) + bytes(8) + struct.pack("<4q", *charges)
        record += dated(row.clock) + bytes(1) + struct.pack("<i", current_range) + bytes(4)
        out += record * (2 if twice else 1)
        if celsius is not None:
            aux = struct.pack("<BBI", 0x65, 1, k) + bytes(16) + struct.pack("<i", 15000) + bytes(8)
            auxiliary += (aux + struct.pack("<h", round(celsius * 10))).ljust(86, b"\0")
    return out + auxiliary


def micros(clock: datetime) -> int:
    return round((clock - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))


def nda130_head() -> bytes:
    head = bytearray(1024)
    head[:14] = b"NEWARE20240403"
    head[14] = 130
    head[100:109] = b"9.1.5.7.R"
    return bytes(head)


def nda91(
    records: Sequence[Row], *, celsius: float | None = None, footer: bool = True, whole_test: bool = True
) -> bytes:
    """BTS 9.1; its time counts from the start of the test."""
    out = nda130_head()
    begin = records[0].clock
    for k, row in enumerate(records, start=1):
        ms = round(((row.clock - begin).total_seconds() if whole_test else row.step_time_s) * 1000)
        capacity = (row.charged - row.discharged) * 3600
        stamp = micros(row.clock)
        out += struct.pack("<BBBB4xIII", 0x55, 6, row.step_index, row.status, k, ms // 1000, ms % 1000 * 10**6)
        out += struct.pack("<4fI", row.milliamperes, row.volts, capacity, capacity * row.volts, row.cycle - 1)
        out += bytes(4) + struct.pack("<II", stamp // 10**6, stamp % 10**6 * 1000)
        if celsius is not None:
            out += struct.pack("<f", celsius)
    return out + (b"\x81" + bytes(600) if footer else b"")


def nda90(records: Sequence[Row], *, celsius: float | None = None) -> bytes:
    out = nda130_head()
    for k, row in enumerate(records, start=1):
        record = bytes(4) + b"\x12\x01" + bytes(3) + struct.pack("<BB", row.step_index, row.status) + bytes(5)
        record += struct.pack("<I", k) + bytes(8) + struct.pack("<Qff", round(row.step_time_s * 1e6), row.volts,
                                                                row.milliamperes)  # fmt: skip
        charged, discharged = row.charged * 3600, row.discharged * 3600
        record += bytes(8) + struct.pack("<4fQ", charged, charged * row.volts, discharged, discharged * row.volts,
                                         micros(row.clock))  # fmt: skip
        out += record.ljust(88, b"\0")
        if celsius is not None:
            aux = b"\0\0\0\0\x65\x01" + struct.pack("<I", k) + bytes(16) + struct.pack("<i", 15000) + bytes(8)
            out += (aux + struct.pack("<h", round(celsius * 10))).ljust(88, b"\0")
    return out + b"\x81" + bytes(600)


# -- ndax -------------------------------------------------------------------------------------------------------------

ENTITIES = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'


def information(start: str, channels: Sequence[int] = (), entities: bool = False) -> bytes:
    aux = "".join(f'<Aux{k} AuxID="{k}" ChlType="{kind}"/>' for k, kind in enumerate(channels, start=1))
    inner = f'<TestInfo StartTime="{start}" Barcode="电池">{aux}</TestInfo>'
    text = f'<?xml version="1.0" encoding="GB2312"?>\n<root><config>{inner}</config></root>'
    raw = text.encode("gb2312")
    return raw.replace(b"<root>", ENTITIES + b"<root>") if entities else raw


def zipped(parts: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name, (2024, 7, 1, 12, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def part(kind: int, version: int, records: Sequence[bytes], *, head: int = 132, each: int | None = None,
         tail: int = 4) -> bytes:  # fmt: skip
    """An ndc part: a first block, then blocks of records that say how many they hold."""
    size = len(records[0])
    each = (BLOCK - head - tail) // size if each is None else each
    out = bytes([kind, 0, version, 0, 1]).ljust(BLOCK, b"\0")
    for k in range(0, len(records), each):
        inside = records[k : k + each]
        block = struct.pack("<HH", kind + 1, len(inside)).ljust(head, b"\0") + b"".join(inside)
        out += block.ljust(BLOCK, b"\0")
    return out


SPLIT = {11: (1e4, 1.0, 3600.0, 47, 16, 37, 5), 14: (1, 1e-3, 1e-3, 55, 4, 37, 5),
         16: (1e4, 1.0, 3600.0, 100, 64, 100, 64), 17: (1, 1e-3, 1e-3, 100, 64, 100, 64)}  # fmt: skip


def ndax(
    records: Sequence[Row], version: int, *, stored: Sequence[int] | None = None, celsius: float | None = None,
    start: str = "2024-07-01 12:00:00", entities: bool = False,
) -> bytes:  # fmt: skip
    """An archive with three parts; ``stored`` are the rows (from 0) that have times of their own."""
    volt, ampere, capacity, run_size, run_tail, step_size, step_tail = SPLIT[version]
    data = [struct.pack("<ff", row.volts * volt, row.milliamperes * ampere) for row in records]
    step_numbers, steps = [], []
    for row in records:
        if not steps or (row.step_index, row.status) != (steps[-1].step_index, steps[-1].status):
            steps.append(row)
        step_numbers.append(len(steps))
    runs = []
    for k in range(len(records)) if stored is None else stored:
        row, ms = records[k], micros(records[k].clock) // 1000
        charges = [v * capacity for v in (row.charged, row.discharged, row.charged * row.volts,
                                          row.discharged * row.volts)]  # fmt: skip
        run = struct.pack("<ix4f8x4ih", round(row.step_time_s * 1000), *charges, round(row.interval_s * 1000),
                          ms // 1000, step_numbers[k], k + 1, ms % 1000)  # fmt: skip
        runs.append(run.ljust(run_size, b"\0"))
    listed = []
    for k, row in enumerate(steps, start=1):
        step = struct.pack("<ii16sb8xi", row.cycle - 1, row.step_index, b"", row.status, k)
        listed.append(step.ljust(step_size, b"\0") if step_size == 100 else step[:25].ljust(step_size, b"\0"))
    parts = {"data.ndc": part(1, version, data), "data_runInfo.ndc": part(18, version, runs, tail=run_tail),
             "data_step.ndc": part(7, version, listed, tail=step_tail)}  # fmt: skip
    channels: list[int] = []
    if celsius is not None:
        if version in (14, 17):
            channels = [103]
            parts["data_AUX_9_3_1.ndc"] = part(5, version, [struct.pack("<f", celsius)] * len(records))
        else:
            channels = [6]
            aux = [b"\x65" + struct.pack("<fh", 15000.0, round(celsius * 10))] * len(records)
            parts["data_1.ndc"] = part(5, version, aux, tail=2)
    parts["TestInfo.xml"] = information(start, channels, entities)
    return zipped(parts)


def single(records: Sequence[Row], version: int, *, celsius: float | None = None) -> bytes:
    """An archive whose ``data.ndc`` holds everything (ndc 2 and 5)."""

    def content(kind: int, k: int, row: Row) -> bytes:
        if kind == 0x65:
            body = struct.pack("<I", k).ljust(23, b"\0") + struct.pack("<i", 15000) + bytes(6)
            return (body + struct.pack("<h", round((celsius or 0) * 10))).ljust(79, b"\0")
        time, volts, amps, *charges = counts(row)
        body = struct.pack("<IIBB5x", k, row.cycle - 1, row.step_index, row.status)
        body += struct.pack("<Qii", time, volts, amps) + bytes(4) + struct.pack("<4q", *charges)
        return (body + dated(row.clock) + struct.pack("<i", RANGE)).ljust(79, b"\0")[:79]

    def whole(kind: int) -> bytes:
        if version == 5:
            records_87 = [bytes(3) + b"\x01" + bytes(3) + bytes([kind]) + content(kind, k, row)
                          for k, row in enumerate(records, start=1)]  # fmt: skip
            return part(1 if kind == 0x55 else 5, 5, records_87, head=125, tail=56)
        mark = bytes([kind, 0, 0, 1, 0, 0, 0, 0xEE])
        body = b"".join((mark + content(kind, k, row)).ljust(94, b"\xaa") for k, row in enumerate(records, start=1))
        return bytes([1 if kind == 0x55 else 5, 0, 2]).ljust(517, b"\0") + body.ljust(BLOCK, b"\0")

    parts = {"data.ndc": whole(0x55)}
    if celsius is not None:
        parts["data_AUX_1_1_1.ndc"] = whole(0x65)
    parts["TestInfo.xml"] = information("2024-07-01 10:00:00", [103] if celsius is not None else [])
    return zipped(parts)


def every_version(celsius: float | None = 25.5) -> dict[str, bytes]:
    """One measurement in all versions."""
    recorded = rows()
    whole = [replace(row, clock=row.clock.replace(tzinfo=None)) for row in recorded]
    files = {
        "29.nda": nda29(whole, celsius=celsius),
        "90.nda": nda90(recorded, celsius=celsius),
        "91.nda": nda91(recorded, celsius=celsius),
        "2.ndax": single(whole, 2, celsius=celsius),
        "5.ndax": single(whole, 5, celsius=celsius),
    }
    return files | {f"{v}.ndax": ndax(recorded, v, celsius=celsius) for v in SPLIT}


def examples() -> dict[str, bytes]:
    """Small valid files by name."""
    return every_version()
