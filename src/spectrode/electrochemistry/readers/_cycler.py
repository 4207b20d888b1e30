"""What the files of battery cyclers have in common: a counter beside a clock, charges by polarity, loose date formats.

A cycler writes two times of each row: the time that its own counter has run (exact, but it stands still in a pause) and
the stamp of a computer's clock (absolute, but often whole seconds, and sometimes set). `time_axis` makes one axis of
both. Current is positive on charge with all of them, and charge and discharge have counters of their own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "CELL_VOLTAGE",
    "Stamps",
    "TimeAxis",
    "charge_positive",
    "clock_axis",
    "opposes",
    "parse_stamps",
    "restarted_counter",
    "running_total",
    "time_axis",
]

CELL_VOLTAGE = (
    "the potential is the cell voltage (positive versus negative electrode) and the file names no reference electrode; "
    "give reference= if the negative electrode is one (Li/Li+ in a half cell)"
)

_CLOCK_JUMP_S = 2.0
"""A clock that differs by more from the counter's interval was set, or the test was paused."""


def charge_positive(program: str) -> str:
    """Return the sentence on the sign of the current that every trace of a cycler carries."""
    return (
        f"current and charge are positive on charge, as {program} writes them: anodic (IUPAC) at the positive "
        "electrode, which is taken as the working electrode; if it is the negative one, their sign must be changed"
    )


# -- time -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TimeAxis:
    """Seconds of each row, and when zero was (seconds after 1970, by whatever clock was given; None without one)."""

    time_s: NDArray[np.float64]
    start_s: float | None
    part: NDArray[np.int64] | None = None
    notes: tuple[str, ...] = ()


def restarted_counter(seconds: NDArray[np.float64], starts: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return one running counter from one that begins again at the rows ``starts``.

    A step begins when the one before ended; its last row is the end of it as far as the file knows.
    """
    if seconds.size == 0:
        return seconds
    base = np.zeros_like(seconds)
    first = np.flatnonzero(starts[1:]) + 1
    base[first] = seconds[first - 1]
    running: NDArray[np.float64] = seconds + np.cumsum(base)
    return running


def time_axis(
    counter: NDArray[np.float64],
    clock: NDArray[np.float64] | None,
    *,
    resolution_s: float = 1.0,
    segments: NDArray[np.bool_] | None = None,
) -> TimeAxis:
    """Make a time axis that runs like the counter and lies on the clock.

    Parameters
    ----------
    counter
        (rows,) seconds that the instrument counted.
    clock
        (rows,) stamps in seconds, NaN where missing; None if there are none.
    resolution_s
        To which the stamps were cut off.
    segments
        (rows,) True at rows where the counter may have lost some time (a new step); it is put on the clock again.

    Returns
    -------
    TimeAxis
        Between pauses the intervals are the counter's. Where the clock ran on more than two seconds beyond the counter,
        a new part begins. Where it was set back, time goes on by the counter.
    """
    if clock is None or not np.isfinite(clock).any() or counter.size == 0:
        return TimeAxis(counter, None)
    stamps = _without_missing(counter, clock)
    stamps, ahead, notes = _without_jumps(counter, stamps)
    lag = (stamps - stamps[0]) - counter
    begins = ahead.copy()
    if segments is not None:
        begins |= segments
    begins[0] = True
    first = np.flatnonzero(begins)
    # The stamp is cut off, so the true lag of a segment lies between its largest and its smallest plus the resolution.
    low, high = np.maximum.reduceat(lag, first), np.minimum.reduceat(lag, first) + resolution_s
    level = np.empty(first.size)
    last = low[0]
    for k in range(first.size):
        last = level[k] = max(low[k], min(last, high[k]))
    drift = float(np.max(low - high, initial=0.0))
    if drift > _CLOCK_JUMP_S:
        notes.append(f"the clock and the instrument's own time drift apart by up to {drift:.1f} s; the latter was used")
    placed = counter + np.repeat(level - level[0], np.diff([*first, counter.size]))
    time = np.maximum.accumulate(placed)
    return TimeAxis(time, float(stamps[0] + level[0]), _parts(ahead), tuple(notes))


def clock_axis(counter: NDArray[np.float64], clock: NDArray[np.float64]) -> TimeAxis:
    """Make a time axis of stamps finer than the intervals between rows; the counter bridges where the clock was set."""
    if counter.size == 0:
        return TimeAxis(counter, None)
    stamps, ahead, notes = _without_jumps(counter, clock)
    return TimeAxis(np.maximum.accumulate(stamps - stamps[0]), float(stamps[0]), _parts(ahead), tuple(notes))


def _without_missing(counter: NDArray[np.float64], clock: NDArray[np.float64]) -> NDArray[np.float64]:
    known = np.flatnonzero(np.isfinite(clock))
    nearest = known[np.maximum(np.searchsorted(known, np.arange(clock.size), side="right") - 1, 0)]
    return clock[nearest] + (counter - counter[nearest])


def _without_jumps(
    counter: NDArray[np.float64], stamps: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_], list[str]]:
    """Return stamps without settings back, (rows,) True where a stretch begins after the clock ran on, and notes."""
    step = np.diff(counter, prepend=counter[0])
    jump = np.diff(stamps, prepend=stamps[0]) - step
    limit = _CLOCK_JUMP_S + 1e-4 * np.abs(step)
    back, ahead = jump < -limit, jump > limit
    notes = []
    if back.any():
        at = int(np.argmax(back))
        notes.append(
            f"the clock went back {_times(back)} (first by {-jump[at]:.1f} s before row {at}); from there on the times "
            "go on by the instrument's own time and are that much later than the file's stamps"
        )
        stamps = stamps - np.cumsum(np.where(back, jump, 0.0))
    if ahead.any():
        at = int(np.argmax(ahead))
        notes.append(
            f"the clock ran on beyond the instrument's own time {_times(ahead)} (first by {jump[at]:.1f} s before row "
            f"{at}): the test was paused, or the clock was set; a new part begins there"
        )
    return stamps, ahead, notes


def _times(where: NDArray[np.bool_]) -> str:
    count = int(where.sum())
    return "once" if count == 1 else f"{count} times"


def _parts(ahead: NDArray[np.bool_]) -> NDArray[np.int64] | None:
    return np.cumsum(ahead).astype(np.int64) if ahead.any() else None


def moment(seconds: float) -> datetime:
    """Return seconds after 1970 as a naive date and time.

    Raises
    ------
    ValueError
        If it is no possible date.
    """
    try:
        return datetime(1970, 1, 1) + timedelta(microseconds=round(seconds * 1e6))
    except OverflowError as error:
        raise ValueError(f"{seconds!r} s after 1970 is no date") from error


def utc_moment(seconds: float) -> datetime:
    """Return seconds after 1970 UTC as an aware date and time."""
    return moment(seconds).replace(tzinfo=UTC)


# -- charge -----------------------------------------------------------------------------------------------------------


def running_total(counter: NDArray[np.float64], restarts: NDArray[np.bool_] | None = None) -> NDArray[np.float64]:
    """Return a counter that begins again from zero (at each step, half cycle or cycle) as one that does not.

    Parameters
    ----------
    counter
        (rows,) never falling but when it begins again; NaN counts as unchanged.
    restarts
        (rows,) True at rows where it is known to have begun again. It has also done so wherever it fell by more than
        0.1 % (less is rounding).
    """
    if counter.size == 0:
        return counter
    known = np.flatnonzero(np.isfinite(counter))
    if not known.size:
        return np.zeros_like(counter)
    last = np.searchsorted(known, np.arange(counter.size), side="right") - 1
    value = np.where(last >= 0, counter[known[np.maximum(last, 0)]], 0.0)
    gain = np.diff(value, prepend=0.0)
    again = gain < -1e-3 * np.abs(value - gain)
    if restarts is not None:
        again |= restarts
    total: NDArray[np.float64] = np.cumsum(np.where(again, value, gain))
    return total


def opposes(current: NDArray[np.float64], charge: NDArray[np.float64]) -> bool:
    """Tell whether a current clearly has the other sign than the change of a charge."""
    passed = np.diff(charge)
    sign = np.sign(current[1:])
    weight = np.abs(passed) * (np.abs(sign) > 0)
    total = float(np.nansum(weight))
    return total > 0 and float(np.nansum(weight * sign * np.sign(passed))) < -0.5 * total


# -- dates ------------------------------------------------------------------------------------------------------------

_MONTHS = {m: k + 1 for k, m in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split())}  # noqa: SIM905
_STAMP = re.compile(
    r"^(?:(?P<a>\d{1,4})(?P<mark>[-/. ])(?P<b>\d{1,2}|[A-Za-z]{3,9})(?P=mark)(?P<c>\d{1,4})(?:[ T]+|$))?"
    r"(?:(?P<h>\d{1,2}):(?P<m>\d{2})(?::(?P<s>\d{1,2}(?:[.,]\d+)?))?\s*(?P<half>[AaPp]\.?[Mm]\.?)?)?"
    r"\s*(?P<zone>Z|[+-]\d{2}:?\d{2})?$"
)


@dataclass(frozen=True)
class Stamps:
    """Dates and times as seconds after 1970; NaN where there is none."""

    seconds: NDArray[np.float64]
    aware: bool = False
    resolution_s: float = 1.0
    note: str | None = None


@dataclass(frozen=True)
class _Read:
    first: float
    second: float
    year: float
    of_day: float
    zone_s: float | None


def parse_stamps(
    values: Sequence[Any],
    counter: NDArray[np.float64] | None = None,
    *,
    day: datetime | None = None,
    prefer: Literal["month", "day"] = "month",
) -> Stamps:
    """Read dates and times in the forms that cyclers and spreadsheets write.

    Parameters
    ----------
    values
        Texts (ISO; ``06/18/2019 3:23:12 PM``; ``23-Nov-23``; a time of day alone), or numbers (days of a spreadsheet,
        or seconds after 1970 UTC). Days, of numbers, count from 1899-12-30.
    counter
        (rows,) seconds that the instrument counted; tells day and month apart where both are possible, and counts the
        midnights of stamps without a date.
    day
        Date that stamps without one begin on.
    prefer
        What comes first where nothing can tell; the note says so.
    """
    numbers = _as_numbers(values)
    if numbers is not None:
        return _of_numbers(numbers)
    read = [_read(str(v).strip()) for v in values]
    field = {
        name: np.array([getattr(r, name) if r else np.nan for r in read], dtype=float)
        for name in ("first", "second", "year", "of_day")
    }
    if not np.isfinite(field["of_day"]).any():
        return Stamps(np.full(len(read), np.nan))
    aware = all(r is None or r.zone_s is not None for r in read)
    offset = np.array([r.zone_s or 0.0 if r else 0.0 for r in read]) if aware else 0.0
    of_day = field["of_day"]
    fine = np.abs(of_day - np.rint(of_day)) > 1e-6
    resolution = 1e-3 if np.any(fine & np.isfinite(of_day)) else 1.0
    if np.isnan(field["year"]).all():
        return Stamps(_dated(of_day, counter, day) - offset, aware, resolution)
    days, note = _days(field, counter, prefer)
    return Stamps(days * 86400.0 + of_day - offset, aware, resolution, note)


def _as_numbers(values: Sequence[Any]) -> NDArray[np.float64] | None:
    try:
        numbers = np.array([np.nan if v in (None, "") else float(v) for v in values])
    except (TypeError, ValueError):
        return None
    return numbers if np.isfinite(numbers).any() else None


def _of_numbers(numbers: NDArray[np.float64]) -> Stamps:
    typical = float(np.nanmedian(numbers))
    with np.errstate(over="ignore", invalid="ignore"):
        if 2e4 < typical < 8e4:
            # A double of days holds microseconds, but spreadsheets compute milliseconds at best.
            return Stamps(np.round((numbers - 25569.0) * 86400.0, 3), False, 1e-3)
        if 1e8 < typical < 1e10:
            return Stamps(numbers, True, 1e-3 if np.any(numbers % 1 > 0) else 1.0)
    return Stamps(np.full(numbers.size, np.nan))


def _read(text: str) -> _Read | None:
    match = _STAMP.match(text)
    if match is None or not text:
        return None
    of_day = 0.0
    if match["h"]:
        hour, minute = int(match["h"]), int(match["m"])
        second = float((match["s"] or "0").replace(",", "."))
        if match["half"]:
            hour = hour % 12 + (12 if match["half"][0] in "pP" else 0)
        if hour > 23 or minute > 59 or second >= 61:
            return None
        of_day = hour * 3600.0 + minute * 60.0 + second
    elif not match["a"]:
        return None
    zone = match["zone"]
    zone_s: float | None = None
    if zone:
        digits = zone[1:].replace(":", "") or "0000"
        zone_s = (int(digits[:2]) * 3600.0 + int(digits[2:]) * 60.0) * (-1 if zone[0] == "-" else 1)
    if not match["a"]:
        return _Read(np.nan, np.nan, np.nan, of_day, zone_s)
    a, b, c = match["a"], match["b"], match["c"]
    if not b.isdigit():
        month = _MONTHS.get(b[:3].lower())
        if month is None:
            return None
        year, date = (int(a), int(c)) if len(a) == 4 else (_year(c), int(a))
        return _Read(-month, date, year, of_day, zone_s)
    if len(a) == 4:
        return _Read(-int(b), int(c), int(a), of_day, zone_s)
    return _Read(int(a), int(b), _year(c), of_day, zone_s)


def _year(text: str) -> int:
    year = int(text)
    return year if len(text) > 2 else year + (2000 if year < 70 else 1900)


def _days(
    field: dict[str, NDArray[np.float64]], counter: NDArray[np.float64] | None, prefer: str
) -> tuple[NDArray[np.float64], str | None]:
    """Return days after 1970, and a note if day and month could be exchanged."""
    first, second, year = field["first"], field["second"], field["year"]
    if np.all((first < 0) | np.isnan(first)):
        return _day_numbers(year, -first, second), None  # the month is known by its name or place
    first = np.abs(first)
    month_first, day_first = _day_numbers(year, first, second), _day_numbers(year, second, first)
    dated = np.isfinite(first)
    if np.any(dated & np.isnan(month_first)) or np.any(dated & np.isnan(day_first)):
        return (day_first, None) if np.isnan(month_first[dated]).sum() else (month_first, None)
    if np.array_equal(month_first, day_first, equal_nan=True):
        return month_first, None
    if counter is not None and counter.size > 1:
        # The reading whose stamps keep step with the counter; they differ as soon as a day has passed.
        error = [
            float(np.nansum(np.abs(np.diff(d * 86400.0 + field["of_day"]) - np.diff(counter))))
            for d in (month_first, day_first)
        ]
        if abs(error[0] - error[1]) > 43200.0:
            return (month_first, None) if error[0] < error[1] else (day_first, None)
    chosen = month_first if prefer == "month" else day_first
    at = int(np.flatnonzero(dated)[0])
    return chosen, (
        f"the date of the first row can be read month first ({_spelt(month_first[at])}) or day first "
        f"({_spelt(day_first[at])}); {prefer} first was taken"
    )


def _spelt(day: float) -> str:
    return (datetime(1970, 1, 1) + timedelta(days=float(day))).strftime("%Y-%m-%d")


def _day_numbers(
    year: NDArray[np.float64], month: NDArray[np.float64], day: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return days after 1970; NaN for impossible dates."""
    with np.errstate(invalid="ignore"):
        good = (year >= 1970) & (year < 2200) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
    months = np.where(good, (year - 1970) * 12 + month - 1, 0).astype(np.int64)
    begin = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    length = (months + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) - begin
    within = good & (np.where(good, day, 0) <= length)
    return np.where(within, begin + np.where(good, day, 1) - 1, np.nan)


def _dated(
    of_day: NDArray[np.float64], counter: NDArray[np.float64] | None, day: datetime | None
) -> NDArray[np.float64]:
    """Give times of day the date they fall on: the nearest to what the counter says."""
    if day is None:
        return np.full(of_day.size, np.nan)
    begin = (datetime(day.year, day.month, day.day) - datetime(1970, 1, 1)).days * 86400.0
    known = np.flatnonzero(np.isfinite(of_day))
    zero = int(known[0])
    if counter is None:
        return begin + of_day + 86400.0 * np.cumsum(np.diff(of_day, prepend=of_day[zero]) < -43200.0)
    expected = of_day[zero] + counter - counter[zero]
    dated: NDArray[np.float64] = begin + of_day + 86400.0 * np.rint((expected - of_day) / 86400.0)
    return dated
