"""The model-life wing: versions compared on rows that neither has seen, promoted, and rolled back.

Nothing here decides a day. Called by the training flow and by the command line.
"""
