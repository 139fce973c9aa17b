"""The lender: all that names a column of its feed.

Another lender is this folder written anew, with the same names in it: `columns.py` declares the
columns, their types and the codes in them that mean "none"; `feature_list.py` the inputs of the model
with their families and formulas, and the columns kept out of it; `kinds.py` the kinds of applicants
whose figures are compared; `amounts.py` the amounts that are reconciled. The contract
(`expectations/`) and the sentences of reasons (`configs/reasons.yaml`) are written with it, as
configuration, and the synthetic feed (`tasks/core/feed/`) if there is to be one. No other room spells
a column; `tests/test_lender.py` says so. Called by everyone.
"""
