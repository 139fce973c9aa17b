"""Adapters of files of applications: CSV text, landing files read in chunks, parquet, cut files.

Bytes come in and go out as streams; keys of the store and a day's rules belong elsewhere. Called by
`tasks/delivery/`, `tasks/publication/` and the wings.
"""
