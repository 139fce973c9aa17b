"""The judgement of a published day: drift, quality, expected performance and fairness.

Nothing here decides an application. Called by the monitoring wing, and by training for what is
frozen with the model.
"""
