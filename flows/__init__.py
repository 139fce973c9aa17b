"""What Prefect runs and what the command line calls."""

from configs import telemetry

telemetry.switch_off()
