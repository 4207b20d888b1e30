"""Run many simulated experiments, in processes, and keep what came out line by line so that a run can go on later."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._version import __version__
from ..errors import SpectrodeError
from .judge import Judgement

if TYPE_CHECKING:
    from ..unmixing.bands import ProfileBands

__all__ = ["run_experiments", "run_one"]

_THREADS = ("SPECTRODE_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_FORMAT = 3
"""Of the lines; another number makes kept lines void."""

Progress = Callable[[int, int], None]


def run_experiments(
    seeds: Sequence[int],
    *,
    recipe: str | Path = "raman-map",
    workers: int = 1,
    resamples: int = 0,
    keep: Path | None = None,
    progress: Progress | None = None,
) -> list[Judgement]:
    """Simulate, analyse and judge one experiment for each seed.

    Parameters
    ----------
    recipe
        A bundled recipe or a TOML file: what a user would run.
    workers
        Processes at a time; each computes on one thread.
    resamples
        Of the bands around concentrations, for those analyses whose result carries none; 0 makes none. Each costs
        about as much as an unmixing.
    keep
        File of JSON lines. What it holds already, made by the same version with the same recipe and library, is not
        done again; each new result is appended at once.
    progress
        Called with (done, in all).

    Returns
    -------
    list of Judgement
        In the order of the seeds. An analysis that failed is there with its ``error``.

    Raises
    ------
    SpectrodeError
        If the recipe cannot be read, ``workers`` is below 1, or ``resamples`` below 0.
    """
    from ..pipeline.recipe import Recipe

    if workers < 1:
        raise SpectrodeError(f"at least one worker is needed, but {workers} was asked for")
    if resamples < 0:
        raise SpectrodeError(f"resamples needs a number from 0, but {resamples} was given")
    text = Recipe.load(recipe).effective().dumps()
    origin = _origin(text, resamples)
    done = {} if keep is None else _kept(keep, origin)
    missing = [seed for seed in dict.fromkeys(seeds) if seed not in done]
    if progress is not None:
        progress(len(seeds) - len(missing), len(seeds))
    for judgement in _run(missing, text, resamples, workers):
        done[judgement.seed] = judgement
        if keep is not None:
            with keep.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"origin": origin, **judgement.to_dict()}, ensure_ascii=False) + "\n")
        if progress is not None:
            progress(sum(seed in done for seed in seeds), len(seeds))
    return [done[seed] for seed in seeds]


def run_one(seed: int, recipe_text: str, resamples: int) -> Judgement:
    """Simulate, analyse and judge one experiment."""
    from ..analysis import analyse
    from ..library import load_library
    from ..pipeline.recipe import Recipe
    from .experiment import make_experiment
    from .judge import judge

    library = load_library()
    experiment = make_experiment(seed, library=library)
    begin = time.perf_counter()
    try:
        result = analyse(experiment.dataset, recipe=Recipe.loads(recipe_text, "validation"))
    except SpectrodeError as error:
        truth = experiment.truth
        return Judgement(seed, truth.scenario, truth.rank(), 0, 0, error=str(error))
    seconds = time.perf_counter() - begin
    bands: ProfileBands | None = getattr(result, "bands", None)
    if bands is None and resamples and result.decomposition is not None:
        from ..unmixing.bands import profile_bands

        bands = profile_bands(result.dataset.intensity, result.decomposition, resamples=resamples)
    return judge(experiment, result, library, bands=bands, seconds=seconds)


def _run(seeds: Sequence[int], text: str, resamples: int, workers: int) -> Iterator[Judgement]:
    if workers == 1 or len(seeds) < 2:
        for seed in seeds:
            yield run_one(seed, text, resamples)
        return
    import multiprocessing as mp
    from concurrent.futures import ProcessPoolExecutor, as_completed

    with _one_thread(), ProcessPoolExecutor(min(workers, len(seeds)), mp_context=mp.get_context("spawn")) as pool:
        for future in as_completed([pool.submit(run_one, seed, text, resamples) for seed in seeds]):
            yield future.result()


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let processes that start in here compute on one thread; the libraries read this when they are loaded."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _origin(recipe_text: str, resamples: int) -> str:
    """Return what a kept line must agree with: the version and all that decides about the result."""
    from ..resources import reference_folder

    digest = hashlib.sha256(f"{resamples} {recipe_text}".encode())
    for path in sorted(reference_folder().glob("*/*/entry.toml")):
        digest.update(path.read_bytes())
    return f"{_FORMAT} {__version__} {digest.hexdigest()[:16]}"


def _kept(path: Path, origin: str) -> dict[int, Judgement]:
    if not path.exists():
        return {}
    found: dict[int, Judgement] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            table: dict[str, Any] = json.loads(line)
        except json.JSONDecodeError:
            continue  # the last line of a run that was killed while writing
        if table.pop("origin", None) == origin:
            found[int(table["seed"])] = Judgement.from_dict(table)
    return found
