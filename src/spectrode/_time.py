"""Time zones by name, with the two hours of the year where a local clock is ambiguous."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .errors import ClockError

_OFFSET = re.compile(r"^(?:UTC|GMT)?([+-])(\d{1,2}):?(\d{2})?$")


def parse_zone(zone: str) -> tzinfo:
    """Return the time zone of an IANA name, ``UTC`` or a fixed offset such as ``+02:00``.

    Raises
    ------
    ClockError
        If the name is not known.
    """
    text = zone.strip()
    if text.upper() in {"UTC", "GMT", "Z"}:
        return UTC
    match = _OFFSET.match(text)
    if match:
        hours, minutes = int(match[2]), int(match[3] or 0)
        if hours <= 14 and minutes < 60:
            delta = timedelta(hours=hours, minutes=minutes)
            return timezone(delta if match[1] == "+" else -delta)
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ClockError(
            f"time zone {zone!r} is not known; give an IANA name (Europe/Berlin), UTC, or an offset (+02:00)"
        ) from None


def resolve_local(local: datetime, zone: str) -> tuple[datetime, str | None]:
    """Place a naive local time in a zone.

    Returns
    -------
    aware : datetime
    note : str or None
        A sentence if the local time does not exist or occurs twice there (change of daylight saving).
    """
    tz = parse_zone(zone)
    early, late = local.replace(tzinfo=tz, fold=0), local.replace(tzinfo=tz, fold=1)
    fixed = with_fixed_offset(early)
    if early.utcoffset() == late.utcoffset():
        return fixed, None
    exists = early.astimezone(UTC).astimezone(tz).replace(tzinfo=None) == local
    what = "occurs twice" if exists else "does not exist"
    return fixed, (
        f"the local time {local.isoformat(sep=' ')} {what} in {zone} (change of daylight saving); "
        f"taken as UTC{early.strftime('%z')}"
    )


def with_fixed_offset(moment: datetime) -> datetime:
    """Return the same moment with a fixed offset from UTC.

    Python does arithmetic within one named zone by the clock on the wall, which is an hour wrong over a change of
    daylight saving; with a fixed offset it counts seconds.
    """
    return moment.replace(tzinfo=timezone(moment.utcoffset() or timedelta(0)), fold=0)
