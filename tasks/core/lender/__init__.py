"""The lender: all that names a column of its feed.

For another lender, write this folder anew, with the same names in it. `columns.py` declares the
columns, their types and the codes in them that mean "none". `feature_list.py` declares the inputs
of the model with their families and formulas, and the columns kept out of it. `kinds.py` declares
the kinds of applicants whose figures are compared, and `amounts.py` the amounts that are
reconciled. The contract (`expectations/`) and the sentences of reasons (`configs/reasons.yaml`)
belong to it, as configuration; so does the synthetic feed (`tasks/core/feed/`), if one is needed.
No other room spells a column; `tests/test_lender.py` checks it. Called by every room.
"""
