"""Interchange with pandas: the columns of a dataset as a ``DataFrame``, for tables and plots, and back into it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from ..dataset import OperandoDataset
from ..errors import InvalidDataset, SpectrodeError

__all__ = ["from_pandas", "to_pandas"]


def to_pandas(dataset: OperandoDataset, *, absolute_time: bool = False, intensity: bool = False) -> Any:
    """Return a row a spectrum.

    Parameters
    ----------
    absolute_time
        Add ``time``: the time stamps with their zone (UTC), where the start is known.
    intensity
        Add a column a channel, named by its axis value (a float).

    Returns
    -------
    pandas.DataFrame
        Columns as in ``dataset.columns``, preceded by the place in each scan dimension (``scan_x``, ``scan_y`` …).
        The index is the number of the spectrum.
    """
    pandas = _pandas()
    columns: dict[Any, Any] = {}
    if dataset.scan_shape:
        places = np.unravel_index(dataset.scan_index, dataset.scan_sizes)
        columns.update({f"scan_{name}": place for (name, _), place in zip(dataset.scan_shape, places, strict=True)})
    start = dataset.metadata.started_at
    if absolute_time and start is not None and "time_s" in dataset.columns:
        columns["time"] = pandas.Timestamp(start).tz_convert("UTC") + pandas.to_timedelta(
            np.round(dataset.columns["time_s"] * 1e6), unit="us"
        )
    columns.update(dataset.columns)
    frame = pandas.DataFrame(columns, index=pandas.RangeIndex(dataset.n_spectra, name="spectrum"))
    if not intensity:
        return frame
    values = np.asarray(dataset.computed().intensity)
    channels = pandas.DataFrame(values, index=frame.index, columns=[float(s) for s in dataset.shift])
    return pandas.concat([frame, channels], axis=1)


def from_pandas(dataset: OperandoDataset, frame: Any) -> OperandoDataset:
    """Return the dataset with the numeric columns of a table added or replaced.

    Parameters
    ----------
    frame
        One row a spectrum. Its index must be the numbers of the spectra, in any order; places (``scan_…``), ``time``
        and columns headed by numbers, as :func:`to_pandas` adds them, are passed over.

    Raises
    ------
    InvalidDataset
        If a spectrum has no row or several, or a column holds something that is not a number.
    """
    if not hasattr(frame, "columns") or not hasattr(frame, "index"):
        raise InvalidDataset(f"a pandas.DataFrame is needed, but {type(frame).__name__} was given")
    if sorted(frame.index) != list(range(dataset.n_spectra)):
        raise InvalidDataset(
            f"the table must have one row for each of the {dataset.n_spectra} spectra, with their numbers as index, "
            f"but it has {len(frame)} rows"
        )
    ordered = frame.sort_index()
    names = [n for n in ordered.columns if isinstance(n, str) and n != "time" and not n.startswith("scan_")]
    names += [n for n in ordered.columns if n == "scan_index"]
    columns = {}
    for name in names:
        values = ordered[name].to_numpy()
        if values.dtype.kind not in "fiub":
            raise InvalidDataset(f"the column {name!r} of the table holds something that is not a number")
        columns[name] = values
    return dataset.with_columns(**columns)


def _pandas() -> Any:
    try:
        return import_module("pandas")
    except ImportError as error:
        raise SpectrodeError(f"pandas cannot be imported ({error}); install it with: pip install pandas") from error
