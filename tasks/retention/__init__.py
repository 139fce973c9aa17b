"""The retention wing: objects that the store need not keep, found day by day and removed.

Decisions, manifests and reports stay. Called by the cleaning flow.
"""
