"""The few exceptions a caller branches on.

Each message is one sentence: what was asked, what was found, what is possible.
"""

_LONGEST = 600


class SpectrodeError(Exception):
    """Base of every error that Spectrode raises on purpose; the command line prints it and exits with 1."""


class UnreadableFile(SpectrodeError):
    """A file cannot be read: missing, empty, truncated, damaged, or not what its reader expects."""

    def __init__(self, path: object, reason: str) -> None:
        # One sentence on one line, whatever a damaged file or a library put into its text.
        reason = " ".join(reason.split())
        if len(reason) > _LONGEST:
            reason = reason[: _LONGEST - 1] + "…"
        super().__init__(f"{path}: {reason}")
        self.path = str(path)
        self.reason = reason


class UnknownFormat(UnreadableFile):
    """No reader recognises the file."""


class InvalidDataset(SpectrodeError):
    """The parts given do not make a consistent dataset, trace or result."""


class StepError(SpectrodeError):
    """A step cannot run: unknown name, bad parameter, missing column, wrong kind of axis."""


class RecipeError(SpectrodeError):
    """A recipe cannot be read, upgraded or run."""


class ClockError(SpectrodeError):
    """Spectra and trace cannot be placed on one time axis with what is known."""


class LibraryError(SpectrodeError):
    """A reference entry is missing, malformed, or asked for something it does not hold."""


class Cancelled(SpectrodeError):
    """The caller asked a long task to stop; nothing was written."""
