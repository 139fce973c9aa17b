"""The steps of a day, and the rooms they are made of."""

from configs import telemetry

telemetry.switch_off()
