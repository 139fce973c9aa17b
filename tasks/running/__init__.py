"""The running of steps: tasks of Prefect, checkpoints, workers, events and artifacts.

Only this room and flows/ import Prefect. Called by the flows and by every step.
"""
