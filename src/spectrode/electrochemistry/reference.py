"""Reference electrodes by name, and potentials converted from one to another.

    E(vs B) = E(vs A) + E_A - E_B

with the potentials E_A, E_B of the two versus the standard hydrogen electrode (SHE) at 25 °C. The table keeps values
with and without the potential of the liquid junction apart (the saturated silver chloride electrode is 197 mV without
and 199 mV with it), so that the entry that was used stays with every converted value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import SpectrodeError
from .trace import Trace

__all__ = ["REFERENCE_ELECTRODES", "ReferenceElectrode", "convert_potential", "find_reference"]

Standing = Literal["definition", "table", "recalled", "stated"]

_CONSULTRSR = "consultrsr.net/resources/ref/refpotls.htm"
_MCAULEY = "mcauleygroup.net/article/1"


@dataclass(frozen=True)
class ReferenceElectrode:
    """One entry of the table.

    Parameters
    ----------
    id
        Short name that stays with converted values.
    name
        As in figures.
    potential_v
        V versus SHE at 25 °C.
    standing
        ``definition``; ``table`` (read in ``source``); ``recalled`` (textbook value, not looked up); ``stated`` (by the
        name itself).
    liquid_junction
        True if the value includes the potential of the liquid junction, False if it does not, None where the question
        does not arise or the source does not tell.
    """

    id: str
    name: str
    potential_v: float
    source: str
    standing: Standing
    liquid_junction: bool | None = None
    note: str = ""

    @property
    def in_organic_solvent(self) -> bool:
        """Whether its link to SHE is a convention rather than a measurement."""
        return self.id == "li"


REFERENCE_ELECTRODES: Mapping[str, ReferenceElectrode] = {
    e.id: e
    for e in (
        ReferenceElectrode("she", "SHE", 0.0, "", "definition", None, "NHE is treated as the same"),
        ReferenceElectrode("sce", "SCE", 0.2412, _CONSULTRSR, "table", False, "saturated KCl"),
        ReferenceElectrode("sce-lj", "SCE (with liquid junction)", 0.244, _CONSULTRSR, "table", True, "saturated KCl"),
        ReferenceElectrode("calomel-1m", "Hg/Hg2Cl2 (1 M KCl)", 0.2801, _CONSULTRSR, "table"),
        ReferenceElectrode("agcl-sat", "Ag/AgCl (sat. KCl)", 0.197, _CONSULTRSR, "table", False),
        ReferenceElectrode(
            "agcl-sat-lj",
            "Ag/AgCl (sat. KCl, with liquid junction)",
            0.199,
            f"{_CONSULTRSR}; {_MCAULEY}",
            "table",
            True,
        ),
        ReferenceElectrode("agcl-3.5m-lj", "Ag/AgCl (3.5 M KCl)", 0.205, _CONSULTRSR, "table", True),
        ReferenceElectrode("agcl-3m", "Ag/AgCl (3 M KCl)", 0.210, _CONSULTRSR, "table"),
        ReferenceElectrode("agcl-0.1m", "Ag/AgCl (0.1 M KCl)", 0.2881, _CONSULTRSR, "table"),
        ReferenceElectrode(
            "li",
            "Li/Li+",
            -3.040,
            "standard potential in water",
            "recalled",
            None,
            "in carbonate solvents the link to SHE is a convention, not a measurement",
        ),
    )
}
"""The table, by id."""

_STATED = re.compile(r"\(\s*([+-]?\d+(?:[.,]\d+)?)\s*(m?)V\b[^)]*\)", re.IGNORECASE)
_CONCENTRATION = re.compile(r"(?<![\d.,])(\d+(?:[.,]\d+)?)\s*(?:m(?:ol(?:/l|/dm3)?)?|n)\b", re.IGNORECASE)
_STATED_TOLERANCE_V = 0.0015


def find_reference(name: str | ReferenceElectrode) -> ReferenceElectrode:
    """Return the entry that a name means.

    Parameters
    ----------
    name
        An id of the table, or a name as people and programs write it: ``Ag/AgCl (sat'd KCl)``, ``vs. Li+/Li``,
        ``SCE Saturated Calomel Electrode (0.241 V)``. A value in brackets, in V versus SHE, chooses between the entries
        with and without liquid junction; if no entry is within 1.5 mV, or the electrode is not in the table, the value
        itself is taken, with the standing ``stated``.

    Raises
    ------
    SpectrodeError
        If the name is not understood, or leaves open which of several entries is meant.
    """
    if isinstance(name, ReferenceElectrode):
        return name
    if name.strip().lower() in REFERENCE_ELECTRODES:
        return REFERENCE_ELECTRODES[name.strip().lower()]
    for entry in REFERENCE_ELECTRODES.values():
        if name.strip() == entry.name:
            return entry
    text = re.sub(r"^\s*(?:v|versus|vs\.?)\s+(?:vs\.?\s+)?", "", name.strip(), flags=re.IGNORECASE)
    stated = _STATED.search(text)
    value = None
    if stated:
        value = float(stated[1].replace(",", ".")) * (1e-3 if stated[2] else 1.0)
        text = (text[: stated.start()] + text[stated.end() :]).strip()
    family = _family(text)
    if value is not None:
        near = [e for e in family if abs(e.potential_v - value) <= _STATED_TOLERANCE_V]
        if near:
            return min(near, key=lambda e: abs(e.potential_v - value))
        return ReferenceElectrode(f"stated:{value:g}", name.strip(), value, "the name itself", "stated")
    if not family:
        raise SpectrodeError(f"the reference electrode {name!r} is not known; {_possible()}")
    return _only(name, text, family)


def _family(text: str) -> list[ReferenceElectrode]:
    """Return the entries of one kind of electrode, the one without liquid junction first."""
    bare = re.sub(r"[\s_|]", "", text.replace("⁺", "+").replace("₂", "2")).lower()
    words = set(re.findall(r"[a-z]+", text.lower()))
    if bare in {"li", "lithium", "lithiummetal"} or re.match(r"li(/li\+|\+/li|/li|li\+|\+li)(\b|$|\()", bare):
        return _entries("li")
    if words & {"she", "nhe"} or ("hydrogenelectrode" in bare and "reversible" not in bare):
        return _entries("she")
    if "ssce" in words or ("sodium" in words and "calomel" in words):
        return []  # saturated NaCl: another electrode, not in the table
    if "sce" in words or "calomel" in words or "hg2cl2" in bare:
        return _entries("sce", "sce-lj", "calomel-1m")
    if "agcl" in bare or "silverchloride" in bare:
        if "nacl" in bare:
            return []  # the table is of electrodes with KCl
        return _entries("agcl-sat", "agcl-sat-lj", "agcl-3.5m-lj", "agcl-3m", "agcl-0.1m")
    return []


def _entries(*ids: str) -> list[ReferenceElectrode]:
    return [REFERENCE_ELECTRODES[i] for i in ids]


def _only(name: str, text: str, family: list[ReferenceElectrode]) -> ReferenceElectrode:
    """Return the entry of a family that concentration and junction choose."""
    if len(family) == 1:
        return family[0]
    lower = text.lower()
    number = _CONCENTRATION.search(lower)
    junction = "junction" in lower or re.search(r"\blj\b", lower) is not None
    if number:
        wanted = f"{float(number[1].replace(',', '.')):g}m"
        fitting = [e for e in family if re.search(rf"-{re.escape(wanted)}(-|$)", e.id)]
        if fitting:
            return fitting[0]
        raise SpectrodeError(
            f"the reference electrode {name!r} is not in the table at that concentration; {_possible()}"
        )
    saturated = "sat" in lower or "sce" in re.findall(r"[a-z]+", lower)
    if saturated:
        fitting = [e for e in family if e.id in ("sce", "sce-lj", "agcl-sat", "agcl-sat-lj")]
        return next(e for e in fitting if e.id.endswith("-lj") == junction)
    raise SpectrodeError(
        f"the reference electrode {name!r} does not say its electrolyte, which makes up to "
        f"{1e3 * (max(e.potential_v for e in family) - min(e.potential_v for e in family)):.0f} mV; give one of: "
        + ", ".join(e.id for e in family)
    )


def _possible() -> str:
    ids = ", ".join(REFERENCE_ELECTRODES)
    return f"possible: {ids}; or a name with its potential versus SHE in brackets, such as 'Hg/Hg2SO4 (0.64 V)'"


@overload
def convert_potential(data: Trace, from_: str | ReferenceElectrode | None, to: str | ReferenceElectrode) -> Trace: ...
@overload
def convert_potential(
    data: ArrayLike, from_: str | ReferenceElectrode | None, to: str | ReferenceElectrode
) -> NDArray[np.float64]: ...
def convert_potential(
    data: Trace | ArrayLike, from_: str | ReferenceElectrode | None, to: str | ReferenceElectrode
) -> Trace | NDArray[np.float64]:
    """Convert potentials from one reference electrode to another.

    Parameters
    ----------
    data
        A trace, or potentials in V.
    from_, to
        Names; see `find_reference`. ``from_`` None takes the reference that the trace names.

    Returns
    -------
    Trace or ndarray
        A trace has ``reference`` set to the name of ``to``, a warning with both entries, and both in
        ``vendor["reference_conversions"]``. Columns other than the potential are unchanged.

    Raises
    ------
    SpectrodeError
        If a name is not known or not clear, or no reference to convert from is given.

    Notes
    -----
    A shift by a constant: the difference of two standard values at 25 °C, without any potential of the liquid junction
    to the electrolyte that was measured in.
    """
    if not isinstance(data, Trace):
        if from_ is None:
            raise SpectrodeError("potentials alone do not say versus which reference electrode they are; give from_")
        return np.asarray(data, dtype=np.float64) + _shift(find_reference(from_), find_reference(to))
    if from_ is None and data.reference is None:
        raise SpectrodeError(
            "the trace does not say versus which reference electrode its potential is, so that it cannot be converted; "
            "give reference= when reading it, or from_"
        )
    source, target = find_reference(from_ if from_ is not None else str(data.reference)), find_reference(to)
    shift = _shift(source, target)
    notes = [
        f"the potential was converted from {source.name} to {target.name} by {1e3 * shift:+.1f} mV (entries "
        f"{source.id}, {source.potential_v:+.4g} V, and {target.id}, {target.potential_v:+.4g} V versus SHE at 25 °C)",
        *_doubts(source, target),
    ]
    if from_ is not None and data.reference and _known_or_none(data.reference) != source:
        notes.append(f"the trace named the reference electrode {data.reference!r}; {source.name!r} was given and used")
    done = [*data.vendor.get("reference_conversions", []), {"from": _record(source), "to": _record(target)}]
    return data.replace(
        potential_v=data.potential_v + shift,
        reference=target.name,
        vendor={**data.vendor, "reference_conversions": done},
    ).warn(*notes)


def _known_or_none(name: str) -> ReferenceElectrode | None:
    """Return the entry that a name means, None if it is not understood."""
    try:
        return find_reference(name)
    except SpectrodeError:
        return None


def _shift(source: ReferenceElectrode, target: ReferenceElectrode) -> float:
    return source.potential_v - target.potential_v


def _record(entry: ReferenceElectrode) -> dict[str, Any]:
    return {
        "id": entry.id,
        "name": entry.name,
        "potential_v_vs_she": entry.potential_v,
        "standing": entry.standing,
        "source": entry.source,
        "liquid_junction": entry.liquid_junction,
    }


def _doubts(source: ReferenceElectrode, target: ReferenceElectrode) -> list[str]:
    notes = []
    if {source.liquid_junction, target.liquid_junction} == {True, False}:
        notes.append(
            "one of the two reference potentials includes a liquid junction and the other does not: a few mV are "
            "undetermined"
        )
    if source.in_organic_solvent != target.in_organic_solvent:
        notes.append(
            "a potential versus Li/Li+ in a carbonate solvent is linked to the aqueous scale by convention only "
            "(−3.040 V is the standard potential in water)"
        )
    return notes
