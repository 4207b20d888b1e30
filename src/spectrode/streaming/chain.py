"""Steps one after the other on some of the spectra, with the numbers that all of the spectra would have got.

A step that looks at neighbouring spectra needs what the steps before it made of those. They are computed along (a halo,
which the step before may widen again) rather than kept: no intermediate file as large as the map is needed, and every
block stands on its own, so that blocks can be computed in any order, by any machine, and again after a crash. The price
is that the steps before a step with neighbours are repeated for the halo. For the usual order (cosmic rays first) these
are none, and only reading is repeated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..columns import SpectrumFlag
from ..errors import StepError
from ..pipeline.execute import BLOCK, run_block, survey_rows, take_survey, with_halo
from ..pipeline.parameters import checked_parameters
from ..pipeline.recipe import RecipeStep
from ..pipeline.run import _context, _moved_mask
from ..pipeline.step import StepOutput, StepSpec, step_spec
from .source import Source

__all__ = ["Block", "Chain", "Tally"]

Rows = NDArray[np.int64]


@dataclass
class Tally:
    """What one step had to say about some spectra."""

    notes: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    changed: int = 0

    def add(self, other: Tally) -> None:
        """Take in what was said about the spectra that follow."""
        self.notes = list(dict.fromkeys([*self.notes, *other.notes]))
        for text, count in other.counts.items():
            self.counts[text] = self.counts.get(text, 0) + count
        self.changed += other.changed

    def sentences(self, total: int) -> tuple[str, ...]:
        """Return all notes, as the step run on the whole would give them."""
        counted = [text.format(count=count, total=total) for text, count in self.counts.items() if count]
        return tuple(dict.fromkeys([*self.notes, *counted]))


@dataclass
class Block:
    """Some spectra after some steps. The block's own come first, those that only serve others follow."""

    rows: Rows
    own: int
    intensity: NDArray[Any]
    shift: NDArray[np.float64]
    mask: NDArray[np.bool_] | None
    variance: NDArray[Any] | None
    flags: NDArray[Any] | None
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)
    """Products with a value a channel that are to be kept, of the block's own spectra."""
    columns: dict[str, NDArray[Any]] = field(default_factory=dict)
    """Products with a value a spectrum, of the block's own spectra."""
    tallies: list[Tally] = field(default_factory=list)


@dataclass(frozen=True)
class _Link:
    spec: StepSpec
    parameters: Mapping[str, Any]
    context: Mapping[str, Any]
    survey: Mapping[str, Any] | None = None


class Chain:
    """Steps over a source.

    Parameters
    ----------
    keep
        Names of products with a value a channel (``background``, ``spikes``) to give out.
    surveys
        What the steps' surveys found, if that is known already; see :attr:`surveys`.

    Raises
    ------
    StepError
        If a step is not known, lacks a column, has a wrong parameter, or needs all spectra at once.
    """

    def __init__(
        self,
        source: Source,
        steps: Iterable[RecipeStep],
        *,
        keep: Iterable[str] = (),
        surveys: Iterable[Mapping[str, Any] | None] | None = None,
    ) -> None:
        self.source = source
        self._keep = frozenset(keep)
        dataset = source.dataset
        self._scan = (dataset.scan_shape or None, dataset.scan_index if dataset.scan_shape else None)
        self._links = [_link(source, item) for item in steps]
        if surveys is None:
            for depth in range(len(self._links)):
                self._take_survey(depth)
        else:
            self._links = [replace(link, survey=found) for link, found in zip(self._links, surveys, strict=True)]

    @property
    def surveys(self) -> list[Mapping[str, Any] | None]:
        """What each step's survey found; None for steps without."""
        return [link.survey for link in self._links]

    @property
    def steps(self) -> list[tuple[StepSpec, Mapping[str, Any]]]:
        """Each step and its effective parameters."""
        return [(link.spec, link.parameters) for link in self._links]

    def held(self, start: int, stop: int) -> int:
        """Return how many spectra must be read for the block from ``start`` to ``stop``."""
        rows = np.arange(start, stop)
        for link in reversed(self._links):
            if link.spec.neighbourhood is not None:
                rows, _ = with_halo(rows, self._neighbours(link, rows))
        return int(rows.size)

    def block(self, start: int, stop: int) -> Block:
        """Return the spectra from ``start`` to ``stop`` after all steps."""
        return self._after(len(self._links), np.arange(start, stop), np.zeros(0, dtype=np.int64))

    def _take_survey(self, depth: int) -> None:
        link = self._links[depth]
        if link.spec.survey is None:
            return
        rows, runs = survey_rows(self.source.n_spectra)
        sample = self._after(depth, rows, rows[:0])
        found = take_survey(link.spec, sample.intensity, sample.shift, runs, link.parameters, sample.mask)
        self._links[depth] = replace(link, survey=found)

    def _neighbours(self, link: _Link, rows: Rows) -> NDArray[np.int64]:
        assert link.spec.neighbourhood is not None
        return link.spec.neighbourhood(rows, self.source.n_spectra, *self._scan, link.parameters)

    def _after(self, depth: int, own: Rows, others: Rows) -> Block:
        """Return ``own`` and ``others`` after the first ``depth`` steps; only ``own`` are told of in the tallies."""
        wanted = np.concatenate([own, others])
        if depth == 0:
            return self._read(wanted, own.size)
        link = self._links[depth - 1]
        if link.spec.neighbourhood is None:
            return self._alone(link, self._after(depth - 1, own, others))
        held, local = with_halo(wanted, self._neighbours(link, wanted))
        return self._together(link, self._after(depth - 1, own, held[own.size :]), wanted.size, local)

    def _read(self, rows: Rows, own: int) -> Block:
        intensity = self.source.gather("intensity", rows)
        assert intensity is not None
        dataset = self.source.dataset
        flags = dataset.columns.get("flags")
        return Block(
            rows,
            own,
            intensity,
            np.asarray(dataset.shift),
            self.source.gather("mask", rows),
            self.source.gather("variance", rows),
            None if flags is None else np.asarray(flags)[rows],
        )

    def _alone(self, link: _Link, before: Block) -> Block:
        """Run a step that treats each spectrum on its own."""
        pieces = []
        for first, last in ((0, before.own), (before.own, before.rows.size)):
            for start in range(first, last, BLOCK):
                rows = np.arange(start, min(start + BLOCK, last))
                pieces.append(self._call(link, before, rows))
        return self._joined(link, before, pieces, before.rows.size)

    def _together(self, link: _Link, before: Block, n: int, neighbours: NDArray[np.int64]) -> Block:
        """Run a step with neighbours: the first ``n`` spectra are wanted, the others are there for their sake."""
        pieces = []
        for first, last in ((0, before.own), (before.own, n)):
            if last == first:
                continue
            # The step takes those it works on first.
            order = np.concatenate([np.arange(first, last), np.arange(first), np.arange(last, before.rows.size)])
            place = np.empty_like(order)
            place[order] = np.arange(order.size)
            table = neighbours[first:last]
            pieces.append(self._call(link, before, order, np.where(table >= 0, place[table], -1)))
        return self._joined(link, before, pieces, n)

    def _call(
        self, link: _Link, before: Block, places: Rows, neighbours: NDArray[np.int64] | None = None
    ) -> StepOutput:
        n = places.size if neighbours is None else neighbours.shape[0]
        rows, total = before.rows[places[:n]], self.source.n_spectra
        context: dict[str, Any] = {
            k: v[rows] if isinstance(v, np.ndarray) and v.shape[:1] == (total,) else v for k, v in link.context.items()
        }
        if "variance" in context:
            context["variance"] = None if before.variance is None else before.variance[places[:n]]
        if before.flags is not None and "flags" in context:
            context["flags"] = before.flags[places[:n]]
        if link.survey is not None:
            context["survey"] = link.survey
        if neighbours is not None:
            context["neighbours"] = neighbours
        return run_block(
            link.spec,
            before.intensity[places],
            before.shift,
            link.parameters,
            mask=None if before.mask is None else before.mask[places],
            **context,
        )

    def _joined(self, link: _Link, before: Block, pieces: list[StepOutput], n: int) -> Block:
        """Make the outputs one block, as `apply_step` makes its output a dataset."""
        shift = pieces[0].shift
        if any(not np.array_equal(piece.shift, shift) for piece in pieces):
            raise StepError(f"{link.spec.name} gave different axes for different spectra; one dataset has one axis")
        kind = np.float32 if before.intensity.dtype == np.float32 else np.float64
        intensity = np.concatenate([p.intensity.astype(kind, copy=False) for p in pieces])
        products = {key: np.concatenate([p.products[key] for p in pieces]) for key in pieces[0].products}
        own, spikes = before.own, products.get("spikes")
        block = Block(
            before.rows[:n],
            own,
            intensity,
            shift,
            _mask_after(before, shift, products.get("mask"), n),
            self._variance_after(link, before, shift, products.get("variance"), n),
            before.flags if before.flags is None else before.flags[:n],
            dict(before.arrays),
            dict(before.columns),
            list(before.tallies),
        )
        if spikes is not None:
            old = np.zeros(n, dtype=np.int64) if block.flags is None else block.flags
            block.flags = np.where(spikes.any(axis=1), old | int(SpectrumFlag.DESPIKED), old)
        self._take_products(block, products)
        block.tallies.append(_tally(before, block, pieces))
        return block

    @staticmethod
    def _variance_after(
        link: _Link, before: Block, shift: NDArray[np.float64], found: NDArray[Any] | None, n: int
    ) -> NDArray[Any] | None:
        if found is not None:
            return found
        keeps = link.spec.keeps_variance and shift.size == before.shift.size
        return before.variance[:n] if keeps and before.variance is not None else None

    def _take_products(self, block: Block, products: Mapping[str, NDArray[Any]]) -> None:
        for key, values in products.items():
            own = values[: block.own]
            if own.ndim == 1 and own.dtype.kind in "fiub":
                block.columns[_free(key, block.columns)] = own
            elif key == "background":
                mean = own.mean(axis=1)
                # Several backgrounds taken off one after the other are one background.
                block.columns["background_mean"] = block.columns.get("background_mean", 0.0) + mean
            elif key == "spikes":
                block.columns[_free("spike_channels", block.columns)] = own.sum(axis=1, dtype=np.int64)
            if own.ndim == 2 and key in self._keep:
                block.arrays[_free(key, block.arrays)] = own


def _link(source: Source, item: RecipeStep) -> _Link:
    spec, dataset = step_spec(item.name), source.dataset
    if dataset.axis_kind == "wavelength" and not spec.any_axis:
        raise StepError(
            f"{item.name} needs an axis in cm-1, but the spectra are in nm; convert them first (give the laser "
            "wavelength)"
        )
    if spec.needs_all_spectra:
        raise StepError(
            f"{item.name} needs all spectra at once and cannot be run block by block; leave it out here, or run it on "
            "a dataset that fits in memory (apply_step)"
        )
    parameters = checked_parameters(item.name, spec.parameters, item.parameters, StepError)
    names = [name for name in (*spec.needs, *spec.context) if name != "mask"]
    context = {name: None if name == "variance" else _context(dataset, spec, name) for name in names}
    for name in spec.needs:
        if context[name] is None and (name != "variance" or source.variance is None):
            raise StepError(f"{spec.name} needs {name}, which was not given")
    return _Link(spec, parameters, context)


def _mask_after(
    before: Block, shift: NDArray[np.float64], found: NDArray[Any] | None, n: int
) -> NDArray[np.bool_] | None:
    mask = None if before.mask is None else before.mask[:n]
    if mask is not None and shift.size != before.shift.size:
        mask = _moved_mask(mask, before.shift, shift)
    if found is None:
        return mask
    return found if mask is None else mask | found


def _tally(before: Block, after: Block, pieces: list[StepOutput]) -> Tally:
    """Count what was changed, and what was said, of the block's own spectra."""
    tally = Tally()
    done = 0
    for piece in pieces:
        if done < after.own:
            tally.add(Tally(list(piece.notes), {k: int(v) for k, v in piece.counts.items()}))
        done += piece.intensity.shape[0]
    tally.changed = after.own
    if np.array_equal(before.shift, after.shift):
        old, new = before.intensity[: after.own], after.intensity[: after.own]
        for start in range(0, after.own, BLOCK):
            a, b = old[start : start + BLOCK], new[start : start + BLOCK]
            tally.changed -= int(np.count_nonzero(((a == b) | (np.isnan(b) & ~np.isfinite(a))).all(axis=1)))
    return tally


def _free(name: str, taken: Mapping[str, Any]) -> str:
    """Return the name, with a number if an earlier step gave a product of that name."""
    number, free = 2, name
    while free in taken:
        free, number = f"{name}_{number}", number + 1
    return free
