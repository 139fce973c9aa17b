"""The erasure wing: find one applicant, cut them out of everything, and keep the record of it.

It alone rewrites what was published before. Called by the command line.
"""
