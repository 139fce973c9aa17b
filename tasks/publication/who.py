"""The person behind a command, as records of a decision name them."""

from __future__ import annotations

import os
import pwd
import socket


def user_and_machine() -> str:
    """User of the operating system and machine, such as `ann@desk`; a user without a name is a number.

    No variable of the environment says who it is: anybody can set one.
    """
    number = os.getuid()
    try:
        user = pwd.getpwuid(number).pw_name
    except KeyError:  # a container's user may have none
        user = f"user {number}"
    return f"{user}@{socket.gethostname()}"
