"""Readers of potentiostat files: one module a format. Adding a format is adding a module that defines ``READER``."""

from .registry import TraceReader, read_trace, read_traces, trace_reader_for, trace_readers

__all__ = ["TraceReader", "read_trace", "read_traces", "trace_reader_for", "trace_readers"]
