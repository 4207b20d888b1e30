"""Atoms of formulas and SMILES, as far as a check of one against the other needs them. No chemistry toolkit."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

__all__ = ["atoms_of_formula", "heavy_atoms_of_formula", "heavy_atoms_of_smiles", "unknown_elements"]

_SYMBOLS = (
    "H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb Sr Y Zr Nb "
    "Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au "
    "Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U"
)
ELEMENTS = frozenset(_SYMBOLS.split())
_REST = "R"  # stands for any organic rest; a formula with it is a class of species
_TOKEN = re.compile(r"([A-Z][a-z]?)(\d*\.?\d*)|(\()|(\))(\d*\.?\d*)|([+-]\d*$|\d*[+-]$)")
_ATOM = re.compile(r"\[\d*([A-Z][a-z]?|[cnops])[^\]]*\]|(Cl|Br|[BCNOPSFI])|([bcnops])|(\*)")


def unknown_elements(formula: str) -> list[str]:
    """Return what looks like an element symbol in a plain formula and is none. Formulas in words give nothing."""
    counts = atoms_of_formula(formula, only_known=False)
    return [] if counts is None or _REST in counts else [s for s in counts if s not in ELEMENTS]


def atoms_of_formula(formula: str, *, only_known: bool = True) -> dict[str, float] | None:
    """Return the atom counts of a plain formula, its charge left out; None for polymers, mixtures and words.

    Brackets with a number and hydrate dots are understood: ``Na3H(CO3)2.2H2O``.
    """
    total: Counter[str] = Counter()
    for number, part in _hydrate_parts(formula.strip()):
        counts = _part(part)
        if counts is None:
            return None
        for symbol, count in counts.items():
            total[symbol] += number * count  # type: ignore[assignment]  # Counter is typed for whole numbers
    if not total or (only_known and not set(total) <= ELEMENTS):
        return None
    return dict(total)


def heavy_atoms_of_formula(formula: str) -> dict[str, float] | None:
    """Return the atom counts of a plain formula without hydrogen; None where it is not plain."""
    counts = atoms_of_formula(formula)
    return None if counts is None else {s: n for s, n in counts.items() if s != "H"}


def heavy_atoms_of_smiles(smiles: str) -> dict[str, float] | None:
    """Return the atom counts of a SMILES text without hydrogen; None for a repeat unit (``*``)."""
    if "*" in smiles:
        return None
    counts: Counter[str] = Counter()
    for bracket, plain, aromatic, _ in _ATOM.findall(smiles):
        symbol = bracket or plain or aromatic
        counts[symbol.capitalize()] += 1
    return {s: float(n) for s, n in counts.items() if s != "H"}


def _hydrate_parts(formula: str) -> list[tuple[float, str]]:
    """Split ``LiOH.H2O`` and ``CuSO4.5H2O``; a dot between digits is a decimal point, a last dot marks a radical."""
    parts = re.split(r"(?<!\d)\.|\.(?!\d)|(?<=[\d)])\.(?=\d*[A-Z])", re.sub(r"\.(?=[+-]?$)", "", formula))
    out = []
    for part in parts:
        match = re.fullmatch(r"(\d+(?:\.\d+)?)?(.*)", part)
        out.append((float(match[1]) if match and match[1] else 1.0, match[2] if match else part))
    return out


def _part(text: str) -> Mapping[str, float] | None:
    stack: list[Counter[str]] = [Counter()]
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.end() == at:
            return None
        symbol, number, opened, closed, times, _charge = match.groups()
        if symbol:
            stack[-1][symbol] += float(number or 1)  # type: ignore[assignment]
        elif opened:
            stack.append(Counter())
        elif closed:
            if len(stack) < 2:
                return None
            inner = stack.pop()
            for s, n in inner.items():
                stack[-1][s] += n * float(times or 1)  # type: ignore[assignment]
        at = match.end()
    return stack[0] if len(stack) == 1 else None
