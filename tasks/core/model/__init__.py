"""The model: inputs, raw scores looked up in tables, calibration, and the bundle of all of them.

One definition serves training and scoring; a change of a figure here changes the bytes of bundles
and days. Called by the training and scoring wings and by `tasks/model/`.
"""
