"""The contract with the feed: its rules, their verdicts on rows and days, and the report of both.

Consequences of a broken rule are decided here; Great Expectations, which judges the rows, is met in
`tasks/adapters/`. Called by the adapters, the scoring wing and whoever reads a report.
"""
