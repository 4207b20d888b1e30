"""The results folder: report page, tables, figures, result file and effective recipe."""

from .folder import write_results

__all__ = ["write_results"]
