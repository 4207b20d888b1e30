"""Cells of ``.xlsx`` workbooks, without formats or formulas: a light parser that cannot be made to grow.

Office Open XML (ECMA-376) keeps a workbook as XML parts in a zip archive. Shared texts, inline texts, numbers and
truth values are returned; dates are numbers of days, as the workbook holds them, from 1899-12-30 on whatever its own
zero.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from pathlib import Path
from xml.parsers import expat

from ...errors import UnreadableFile
from ._zipped import Archive

__all__ = ["Cell", "sheet_names", "sheet_rows"]

Cell = str | float | None

_MOST_COLUMNS = 16384
_DAYS_TO_1904 = 1462.0


def sheet_names(path: Path, archive: Archive) -> dict[str, str]:
    """Return {name of sheet: part of the archive}, in the workbook's order."""
    targets = {
        a.get("Id", ""): posixpath.normpath(posixpath.join("xl", a.get("Target", "")).replace("xl//xl/", "xl/"))
        for tag, a in _elements(path, archive, "xl/_rels/workbook.xml.rels")
        if tag == "Relationship"
    }
    names = {}
    for tag, a in _elements(path, archive, "xl/workbook.xml"):
        if tag == "sheet":
            relation = next((v for k, v in a.items() if k.rpartition(":")[2] == "id"), "")
            part = targets.get(relation, "").lstrip("/")
            if part in archive.names:
                names[a.get("name", part)] = part
    return names


def sheet_rows(path: Path, archive: Archive, part: str, *, most: int | None = None) -> list[list[Cell]]:
    """Return the rows of a sheet that hold anything, each as long as its last cell; at most ``most`` of them.

    Raises
    ------
    UnreadableFile
        If the XML is damaged, or a cell lies outside what a sheet can hold.
    """
    texts = _shared_texts(path, archive)
    since_1904 = any(
        tag == "workbookPr" and a.get("date1904") in ("1", "true")
        for tag, a in _elements(path, archive, "xl/workbook.xml")
    )
    sheet = _Sheet(texts)
    _parse(path, archive, part, sheet.start, sheet.end, sheet.text)
    rows = sheet.rows if most is None else sheet.rows[:most]
    return [[_day_of_1900(c) for c in row] for row in rows] if since_1904 else rows


def _day_of_1900(cell: Cell) -> Cell:
    # Only numbers that can be dates of our days; a cell's format, which would tell, is not read.
    return cell + _DAYS_TO_1904 if isinstance(cell, float) and 2e4 < cell < 8e4 else cell


class _Sheet:
    """Collects the cells of a sheet while expat walks through it."""

    def __init__(self, texts: list[str]) -> None:
        self.rows: list[list[Cell]] = []
        self._texts = texts
        self._row: list[Cell] = []
        self._place = -1
        self._kind = "n"
        self._content: list[str] | None = None

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "row":
            self._row, self._place = [], -1
        elif tag == "c":
            reference = attributes.get("r", "")
            self._place = _column(reference) if reference else self._place + 1
            self._kind = attributes.get("t", "n")
        elif tag in ("v", "t"):
            self._content = []

    def text(self, text: str) -> None:
        if self._content is not None:
            self._content.append(text)

    def end(self, tag: str) -> None:
        if tag in ("v", "t") and self._content is not None:
            self._put("".join(self._content))
            self._content = None
        elif tag == "row" and self._row:
            self.rows.append(self._row)
            self._row = []

    def _put(self, text: str) -> None:
        value: Cell
        if self._kind == "s":
            number = int(text)
            if not 0 <= number < len(self._texts):
                raise ValueError(f"a cell names the shared text {number}, but there are {len(self._texts)}")
            value = self._texts[number]
        elif self._kind in ("str", "inlineStr", "d"):
            value = text
        elif self._kind == "e":
            value = None
        else:
            value = float(text)
        if not 0 <= self._place < _MOST_COLUMNS:
            raise ValueError("a cell lies outside the sheet")
        self._row += [None] * (self._place + 1 - len(self._row))
        self._row[self._place] = value


def _column(reference: str) -> int:
    number = 0
    for letter in reference:
        if not "A" <= letter <= "Z":
            break
        number = number * 26 + ord(letter) - 64
        if number > _MOST_COLUMNS:
            break
    return number - 1


def _shared_texts(path: Path, archive: Archive) -> list[str]:
    if "xl/sharedStrings.xml" not in archive.names:
        return []
    texts: list[str] = []
    pieces: list[str] = []
    state = {"inside": False}

    def start(tag: str, attributes: dict[str, str]) -> None:
        state["inside"] = tag == "t"

    def text(content: str) -> None:
        if state["inside"]:
            pieces.append(content)

    def end(tag: str) -> None:
        state["inside"] = False
        if tag == "si":
            texts.append("".join(pieces))
            pieces.clear()

    _parse(path, archive, "xl/sharedStrings.xml", start, end, text)
    return texts


def _elements(path: Path, archive: Archive, part: str) -> Iterator[tuple[str, dict[str, str]]]:
    if part not in archive.names:
        raise UnreadableFile(path, f"has no part {part}; it is no workbook")
    found: list[tuple[str, dict[str, str]]] = []
    _parse(path, archive, part, lambda tag, a: found.append((tag, dict(a))), lambda tag: None, lambda text: None)
    return iter(found)


def _parse(path: Path, archive: Archive, part: str, start: object, end: object, text: object) -> None:
    """Walk through an XML part; tags come without their namespace's prefix."""
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def doctype(*_: object) -> None:
        # No workbook has one, and the entities that it may declare could grow without bound.
        raise ValueError("it declares a document type")

    parser.StartDoctypeDeclHandler = doctype
    parser.StartElementHandler = lambda tag, a: start(tag.rpartition(":")[2], a)  # type: ignore[operator]
    parser.EndElementHandler = lambda tag: end(tag.rpartition(":")[2])  # type: ignore[operator]
    parser.CharacterDataHandler = text  # type: ignore[assignment]
    try:
        parser.Parse(archive.read(part), True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise UnreadableFile(path, f"its part {part} is damaged ({error})") from error
