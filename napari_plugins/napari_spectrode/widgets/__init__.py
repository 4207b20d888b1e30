"""Views over the state: the only modules that import Qt widgets."""
