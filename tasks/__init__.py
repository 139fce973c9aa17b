"""The wings of the system and the rooms that they stand on.

A wing (scoring, training, monitoring, inspection, retention, erasure, feed) holds the steps of one
capability and imports no other wing. Called by flows/ and benchmarks/; `tests/test_rooms.py` says who
may import whom.
"""

from configs import environment

environment.set_defaults()
