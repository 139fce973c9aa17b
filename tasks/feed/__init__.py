"""The feed wing: synthetic days and a synthetic history, written as files of the real feed.

Rows are made in `tasks/core/feed/`; here they are laid into a landing or a folder. Called by the
command line.
"""
