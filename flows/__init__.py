"""What Prefect runs and what the command line calls."""

from configs import environment

environment.set_defaults()
