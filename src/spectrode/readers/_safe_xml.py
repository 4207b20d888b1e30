"""XML of unknown origin as a plain tree: no document types, no entities, bounded depth and number of elements.

Entity declarations are how a file of a hundred bytes becomes gigabytes (or pulls in other files), and they can stand
only in a document type. No measuring program writes one, so a document type is refused before anything of it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from xml.parsers import expat

import numpy as np
from numpy.typing import NDArray

from ..errors import UnreadableFile

__all__ = ["Element", "numbers", "parse_xml", "parse_xml_text", "plain"]

_CHUNK_BYTES = 1 << 18
_MAX_DEPTH = 64
# The shortest element of a real file takes some 30 bytes, an element in memory some 300: so the tree stays a small
# multiple of the file. Small files may be denser.
_FREE_ELEMENTS = 2000
_BYTES_PER_ELEMENT = 20


class Element:
    """One element; ``value`` is what ``convert`` made of it, in place of the text."""

    __slots__ = ("attributes", "children", "tag", "text", "value")

    def __init__(self, tag: str, attributes: dict[str, str]) -> None:
        self.tag = tag
        self.attributes = attributes
        self.children: list[Element] = []
        self.text = ""
        self.value: Any = None

    def first(self, *tags: str) -> Element | None:
        """Return the first element at a path of tags below this one, or None."""
        found: Element | None = self
        for tag in tags:
            if found is None:
                return None
            found = next((c for c in found.children if c.tag == tag), None)
        return found

    def every(self, tag: str) -> Iterator[Element]:
        """Yield all elements of a tag below this one, in the order of the file."""
        for child in self.children:
            if child.tag == tag:
                yield child
            yield from child.every(tag)


class _Builder:
    def __init__(self, path: Path, size: int, convert: Callable[[Element], Any] | None) -> None:
        self.path = path
        self.convert = convert
        self.allowed = _FREE_ELEMENTS + size // _BYTES_PER_ELEMENT
        self.count = 0
        self.root: Element | None = None
        self.open: list[tuple[Element, list[str]]] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.count += 1
        if self.count > self.allowed or len(self.open) >= _MAX_DEPTH:
            raise UnreadableFile(self.path, "has XML elements nested too deeply or too many for its size")
        element = Element(tag, attributes)
        if self.open:
            self.open[-1][0].children.append(element)
        else:
            self.root = element
        self.open.append((element, []))

    def end(self, tag: str) -> None:
        element, parts = self.open.pop()
        element.text = "".join(parts)
        if element.children:
            element.text = element.text.strip()  # the line breaks between them
        if self.convert is not None:
            element.value = self.convert(element)
            if element.value is not None:
                element.text = ""

    def data(self, text: str) -> None:
        self.open[-1][1].append(text)

    def refuse(self, *_: Any) -> int:
        raise UnreadableFile(
            self.path, "holds an XML document type (DOCTYPE, ENTITY), which no measuring program writes; it is not read"
        )


def parse_xml(path: Path, *, convert: Callable[[Element], Any] | None = None) -> Element:
    """Return the root of an XML file.

    Parameters
    ----------
    convert
        Called with each element when it is complete; what it returns (unless None) becomes ``value`` and replaces the
        text, so that long lists of numbers do not stay in memory twice.

    Raises
    ------
    UnreadableFile
        If the file is no well-formed XML, holds a document type, or is nested or crowded beyond reason.
    """
    with open(path, "rb") as stream:
        size = stream.seek(0, 2)
        stream.seek(0)
        return _parsed(path, iter(lambda: stream.read(_CHUNK_BYTES), b""), size, None, convert)


def parse_xml_text(path: Path, text: str) -> Element:
    """Return the root of XML that stands as text inside another file; its declared encoding has no meaning there."""
    data = text.encode("utf-8", "replace")
    return _parsed(path, [data], len(data), "utf-8", None)


def _parsed(
    path: Path,
    chunks: Iterable[bytes],
    size: int,
    encoding: str | None,
    convert: Callable[[Element], Any] | None,
) -> Element:
    builder = _Builder(path, size, convert)
    parser = expat.ParserCreate(encoding)
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = builder.refuse
    parser.EntityDeclHandler = builder.refuse
    parser.ExternalEntityRefHandler = builder.refuse
    try:
        for chunk in chunks:
            parser.Parse(chunk, False)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise UnreadableFile(path, f"is cut short or damaged: its XML is not well-formed ({error})") from None
    except LookupError as error:  # an encoding that Python does not know
        raise UnreadableFile(path, f"states an encoding of its XML that is not known ({error})") from None
    if builder.root is None:
        raise UnreadableFile(path, "holds no XML element")
    return builder.root


def numbers(path: Path, text: str, separator: str | None, what: str) -> NDArray[np.float64]:
    """Return the numbers of a text; decimal commas are understood where the separator is no comma.

    Raises
    ------
    UnreadableFile
        Naming ``what``, if a cell is no number.
    """
    if "," in text and "." not in text:
        text = text.replace(",", ".")
    cells = text.split(separator)
    if cells and not cells[-1].strip():
        cells.pop()
    try:
        return np.fromiter(map(float, cells), dtype=np.float64, count=len(cells))
    except ValueError as error:
        raise UnreadableFile(path, f"holds {what} that are not all numbers ({error})") from None


def plain(element: Element) -> Any:
    """Return attributes, children and text as dicts, lists and texts; repeated tags become lists."""
    tree: dict[str, Any] = dict(element.attributes)
    for child in element.children:
        value = plain(child)
        if child.tag in tree:
            earlier = tree[child.tag]
            tree[child.tag] = [*earlier, value] if isinstance(earlier, list) else [earlier, value]
        else:
            tree[child.tag] = value
    if not tree:
        return element.text
    return {**tree, "text": element.text} if element.text else tree
