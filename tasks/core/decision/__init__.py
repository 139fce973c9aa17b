"""The decision on an application: from pd to policy, reasons and the published row.

One definition serves the daily job and the served model. Called by the scoring, training and
inspection wings, `tasks/model/` and `tasks/serve.py`.
"""
