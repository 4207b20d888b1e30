"""Times of the compiled steps on this machine, each beside a peer in the same run (``spectrode bench``)."""

from .cases import CASES, Case, make_spectra
from .measure import Measurement, measure
from .memory import extra_memory
from .scaling import Scaling, scaling
from .table import machine, scaling_lines, table_lines

__all__ = [
    "CASES",
    "Case",
    "Measurement",
    "Scaling",
    "extra_memory",
    "machine",
    "make_spectra",
    "measure",
    "scaling",
    "scaling_lines",
    "table_lines",
]
