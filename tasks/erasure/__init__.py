"""The erasure wing: one applicant found, cut out of everything, accounted for, and the record of it.

It alone rewrites what was published before. Called by the command line.
"""
