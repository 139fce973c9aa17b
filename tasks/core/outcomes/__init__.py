"""Outcomes of decided applications: settled, matched with decisions, and held against what was published.

Everything here is data in, data out; `tasks/delivery/known_outcomes.py` reads the store for it.
"""
