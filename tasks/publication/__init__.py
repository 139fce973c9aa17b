"""The ledger of a day: the layout of the store, revisions and their manifests, and what readers see.

Every promise about the commit is kept here; no other room spells a key of the store. Called by the
wings and by the rooms that they stand on.
"""
