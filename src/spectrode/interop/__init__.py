"""Bridges to other packages; each module here is the only importer of its package."""
