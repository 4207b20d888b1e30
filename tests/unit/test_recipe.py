"""Recipes are data: every parameter written out, old versions upgraded, mistakes named."""

import pytest

from spectrode.errors import RecipeError, SpectrodeError
from spectrode.pipeline import recipe as module
from spectrode.pipeline.recipe import RECIPE_VERSION, Recipe, bundled_recipes


@pytest.mark.parametrize("name", sorted(bundled_recipes()))
def test_bundled_recipes_load_and_survive_a_round_trip(name):
    effective = Recipe.load(name).effective()
    again = Recipe.loads(effective.dumps())
    assert again.dumps() == effective.dumps()
    assert again.effective().dumps() == effective.dumps(), "an effective recipe is complete"


def test_the_four_promised_recipes_are_there():
    assert {"sei-shiners", "cei-shiners", "raman-map", "time-series"} <= set(bundled_recipes())


def test_effective_recipes_write_out_defaults():
    recipe = Recipe.loads('recipe_version = 1\n[[steps]]\nstep = "baseline.asls"\n').effective()
    assert {"lam", "p"} <= set(recipe.steps[0].parameters)
    assert "lam = " in recipe.dumps()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "recipe_version must be a whole number"),
        ("recipe_version = 0", "never existed"),
        ("recipe_version = 99", "update Spectrode"),
        ("recipe_version = ", "not valid TOML"),
        ("recipe_version = 1\ncolour = 'red'", "'colour' is not known"),
        ("recipe_version = 1\n[[steps]]\nlam = 3", "has no name"),
        ('recipe_version = 1\n[[steps]]\nstep = "baseline.nonsense"', "no step 'baseline.nonsense'; possible: .*asls"),
        ('recipe_version = 1\n[[steps]]\nstep = "baseline.asls"\nlambda = 3', "'lambda' is not known; possible: lam"),
        ('recipe_version = 1\n[[steps]]\nstep = "baseline.asls"\nlam = -1', "needs float between"),
        ('recipe_version = 1\n[[steps]]\nstep = "baseline.asls"\nlam = "big"', "'big' was given"),
        ("recipe_version = 1\n[unmixing]\nmethod = 'magic'", "one of mcr_als, nmf, none"),
        ("recipe_version = 1\n[unmixing]\ncomponents = 2.5", "2.5 was given"),
    ],
)
def test_mistakes_are_named(text, words):
    with pytest.raises(SpectrodeError, match=words):
        Recipe.loads(text)


def test_an_unknown_name_lists_what_is_bundled():
    with pytest.raises(RecipeError, match="sei-shiners"):
        Recipe.load("no-such")


def test_old_versions_are_upgraded_step_by_step(monkeypatch):
    monkeypatch.setattr(module, "RECIPE_VERSION", RECIPE_VERSION + 2)
    monkeypatch.setitem(module.UPGRADES, RECIPE_VERSION, lambda t: {**t, "name": t["name"] + "-a"})
    monkeypatch.setitem(module.UPGRADES, RECIPE_VERSION + 1, lambda t: {**t, "name": t["name"] + "-b"})
    assert Recipe.loads("recipe_version = 1\nname = 'x'").name == "x-a-b"


def test_every_released_version_can_be_upgraded():
    assert set(range(1, RECIPE_VERSION)) <= set(module.UPGRADES)
