"""One block's work as a function of small things, so that it can be sent to another process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import SpectrodeError, StepError, UnreadableFile
from ..pipeline.recipe import RecipeStep
from ..readers._lazy import FileStamp
from .chain import Chain, Tally
from .source import open_source

__all__ = ["Job", "Result", "computed", "computed_elsewhere"]


@dataclass(frozen=True)
class Result:
    """A block after all steps, as it is written."""

    start: int
    stop: int
    shift: NDArray[np.float64]
    arrays: Mapping[str, NDArray[Any]]
    """What has a value a channel: ``intensity``, ``mask``, ``variance``, ``products/<name>``."""
    columns: Mapping[str, NDArray[Any]]
    """What has a value a spectrum, ``flags`` among them."""
    tallies: tuple[Tally, ...]


@dataclass(frozen=True)
class Job:
    """What another process needs to compute blocks: it opens the file itself."""

    stamp: FileStamp
    reader: str | None
    timezone: str | None
    options: Mapping[str, Any]
    steps: tuple[RecipeStep, ...]
    keep: tuple[str, ...]
    surveys: tuple[Mapping[str, Any] | None, ...]
    key: str
    """Equal for equal jobs; other processes keep the opened file under it."""


def computed(chain: Chain, start: int, stop: int) -> Result:
    """Compute one block."""
    block = chain.block(start, stop)
    arrays: dict[str, NDArray[Any]] = {"intensity": block.intensity}
    if block.mask is not None:
        arrays["mask"] = block.mask.view(np.uint8) if block.mask.dtype == bool else block.mask
    if block.variance is not None:
        arrays["variance"] = block.variance
    arrays.update({f"products/{name}": values for name, values in block.arrays.items()})
    columns = dict(block.columns)
    if block.flags is not None:
        columns["flags"] = block.flags
    return Result(start, stop, block.shift, arrays, columns, tuple(block.tallies))


_opened: dict[str, Chain] = {}


def computed_elsewhere(job: Job, start: int, stop: int) -> Result:
    """Compute one block in a worker process, which keeps the file of its latest job open.

    Raises
    ------
    StepError
        With the sentence of whatever is wrong, because not every exception of ours can travel.
    """
    try:
        chain = _opened.get(job.key)
        if chain is None:
            try:
                job.stamp.check()
            except UnreadableFile as error:
                raise StepError(f"a worker does not see the file as it is here: {error}") from None
            source = open_source(Path(job.stamp.path), reader=job.reader, timezone=job.timezone, **dict(job.options))
            chain = Chain(source, job.steps, keep=job.keep, surveys=job.surveys)
            _opened.clear()
            _opened[job.key] = chain
        return computed(chain, start, stop)
    except SpectrodeError as error:
        raise StepError(str(error)) from None
