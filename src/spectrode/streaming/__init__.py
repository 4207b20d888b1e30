"""Maps larger than memory: steps run from file to file, block by block, on one machine or on a cluster.

:func:`process` is all there is to call. The parts: :mod:`.source` reads spectra by number, :mod:`.chain` runs steps on
some of them, :mod:`.target` and :mod:`.journal` make the file so that a run can be killed at any moment and goes on,
:mod:`.cluster` sends blocks to other machines.
"""

from .run import StreamReport, process

__all__ = ["StreamReport", "process"]
