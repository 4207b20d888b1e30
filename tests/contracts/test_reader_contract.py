"""Every reader keeps the contract with each of its example files; and the contract catches bad readers."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pytest
from reader_contract import CHECKS, check_declaration, check_sniffers_agree, run_check

from fuzz.examples import Example, Subject, built, examples, serves, subjects
from spectrode.dataset import OperandoDataset
from spectrode.errors import UnreadableFile
from spectrode.metadata import Laser, Metadata
from spectrode.readers import registry
from spectrode.readers.registry import Reader

SUBJECTS = subjects()
CASES = [pytest.param(name, e, id=f"{name}:{e.name}") for name, found in examples().items() for e in found]


def test_every_builder_gives_examples() -> None:
    assert built()[1] == {}
    idle = [b for b in built()[0] if not any(serves(b, s) for s in SUBJECTS.values())]
    assert idle == [], "these builders are named after no reader module"


def test_every_reader_has_examples() -> None:
    own = {s.name: s.module for s in SUBJECTS.values() if s.reader.load.__module__.startswith("spectrode.")}
    lacking = {name: f"tests/builders/{module}.py" for name, module in own.items() if not examples()[name]}
    assert lacking == {}, "these readers have no example file that they claim by content"


@pytest.mark.parametrize("name", SUBJECTS)
def test_declaration(name: str) -> None:
    check_declaration(SUBJECTS[name])


@pytest.mark.parametrize(("name", "example"), CASES)
def test_no_other_reader_claims_it(name: str, example: Example, tmp_path: Path) -> None:
    check_sniffers_agree(SUBJECTS[name], example.write(tmp_path), list(SUBJECTS.values()))


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize(("name", "example"), CASES)
def test_contract(name: str, example: Example, check: str, tmp_path: Path) -> None:
    run_check(check, SUBJECTS[name], example, tmp_path)


# -- the contract catches bad readers ---------------------------------------------------------------------------------

LEGAL = b"BAD!" + bytes(range(60))


def good_load(path: Path, *, lazy: bool = False) -> OperandoDataset:
    """Read a format that is made up."""
    raw = path.read_bytes()
    if len(raw) != 64 or raw[:4] != b"BAD!":
        raise UnreadableFile(path, f"has {len(raw)} bytes where 64 were expected, or begins in another way")
    numbers: Any = np.frombuffer(raw, dtype="u1", offset=4).reshape(6, 10)
    return OperandoDataset(da.from_array(numbers) if lazy else numbers, np.arange(10.0) + 100)


def bad_subject(monkeypatch: pytest.MonkeyPatch, load: Any = good_load, **declared: Any) -> Subject:
    values = {"extensions": (".bad",), "sniff": lambda path, head: head[:4] == b"BAD!", "lazy": load is good_load}
    reader = Reader(name="bad", description="a format for the test", load=load, **{**values, **declared})
    monkeypatch.setattr(registry, "readers", lambda: {"bad": reader})
    return Subject(reader, False)


def fails(check: str, subject: Subject, folder: Path, content: bytes = LEGAL) -> None:
    with pytest.raises((AssertionError, UnreadableFile, KeyError, pytest.fail.Exception)):
        run_check(check, subject, Example("a.bad", content), folder)


@pytest.mark.parametrize("check", CHECKS)
def test_a_good_reader_passes(check: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    run_check(check, bad_subject(monkeypatch), Example("a.bad", LEGAL), tmp_path)


def changed(**changes: Any) -> Any:
    def load(path: Path) -> OperandoDataset:
        return good_load(path).replace(**changes)

    return load


def test_leaves_the_file_open(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kept = []

    def load(path: Path) -> OperandoDataset:
        kept.append(open(path, "rb"))  # noqa: SIM115
        return good_load(path)

    fails("file_closed", bad_subject(monkeypatch, load), tmp_path)
    for handle in kept:
        handle.close()


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs /proc")
def test_leaves_the_file_mapped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def load(path: Path) -> OperandoDataset:
        good_load(path)
        return OperandoDataset(np.memmap(path, "u1", "r", 4, (6, 10)), np.arange(10.0) + 100)

    fails("file_closed", bad_subject(monkeypatch, load), tmp_path)


def test_touches_the_original(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def load(path: Path) -> OperandoDataset:
        os.utime(path, (1, 1))
        return good_load(path)

    fails("original_untouched", bad_subject(monkeypatch, load), tmp_path)


def test_leaves_a_file_beside_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def load(path: Path) -> OperandoDataset:
        path.with_suffix(".cache").write_bytes(b"")
        return good_load(path)

    fails("original_untouched", bad_subject(monkeypatch, load), tmp_path)


def test_differs_from_read_to_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def load(path: Path) -> OperandoDataset:
        return good_load(path).replace(metadata=Metadata(title=str(time.perf_counter_ns())))

    fails("repeated_reads", bad_subject(monkeypatch, load), tmp_path)


def test_lazy_differs_from_eager(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def load(path: Path, *, lazy: bool = False) -> OperandoDataset:
        data = good_load(path, lazy=lazy)
        return data.replace(intensity=data.intensity[:, ::-1]) if lazy else data

    fails("lazy_equals_eager", bad_subject(monkeypatch, load, lazy=True), tmp_path)


def test_declares_laziness_that_it_has_not(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssertionError, match="must say whether load takes lazy"):
        check_declaration(bad_subject(monkeypatch, changed(), lazy=True))


@pytest.mark.parametrize(
    "metadata",
    [Metadata(vendor={"a": np.float64(1)}), Metadata(vendor={"a": object()}), Metadata(laser=Laser(wavelength_nm=0.0))],
)
def test_says_what_is_not_plain(metadata: Metadata, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    subject = bad_subject(monkeypatch, changed(metadata=metadata))
    if metadata.vendor.get("a") == 1:
        run_check("explicit", subject, Example("a.bad", LEGAL), tmp_path)  # a numpy float is a float
        return
    with pytest.raises((AssertionError, TypeError)):
        run_check("explicit", subject, Example("a.bad", LEGAL), tmp_path)


def test_raises_what_it_likes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def load(path: Path) -> OperandoDataset:
        if len(path.read_bytes()) != 64:
            raise AttributeError("no such thing")
        return good_load(path)

    with pytest.raises(AttributeError):
        run_check("truncated", bad_subject(monkeypatch, load), Example("a.bad", LEGAL), tmp_path)


def test_allocates_what_a_file_declares(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def load(path: Path) -> OperandoDataset:
        if path.read_bytes() != LEGAL:
            raise MemoryError("Unable to allocate 1 TiB")
        return good_load(path)

    with pytest.raises(AssertionError, match="too much memory"):
        run_check("damaged", bad_subject(monkeypatch, load), Example("a.bad", LEGAL), tmp_path)


def test_refuses_without_a_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def load(path: Path) -> OperandoDataset:
        if path.read_bytes() != LEGAL:
            raise UnreadableFile("somewhere", "bad")
        return good_load(path)

    fails("truncated", bad_subject(monkeypatch, load), tmp_path)


def test_takes_long_over_damage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def load(path: Path) -> OperandoDataset:
        begin = time.process_time()
        while len(path.read_bytes()) == 1 and time.process_time() - begin < 2.2:
            pass
        return good_load(path)

    fails("truncated", bad_subject(monkeypatch, load), tmp_path)


def test_claims_anything(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fails("sniff_never_raises", bad_subject(monkeypatch, sniff=lambda path, head: True), tmp_path)


def test_sniffer_that_raises(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def sniff(path: Path, head: bytes) -> bool:
        return {b"B": True}.get(head[:1], False) if head else {}[0]  # type: ignore[no-any-return]

    fails("sniff_never_raises", bad_subject(monkeypatch, sniff=sniff), tmp_path)


def test_reads_noise(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def load(path: Path) -> OperandoDataset:
        return OperandoDataset(np.ones((1, 2)), np.arange(2.0))

    fails("foreign_content", bad_subject(monkeypatch, load), tmp_path)
