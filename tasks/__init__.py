"""The steps of a day, and the rooms they are made of."""

from configs import environment

environment.set_defaults()
