"""The inspection wing: views of days, rejected rows and single applications, and verification.

It only reads the store, so that anyone may run it at any time; files that a person asks for are
written outside the store. Called by the command line.
"""
