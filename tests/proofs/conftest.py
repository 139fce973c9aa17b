"""Proofs that `make test` leaves to `make prove`."""

from tests.proofs.evidence import IS_WHOLE

collect_ignore = [] if IS_WHOLE else ["test_server_shaken.py"]
"""It waits minutes for servers; `make test` has a worker killed in the middle of a day instead (test_worker)."""
