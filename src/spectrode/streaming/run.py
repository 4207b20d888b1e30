"""Runs steps over a map larger than memory, from file to file, and goes on where it was stopped."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from .._version import __version__
from ..dataset import OperandoDataset
from ..errors import Cancelled, SpectrodeError, StepError
from ..history import StepRecord
from ..pipeline.execute import BLOCK
from ..pipeline.recipe import Recipe, RecipeStep
from ..serialise import metadata_to_dict, record_to_dict, to_json
from ..writers.native_hdf5 import CHUNK, FILE_VERSION, Reserved
from .chain import Chain, Tally
from .job import Job, Result, computed
from .journal import Journal
from .source import Source, open_source
from .target import Target

__all__ = ["StreamReport", "process"]

Progress = Callable[[str, int, int], None]
Span = tuple[int, int]

_OWN_BYTES = 350_000_000  # the interpreter with numpy, scipy, h5py and compiled kernels
_COPIES = 10  # float64 arrays of a block that a chain of steps holds at the same time, at most
_LARGEST_BLOCK = 16_384  # spectra; more make nothing faster
_HEIGHT = int(np.lcm(CHUNK[0], BLOCK))  # blocks are cut as in memory, and at chunks


@dataclass(frozen=True)
class StreamReport:
    """What a stream did."""

    path: Path
    spectra: int
    computed: int
    """Spectra computed by this call; the others were done by an earlier one that was stopped."""
    block: int
    """Spectra a block."""
    history: tuple[StepRecord, ...]
    """The steps, as they stand in the file's history."""


def process(
    source: str | Path | OperandoDataset,
    steps: Recipe | Iterable[RecipeStep],
    destination: str | Path,
    *,
    memory_bytes: int = 2_000_000_000,
    scheduler: Any = None,
    keep: Iterable[str] = (),
    restart: bool = False,
    reader: str | None = None,
    timezone: str | None = None,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
    **options: Any,
) -> StreamReport:
    """Run steps over a file of spectra of any size and write a native file.

    The result has the numbers that :func:`spectrode.pipeline.run.apply_steps` gives in memory, to the bit, and the
    same metadata and history, except that the steps' seconds are not recorded: the same input and steps give the same
    file, byte for byte, however often the run was interrupted. What the steps found for each spectrum becomes columns:
    ``background_mean`` (of all baselines together, over the axis that they had), ``spike_channels`` (how many channels
    were replaced), and the steps' own, such as ``scale``.

    Beside the destination stand ``<name>.part`` and ``<name>.journal`` until all is done. If the run is stopped in any
    way, even by ``kill -9`` or a loss of power, the same call goes on from there.

    Parameters
    ----------
    source
        A native file, or any other that can be read lazily (others are read whole); or a dataset.
    steps
        A recipe (only its steps are run) or steps.
    destination
        File to write (``.h5``, ``.hdf5``, ``.nxs``). It appears when it is whole.
    memory_bytes
        Memory that this process (with a scheduler: each worker) may take; larger gives larger blocks, which read fewer
        neighbours twice.
    scheduler
        Address of a ``dask.distributed`` scheduler whose workers see the source under the same path, or a client. The
        workers compute; this process alone writes.
    keep
        Names of products with a value a channel (``background``, ``spikes``) to be kept in full, under
        ``/entry/products``.
    restart
        Begin anew, whatever an earlier run has left.
    reader, timezone, options
        As for :func:`spectrode.read`.
    progress
        Called with (``"processing"``, spectra done, spectra in all).
    should_stop
        Asked between blocks.

    Raises
    ------
    StepError
        If a step cannot be run block by block, or not on these spectra.
    Cancelled
        If ``should_stop`` says so; what is done is kept for the next call.
    SpectrodeError
        If another run with other input or steps has left its work there, the memory or the disk is too small, or the
        destination is an original.
    """
    path = _checked_destination(Path(destination))
    items = tuple(steps.steps if isinstance(steps, Recipe) else steps)
    kept = tuple(dict.fromkeys(keep))
    opened = open_source(source, reader=reader, timezone=timezone, **options)
    _refuse_originals(path, opened)
    if scheduler is not None and opened.stamp is None:
        raise SpectrodeError("workers open the spectra themselves, so with a scheduler the source must be a file")
    chain = Chain(opened, items, keep=kept)
    fingerprint = _fingerprint(opened, chain, kept, (reader, timezone, options))
    part, journal_path = path.with_name(path.name + ".part"), path.with_name(path.name + ".journal")
    height = _block_height(chain, memory_bytes)
    with Journal(journal_path) as journal:
        resumed = _resumed(journal, part, path, fingerprint, restart)
        if resumed is None:
            journal.remove()
            return StreamReport(path, opened.n_spectra, 0, height, _history_of(path, len(items)))
        stream = _Stream(opened, chain, journal, *resumed, part, path)
        with stream.target:
            job = _job(opened, chain, items, kept, (reader, timezone, options), fingerprint)
            count = stream.run(height, scheduler, job, progress, should_stop)
            history = stream.finish()
        journal.remove()
    return StreamReport(path, opened.n_spectra, count, height, history)


def _checked_destination(path: Path) -> Path:
    from ..writers.native_hdf5 import WRITER

    if path.suffix.lower() not in WRITER.extensions:
        raise SpectrodeError(f"{path}: streams write native files; possible endings: {', '.join(WRITER.extensions)}")
    if path.is_dir():
        raise SpectrodeError(f"{path} is a folder; give the name of a file")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SpectrodeError(f"{path} cannot be written ({error.strerror or error})") from None
    return path


def _refuse_originals(path: Path, source: Source) -> None:
    originals = {Path(s.path).resolve() for s in source.dataset.metadata.sources}
    if source.stamp is not None:
        originals.add(Path(source.stamp.path).resolve())
    if path.resolve() in originals:
        raise SpectrodeError(f"{path} is one of the original files of this dataset and is never written to")


def _fingerprint(source: Source, chain: Chain, keep: tuple[str, ...], reading: tuple[Any, ...]) -> dict[str, Any]:
    """Return what decides about the result, in parts that can be named when they differ."""
    dataset = source.dataset
    if source.stamp is not None:
        origin: Any = [source.stamp.path, source.stamp.size, source.stamp.mtime_ns]
    else:
        numbers = dataset.intensity.name if dataset.is_lazy else dataset.content_hash()
        columns = [
            [name, hashlib.sha256(np.ascontiguousarray(c).tobytes()).hexdigest()] for name, c in dataset.columns.items()
        ]
        origin = [numbers, columns, metadata_to_dict(dataset.metadata), [record_to_dict(r) for r in dataset.history]]
    plain: dict[str, Any] = {
        "the input": [origin, *reading],
        "the steps": [[spec.name, dict(parameters)] for spec, parameters in chain.steps],
        "what is kept": list(keep),
        "the versions of the software": [
            __version__, FILE_VERSION, np.__version__, h5py.version.version, h5py.version.hdf5_version,
        ],
    }  # fmt: skip
    return {name: hashlib.sha256(to_json(value).encode()).hexdigest() for name, value in plain.items()}


def _job(
    source: Source,
    chain: Chain,
    steps: tuple[RecipeStep, ...],
    keep: tuple[str, ...],
    reading: tuple[Any, ...],
    fingerprint: Mapping[str, Any],
) -> Job | None:
    if source.stamp is None:
        return None
    reader, timezone, options = reading
    return Job(source.stamp, reader, timezone, options, steps, keep, tuple(chain.surveys), to_json(fingerprint))


def _resumed(
    journal: Journal, part: Path, path: Path, fingerprint: Mapping[str, Any], restart: bool
) -> tuple[list[Result], str] | None:
    """Return the blocks that an earlier run has done and its layout; None if only its journal was left to remove."""
    records = [] if restart else list(journal.records())
    if records:
        found = records[0][0].get("fingerprint", {})
        other = [name for name in fingerprint if found.get(name) != fingerprint[name]]
        if other:
            raise SpectrodeError(
                f"{part} holds the work of an earlier run that was stopped, but {_listed(other)} differ from then; "
                "run that again to finish it, or restart (which throws it away)"
            )
        if records[-1][0].get("finished") and path.exists() and not part.exists():
            return None
    blocks = [_from_record(head, body) for head, body in records if "start" in head]
    if blocks and part.exists():
        layouts = [head["layout"] for head, _ in records if "layout" in head]
        return blocks, layouts[-1]
    part.unlink(missing_ok=True)
    journal.clear()
    journal.append({"fingerprint": dict(fingerprint)})
    return [], ""


def _history_of(path: Path, steps: int) -> tuple[StepRecord, ...]:
    from ..readers.native_hdf5 import load

    history = load(path, lazy=True).history
    return history[len(history) - steps :]


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _block_height(chain: Chain, memory_bytes: int) -> int:
    """Return how many spectra a block may have for the memory, neighbours included."""
    total, channels = chain.source.n_spectra, chain.source.dataset.n_channels
    # The source's columns stand in memory, and what the steps found: eight numbers a spectrum are allowed for that.
    columns = sum(c.nbytes for c in chain.source.dataset.columns.values()) + 64 * total
    room = memory_bytes - _OWN_BYTES - columns
    height = min(_LARGEST_BLOCK, -(-total // _HEIGHT) * _HEIGHT)
    while True:
        start = (total // 2) // _HEIGHT * _HEIGHT  # in the middle, where a block has all its neighbours
        need = chain.held(start, min(start + height, total)) * channels * 8 * _COPIES
        if need <= room:
            return height
        if height <= _HEIGHT:
            raise SpectrodeError(
                f"{memory_bytes / 1e9:.2g} GB of memory were allowed, but a block of {height} spectra needs "
                f"{(memory_bytes - room + need) / 1e9:.2g} GB with its neighbours"
            )
        height = max(_HEIGHT, height // 2 // _HEIGHT * _HEIGHT)


class _Stream:
    """A run under way: the file that is made, its journal, and what is known per spectrum."""

    def __init__(
        self, source: Source, chain: Chain, journal: Journal, done: list[Result], layout: str, part: Path, path: Path
    ) -> None:
        self._source, self._chain, self._journal, self._part, self._path = source, chain, journal, part, path
        total = source.n_spectra
        self._probe = computed(chain, 0, min(total, 16))
        arrays = {
            name: Reserved((total, values.shape[1]), np.dtype(values.dtype))
            for name, values in self._probe.arrays.items()
        }
        self._intensity = arrays["intensity"]
        self._columns = {name: np.zeros(total, dtype=values.dtype) for name, values in self._probe.columns.items()}
        self._tallies: dict[int, tuple[Tally, ...]] = {}
        self._spans: list[Span] = []
        need = sum(a.shape[0] * a.shape[1] * a.dtype.itemsize for a in arrays.values())
        _check_disk(part, need)
        self.target = Target(part, arrays)
        self.target.lay_out(self._dataset(()))
        if not done:
            journal.append({"layout": self.target.layout()})
        elif layout != self.target.layout():
            raise SpectrodeError(f"{part} was begun with another layout; restart, which throws it away")
        while done:  # each is let go of as soon as it is noted
            self._note(done.pop())

    def run(
        self,
        height: int,
        scheduler: Any,
        job: Job | None,
        progress: Progress | None,
        should_stop: Callable[[], bool] | None,
    ) -> int:
        """Compute what is not done yet; returns how many spectra that was."""
        total = self._source.n_spectra
        pending = _pending(self._spans, total, height)
        count = 0
        for result in self._results(pending, scheduler, job, should_stop):
            self._store(result)
            count += result.stop - result.start
            if progress is not None:
                progress("processing", sum(stop - start for start, stop in self._spans), total)
        return count

    def _results(
        self, pending: list[Span], scheduler: Any, job: Job | None, should_stop: Callable[[], bool] | None
    ) -> Iterator[Result]:
        if scheduler is not None:
            from .cluster import results_from

            assert job is not None
            yield from results_from(scheduler, job, pending, should_stop)
            return
        for start, stop in pending:
            if should_stop is not None and should_stop():
                raise Cancelled("the stream was cancelled; the blocks that are done are kept")
            yield computed(self._chain, start, stop)

    def _store(self, result: Result) -> None:
        """Write a block, then say in the journal that it is there."""
        self._check(result)
        for name, values in result.arrays.items():
            self.target.write(name, result.start, values)
        self.target.sync()
        self._journal.append(*_to_record(result))
        self._note(result)

    def _check(self, result: Result) -> None:
        probe = self._probe
        if not np.array_equal(result.shift, probe.shift):
            raise StepError("the steps gave different axes for different spectra; one dataset has one axis")
        for mine, theirs in ((probe.arrays, result.arrays), (probe.columns, result.columns)):
            if mine.keys() != theirs.keys() or any(mine[k].dtype != theirs[k].dtype for k in mine):
                raise StepError(
                    f"the steps gave {', '.join(theirs)} for the spectra from {result.start} on, but {', '.join(mine)} "
                    "for the first ones; one dataset has the same for all"
                )

    def _note(self, result: Result) -> None:
        for name, values in result.columns.items():
            self._columns[name][result.start : result.stop] = values
        self._tallies[result.start] = result.tallies
        self._spans.append((result.start, result.stop))

    def finish(self) -> tuple[StepRecord, ...]:
        """Complete the file and give it its name."""
        history = self._history()
        self.target.lay_out(self._dataset(history))
        self.target.sync()
        self.target.close()
        self._journal.append({"finished": True})
        os.replace(self._part, self._path)
        _sync_folder(self._path.parent)
        return history

    def _dataset(self, history: tuple[StepRecord, ...]) -> OperandoDataset:
        old = self._source.dataset
        return old.replace(
            intensity=self._intensity,
            shift=self._probe.shift,
            columns={**old.columns, **self._columns},
            mask=None,
            variance=None,
            history=(*old.history, *history),
        )

    def _history(self) -> tuple[StepRecord, ...]:
        steps, total = self._chain.steps, self._source.n_spectra
        sums = [Tally() for _ in steps]
        for start in sorted(self._tallies):
            for whole, part in zip(sums, self._tallies[start], strict=True):
                whole.add(part)
        return tuple(
            StepRecord(
                name=spec.name,
                parameters=parameters,
                version=__version__,
                cite=spec.cite,
                changed_spectra=tally.changed,
                notes=tally.sentences(total),
            )
            for (spec, parameters), tally in zip(steps, sums, strict=True)
        )


def _pending(done: list[Span], total: int, height: int) -> list[Span]:
    """Return the blocks that fill what is not done; earlier runs may have had blocks of another height."""
    pending: list[Span] = []
    at = 0
    for start, stop in [*sorted(done), (total, total)]:
        pending.extend((first, min(first + height, start)) for first in range(at, start, height))
        at = max(at, stop)
    return pending


def _to_record(result: Result) -> tuple[dict[str, Any], bytes]:
    columns = {name: np.ascontiguousarray(values) for name, values in result.columns.items()}
    head = {
        "start": result.start,
        "stop": result.stop,
        "tallies": [[t.notes, t.counts, t.changed] for t in result.tallies],
        "columns": [[name, values.dtype.str] for name, values in columns.items()],
    }
    return head, b"".join(values.tobytes() for values in columns.values())


def _from_record(head: Mapping[str, Any], body: bytes) -> Result:
    n, at = head["stop"] - head["start"], 0
    columns: dict[str, NDArray[Any]] = {}
    for name, kind in head["columns"]:
        columns[name] = np.frombuffer(body, dtype=np.dtype(kind), count=n, offset=at)
        at += columns[name].nbytes
    tallies = tuple(Tally(list(notes), dict(counts), changed) for notes, counts, changed in head["tallies"])
    return Result(head["start"], head["stop"], np.zeros(0), {}, columns, tallies)


def _check_disk(part: Path, need: int) -> None:
    there = 0
    if part.exists():
        found = part.stat()
        there = getattr(found, "st_blocks", 0) * 512
    free = shutil.disk_usage(part.parent).free
    if need - there > free:
        raise SpectrodeError(
            f"{part.parent} has {free / 1e9:.1f} GB free, but the result needs {(need - there) / 1e9:.1f} GB more"
        )


def _sync_folder(folder: Path) -> None:
    """Make a new name last through a loss of power, where the system can."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
