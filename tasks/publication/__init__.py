"""The ledger of a day: layout of the store, revisions, their manifests, and copies for readers.

Every promise about the commit is kept here; no other room spells a key of the store. Called by the
wings and by the rooms that they stand on.
"""
