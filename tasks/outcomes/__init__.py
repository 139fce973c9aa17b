"""The outcomes wing: how loans ended, taken in and held against what was decided.

Called by the backtesting flow and by the command line.
"""
