"""Readers of spectra: one module a file format. Adding a format is adding a module that defines ``READER``."""

from .registry import Reader, read, read_many, reader_for, readers

__all__ = ["Reader", "read", "read_many", "reader_for", "readers"]
