"""The running of steps: tasks of Prefect, checkpoints, workers, events and artifacts.

Besides flows/ this is the only room that imports Prefect. Called by the flows and by every step.
"""
