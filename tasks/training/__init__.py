"""The training wing: the steps from applications with known outcomes to a registered model.

Nothing here touches a day. Called by the training flow.
"""
