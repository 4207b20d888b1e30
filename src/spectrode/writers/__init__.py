"""Writers of datasets: one module a format. Adding a format is adding a module that defines ``WRITER``."""

from .registry import Writer, write, writer_for, writers

__all__ = ["Writer", "write", "writer_for", "writers"]
