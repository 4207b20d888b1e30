"""HORIBA (Jobin Yvon) LabSpec 6, XML export (``.xml``): single spectra, line scans, maps, rotated maps.

Structure. ``<LSX_Data>`` holds ``<LSX_Tree>``, the tree of axes and settings (:mod:`spectrode.readers._labspec_tree`),
and ``<LSX_Matrix>``, one ``<LSX_Row Index=…>`` a spectrum. ``Format`` tells what a node holds: 4 a whole number, 5 a
number, 6 an array, 7 and 8 a text, 9 a group of ``Size`` nodes. Numbers are written with six digits.

Units and time: see :mod:`spectrode.readers._labspec_tree`. Spectra of a map carry no times of their own.

Order of maps. The rows run along the first scanned axis (X) first: so read the authors of the published test files, who
compared it with LabSpec (hyperspy/rosettasciio, pull request 25). LabSpec's text exports run along the last axis first.
As no file says it, a warning does, and the option ``fast_axis`` overrules.

Not read: images and other data without a spectral axis.

Measured test files: hyperspy/rosettasciio (GPL-3.0), one measurement in nm, 1/cm, absolute 1/cm, eV and counts.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..dataset import OperandoDataset
from ..errors import UnreadableFile
from ._labspec_tree import Node, axes_of, dataset_of
from ._safe_xml import Element, numbers, parse_xml
from ._text import head_text
from .registry import Reader

__all__ = ["READER", "load"]


def sniff(path: Path, head: bytes) -> bool:
    """Recognise the root element of LabSpec's XML."""
    text = head_text(head[:4096])
    return text is not None and text.lstrip().startswith("<") and "<LSX_Data" in text


def load(path: Path, *, fast_axis: Literal["first", "last"] = "first") -> OperandoDataset:
    """Read a LabSpec XML export.

    Parameters
    ----------
    fast_axis
        Which scanned axis of a map runs faster from one spectrum to the next: the first (X) or the last (Y).

    Returns
    -------
    OperandoDataset
        Raman shift, wavelength or absolute wavenumber (``axis_kind``), rising; an axis in eV is converted to nm.

    Raises
    ------
    UnreadableFile
        If the XML is damaged or holds a document type, or its parts contradict each other.
    """
    root = parse_xml(path, convert=lambda element: _converted(path, element))
    tree, matrix = root.first("LSX_Tree"), root.first("LSX_Matrix")
    if root.tag != "LSX_Data" or tree is None or matrix is None:
        raise UnreadableFile(path, "is no LabSpec XML: it lacks LSX_Data, LSX_Tree or LSX_Matrix")
    node = _node(path, tree)
    with np.errstate(all="ignore"):  # damaged numbers may be of any size
        return dataset_of(path, node, axes_of(path, node), _spectra(path, matrix), fast_axis)


def _converted(path: Path, element: Element) -> Any:
    """Return the array of an element that holds one, so that its text need not be kept."""
    if element.tag == "LSX_Row":
        return numbers(path, element.text, None, "intensities")
    if element.tag == "LSX" and element.attributes.get("Format") == "6":
        return numbers(path, element.text, None, "arrays")
    return None


def _spectra(path: Path, matrix: Element) -> NDArray[np.float64]:
    rows = [c.value for c in matrix.children if c.tag == "LSX_Row"]
    places = [c.attributes.get("Index", "") for c in matrix.children if c.tag == "LSX_Row"]
    if not rows:
        raise UnreadableFile(path, "holds no spectrum (no LSX_Row)")
    if places != [str(k) for k in range(len(places))]:
        raise UnreadableFile(path, "is damaged: its spectra (LSX_Row) are not numbered 0, 1, 2 …")
    lengths = {row.size for row in rows}
    if len(lengths) > 1:
        raise UnreadableFile(
            path, f"is cut short or damaged: its spectra have between {min(lengths)} and {max(lengths)} channels"
        )
    return np.stack(rows)


def _node(path: Path, element: Element) -> Node:
    form = element.attributes.get("Format", "9")
    number = int(element.attributes.get("ID", "0x0"), 16) & 0xFFFFFFFF
    if form == "9":
        return Node(number, None, tuple(_node(path, c) for c in element.children))
    if form == "4":
        return Node(number, int(element.text) if element.text.strip() else None)
    if form == "5":
        return Node(number, float(numbers(path, element.text, None, "settings")[0]) if element.text.strip() else None)
    return Node(number, element.value if form == "6" else element.text)


READER = Reader(
    name="horiba-xml",
    description="HORIBA LabSpec 6, XML export: spectrum, line scan, map",
    extensions=(".xml",),
    sniff=sniff,
    load=load,
    gives=("local start", "positions", "scan", "exposure", "laser", "power"),
)
