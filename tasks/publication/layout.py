r"""Storage layout: every key, prefix and pattern of the store. No other module spells one.

>>> day = date(2026, 11, 2)
>>> keys = (
...     landing_key(day), work_prefix(day), checkpoints_prefix(day, "3fa9" * 16),
...     pins_key(day, "run", "0f1e"), draft_key(day, "run", "0f1e"), publishing_key(day, "7c"),
...     erased_key(day), manifest_key(day, 1), announcement_key(day, 1), expired_key(day),
...     decisions_key(day), report_key(day), report_page_key(day), refused_report_key(day),
...     refused_page_key(day), refused_rows_key(day), monitoring_key(day, "drift.html"),
...     snapshot_key(day), verdict_key(day), metrics_key(day),
...     window_key(day, day, "verdict.json"), day_page_key(day), days_page_key(),
...     model_page_key("credit-default", "1"), suite_key("ab12"),
...     input_key("ab12"), version_key("policy", "1"), kept_policy_key("1", "3fa9" * 16), activation_key(1),
...     shadow_key(day), reference_key("credit-default", "1"),
...     out_of_fold_key("credit default", "1"), nameless_reference_key("1"),
...     nameless_out_of_fold_key("1"), sealed_model_key("credit-default", "1", "3fa9" * 16),
...     named_version_key("credit-default", "champion"), held_out_key("credit-default", "1"),
...     promotion_record_key("credit-default", 1), kept_verdict_key("credit-default", "3fa9" * 16),
...     promotion_page_key("credit-default", "2"),
...     promotion_verdict_key("credit-default", "2"), erasure_record_key(datetime(2026, 11, 3, 7, 5), "9d"),
...     outcomes_prefix(1), receipt_key(1), backtest_key("index.html"), backtest_key("index.html", day),
...     realised_key(day),
... )
>>> print("\n".join(keys))
landing/day=2026-11-02/
work/day=2026-11-02/
work/day=2026-11-02/3fa93fa93fa93fa9/
work/day=2026-11-02/pins-run-0f1e.json
work/day=2026-11-02/draft-run-0f1e.json
work/day=2026-11-02/publishing-7c
work/day=2026-11-02/erased.json
revisions/day=2026-11-02/rev=0001/manifest.json
revisions/day=2026-11-02/rev=0001/announced.json
revisions/day=2026-11-02/expired.json
decisions/day=2026-11-02/decisions.parquet
reports/day=2026-11-02/contract.json
reports/day=2026-11-02/contract.html
reports/day=2026-11-02/contract-refused.json
reports/day=2026-11-02/contract-refused.html
quarantine/day=2026-11-02/refused.parquet
reports/day=2026-11-02/drift.html
reports/day=2026-11-02/drift.json
reports/day=2026-11-02/verdict.json
monitoring/day=2026-11-02/metrics.parquet
reports/from=2026-11-02/to=2026-11-02/verdict.json
reports/day=2026-11-02/index.html
reports/index.html
reports/model=credit-default/version=1/index.html
contracts/ab12.json
inputs/sha256=ab12.json
versions/policy=1.json
versions/policy=1/content-3fa93fa93fa93fa9.json
versions/active-policy/0001.json
reports/day=2026-11-02/shadow.json
reference/model=credit-default/version=1/sample.parquet
reference/model=credit%20default/version=1/out_of_fold.parquet
reference/model=1/sample.parquet
reference/model=1/out_of_fold.parquet
models/model=credit-default/version=1/bundle-3fa93fa93fa93fa9.json
models/model=credit-default/alias=champion.json
reference/model=credit-default/version=1/held_out.parquet
models/model=credit-default/promotions/0001.json
models/model=credit-default/promotions/verdict-3fa93fa93fa93fa9.json
reports/model=credit-default/version=2/promotion.html
reports/model=credit-default/version=2/promotion.json
erasures/20261103T070500Z-9d.json
outcomes/delivery=0001/
outcomes/delivery=0001/receipt.json
outcomes/backtest/index.html
outcomes/backtest/2026-11-02-index.html
reports/day=2026-11-02/outcomes.json
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import Final, Literal
from urllib.parse import quote

Room = Literal[
    "landing", "work", "revisions", "quarantine", "decisions", "reports", "monitoring", "erasures", "outcomes"
]  # fmt: skip
"""First part of a key."""

_DAY: Final = re.compile(r"[a-z]+/day=(\d{4}-\d{2}-\d{2})/.+", re.DOTALL)
_OF_REVISION: Final = re.compile(r"(?:revisions/day=[\d-]+/)?rev=(\d{4,5})/(\w+)\.json")
_IN_REVISION: Final = re.compile(r"(?:revisions/day=[^/]+/)?rev=(\d+)/")
_DATA_FILE: Final = re.compile(r"(revisions|quarantine)/day=[^/]+/[a-z]+-[0-9a-f]{16}\.[a-z]+")
_MONITORING_PAGE: Final = re.compile(
    r"reports/(?:day=|from=\d{4}-\d{2}-\d{2}/to=)(\d{4}-\d{2}-\d{2})/(?:drift|drift-last-28|quality)\.(?:html|json)"
)
"""Pages of monitoring and their snapshots. An earlier program wrote those of quality, too."""
_OF_OUTCOMES: Final = re.compile(r"outcomes/delivery=(\d{4,})/(.+)", re.DOTALL)
_FILE_OF_OUTCOMES: Final = re.compile(r"outcomes/delivery=\d{4,}/[a-z]+-[0-9a-f]{16}\.[a-z.]+")
_FINGERPRINT_DIGITS: Final = 16
_LONGEST_PART: Final = 200
"""Most bytes of a name within a key; file systems take 255."""
_FOLDER_MARKER: Final = "_$folder$"
_MARKERS: Final = {
    "thumbs.db", "ehthumbs.db", "desktop.ini", ".directory", ".ds_store", "icon\r", "@eadir", "#recycle",
    ".keep", ".gitkeep", ".s3keep",
}  # fmt: skip
"""Names, in lower case, that desktops, file servers and tools give to files of their own."""


# --- rooms and days


def room_prefix(room: Room) -> str:
    """Prefix of all keys of a room."""
    return f"{room}/"


def day_prefix(room: Room, as_of: date) -> str:
    """Prefix of all keys of a room that belong to one day."""
    return f"{room}/day={as_of}/"


def room_of(key: str) -> str:
    """First part of a key."""
    return key.partition("/")[0]


def day_of(key: str) -> date | None:
    """Day that an object belongs to, by its key; None if it belongs to none.

    >>> keys = ("landing/day=2026-11-02/a.csv", "landing/day=2026-13-02/a.csv", "decisions/a.csv")
    >>> [day_of(key) for key in keys]
    [datetime.date(2026, 11, 2), None, None]
    """
    return _day_in(_DAY.fullmatch(key))


def _day_in(found: re.Match[str] | None) -> date | None:
    """Day in the first group of a match; None if there is none in the calendar."""
    try:
        return date.fromisoformat(found[1]) if found else None
    except ValueError:
        return None


def is_hidden(name: str) -> bool:
    """True if a part of the name says that the file holds neither applications nor decisions.

    >>> names = ("a.csv", "_control.json", "corrections/a.csv", "corrections/.a.csv")
    >>> [is_hidden(name) for name in names]
    [False, True, False, True]
    """
    return any(part[:1] in {"_", "."} for part in name.split("/"))


def is_delivered(name: str) -> bool:
    """True if a name in the landing is that of a delivered file, whatever it holds.

    >>> names = ("a.csv", "corrections/a.csv", "_SUCCESS", "corrections_$folder$", "Thumbs.db")
    >>> [is_delivered(name) for name in names]
    [True, True, False, False, False]
    """
    return not is_hidden(name) and not is_marker(name)


def is_marker(name: str) -> bool:
    """True if a store's tool, a desktop or a file server left the file, as a marker of a folder.

    >>> [is_marker(name) for name in ("corrections_$folder$", ".DS_Store", "_SUCCESS", "a.csv")]
    [True, True, False, False]
    """
    parts = name.casefold().split("/")
    return any(part.endswith(_FOLDER_MARKER) or part in _MARKERS for part in parts)


# --- what comes in


def landing_key(as_of: date) -> str:
    """Prefix under which the feed delivers a day."""
    return day_prefix("landing", as_of)


def input_key(sha256: str) -> str:
    """Key of the claim of one day on the delivered file with this digest."""
    return f"inputs/sha256={sha256}.json"


# --- what runs leave for each other


def work_prefix(as_of: date) -> str:
    """Prefix of all objects that runs of a day leave for later runs."""
    return day_prefix("work", as_of)


def checkpoints_prefix(as_of: date, fingerprint: str) -> str:
    """Prefix of the checkpoints of runs with one fingerprint; anyone may renew them."""
    return f"{work_prefix(as_of)}{fingerprint[:_FINGERPRINT_DIGITS]}/"


def pins_key(as_of: date, run: str, digest: str) -> str:
    """Key of the pins of one flow run on files with this digest."""
    return f"{work_prefix(as_of)}pins-{run}-{digest}.json"


def draft_key(as_of: date, run: str, digest: str) -> str:
    """Key of the revision that one flow run drafts from files with this digest."""
    return f"{work_prefix(as_of)}draft-{run}-{digest}.json"


def publishing_key(as_of: date, token: str) -> str:
    """Key of the note that a run is about to publish; housekeeping then leaves the day alone."""
    return f"{work_prefix(as_of)}publishing-{token}"


def erased_key(as_of: date) -> str:
    """Key of the token of a day's last erasure."""
    return f"{work_prefix(as_of)}erased.json"


# --- what is published


def manifest_key(as_of: date, revision: int) -> str:
    """Key of the manifest of a revision."""
    return f"{day_prefix('revisions', as_of)}rev={revision:04d}/manifest.json"


def announcement_key(as_of: date, revision: int) -> str:
    """Key of the note that a revision was announced."""
    return f"{day_prefix('revisions', as_of)}rev={revision:04d}/announced.json"


def expired_key(as_of: date) -> str:
    """Key of the note of the data files of a day that were removed by rule."""
    return f"{day_prefix('revisions', as_of)}expired.json"


def decisions_key(as_of: date) -> str:
    """Key of the decisions that downstream systems read."""
    return f"{day_prefix('decisions', as_of)}decisions.parquet"


def suite_key(digest: str) -> str:
    """Key of the text of a contract that scored a day."""
    return f"contracts/{digest}.json"


def refused_rows_key(as_of: date) -> str:
    """Key of the rows that the day set aside the last time that the contract stopped it."""
    return f"{day_prefix('quarantine', as_of)}refused.parquet"


def revisions_with(name: str, keys: Iterable[str]) -> frozenset[int]:
    """Numbers of the revisions that have a JSON file of this name, a regular expression.

    >>> keys = ["rev=0001/manifest.json", "rev=0002/announced.json", "x"]
    >>> sorted(revisions_with("manifest", keys))
    [1]
    """
    found = (_OF_REVISION.fullmatch(key) for key in keys)
    return frozenset(int(each[1]) for each in found if each and re.fullmatch(name, each[2]))


def last_revision(keys: Iterable[str]) -> int:
    """Number of the newest revision that has left any object; 0 if none has.

    >>> day = "revisions/day=2026-11-02"
    >>> last_revision([f"{day}/rev=0002/announced.json", f"{day}/expired.json"])
    2
    """
    found = (_IN_REVISION.match(key) for key in keys)
    return max((int(each[1]) for each in found if each), default=0)


def is_data_file(key: str) -> bool:
    """True if the name of the object carries its digest, as the files that manifests name."""
    return bool(_DATA_FILE.fullmatch(key))


# --- what people look at


def report_key(as_of: date) -> str:
    """Key of the contract report of the published applications of a day."""
    return f"{day_prefix('reports', as_of)}contract.json"


def report_page_key(as_of: date) -> str:
    """Key of the page that is made from the contract report."""
    return f"{day_prefix('reports', as_of)}contract.html"


def refused_report_key(as_of: date) -> str:
    """Key of the report on the last time that the contract stopped the day."""
    return f"{day_prefix('reports', as_of)}contract-refused.json"


def refused_page_key(as_of: date) -> str:
    """Key of the page that is made from the report of a stopped day."""
    return f"{day_prefix('reports', as_of)}contract-refused.html"


def monitoring_key(as_of: date, name: str) -> str:
    """Key of a report that monitoring writes."""
    return f"{day_prefix('reports', as_of)}{name}"


def snapshot_key(as_of: date) -> str:
    """Key of the snapshot of a monitored day, from which Evidently shows trends."""
    return monitoring_key(as_of, "drift.json")


def last_day_of_page(key: str) -> date | None:
    """Last day that a page of monitoring, or its snapshot, is about; None if the key is of neither.

    >>> keys = ("day=2026-11-02/drift.html", "from=2026-10-01/to=2026-11-02/drift.json", "day=2026-11-02/verdict.json")
    >>> [str(last_day_of_page(f"reports/{key}")) for key in keys]
    ['2026-11-02', '2026-11-02', 'None']
    """
    return _day_in(_MONITORING_PAGE.fullmatch(key))


def verdict_key(as_of: date) -> str:
    """Key of the verdict of monitoring on a day."""
    return monitoring_key(as_of, "verdict.json")


def shadow_key(as_of: date) -> str:
    """Key of the comparison of a day's decisions with those of a second model."""
    return monitoring_key(as_of, "shadow.json")


def recent_key(as_of: date, name: str) -> str:
    """Key of a report on a day beside the days before it.

    >>> recent_key(date(2026, 11, 2), "drift.html")
    'reports/day=2026-11-02/drift-last-28.html'
    """
    stem, _, ending = name.rpartition(".")
    return monitoring_key(as_of, f"{stem}-last-28.{ending}")


def metrics_key(as_of: date) -> str:
    """Key of the figures of a monitored day."""
    return f"{day_prefix('monitoring', as_of)}metrics.parquet"


def judgement_keys(as_of: date) -> tuple[str, ...]:
    """Keys of all that monitoring writes of a day, beside the page of the day."""
    reports = ("verdict.json", "drift.html", "drift.json")
    of_day = (make(as_of, name) for name in reports for make in (monitoring_key, recent_key))
    return (metrics_key(as_of), *of_day)


def window_key(first: date, last: date, name: str) -> str:
    """Key of a report on several days as one sample."""
    return f"{room_prefix('reports')}from={first}/to={last}/{name}"


def day_page_key(as_of: date) -> str:
    """Key of the page that tells a day as a whole."""
    return f"{day_prefix('reports', as_of)}index.html"


def days_page_key() -> str:
    """Key of the page of all days."""
    return f"{room_prefix('reports')}index.html"


def model_page_key(name: str, version: str) -> str:
    """Key of the page of a model."""
    return f"{_model_reports(name, version)}/index.html"


def _model_reports(name: str, version: str) -> str:
    return f"{room_prefix('reports')}model={key_part(name)}/version={key_part(version)}"


def promotion_page_key(name: str, version: str) -> str:
    """Key of the page on the last comparison of a version with the one that scored."""
    return f"{_model_reports(name, version)}/promotion.html"


def promotion_verdict_key(name: str, version: str) -> str:
    """Key of the same for programs."""
    return f"{_model_reports(name, version)}/promotion.json"


# --- outcomes


def outcomes_prefix(number: int) -> str:
    """Prefix of all that is kept of a delivery of outcomes; deliveries count from 1."""
    return f"{room_prefix('outcomes')}delivery={number:04d}/"


def receipt_key(number: int) -> str:
    """Key of the receipt of a delivery of outcomes, which names its data files."""
    return f"{outcomes_prefix(number)}receipt.json"


def delivery_of_outcomes(key: str) -> int | None:
    """Number of the delivery of outcomes that an object belongs to; None if it belongs to none.

    >>> [delivery_of_outcomes(key) for key in (receipt_key(12), backtest_key("index.html"))]
    [12, None]
    """
    found = _OF_OUTCOMES.fullmatch(key)
    return int(found[1]) if found else None


def is_file_of_outcomes(key: str) -> bool:
    """True if the name of the object carries its digest, as the files that receipts name.

    >>> is_file_of_outcomes("outcomes/delivery=0012/delivered-3fa93fa93fa93fa9.csv.gz")
    True
    >>> is_file_of_outcomes(receipt_key(12))
    False
    """
    return bool(_FILE_OF_OUTCOMES.fullmatch(key))


def backtest_key(name: str, looked_back_to: date | None = None) -> str:
    """Key of a report of the last backtest, or of one that looked back to a day of the past."""
    own = f"{looked_back_to}-{name}" if looked_back_to else name
    return f"{room_prefix('outcomes')}backtest/{own}"


def backtest_page_key(looked_back_to: date | None = None) -> str:
    """Key of the page of a backtest."""
    return backtest_key("index.html", looked_back_to)


def realised_key(as_of: date) -> str:
    """Key of what the outcomes of a day's applications show."""
    return f"{day_prefix('reports', as_of)}outcomes.json"


# --- what belongs to no day


def version_key(what: str, version: str) -> str:
    """Key of the note of the content that was published as this version of a reviewed file."""
    return f"versions/{what}={key_part(version)}.json"


def kept_policy_key(version: str, digest: str) -> str:
    """Key of the content of a policy that decided a day or was activated."""
    return f"versions/policy={key_part(version)}/content-{digest[:_FINGERPRINT_DIGITS]}.json"


def activation_key(number: int) -> str:
    """Key of one activation of a policy; they count from 1."""
    return f"versions/active-policy/{number:04d}.json"


def reference_key(name: str, version: str) -> str:
    """Key of the reference sample of a model."""
    return f"reference/model={key_part(name)}/version={key_part(version)}/sample.parquet"


def out_of_fold_key(name: str, version: str) -> str:
    """Key of the out-of-fold predictions that a model was judged by."""
    return f"reference/model={key_part(name)}/version={key_part(version)}/out_of_fold.parquet"


def held_out_key(name: str, version: str) -> str:
    """Key of what a version, and the one that scored then, say of its history out of their sight."""
    return f"reference/model={key_part(name)}/version={key_part(version)}/held_out.parquet"


def promotion_record_key(name: str, number: int) -> str:
    """Key of the record of a promotion; numbers count from 1."""
    return f"models/model={key_part(name)}/promotions/{number:04d}.json"


def kept_verdict_key(name: str, digest: str) -> str:
    """Key of the verdict by which a version was promoted; its digest is that in the record."""
    return f"models/model={key_part(name)}/promotions/verdict-{digest[:_FINGERPRINT_DIGITS]}.json"


def sealed_model_key(name: str, version: str, digest: str) -> str:
    """Key of the sealed copy of a model; its digest tells apart models of several registries."""
    version_of_model = f"models/model={key_part(name)}/version={key_part(version)}"
    return f"{version_of_model}/bundle-{digest[:_FINGERPRINT_DIGITS]}.json"


def named_version_key(name: str, alias: str) -> str:
    """Key of the note of the version that an alias of a model last named."""
    return f"models/model={key_part(name)}/alias={key_part(alias)}.json"


def aside_key(key: str, digest: str) -> str:
    """Key to which an object moves when another registry's model of its name and version comes.

    >>> aside_key("reference/model=m/version=1/sample.parquet", "3fa9" * 16)
    'reference/model=m/version=1/sample-3fa93fa93fa93fa9.parquet'
    """
    stem, _, ending = key.rpartition(".")
    return f"{stem}-{digest[:_FINGERPRINT_DIGITS]}.{ending}"


def nameless_reference_key(version: str) -> str:
    """Key of a reference sample in stores of an earlier program."""
    return f"reference/model={version}/sample.parquet"


def nameless_out_of_fold_key(version: str) -> str:
    """Key of out-of-fold predictions in stores of an earlier program."""
    return f"reference/model={version}/out_of_fold.parquet"


def key_part(text: str) -> str:
    """Write any text as a part of a key. Different texts stay different.

    >>> key_part("credit-default"), key_part("a b/é=%"), len(key_part("é" * 200))
    ('credit-default', 'a%20b%2F%C3%A9%3D%25', 172)
    """
    quoted = quote(text, safe="")
    if len(quoted) <= _LONGEST_PART:
        return quoted
    # No quoted text holds "%sha256-", so a short one never looks like this.
    return f"{quoted[:100]}%sha256-{hashlib.sha256(text.encode()).hexdigest()}"


def erasure_record_key(at: datetime, token: str) -> str:
    """Key of the record of one erasure, which names nobody."""
    return f"{room_prefix('erasures')}{at:%Y%m%dT%H%M%SZ}-{token}.json"
