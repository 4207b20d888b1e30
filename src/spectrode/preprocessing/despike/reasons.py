"""Why a channel was taken for a spike."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["SpikeReason"]


class SpikeReason(IntEnum):
    """The numbers in the product ``spike_reason``, with the sentence that tells them."""

    NONE = 0
    """Not a spike."""
    SHARPER_THAN_LIGHT = 1
    """No light seen by this instrument is that sharp; there were no neighbours to ask."""
    ABSENT_IN_NEIGHBOURS = 2
    """The neighbours do not show it, and it is rather a particle's charge than a line of the instrument's width."""
    BOTH = 3
    """Clearly sharper than light, and absent in the neighbours."""
    TRACK = 4
    """The same for three or more channels side by side."""
    UNDECIDABLE_BY_WIDTH = 5
    """The instrument's lines are as narrow as cosmic rays (below 1.6 channels). Removed, as ``spikes`` says, if the
    neighbours do not show it; where there are none it stays, and may be either."""
    STATISTICS_ALONE = 6
    """Out of line by a published statistic that does not ask what light can do."""

    @property
    def sentence(self) -> str:
        """What is told of it, with places for numbers."""
        return _SENTENCES[self]


_SENTENCES = {
    SpikeReason.NONE: "",
    SpikeReason.SHARPER_THAN_LIGHT: "{count} channels replaced in {total} spectra: sharper than light",
    SpikeReason.ABSENT_IN_NEIGHBOURS: "{count} channels replaced in {total} spectra: absent in the neighbours and "
    "narrower than a line",
    SpikeReason.BOTH: "{count} channels replaced in {total} spectra: sharper than light and absent in the neighbours",
    SpikeReason.TRACK: "{count} channels replaced in {total} spectra: tracks over three or more channels",
    SpikeReason.UNDECIDABLE_BY_WIDTH: "{count} channels replaced in {total} spectra because the neighbours do not show "
    "them: undecidable by width, so flashes of a single spectrum are among them if there are any",
    SpikeReason.STATISTICS_ALONE: "{count} channels replaced in {total} spectra by the z-score alone; sharp bands may "
    "be among them",
}
