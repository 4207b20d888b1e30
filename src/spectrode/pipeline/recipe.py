"""A recipe: what is done to an experiment, as data. TOML, versioned, with every effective parameter written out."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import RecipeError, StepError
from .parameters import checked_parameters, parameters_of
from .settings import UnmixingSettings
from .step import step_spec

if TYPE_CHECKING:
    from ..assignment.settings import AssignmentSettings

__all__ = ["RECIPE_VERSION", "Recipe", "RecipeStep", "bundled_recipes"]

RECIPE_VERSION = 1

UPGRADES: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}
"""Version -> function that turns a table of that version into one of the next. A released version never leaves here."""

_FOLDER = Path(__file__).resolve().parent / "recipes"
_TABLES = ("recipe_version", "name", "description", "steps", "unmixing", "constraints", "assignment")


@dataclass(frozen=True)
class RecipeStep:
    """One step with the parameters that were given."""

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Recipe:
    """Preprocessing steps in order, then unmixing, then assignment."""

    name: str
    description: str = ""
    steps: tuple[RecipeStep, ...] = ()
    unmixing: UnmixingSettings = field(default_factory=UnmixingSettings)
    constraints: tuple[Mapping[str, Any], ...] = ()
    """Tables with a ``kind``; see :mod:`spectrode.unmixing.constraints`."""
    assignment: AssignmentSettings = field(default_factory=lambda: _assignment_settings({}, "assignment"))

    @classmethod
    def load(cls, source: str | Path) -> Recipe:
        """Read a recipe by bundled name or from a file.

        Raises
        ------
        RecipeError
            If there is none, it is no TOML, its version is newer than this Spectrode, or a name or value is wrong.
        """
        path = Path(source)
        if path.suffix.lower() == ".toml" or path.is_file():
            try:
                text = path.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise RecipeError(f"the recipe {path} cannot be read ({error})") from None
            return cls.loads(text, str(path))
        known = bundled_recipes()
        if str(source) not in known:
            raise RecipeError(f"there is no recipe {str(source)!r}; bundled: {', '.join(known)}; or give a .toml file")
        return cls.loads(known[str(source)].read_text(encoding="utf-8"), str(source))

    @classmethod
    def loads(cls, text: str, origin: str = "recipe") -> Recipe:
        """Read a recipe from TOML text; ``origin`` names it in messages."""
        try:
            table = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise RecipeError(f"{origin}: is not valid TOML ({error})") from None
        return cls.from_table(table, origin)

    @classmethod
    def from_table(cls, table: Mapping[str, Any], origin: str = "recipe") -> Recipe:
        """Check a table, upgrade it to the present version, and make the recipe."""
        table = _upgraded(dict(table), origin)
        unknown = [key for key in table if key not in _TABLES]
        if unknown:
            raise RecipeError(f"{origin}: {unknown[0]!r} is not known in a recipe; possible: {', '.join(_TABLES)}")
        steps = table.get("steps", [])
        if not isinstance(steps, list) or not all(isinstance(s, Mapping) for s in steps):
            raise RecipeError(f"{origin}: steps must be written as [[steps]] tables")
        return cls(
            name=str(table.get("name", Path(origin).stem)),
            description=str(table.get("description", "")),
            steps=tuple(_step_of(s, k, origin) for k, s in enumerate(steps)),
            unmixing=UnmixingSettings(
                **checked_parameters(
                    f"{origin}: unmixing", parameters_of(UnmixingSettings), table.get("unmixing", {}), RecipeError
                )
            ),
            constraints=_constraints_of(table.get("constraints", []), origin),
            assignment=_assignment_settings(table.get("assignment", {}), f"{origin}: assignment"),
        )

    def effective(self) -> Recipe:
        """Return the recipe with every default of every step written out."""
        steps = []
        for item in self.steps:
            spec = step_spec(item.name)
            steps.append(
                RecipeStep(item.name, checked_parameters(item.name, spec.parameters, item.parameters, RecipeError))
            )
        return replace(self, steps=tuple(steps))

    def dumps(self) -> str:
        """Return the recipe as TOML. A parameter that is ``None`` is left out, because TOML has no word for it."""
        import tomli_w

        table = {
            "recipe_version": RECIPE_VERSION,
            "name": self.name,
            "description": self.description,
            "steps": [{"step": s.name, **_writable(s.parameters)} for s in self.steps],
            "unmixing": _writable(asdict(self.unmixing)),
            **({"constraints": [_writable(c) for c in self.constraints]} if self.constraints else {}),
            "assignment": _writable(asdict(self.assignment)),
        }
        return tomli_w.dumps(table)

    def save(self, path: str | Path) -> None:
        """Write the recipe, atomically."""
        from .._atomic import atomic_file

        with atomic_file(path) as temporary:
            temporary.write_text(self.dumps(), encoding="utf-8")


def bundled_recipes() -> dict[str, Path]:
    """Return {name: file} of the recipes that come with Spectrode."""
    return {path.stem: path for path in sorted(_FOLDER.glob("*.toml"))}


def _upgraded(table: dict[str, Any], origin: str) -> dict[str, Any]:
    version = table.get("recipe_version")
    if not isinstance(version, int) or isinstance(version, bool):
        raise RecipeError(f"{origin}: recipe_version must be a whole number, but {version!r} was found")
    if version > RECIPE_VERSION:
        raise RecipeError(
            f"{origin}: has recipe_version {version}, this Spectrode knows up to {RECIPE_VERSION}; update Spectrode"
        )
    while version < RECIPE_VERSION:
        if version not in UPGRADES:
            raise RecipeError(f"{origin}: recipe_version {version} never existed; versions start with 1")
        table = UPGRADES[version](table)
        version += 1
        table["recipe_version"] = version
    return table


def _step_of(table: Mapping[str, Any], position: int, origin: str) -> RecipeStep:
    values = dict(table)
    name = values.pop("step", None)
    if not isinstance(name, str):
        raise RecipeError(f'{origin}: step number {position + 1} has no name; write step = "family.method"')
    spec = step_spec(name)
    checked_parameters(f"{origin}: {name}", spec.parameters, values, RecipeError)
    return RecipeStep(name, values)


def _constraints_of(tables: Any, origin: str) -> tuple[Mapping[str, Any], ...]:
    """Check the tables by building the constraints, and return them with every setting written out."""
    if not isinstance(tables, list) or not all(isinstance(t, Mapping) for t in tables):
        raise RecipeError(f"{origin}: constraints must be written as [[constraints]] tables")
    if not tables:
        return ()
    from ..unmixing.constraints.tables import from_table

    try:
        return tuple(from_table(table).to_table() for table in tables)
    except StepError as error:
        raise RecipeError(f"{origin}: constraints: {error}") from None


def _assignment_settings(table: Mapping[str, Any], owner: str) -> AssignmentSettings:
    from ..assignment.settings import AssignmentSettings

    return AssignmentSettings(**checked_parameters(owner, parameters_of(AssignmentSettings), table, RecipeError))


def _writable(values: Mapping[str, Any]) -> dict[str, Any]:
    return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items() if v is not None}
