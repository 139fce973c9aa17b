"""Adapters of pages and pictures for people: jinja2 with its templates, matplotlib.

A page renders the values of the core and computes nothing. Called by the training, scoring and
inspection wings and by `tasks/publication/`.
"""
