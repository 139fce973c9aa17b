"""Everything that runs on a machine, started, told and stopped: `python -m flows.operations up|ps|down`."""
