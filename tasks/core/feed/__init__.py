"""Synthetic feed: applications of nobody, their outcomes, and the faults of a delivery.

Columns of the lender are named freely here. Called by the feed wing and by benchmarks/.
"""
