"""What a batch is going to do: experiments, and the questions that stand between them and a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ..errors import SpectrodeError

__all__ = ["Candidate", "Experiment", "Plan", "Question", "folder_names"]


@dataclass(frozen=True)
class Experiment:
    """One analysis: the files of its spectra, of its trace, and how they are read."""

    name: str
    """Folder of its results."""
    spectra: tuple[str, ...]
    traces: tuple[str, ...] = ()
    offset_s: float | None = None
    offset_from: Literal["clock", "trace_start"] | None = None
    timezone: str | None = None
    reference: str | None = None
    laser_nm: float | None = None
    recipe: str | None = None
    """Its own recipe; None for that of the batch."""
    no_trace: bool = False
    """True if it is to be run without a potential."""
    reason: str = ""
    """Why it has no trace, or cannot be run."""
    unreadable: bool = False
    """True if its spectra cannot be read, so that it is not run."""
    spectra_options: Mapping[str, Any] = field(default_factory=dict)
    trace_options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def runs(self) -> bool:
        """True if it can be run as it stands."""
        return not self.unreadable and (bool(self.traces) or self.no_trace)

    def replace(self, **changes: Any) -> Experiment:
        """Return a copy with some fields changed."""
        return replace(self, **changes)


@dataclass(frozen=True)
class Candidate:
    """A possible answer to a question."""

    words: str
    traces: tuple[str, ...] = ()
    """Empty: run without a potential, or leave out, as the batch is told to do with experiments without a trace."""
    changes: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the experiment that this answer sets, such as ``offset_s``."""
    needs: tuple[str, ...] = ()
    """Fields that the person must give with it: ``timezone`` or ``offset_s``."""


@dataclass(frozen=True)
class Question:
    """A pair that files alone do not decide."""

    name: str
    """The experiment that it is about."""
    text: str
    candidates: tuple[Candidate, ...]
    proposed: int | None = None
    """Index of the likely answer; None where a guess would be a gamble."""


@dataclass(frozen=True)
class Plan:
    """Experiments, open questions about them, and notes on files that take no part."""

    experiments: tuple[Experiment, ...]
    questions: tuple[Question, ...] = ()
    notes: tuple[str, ...] = ()

    def experiment(self, name: str) -> Experiment:
        """Return the experiment of that name."""
        for one in self.experiments:
            if one.name == name:
                return one
        raise SpectrodeError(
            f"there is no experiment {name!r}; there are {', '.join(e.name for e in self.experiments)}"
        )

    def answer(self, name: str, candidate: int | Candidate, **given: Any) -> Plan:
        """Return a plan in which the question about one experiment is settled.

        Parameters
        ----------
        candidate
            The answer, or its index in the question's candidates.
        **given
            The fields that the candidate ``needs``.

        Raises
        ------
        SpectrodeError
            If there is no question about that experiment, or something that the answer needs is missing.
        """
        found = [q for q in self.questions if q.name == name]
        if not found:
            raise SpectrodeError(f"there is no open question about {name!r}")
        chosen = found[0].candidates[candidate] if isinstance(candidate, int) else candidate
        lacking = [need for need in chosen.needs if given.get(need) is None]
        if lacking:
            raise SpectrodeError(f"this answer about {name} also needs {' and '.join(lacking)}")
        changes = {**chosen.changes, **given, "traces": chosen.traces}
        changes["reason"] = "" if chosen.traces else "no trace was chosen for it"
        experiments = tuple(e.replace(**changes) if e.name == name else e for e in self.experiments)
        return replace(self, experiments=experiments, questions=tuple(q for q in self.questions if q.name != name))

    def accept_proposals(self) -> Plan:
        """Return a plan in which every question that has a complete proposal is answered with it."""
        plan = self
        for question in self.questions:
            if question.proposed is not None and not question.candidates[question.proposed].needs:
                plan = plan.answer(question.name, question.proposed)
        return plan

    def without_echem(self) -> Plan:
        """Return a plan in which experiments that have no trace run without a potential."""
        open_names = {q.name for q in self.questions}
        return replace(
            self,
            experiments=tuple(
                e if e.traces or e.name in open_names or e.unreadable else e.replace(no_trace=True)
                for e in self.experiments
            ),
        )


_KEPT = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.()+=äöüÄÖÜßéèåøæ ")
_TAKEN = frozenset({"index.html", "assignments.csv", "experiments.csv", "pairs.csv", "earlier"})


def folder_names(wanted: Sequence[Sequence[str]]) -> list[str]:
    """Return a folder name for each experiment, all different even where the file system ignores case.

    Parameters
    ----------
    wanted
        For each experiment its names from the shortest to the longest, such as ``["map", "cell3-map"]``. A longer one
        is used where shorter ones clash; a number is added where even the longest do.
    """
    cleaned = [[_clean(name) for name in names] for names in wanted]
    level = [0] * len(cleaned)
    for _ in range(max((len(c) for c in cleaned), default=0)):
        groups: dict[str, list[int]] = {}
        for k, names in enumerate(cleaned):
            groups.setdefault(names[level[k]].casefold(), []).append(k)
        for members in groups.values():
            if len(members) > 1:
                for k in members:
                    level[k] = min(level[k] + 1, len(cleaned[k]) - 1)
    found: list[str] = []
    used = set(_TAKEN)
    for k, names in enumerate(cleaned):
        name, number = names[level[k]], 2
        while name.casefold() in used:
            name, number = f"{names[level[k]]}-{number}", number + 1
        used.add(name.casefold())
        found.append(name)
    return found


def _clean(name: str) -> str:
    text = "".join(c if c in _KEPT else "_" for c in name).strip(" .")
    return text[:100] or "experiment"
