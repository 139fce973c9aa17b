"""The synthetic feed: applications of nobody, their outcomes, and what can go wrong with them.

Columns of the lender are named freely here. Called by the feed wing and by benchmarks/.
"""
