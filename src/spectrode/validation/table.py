"""The table of a validation run: shares with exact binomial intervals, beside the bars they are held against."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from .judge import ClaimJudged, Judgement, SpeciesJudged

__all__ = ["Row", "causes_lines", "clopper_pearson", "rows_of", "summary_lines", "summary_table"]

_VISIBLE = 10.0


@dataclass(frozen=True)
class Row:
    """One measured share."""

    name: str
    hits: int
    total: int
    low: float
    high: float
    """Limits of the 95 % Clopper–Pearson interval of the share."""
    bar: str = ""
    passed: bool | None = None
    """None where there is no bar, or nothing to count."""

    @property
    def share(self) -> float:
        """Hits of total; NaN where there is nothing to count."""
        return self.hits / self.total if self.total else float("nan")


def clopper_pearson(hits: int, total: int, level: float = 0.95) -> tuple[float, float]:
    """Return the exact binomial interval of a share; (0, 1) where nothing was counted.

    C. J. Clopper, E. S. Pearson, Biometrika 26 (1934) 404.
    """
    from scipy.stats import beta

    if not total:
        return 0.0, 1.0
    tail = (1.0 - level) / 2.0
    low = 0.0 if hits == 0 else float(beta.ppf(tail, hits, total - hits + 1))
    high = 1.0 if hits == total else float(beta.ppf(1.0 - tail, hits + 1, total - hits))
    return low, high


def rows_of(judged: Sequence[Judgement]) -> list[Row]:
    """Return the rows of the table; experiments whose analysis failed count as rank wrong and nothing found."""
    done = [j for j in judged if not j.error]
    claims = [c for j in done for c in j.claims]
    species = [s for j in done for s in j.species if s.snr >= _VISIBLE]
    unknowns = [u for j in done for u in j.unknowns if u.snr >= _VISIBLE]
    nothing = [j for j in done if j.scenario == "nothing forms"]
    # A blend hides bands of its members from any method; what is left to name a member by is counted apart.
    several = [s for s in species if s.bands >= 2]
    own = [s for s in species if s.own_bands >= 2]
    rank = "number of components right or off by one"
    return [
        _at_least(rank, (abs(j.rank_error) <= 1 and not j.error for j in judged), 0.90),
        _plain("number of components right", (j.rank_error == 0 and not j.error for j in judged)),
        _at_most(
            "wrong among the species claimed (no alternative listed is there either)",
            (c.wrong_in_class for c in claims),
            0.05,
        ),
        _plain("wrong among the species claimed (the one named is not there)", (c.wrong for c in claims)),
        _at_least("species found, strongest band 10 or more above the noise", (s.found for s in species), 0.90),
        _plain("… the same, with ambiguous classes that hold it", (s.found or s.found_in_class for s in species)),
        _plain("… of those with two or more such bands", (s.found for s in several)),
        _plain("… of those with two or more that no other species covers", (s.found for s in own)),
        _plain(
            "… of those with three or more that no other species covers", (s.found for s in own if s.own_bands >= 3)
        ),
        _plain("… of those with one", (s.found for s in species if s.own_bands == 1)),
        _plain("… of those in the electrolyte", (s.found for s in species if s.kind == "electrolyte")),
        _plain("… of products and electrodes", (s.found for s in species if s.kind in ("product", "electrode"))),
        _at_least("unknown compounds left unassigned", (u.unassigned for u in unknowns), 0.95),
        _between("true concentrations inside their 95 % interval", done, 0.90, 0.98),
        _at_least("nothing claimed where nothing forms", (not _forms(j.claims) for j in nothing), 0.95),
    ]


def _forms(claims: Iterable[ClaimJudged]) -> bool:
    return any(c.group in ("sei", "cei") and c.wrong_in_class for c in claims)


def _counted(flags: Iterable[bool]) -> tuple[int, int]:
    values = list(flags)
    return sum(values), len(values)


def _plain(name: str, flags: Iterable[bool]) -> Row:
    hits, total = _counted(flags)
    return Row(name, hits, total, *clopper_pearson(hits, total))


def _at_least(name: str, flags: Iterable[bool], bar: float) -> Row:
    row = _plain(name, flags)
    return Row(**{**asdict(row), "bar": f"≥ {bar:.0%}", "passed": row.share >= bar if row.total else None})


def _at_most(name: str, flags: Iterable[bool], bar: float) -> Row:
    row = _plain(name, flags)
    return Row(**{**asdict(row), "bar": f"≤ {bar:.0%}", "passed": row.share <= bar if row.total else None})


def _between(name: str, done: Sequence[Judgement], low: float, high: float) -> Row:
    hits, total = sum(j.covered for j in done), sum(j.intervals for j in done)
    limits = clopper_pearson(hits, total)
    return Row(name, hits, total, *limits, f"{low:.0%}–{high:.0%}", low <= hits / total <= high if total else None)


def summary_lines(judged: Sequence[Judgement]) -> list[str]:
    """Return the table as Markdown."""
    lines = [
        f"{len(judged)} experiments, seeds {min(j.seed for j in judged)}–{max(j.seed for j in judged)}; "
        + (
            "claims are assignments with q < 0.05"
            if any(j.by_q_value for j in judged)
            else "claims are the assignments called “assigned” (there are no q-values)"
        )
        + (f"; {failed} analyses failed" if (failed := sum(bool(j.error) for j in judged)) else ""),
        "",
        "| what | share | 95 % interval | counted | bar | |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows_of(judged):
        if not row.total:
            lines.append(f"| {row.name} | not available | – | 0 | {row.bar} | |")
            continue
        verdict = "" if row.passed is None else "reached" if row.passed else "**missed**"
        counted = f"{row.hits} of {row.total}"
        lines.append(
            f"| {row.name} | {row.share:.1%} | {row.low:.1%}–{row.high:.1%} | {counted} | {row.bar} | {verdict} |"
        )
    return lines


def causes_lines(judged: Sequence[Judgement]) -> list[str]:
    """Return where it went wrong, as Markdown: the stage of each miss and each wrong claim, and the rank errors."""
    done = [j for j in judged if not j.error]
    missed = [s for j in done for s in j.species if s.snr >= _VISIBLE and not s.found]
    wrong = [c for j in done for c in j.claims if c.wrong_in_class]
    errors = Counter(j.rank_error for j in done)
    return [
        "| rank error | " + " | ".join(f"{e:+d}" if e else "0" for e in sorted(errors)) + " |",
        "|---|" + "---|" * len(errors),
        "| experiments | " + " | ".join(str(errors[e]) for e in sorted(errors)) + " |",
        "",
        "| stage of a miss | species | meaning |",
        "|---|---|---|",
        f"| assignment | {_stage(missed, 'assignment')} | not named on its true spectrum either |",
        f"| rank | {_stage(missed, 'rank')} | named on its true spectrum; too few components were taken |",
        f"| unmixing | {_stage(missed, 'unmixing')} | named on its true spectrum; enough components, none pure |",
        "",
        f"A claim lists {_mean(len(c.alternatives) for j in done for c in j.claims):.1f} alternatives on average.",
        "",
        "| component under a wrong claim | claims |",
        "|---|---|",
        *(f"| {word} | {sum(c.stage == word for c in wrong)} |" for word in ("pure", "mixed", "artefact")),
        "",
        "Most often missed: "
        + _most(s.id for s in missed)
        + ". Most often claimed wrongly: "
        + _most(c.id for c in wrong)
        + ".",
    ]


def _mean(values: Iterable[int]) -> float:
    found = list(values)
    return sum(found) / len(found) if found else 0.0


def _stage(missed: Sequence[SpeciesJudged], word: str) -> int:
    return sum(s.stage == word for s in missed)


def _most(ids: Iterable[str]) -> str:
    return ", ".join(f"{i} ({n})" for i, n in Counter(ids).most_common(8)) or "none"


def summary_table(judged: Sequence[Judgement]) -> dict[str, Any]:
    """Return rows and judgements as plain data, for a JSON file."""
    return {
        "rows": [{**asdict(row), "share": row.share if row.total else None} for row in rows_of(judged)],
        "experiments": [j.to_dict() for j in judged],
    }
