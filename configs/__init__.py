"""Typed settings and the reviewed files they point to."""
