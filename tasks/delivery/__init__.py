"""The delivery of a day: the files that the feed laid into the landing, listed, digested and read.

A file that is read is proven to be the one that was digested. Every landing file is read through
this room. Called by the wings.
"""
