"""Blocks computed by other processes, one of which is killed half-way: the bytes are those of one process."""

from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hard_maps import FAST, hard_map

from spectrode import write
from spectrode.errors import Cancelled, SpectrodeError
from spectrode.pipeline.recipe import RecipeStep
from spectrode.streaming import process

distributed = pytest.importorskip("distributed")

# Sockets, loops and processes of distributed (2024.8 to 2026.8) that end with a killed worker are collected without
# having been closed; none of them is ours.
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.usefixtures("small_blocks"),
]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0", silence_logs="CRITICAL"
    ) as running:
        yield running


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def one_worker_dies(address: str) -> Any:
    """Return a progress function that kills a worker process when a part of the spectra is done."""
    killed: list[int] = []

    def progress(_: str, done: int, total: int) -> None:
        if not killed and done >= total / 4:
            with distributed.Client(address, set_as_default=False) as client:
                killed.extend(client.run(os.getpid).values())
            os.kill(killed[0], signal.SIGKILL)

    progress.killed = killed  # type: ignore[attr-defined]
    return progress


def test_a_worker_is_killed_half_way(tmp_path, cluster):
    write(hard_map(frames=8), tmp_path / "map.h5")
    steps = (RecipeStep("despike.neighbours"), *FAST)
    process(tmp_path / "map.h5", steps, tmp_path / "alone.h5", keep=("spikes",))
    progress = one_worker_dies(cluster.scheduler_address)
    report = process(
        tmp_path / "map.h5",
        steps,
        tmp_path / "out.h5",
        keep=("spikes",),
        scheduler=cluster.scheduler_address,
        progress=progress,
    )
    assert len(progress.killed) == 2
    assert report.computed == report.spectra == 4763
    assert sha256(tmp_path / "out.h5") == sha256(tmp_path / "alone.h5")


def test_begun_on_the_cluster_and_finished_alone(tmp_path, hard_file, cluster):
    seen: list[int] = []
    with distributed.Client(cluster, set_as_default=False) as client, pytest.raises(Cancelled):
        process(
            hard_file,
            FAST,
            tmp_path / "out.h5",
            scheduler=client,
            progress=lambda _, done, total: seen.append(done),
            should_stop=lambda: bool(seen),
        )
    assert process(hard_file, FAST, tmp_path / "out.h5").computed < 1763
    process(hard_file, FAST, tmp_path / "alone.h5")
    assert sha256(tmp_path / "out.h5") == sha256(tmp_path / "alone.h5")


def test_what_goes_wrong_on_a_worker_is_told_here(tmp_path, hard_file, cluster):
    from spectrode.readers._lazy import FileStamp
    from spectrode.streaming.cluster import results_from
    from spectrode.streaming.job import Job

    job = Job(FileStamp(str(hard_file), 1, 1), None, None, {}, FAST, (), (None,) * len(FAST), "a file of other size")
    with pytest.raises(SpectrodeError, match=r"a worker does not see the file as it is here: .*has changed"):
        list(results_from(cluster.scheduler_address, job, [(0, 512)]))


def test_a_scheduler_that_is_not_there_or_not_installed(tmp_path, hard_file, monkeypatch):
    monkeypatch.setattr("spectrode.streaming.cluster._CONNECT_S", 1)
    with pytest.raises(SpectrodeError, match="no scheduler answers at tcp"):
        process(hard_file, FAST, tmp_path / "out.h5", scheduler="tcp://127.0.0.1:9")
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(SpectrodeError, match=r"pip install 'spectrode\[cluster\]'"):
        process(hard_file, FAST, tmp_path / "out.h5", scheduler="tcp://127.0.0.1:9")
