"""Constraints of an alternating fit, one module a constraint; :func:`.tables.from_table` builds them from a recipe.

Two sorts. A *set of places* (windows, presence, closure, smoothness) goes into the least-squares step itself, which
stays exact. A *shape* (unimodal, monotonic, trilinear, known, bounded, hard model) is met by replacing the profile of
one component, given the others, with the nearest profile of that shape in the metric of the data: block coordinate
descent (R. Bro, N. D. Sidiropoulos, J. Chemometrics 12 (1998) 223), so that a shape never raises the residual of an
iteration that began inside it.
"""
