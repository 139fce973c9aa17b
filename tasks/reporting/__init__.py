"""Pages for people: what the ledger and monitoring know of a day, in one place.

Pages are made from what is stored, and can be made anew at any time. No decision depends on one.
"""
