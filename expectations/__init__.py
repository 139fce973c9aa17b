"""Suites of expectations that people review: the contract with the feed, and that with downstream."""
