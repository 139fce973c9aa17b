"""The delivery of a day: the files that the feed laid into the landing, listed, digested and read.

Files are proven to be those that were digested; whoever reads a landing file reads it through this
room. Called by the wings.
"""
