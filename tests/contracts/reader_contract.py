"""What every reader must do, as plain functions, so that bundled readers and deliberately bad ones meet the same.

Each ``check_…`` takes a reader and one of its legal example files, already written to disk, and raises AssertionError
(or whatever the reader raises) where the contract is broken. Readers of spectra and of potentiostat files share all
but the two functions that say what is explicit.
"""

from __future__ import annotations

import dataclasses
import gc
import hashlib
import inspect
import json
import os
import random
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fuzz.examples import Example, Subject
from fuzz.mutations import MUTATIONS, truncated
from spectrode.dataset import OperandoDataset
from spectrode.electrochemistry.trace import Trace
from spectrode.errors import UnreadableFile
from spectrode.inspection import describe_dataset, describe_trace
from spectrode.readers.registry import flag_unusable
from spectrode.serialise import plain, to_json

CPU_SECONDS = 2.0
GENERIC = ("delimited-text", "delimited-trace")  # a plain table fits them too; the registry asks them last
FOREIGN = {
    "picture": b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8,
    "zeros": bytes(4096),
    "noise": random.Random(5).randbytes(4096),
    "prose": b"The quick brown fox\njumps over the lazy dog.\n" * 20,
    "one byte": b"\n",
}


def same(a: Any, b: Any) -> bool:
    """Return True if two datasets or traces hold the same, NaN equal to NaN."""
    if isinstance(a, OperandoDataset):
        return a.identical(b)
    assert isinstance(a, Trace)
    if a.columns.keys() != b.columns.keys():
        return False
    arrays = [(getattr(a, n), getattr(b, n)) for n in ("time_s", "potential_v", "current_ma", "charge_mah")]
    arrays += [(a.columns[n], b.columns[n]) for n in a.columns]
    for x, y in arrays:
        if (x is None) != (y is None):
            return False
        if x is not None and not np.array_equal(x, y, equal_nan=x.dtype.kind == "f"):
            return False
    rest = ("reference", "started_at", "local_start", "technique", "instrument", "warnings", "current_kind", "vendor")
    return all(to_json(getattr(a, n)) == to_json(getattr(b, n)) for n in rest)


def sources_of(data: Any) -> Any:
    return data.metadata.sources if isinstance(data, OperandoDataset) else data.sources


def without_sources(data: Any) -> Any:
    if isinstance(data, OperandoDataset):
        return data.replace(metadata=data.metadata.replace(sources=()))
    return data.replace(sources=())


def refusal(error: UnreadableFile, path: Path) -> None:
    """The message names the file and is one sentence."""
    text = str(error)
    assert text.startswith(f"{path}: "), f"the message does not begin with the file: {text!r}"
    assert "\n" not in text, f"the message has several lines: {text!r}"
    assert len(error.reason) > 8, f"the message says nothing: {text!r}"
    assert len(error.reason) < 2000, f"the message is too long: {len(error.reason)} letters"


# -- declaration ------------------------------------------------------------------------------------------------------


def check_declaration(subject: Subject) -> None:
    """Name, endings, options and laziness are declared, and the module says what is read."""
    reader = subject.reader
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", reader.name)
    assert len(reader.description) > 10
    assert "\n" not in reader.description
    assert reader.extensions
    assert all(re.fullmatch(r"\.[a-z0-9_]+", e) for e in reader.extensions)
    parameters = inspect.signature(reader.load).parameters
    assert ("lazy" in parameters) == subject.lazy, "Reader(lazy=…) must say whether load takes lazy"
    if subject.lazy:
        assert parameters["lazy"].default is False
    for option in reader.options.values():
        assert len(option.help) > 10, f"option {option.name} has no help in the docstring"
        assert not option.required, f"option {option.name} must have a default"
    module = sys.modules[reader.load.__module__]
    assert len(inspect.getdoc(module) or "") > 200, "the module's docstring must say what is read and what is not"


def check_sniff_never_raises(subject: Subject, path: Path) -> None:
    """A sniffer looks at anything, and claims neither noise nor pictures."""
    raw = path.read_bytes()
    sniff = subject.reader.sniff
    for cut in {0, 1, 2, 3, 4, 7, 8, 15, 16, 64, len(raw) // 2}:
        assert sniff(path, raw[:cut]) in (True, False)
    for name, content in FOREIGN.items():
        other = path.with_name(f"foreign{path.suffix}")
        other.write_bytes(content)
        assert sniff(other, content) is False, f"claims {name}"
        other.unlink()
    assert sniff(path, raw[: 1 << 16]) is True


def check_sniffers_agree(subject: Subject, path: Path, others: list[Subject]) -> None:
    """No other reader of the same kind claims the file, but for the generic one."""
    head = path.read_bytes()[: 1 << 16]
    claiming = [s.name for s in others if s.is_trace == subject.is_trace and s.reader.sniff(path, head)]
    assert [n for n in claiming if n not in GENERIC or n == subject.name] == [subject.name]


# -- reading ----------------------------------------------------------------------------------------------------------


def check_repeated_reads(subject: Subject, path: Path) -> None:
    """Reading twice gives the same, and what was read first does not change."""
    first = subject.read(path)
    assert same(first, subject.read(path))


def check_original_untouched(subject: Subject, path: Path) -> None:
    """Bytes, time and folder of the original stay as they are, also when it is read lazily."""

    def state() -> dict[str, tuple[bytes, int, int]]:
        return {p.name: (p.read_bytes(), p.stat().st_mtime_ns, p.stat().st_mode) for p in path.parent.iterdir()}

    before = state()
    subject.read(path)
    if subject.lazy:
        subject.read(path, lazy=True).computed()
    assert state() == before


def open_files() -> set[str]:
    """Return what this process holds open or mapped (Linux)."""
    found = set()
    for handle in Path("/proc/self/fd").iterdir():
        try:
            found.add(os.readlink(handle))
        except OSError:  # the handle of the listing itself
            continue
    mapped = Path("/proc/self/maps").read_text().splitlines()
    return found | {line.split(maxsplit=5)[5].strip() for line in mapped if line.count(" ") > 5}


def check_file_closed(subject: Subject, path: Path) -> None:
    """No handle is left, whether the file is read, refused or still to be computed."""
    raw = path.read_bytes()
    data = [subject.read(path)]
    if subject.lazy:
        data.append(subject.read(path, lazy=True))
        np.asarray(data[1].intensity[:1])
    _assert_closed(path)
    for cut in (len(raw) // 2, len(raw) * 9 // 10):
        path.write_bytes(raw[:cut])
        try:
            data.append(subject.read(path))
        except UnreadableFile:
            _assert_closed(path)  # even while the error and its frames are alive
    path.write_bytes(raw)


def _assert_closed(path: Path) -> None:
    if Path("/proc/self/fd").is_dir():
        gc.disable()  # a handle that waits for the garbage collector is a handle that is left
        try:
            assert str(path) not in open_files(), "the file is still open"
        finally:
            gc.enable()
    else:
        path.rename(path.with_name("moved")).rename(path)  # impossible on Windows while it is open


def check_lazy_equals_eager(subject: Subject, path: Path) -> None:
    """Reading lazily gives the same where the reader can, and is harmless where it cannot."""
    if subject.is_trace:
        return
    eager, lazy = subject.read(path), subject.read(path, lazy=True)
    assert not eager.is_lazy
    assert lazy.is_lazy == subject.lazy
    np.testing.assert_array_equal(lazy.as_cube(), eager.as_cube())
    if subject.lazy:
        assert all(s.sha256 == "" or s.path != str(path) for s in lazy.metadata.sources)
    assert same(without_sources(flag_unusable(lazy.computed())), without_sources(eager))


def check_source_recorded(subject: Subject, path: Path) -> None:
    """The file is recorded with reader, hash and size (or, by a native file, those that it was made from)."""
    sources = sources_of(subject.read(path))
    assert len(sources) >= 1
    if subject.name != "native":
        (source,) = sources
        assert (source.path, source.reader, source.size_bytes) == (str(path), subject.name, path.stat().st_size)
        assert source.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        assert source.role == ("trace" if subject.is_trace else "spectra")


def check_explicit(subject: Subject, path: Path) -> None:
    """Axis, times and positions (or potential, current and start) are stated, or stated to be absent."""
    data = subject.read(path)
    if subject.is_trace:
        _explicit_trace(data, path)
    else:
        _explicit_dataset(data, path)


def _line(text: str, name: str) -> str:
    found = re.search(rf"^  {name} +(.*)$", text, re.M)
    assert found is not None, f"info does not speak of {name}"
    return found[1]


def _explicit_dataset(data: OperandoDataset, path: Path) -> None:
    info = describe_dataset(data, path)
    assert data.n_spectra > 0
    assert data.n_channels > 0
    assert data.intensity.dtype.kind in "fiu"
    assert data.intensity.dtype.isnative
    kind = {"raman_shift": "Raman shift", "wavenumber": "wavenumber", "wavelength": "wavelength"}[data.axis_kind]
    assert _line(info, "axis").startswith(kind)
    assert _line(info, "axis").endswith(data.axis_unit)
    times = data.columns.get("time_s")
    dated = times is not None and bool(np.isfinite(times).any())
    assert (_line(info, "times") == "none of their own") == (not dated)
    assert (_line(info, "start") == "not stated") == (
        data.metadata.started_at is None and data.metadata.local_start is None
    )
    placed = any(f"{a}_um" in data.columns and np.isfinite(data.columns[f"{a}_um"]).any() for a in "xyz")
    assert (_line(info, "positions") == "not stated") == (not placed)
    for field in dataclasses.fields(data.metadata.laser):
        value = getattr(data.metadata.laser, field.name)
        assert value is None or np.isfinite(value), f"laser.{field.name} is {value}"
    assert data.metadata.laser.wavelength_nm != 0, "an unknown wavelength is None, not zero"
    _plain_vendor(data.metadata.vendor)
    assert all(w and "\n" not in w for w in data.metadata.warnings)


def _explicit_trace(data: Trace, path: Path) -> None:
    info = describe_trace(data, path)
    for stamp in (data.started_at, data.local_start):
        assert stamp is None or 1980 <= stamp.year < 2100, "an unknown start is None, not some epoch"
    assert _line(info, "start").startswith("not stated") == (data.started_at is None and data.local_start is None)
    assert data.reference is None or data.reference.strip() == data.reference != ""
    if len(data):
        assert ("unnamed reference" in _line(info, "potential")) == (data.reference is None)
        assert ("  current " in info) == (data.current_ma is not None)
    _plain_vendor(data.vendor)
    assert all(w and "\n" not in w for w in data.warnings)


def _plain_vendor(vendor: Any) -> None:
    """The vendor's tree consists of JSON's own types already."""
    text = json.dumps(dict(vendor), ensure_ascii=False)
    assert plain(json.loads(text)) == json.loads(text)
    text.encode("utf-8")  # no lone surrogates


# -- damage -----------------------------------------------------------------------------------------------------------


def read_or_refused(subject: Subject, path: Path) -> Any:
    """Return what was read, or None if it was refused as it should be; bounded in time."""
    begin = time.process_time()
    try:
        data = subject.read(path)
        if subject.lazy:
            subject.read(path, lazy=True).computed()
    except UnreadableFile as refused:
        error: UnreadableFile | None = refused
        data = None
    else:
        error = None
    assert time.process_time() - begin < CPU_SECONDS
    if error is not None:
        assert not isinstance(error.__cause__, MemoryError), f"asks for too much memory: {error}"
        refusal(error, path)
    return data


def check_truncated(subject: Subject, path: Path, points: int = 24) -> None:
    """A file cut anywhere is read as far as it is whole, or refused."""
    raw, rng = path.read_bytes(), random.Random(2)
    cuts = {1, 2, 4, 8, 16, len(raw) // 2, len(raw) - 1} | {rng.randrange(1, len(raw)) for _ in range(points)}
    for cut in sorted(c for c in cuts if 0 < c < len(raw)):
        path.write_bytes(raw[:cut])
        read_or_refused(subject, path)
    path.write_bytes(raw)


def check_damaged(subject: Subject, path: Path, inputs: int = 40) -> None:
    """Flipped bits, overwritten runs, splices and impossible sizes are read or refused."""
    raw, rng = path.read_bytes(), random.Random(3)
    others = [m for m in MUTATIONS if m is not truncated]
    for k in range(inputs):
        path.write_bytes(others[k % len(others)](raw, rng, ()) or b"\0")
        read_or_refused(subject, path)
    path.write_bytes(raw)


def check_empty(subject: Subject, path: Path) -> None:
    """An empty file is refused."""
    raw = path.read_bytes()
    path.write_bytes(b"")
    with pytest.raises(UnreadableFile, match="empty") as caught:
        subject.read(path)
    refusal(caught.value, path)
    path.write_bytes(raw)


def check_no_file(subject: Subject, path: Path) -> None:
    """A folder, and a file that is not there, are refused."""
    folder = path.parent / f"folder{path.suffix}"
    folder.mkdir()
    for place, said in ((folder, "is a folder"), (path.with_name(f"nowhere{path.suffix}"), "does not exist")):
        with pytest.raises(UnreadableFile, match=said) as caught:
            subject.read(place)
        refusal(caught.value, place)
    folder.rmdir()


def check_foreign_content(subject: Subject, path: Path) -> None:
    """Other content under the reader's ending is refused, even where the reader is asked for by name."""
    for name, content in FOREIGN.items():
        other = path.with_name(f"foreign{path.suffix}")
        other.write_bytes(content)
        assert read_or_refused(subject, other) is None, f"reads {name}"
        other.unlink()


def check_wrong_extension(subject: Subject, path: Path) -> None:
    """Under another ending the file is read the same, or refused by a format that needs its ending."""
    whole = without_sources(subject.read(path))
    for ending in (".dat", ".DAT", ""):
        other = path.with_name(f"{path.stem}{ending}")
        if other == path:
            continue
        other.write_bytes(path.read_bytes())
        data = read_or_refused(subject, other)
        if data is not None:
            assert np.array_equal(_numbers(without_sources(data)), _numbers(whole), equal_nan=True)
        other.unlink()


def _numbers(data: Any) -> Any:
    return data.intensity.astype(float) if isinstance(data, OperandoDataset) else data.potential_v


CHECKS: dict[str, Callable[[Subject, Path], None]] = {
    name.removeprefix("check_"): value
    for name, value in list(globals().items())
    if name.startswith("check_") and name not in ("check_declaration", "check_sniffers_agree")
}


# These hold for a file that is refused on principle, too.
OF_REFUSED = ("sniff_never_raises", "truncated", "damaged", "empty", "no_file", "foreign_content")


def run_check(name: str, subject: Subject, example: Example, folder: Path) -> None:
    """Run one check on one example in a folder of its own."""
    path = example.write(folder)
    if example.refused and name not in OF_REFUSED:
        assert read_or_refused(subject, path) is None, "REFUSED names a file that is read"
        return
    CHECKS[name](subject, path)
