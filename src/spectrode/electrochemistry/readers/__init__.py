"""Readers of potentiostat files: one module a format. Adding a format is adding a module that defines ``READER``."""

from .registry import TraceReader, join_traces, read_trace, read_traces, trace_reader_for, trace_readers

__all__ = ["TraceReader", "join_traces", "read_trace", "read_traces", "trace_reader_for", "trace_readers"]
