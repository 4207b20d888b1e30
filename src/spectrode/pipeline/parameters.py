"""Parameters declared once, in a signature: type, limits, unit, help. Read by recipes, command line and forms."""

from __future__ import annotations

import inspect
import math
import re
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin

from ..errors import SpectrodeError

__all__ = ["Between", "Parameter", "Unit", "checked_parameters", "parameters_of"]


@dataclass(frozen=True)
class Between:
    """Inclusive limits of a number; an infinite limit means none on that side."""

    low: float
    high: float

    def __str__(self) -> str:
        if math.isinf(self.high):
            return "" if math.isinf(self.low) else f"of at least {self.low:g}"
        return f"of at most {self.high:g}" if math.isinf(self.low) else f"between {self.low:g} and {self.high:g}"


@dataclass(frozen=True)
class Unit:
    """The unit of a number."""

    symbol: str


@dataclass(frozen=True)
class Parameter:
    """One declared parameter."""

    name: str
    type: Any
    default: Any
    limits: Between | None = None
    unit: str = ""
    choices: tuple[Any, ...] = ()
    help: str = ""
    optional: bool = False
    """True if ``None`` is a legal value."""

    @property
    def required(self) -> bool:
        """True if the parameter has no default."""
        return self.default is inspect.Parameter.empty

    @property
    def type_name(self) -> str:
        """The type in words."""
        if self.choices:
            return "one of " + ", ".join(map(str, self.choices))
        origin = get_origin(self.type)
        if origin is tuple:
            inner = get_args(self.type)[0]
            return f"list of {getattr(inner, '__name__', inner)}"
        return str(getattr(self.type, "__name__", self.type))

    def checked(self, owner: str, value: Any, error: type[SpectrodeError]) -> Any:
        """Return the value in the declared type, or raise a sentence that names owner, value and limits."""
        if value is None:
            if self.optional:
                return None
            raise error(f"{owner}: parameter {self.name} needs {self._wanted()}, but nothing was given")
        converted = _converted(self.type, value)
        if converted is _BAD or (self.choices and converted not in self.choices):
            raise error(f"{owner}: parameter {self.name} needs {self._wanted()}, but {value!r} was given")
        if self.limits is not None:
            numbers = converted if isinstance(converted, tuple) else (converted,)
            for number in numbers:
                if not (self.limits.low <= number <= self.limits.high):
                    raise error(f"{owner}: parameter {self.name} needs {self._wanted()}, but {value!r} was given")
        return converted

    def _wanted(self) -> str:
        text = self.type_name
        if self.limits is not None:
            text += f" {self.limits}"
        return text + (f" {self.unit}" if self.unit else "")


_BAD = object()


def _converted(kind: Any, value: Any) -> Any:
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        value = value.item()
    if get_origin(kind) is tuple:
        if getattr(value, "ndim", None) == 1 and hasattr(value, "tolist"):
            value = value.tolist()
        if not isinstance(value, (list, tuple)):
            return _BAD
        inner = get_args(kind)[0]
        items = tuple(_converted(inner, v) for v in value)
        return _BAD if any(i is _BAD for i in items) else items
    if kind is bool:
        return value if isinstance(value, bool) else _BAD
    if kind is int:
        if isinstance(value, bool):
            return _BAD
        if isinstance(value, int):
            return value
        return int(value) if isinstance(value, float) and value.is_integer() else _BAD
    if kind is float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return _BAD
        return float(value) if math.isfinite(value) else _BAD
    if kind is str:
        return value if isinstance(value, str) else _BAD
    return value


def parameters_of(function: Callable[..., Any], skip: frozenset[str] = frozenset()) -> dict[str, Parameter]:
    """Return the declared keyword-only parameters of a function (or the fields of a dataclass's constructor)."""
    hints = typing.get_type_hints(function, include_extras=True)
    signature = inspect.signature(function)
    help_texts = _numpydoc_parameters(inspect.getdoc(function) or "")
    found: dict[str, Parameter] = {}
    for name, declared in signature.parameters.items():
        if name in skip or (declared.kind is not declared.KEYWORD_ONLY and not isinstance(function, type)):
            continue
        found[name] = _parameter(name, hints[name], declared.default, help_texts.get(name, ""))
    return found


def _parameter(name: str, hint: Any, default: Any, help_text: str) -> Parameter:
    limits: Between | None = None
    unit = ""
    optional = False
    # `Annotated[float | None, ...]` and `Annotated[float, ...] | None` mean the same, so peel in any order.
    while (origin := get_origin(hint)) in (Annotated, typing.Union, types.UnionType):
        if origin is Annotated:
            hint, *marks = get_args(hint)
            limits = next((m for m in marks if isinstance(m, Between)), limits)
            unit = next((m.symbol for m in marks if isinstance(m, Unit)), unit)
        else:
            members = [m for m in get_args(hint) if m is not type(None)]
            optional = optional or len(members) < len(get_args(hint))
            if len(members) != 1:
                raise TypeError(f"parameter {name}: a type or that type and None, not {hint}")
            hint = members[0]
    choices: tuple[Any, ...] = ()
    if get_origin(hint) is Literal:
        choices = get_args(hint)
        hint = type(choices[0])
    return Parameter(name, hint, default, limits, unit, choices, help_text, optional)


_SECTION = re.compile(r"^Parameters\n-+\n(.*?)(?=^\w[^\n]*\n-{3,}\n|\Z)", re.S | re.M)


def _numpydoc_parameters(doc: str) -> dict[str, str]:
    """Return {name: text} of the Parameters section of a numpydoc docstring."""
    match = _SECTION.search(doc)
    if not match:
        return {}
    texts: dict[str, list[str]] = {}
    names: list[str] = []
    for line in match[1].splitlines():
        if line and not line.startswith(" "):
            names = [n.strip() for n in line.split(":")[0].split(",")]
            for name in names:
                texts[name] = []
        elif names and line.strip():
            for name in names:
                texts[name].append(line.strip())
    return {name: " ".join(lines) for name, lines in texts.items()}


def checked_parameters(
    owner: str,
    declared: Mapping[str, Parameter],
    given: Mapping[str, Any],
    error: type[SpectrodeError],
) -> dict[str, Any]:
    """Return every effective parameter (defaults written out), in declared order.

    Raises
    ------
    error
        For an unknown name, a missing required value, a wrong type or a value outside its limits.
    """
    unknown = [name for name in given if name not in declared]
    if unknown:
        raise error(
            f"{owner}: parameter {unknown[0]!r} is not known; possible: {', '.join(declared) or 'no parameters'}"
        )
    effective: dict[str, Any] = {}
    for name, parameter in declared.items():
        if name in given:
            effective[name] = parameter.checked(owner, given[name], error)
        elif parameter.required:
            raise error(f"{owner}: parameter {name} must be given ({parameter._wanted()})")
        else:
            effective[name] = parameter.default
    return effective
