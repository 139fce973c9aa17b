"""Stand-in while the page is built elsewhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from tasks.revisions import refused_report_key
from tasks.store import Store, overwrite


def write_refused(store: Store, as_of: date, report: Mapping[str, Any]) -> str:
    """Leave the report of a day that is not published, and say where."""
    overwrite(store, refused_report_key(as_of), json.dumps(report, indent=1).encode())
    return store.location(refused_report_key(as_of))


def tell_rules(report: Mapping[str, Any]) -> None:
    """Nothing yet."""
