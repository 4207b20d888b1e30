"""The reference library: one reviewable folder per species, its schema, its checks, search and rendering."""

from .collection import Library, load_library
from .entry import Band, BandSource, Entry, Source, read_entry
from .render import render
from .search import search
from .validate import entry_problems, folder_problems, library_problems

__all__ = [
    "Band",
    "BandSource",
    "Entry",
    "Library",
    "Source",
    "entry_problems",
    "folder_problems",
    "library_problems",
    "load_library",
    "read_entry",
    "render",
    "search",
]
