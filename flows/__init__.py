"""Flows that Prefect runs, and the command line that calls them."""

from configs import environment

environment.set_defaults()
