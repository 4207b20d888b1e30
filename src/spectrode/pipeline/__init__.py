"""Steps with declared parameters, recipes of steps, and how they are run."""
