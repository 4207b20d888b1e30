"""A stream gives what the same steps give in memory, to the bit."""

from __future__ import annotations

import hashlib
from pathlib import Path

import h5py
import numpy as np
import pytest
from hard_maps import FAST, hard_map

from spectrode import read, write
from spectrode.dataset import OperandoDataset
from spectrode.errors import Cancelled, InvalidDataset, SpectrodeError, StepError
from spectrode.pipeline.recipe import Recipe, RecipeStep
from spectrode.pipeline.run import apply_steps
from spectrode.streaming import process
from spectrode.streaming.run import _pending

DESPIKE, BASELINE = RecipeStep("despike.neighbours"), RecipeStep("baseline.arpls", {"lam": 1e4})
CHAINS = {
    "no steps": (),
    "each on its own": FAST,
    "real": (DESPIKE, RecipeStep("crop.range", {"low_cm1": 420.0}), BASELINE, RecipeStep("normalise.vector")),
    "neighbours twice": (
        RecipeStep("test.beside", {"reach": 2}),
        RecipeStep("smooth.savgol"),
        RecipeStep("test.beside", {"reach": 700}),
        RecipeStep("test.levelled"),
        RecipeStep("test.beside"),
        RecipeStep("crop.resample", {"step_cm1": 5.0}),
    ),
}


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def in_memory(dataset: OperandoDataset, steps) -> OperandoDataset:
    """Run the steps on all spectra at once, and forget how long that took."""
    before = len(dataset.history)
    done, _ = apply_steps(dataset, steps)
    history = (*done.history[:before], *(_without_seconds(r) for r in done.history[before:]))
    return done.replace(history=history)


def _without_seconds(record):
    return type(record)(**{**vars(record), "seconds": None})


def extra_columns_dropped(stream: OperandoDataset, memory: OperandoDataset) -> OperandoDataset:
    return stream.replace(columns={k: v for k, v in stream.columns.items() if k in memory.columns})


@pytest.mark.usefixtures("steps_that_look_around", "small_blocks")
@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize("full", [True, False], ids=["gaps, mask, variance", "plain"])
def test_a_stream_gives_the_numbers_of_memory(tmp_path, chain, full):
    write(hard_map(full=full), tmp_path / "in.h5")
    report = process(tmp_path / "in.h5", CHAINS[chain], tmp_path / "out.h5")
    assert (report.block, report.computed) == (512, 1763)
    memory = in_memory(read(tmp_path / "in.h5", lazy=True).computed(), CHAINS[chain])
    stream = read(tmp_path / "out.h5", lazy=True).computed()
    assert extra_columns_dropped(stream, memory).identical(memory)
    assert report.history == stream.history[len(stream.history) - len(CHAINS[chain]) :]
    if chain == "neighbours twice":
        assert "looked beside" in report.history[0].notes
        assert "of 1763 spectra are brighter" in report.history[0].notes[1]


@pytest.mark.usefixtures("steps_that_look_around")
def test_the_blocks_make_no_difference(tmp_path, hard_file, monkeypatch):
    steps = CHAINS["neighbours twice"]
    made = []
    for largest in (512, 1024, 16_384):
        monkeypatch.setattr("spectrode.streaming.run._LARGEST_BLOCK", largest)
        process(hard_file, steps, tmp_path / "out.h5", keep=("spikes", "background"))
        made.append(sha256(tmp_path / "out.h5"))
    assert len(set(made)) == 1


@pytest.mark.usefixtures("small_blocks")
def test_datasets_in_memory_and_lazy_ones_are_sources_too(tmp_path, hard_file):
    made = []
    for source in (read(hard_file, lazy=True).computed(), read(hard_file, lazy=True)):
        process(source, FAST, tmp_path / "out.h5")
        made.append(sha256(tmp_path / "out.h5"))
    process(hard_file, Recipe("fast", steps=FAST), tmp_path / "out.h5")
    assert {*made, sha256(tmp_path / "out.h5")} == {made[0]}


@pytest.mark.usefixtures("steps_that_look_around", "small_blocks")
def test_what_the_steps_found_is_kept(tmp_path, hard_file):
    steps = (RecipeStep("test.beside"), RecipeStep("test.levelled"), RecipeStep("test.levelled"))
    process(hard_file, steps, tmp_path / "out.h5", keep=("background", "spikes"))
    dataset = read(hard_file, lazy=True).computed()
    _, (first, second, third) = apply_steps(dataset, steps)
    found = read(tmp_path / "out.h5").columns
    np.testing.assert_array_equal(found["neighbours_seen"], first.products["neighbours_seen"])
    np.testing.assert_array_equal(found["spike_channels"], first.products["spikes"].sum(axis=1))
    both = second.products["background"].mean(axis=1) + third.products["background"].mean(axis=1)
    np.testing.assert_array_equal(found["background_mean"], both)
    assert found["runs"].max() == found["runs_2"].max() == 0
    with h5py.File(tmp_path / "out.h5") as file:
        np.testing.assert_array_equal(file["entry/products/spikes"][()], first.products["spikes"])
        np.testing.assert_array_equal(file["entry/products/background"][()], second.products["background"])
        np.testing.assert_array_equal(file["entry/products/background_2"][()], third.products["background"])


def test_counts_are_computed_as_in_memory(tmp_path):
    counts = np.random.default_rng(1).integers(0, 60_000, (40, 20)).astype(np.uint16)
    dataset = OperandoDataset(counts, np.arange(20.0))
    process(dataset, (RecipeStep("normalise.vector"),), tmp_path / "out.h5")
    memory = in_memory(dataset, (RecipeStep("normalise.vector"),))
    np.testing.assert_array_equal(read(tmp_path / "out.h5").intensity, memory.intensity)


@pytest.mark.parametrize(("n", "channels"), [(1, 1), (1, 5), (511, 129), (513, 127)])
def test_chunks_at_the_edges(tmp_path, n, channels):
    dataset = OperandoDataset(np.random.default_rng(2).random((n, channels)), np.arange(float(channels)))
    process(dataset, (), tmp_path / "out.h5")
    np.testing.assert_array_equal(read(tmp_path / "out.h5").intensity, dataset.intensity)


def test_cancelled_streams_keep_what_is_done(tmp_path, hard_file, small_blocks, leftovers):
    seen: list[int] = []
    out = tmp_path / "out.h5"
    with pytest.raises(Cancelled):
        process(
            hard_file, FAST, out, progress=lambda _, done, total: seen.append(done), should_stop=lambda: len(seen) == 2
        )
    assert seen == [512, 1024]
    assert leftovers() == ["out.h5.journal", "out.h5.part"]
    report = process(hard_file, FAST, out, progress=lambda _, done, total: seen.append(done))
    assert report.computed == 1763 - 1024
    assert seen == [512, 1024, 1536, 1763]
    assert leftovers() == ["out.h5"]
    process(hard_file, FAST, tmp_path / "again.h5")
    assert sha256(out) == sha256(tmp_path / "again.h5")


def stopped(source, steps, out, **settings):
    with pytest.raises(Cancelled):
        process(source, steps, out, should_stop=lambda: True, **settings)


def test_the_work_of_another_run_is_not_gone_on_with(tmp_path, hard_file):
    out = tmp_path / "out.h5"
    stopped(hard_file, FAST, out)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    with pytest.raises(SpectrodeError, match="the steps differ from then"):
        process(hard_file, FAST[:1], out)
    with pytest.raises(SpectrodeError, match="what is kept"):
        process(hard_file, FAST, out, keep=("background",))
    write(hard_map(1001), tmp_path / "other.h5")
    with pytest.raises(SpectrodeError, match="the input differ"):
        process(tmp_path / "other.h5", FAST, out)
    (tmp_path / "other.h5").unlink()
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before
    assert process(hard_file, FAST[:1], out, restart=True).computed == 1763


def test_two_runs_do_not_write_at_the_same_time(tmp_path, hard_file):
    out = tmp_path / "out.h5"

    def meanwhile(*_):
        with pytest.raises(SpectrodeError, match="another process is writing here"):
            process(hard_file, FAST, out)

    process(hard_file, FAST, out, progress=meanwhile)


def test_a_source_that_changes_meanwhile_is_refused(tmp_path, small_blocks):
    write(hard_map(), tmp_path / "in.h5")

    def change(*_):
        with open(tmp_path / "in.h5", "ab") as stream:
            stream.write(b"x")

    with pytest.raises(SpectrodeError, match="has changed since"):
        process(tmp_path / "in.h5", FAST, tmp_path / "out.h5", progress=change)


@pytest.mark.usefixtures("steps_that_look_around")
def test_what_cannot_be_streamed_is_refused_in_a_sentence(tmp_path, hard_file, leftovers):
    out = tmp_path / "out.h5"
    with pytest.raises(StepError, match=r"test\.all_at_once needs all spectra at once .* fits in memory"):
        process(hard_file, (RecipeStep("test.all_at_once"),), out)
    with pytest.raises(StepError, match="there is no step"):
        process(hard_file, (RecipeStep("baseline.none"),), out)
    with pytest.raises(StepError, match="needs the column dose"):
        process(read(hard_file), (RecipeStep("test.dosed"),), out)
    with pytest.raises(SpectrodeError, match="never written to"):
        process(hard_file, FAST, hard_file)
    with pytest.raises(SpectrodeError, match=r"possible endings: \.h5"):
        process(hard_file, FAST, tmp_path / "out.csv")
    with pytest.raises(SpectrodeError, match="GB with its neighbours"):
        process(hard_file, FAST, out, memory_bytes=100_000_000)
    with pytest.raises(InvalidDataset, match="no spectra"):
        process(OperandoDataset(np.zeros((0, 3)), np.arange(3.0)), (), out)
    with pytest.raises(SpectrodeError, match="the source must be a file"):
        process(read(hard_file), FAST, out, scheduler="tcp://127.0.0.1:1")
    assert leftovers() == []


def test_a_full_disk_is_told_before_the_work_begins(tmp_path, hard_file, monkeypatch):
    usage = type("usage", (), {"free": 1000})
    monkeypatch.setattr("spectrode.streaming.run.shutil.disk_usage", lambda _: usage)
    with pytest.raises(SpectrodeError, match="GB free, but the result needs"):
        process(hard_file, FAST, tmp_path / "out.h5")


def test_blocks_fill_what_is_not_done():
    assert _pending([], 1000, 512) == [(0, 512), (512, 1000)]
    assert _pending([(1024, 1536), (0, 512)], 2000, 512) == [(512, 1024), (1536, 2000)]
    assert _pending([(0, 1024)], 3000, 1536) == [(1024, 2560), (2560, 3000)]
    assert _pending([(0, 1000)], 1000, 512) == []
