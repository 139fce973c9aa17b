"""The monitoring wing: a published day compared with the reference of its model.

It changes no day and holds none back. Called by the monitoring flow.
"""
