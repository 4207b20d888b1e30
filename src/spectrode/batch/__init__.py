"""Many experiments in one go: pair maps with traces, run what is missing, and sum up.

::

    from spectrode.batch import pair, run_batch

    plan = pair(["maps/*.wdf"], ["cv/*.mpt"], timezone="Europe/Berlin")
    result = run_batch(plan, recipe="sei-shiners", out="results")
    print(result.index, *result.failed, sep="\\n")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .pairing import pair as pair
    from .plan import Candidate as Candidate
    from .plan import Experiment as Experiment
    from .plan import Plan as Plan
    from .plan import Question as Question
    from .run import BatchResult as BatchResult
    from .run import run_batch as run_batch
    from .table import read_pairs as read_pairs
    from .table import write_pairs as write_pairs

# Loaded on first use: the command line and a starting worker process should not import numpy before they need it.
_PUBLIC = {
    "BatchResult": "run",
    "Candidate": "plan",
    "Experiment": "plan",
    "Plan": "plan",
    "Question": "plan",
    "pair": "pairing",
    "read_pairs": "table",
    "run_batch": "run",
    "write_pairs": "table",
}

__all__ = sorted(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        from importlib import import_module

        return getattr(import_module(f".{_PUBLIC[name]}", __name__), name)
    raise AttributeError(f"module 'spectrode.batch' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(_PUBLIC)
