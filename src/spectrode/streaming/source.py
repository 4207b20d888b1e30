"""Where a stream reads from: spectra by number, without ever holding all of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..dataset import OperandoDataset
from ..errors import InvalidDataset, SpectrodeError
from ..metadata import SourceFile
from ..readers._lazy import FileStamp, HDF5Rows

__all__ = ["Source", "open_source"]

_GAP = 64  # rows between two wanted ones that are read along rather than skipped


@dataclass(frozen=True)
class Source:
    """What is known of the spectra, and a way to their numbers.

    ``dataset`` may lack the mask and variance that stand here: those stay in the file.
    """

    dataset: OperandoDataset
    intensity: Any
    mask: Any = None
    variance: Any = None
    stamp: FileStamp | None = None

    @property
    def n_spectra(self) -> int:
        """Number of spectra."""
        return self.dataset.n_spectra

    def gather(self, name: str, rows: NDArray[np.int64]) -> NDArray[Any] | None:
        """Return (rows.size, channels) of ``intensity``, ``mask`` or ``variance``; None if there is none.

        ``rows`` may come in any order. The file is read in contiguous pieces.
        """
        stored = getattr(self, name)
        if stored is None:
            return None
        order = np.argsort(rows, kind="stable")
        wanted = rows[order]
        found = np.empty((rows.size, stored.shape[1]), dtype=bool if name == "mask" else stored.dtype)
        breaks = np.flatnonzero(np.diff(wanted) > _GAP) + 1
        for piece in np.split(np.arange(rows.size), breaks):
            if piece.size:
                first, last = int(wanted[piece[0]]), int(wanted[piece[-1]])
                read = stored[first : last + 1]
                if hasattr(read, "compute"):
                    read = read.compute(scheduler="synchronous")
                found[order[piece]] = np.asarray(read)[wanted[piece] - first]
        return found


def open_source(
    source: str | Path | OperandoDataset, *, reader: str | None = None, timezone: str | None = None, **options: Any
) -> Source:
    """Open a file (or take a dataset) for streaming.

    Parameters
    ----------
    source
        A file that :func:`spectrode.read` reads, or a dataset, lazy or in memory.
    reader, timezone, options
        As for :func:`spectrode.read`.

    Raises
    ------
    SpectrodeError
        If the file cannot be read, or holds no spectra.
    """
    if isinstance(source, OperandoDataset):
        opened = Source(source, source.intensity, source.mask, source.variance)
    else:
        path = Path(source)
        from ..readers.registry import read, reader_for

        chosen = reader_for(path, reader)
        if chosen.name == "native":
            if options:
                raise SpectrodeError(f"{path}: the reader native has no option {next(iter(options))!r}")
            opened = _native(path, timezone)
        else:
            dataset = read(path, reader=chosen.name, timezone=timezone, lazy=True, **options)
            opened = Source(dataset, dataset.intensity, dataset.mask, dataset.variance, _stamp(path))
    if opened.n_spectra == 0:
        raise InvalidDataset(f"{source if isinstance(source, (str, Path)) else 'the dataset'} holds no spectra")
    return opened


def _native(path: Path, timezone: str | None) -> Source:
    """Open a native file as `read` does lazily, but leave mask and variance in the file too."""
    from ..readers._hdf5 import opened
    from ..readers.native_hdf5 import lazy_arrays, load_from
    from ..readers.registry import flag_unusable

    stamp = FileStamp.of(path)
    with opened(path) as file:
        dataset = load_from(file, path, lazy=True, arrays=False)
        arrays: dict[str, HDF5Rows] = lazy_arrays(file, path)
    dataset = flag_unusable(dataset)
    itself = SourceFile(str(path), "native", "", stamp.size, "spectra", {})
    metadata = dataset.metadata.replace(sources=dataset.metadata.sources or (itself,))
    dataset = dataset.replace(metadata=metadata.in_zone(timezone) if timezone else metadata)
    return Source(dataset, arrays["intensity"], arrays.get("mask"), arrays.get("variance"), stamp)


def _stamp(path: Path) -> FileStamp | None:
    return FileStamp.of(path) if path.is_file() else None
