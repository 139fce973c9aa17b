"""The records of a day: rows, files, totals, duplicates and the manifest, and how they must agree.

A new fact about a day gets its field here. Called by every step that works on a day or reads one.
"""
