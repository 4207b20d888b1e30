"""What the small form under the file buttons asks for: how spectra and trace are put on one clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from spectrode.dataset import OperandoDataset
from spectrode.electrochemistry.trace import Trace
from spectrode.errors import ClockError, InvalidDataset

__all__ = ["AS_THE_FILES_SAY", "JoinSettings", "joined", "placed"]

OffsetFrom = Literal["clock", "trace_start"]


@dataclass(frozen=True)
class JoinSettings:
    """How to join; ``None`` means "as the files say", and an offset of 0 s is a value."""

    timezone: str | None = None
    reference: str | None = None
    offset_s: float | None = None
    offset_from: OffsetFrom | None = None

    @classmethod
    def from_text(
        cls, timezone: str = "", reference: str = "", offset: str = "", offset_from: str = ""
    ) -> JoinSettings:
        """Understand what was typed; empty text is ``None``.

        Raises
        ------
        ClockError
            If the offset is no number, or its origin is unknown.
        """
        offset_s = None
        if offset.strip():
            try:
                offset_s = float(offset.strip().replace(",", "."))
            except ValueError:
                raise ClockError(f"the offset must be a number of seconds, but {offset.strip()!r} was typed") from None
        if offset_from.strip() not in ("", "clock", "trace_start"):
            raise ClockError(f"the offset counts from 'clock' or 'trace_start', but {offset_from!r} was given")
        kind: OffsetFrom | None = "clock" if offset_from.strip() == "clock" else None
        kind = "trace_start" if offset_from.strip() == "trace_start" else kind
        return cls(timezone.strip() or None, reference.strip() or None, offset_s, kind)


AS_THE_FILES_SAY = JoinSettings()


def placed(dataset: OperandoDataset, trace: Trace, settings: JoinSettings) -> tuple[OperandoDataset, Trace]:
    """Apply zone and reference electrode to what the files left open."""
    if settings.timezone is not None:
        dataset = dataset.replace(metadata=dataset.metadata.in_zone(settings.timezone))
        trace = trace.in_zone(settings.timezone)
    if settings.reference is not None:
        trace = trace.replace(reference=settings.reference)
    if not trace.reference:
        raise InvalidDataset(
            "the potentiostat file names no reference electrode; type its name (for example Li/Li+) and join again"
        )
    return dataset, trace


def joined(dataset: OperandoDataset, trace: Trace, settings: JoinSettings) -> OperandoDataset:
    """Give every spectrum its own potential, current and charge."""
    from spectrode.electrochemistry.clock import join_in_time

    return join_in_time(dataset, trace, offset_s=settings.offset_s, offset_from=settings.offset_from)
