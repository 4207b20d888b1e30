"""The same batch on a dask cluster."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import batch_experiments as made
import numpy as np
import pytest

from spectrode.batch import Plan, pair, run_batch
from spectrode.errors import SpectrodeError
from spectrode.results import load_result

pytest.importorskip("distributed", reason="the cluster extra is not installed: pip install 'spectrode[cluster]'")

pytestmark = [
    # A cluster that is closed leaves sockets and a loop to the garbage collector; they are not ours to close.
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    # Other programs on this machine may use the dashboard's port.
    pytest.mark.filterwarnings("ignore:Port .* is already in use:UserWarning"),
]


@pytest.fixture(scope="module")
def threads_cluster():
    """A cluster within this process: quick to start, all of the protocol."""
    from distributed import LocalCluster

    with LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None) as cluster:
        yield cluster


def assert_same_numbers(one: Path, other: Path) -> None:
    for name in ("assignments.csv", "components.csv", "timeline.csv"):
        assert (one / name).read_bytes() == (other / name).read_bytes(), name
    a, b = load_result(one / "result.h5"), load_result(other / "result.h5")
    assert a.dataset.content_hash() == b.dataset.content_hash()
    np.testing.assert_array_equal(a.decomposition.spectra, b.decomposition.spectra)
    np.testing.assert_array_equal(a.decomposition.concentrations, b.decomposition.concentrations)


@pytest.mark.usefixtures("light_report")
def test_a_cluster_gives_the_same_tables_and_arrays(lab, tmp_path, threads_cluster):
    plan = pair(str(lab / "maps" / "*.h5"), lab / "cv", timezone="UTC")
    run_batch(plan, recipe=lab / "quick2.toml", out=tmp_path / "here")
    result = run_batch(
        plan, recipe=lab / "quick2.toml", out=tmp_path / "there", scheduler=threads_cluster.scheduler_address
    )
    assert [o.status for o in result.outcomes] == ["done"] * 3
    for one in plan.experiments:
        assert_same_numbers(tmp_path / "here" / one.name, tmp_path / "there" / one.name)
    # What is done is done, wherever it was run.
    again = run_batch(plan, recipe=lab / "quick2.toml", out=tmp_path / "there")
    assert [o.status for o in again.outcomes] == ["done before"] * 3


@pytest.mark.usefixtures("light_report")
def test_a_failing_task_is_listed_with_its_own_sentence(lab, tmp_path, threads_cluster):
    from distributed import Client

    plan = pair(str(lab / "maps" / "*.h5"), lab / "cv", timezone="UTC")
    broken = plan.experiments[1].replace(offset_s=1e9, offset_from="clock")
    plan = Plan((plan.experiments[0], broken))
    with Client(threads_cluster) as client:
        result = run_batch(plan, recipe=lab / "quick2.toml", out=tmp_path, scheduler=client)
        assert client.status == "running", "a client that was given stays open"
    assert [o.status for o in result.outcomes] == ["done", "failed"]
    assert "no exposure lies wholly inside the trace" in result.outcomes[1].reason


def test_nobody_at_the_address_is_one_sentence(lab, tmp_path, monkeypatch):
    from spectrode.batch import cluster

    monkeypatch.setattr(cluster, "_CONNECT_S", 0.5)
    plan = pair(lab / "maps" / "cell0.h5", lab / "cv" / "run0.mpt", timezone="UTC")
    with pytest.raises(SpectrodeError, match=r"no dask scheduler answers at tcp://127\.0\.0\.1:9"):
        run_batch(plan, recipe=lab / "quick2.toml", out=tmp_path, scheduler="tcp://127.0.0.1:9")


def test_without_distributed_the_extra_is_named(lab, tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "distributed", None)
    plan = pair(lab / "maps" / "cell0.h5", lab / "cv" / "run0.mpt", timezone="UTC")
    with pytest.raises(SpectrodeError, match=r"pip install 'spectrode\[cluster\]'"):
        run_batch(plan, recipe=lab / "quick2.toml", out=tmp_path, scheduler="tcp://127.0.0.1:9")


@pytest.mark.slow
def test_a_task_whose_worker_dies_is_tried_again(tmp_path):
    from distributed import LocalCluster

    lab = tmp_path / "lab"
    for k in range(3):
        made.make(lab, k)
    recipe = made.quick_recipe(lab)
    plan = pair(str(lab / "maps" / "*.h5"), lab / "cv", timezone="UTC")
    killed = []
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:

        def kill_one(event):
            # The first end shows that workers are at work; one of them dies in the middle of its next experiment.
            if event.outcome is not None and not killed:
                worker = cluster.workers[0]
                killed.append(worker.process.process.pid)
                os.kill(killed[0], signal.SIGKILL)

        result = run_batch(
            plan, recipe=recipe, out=tmp_path / "out", scheduler=cluster.scheduler_address, on_event=kill_one
        )
    assert killed
    assert [(o.status, o.reason) for o in result.outcomes] == [("done", "")] * 3
    assert not list((tmp_path / "out").glob(".*.partial"))
