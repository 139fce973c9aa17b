"""The scoring wing: the steps of a day, from the landing to published decisions.

A step loads, calls the core, stores and logs one line of counts. Called by the scoring flow.
"""
