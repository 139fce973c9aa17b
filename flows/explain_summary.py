"""What `scoring explain` prints of one application: only because somebody asked for it, and only there."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Final

from tasks.core.decision.scoring import Account
from tasks.core.lender.feature_list import FAMILIES
from tasks.inspection.explain import Explained

_CELLS: Final = 44
_LEAST_PUSH: Final = 0.0005
"""What is less reads 0.000."""
_UP, _DOWN, _HERE, _CUTOFF = "█", "░", "│", "┊"


def explain_summary(explained: Explained) -> str:
    """How the application was decided, why, and how the model came to it."""
    published, row = explained.published, explained.row
    title = f"Application of {published.as_of}, revision {published.revision}"
    if row is None:
        rules = [
            f"    {rule}: {sentence}" if sentence else f"    {rule}" for rule, sentence in explained.broken.items()
        ]
        return "\n".join([f"\n{title}: not decided, its row lies in quarantine", "\n  It breaks", *rules])
    model = f"{row['model_name']} version {row['model_version']}"
    made_with = f"{model}, policy {row['policy_version']}, contract {row['contract_version']}"
    return "\n".join(
        [
            f"\n{title}: {row['decision']}\n",
            f"  pd            {row['pd']:.4f}, risk band {row['risk_band']}; refused from {row['cutoff']:.4f} on",
            f"  Made with     {made_with}",
            *_reasons(explained),
            *_warnings(explained),
            *(_waterfall(explained.account) if explained.account else ()),
        ]
    )


def _reasons(explained: Explained) -> Iterator[str]:
    yield "\n  Reasons" if explained.reasons else "\n  It states no reasons"
    for code, sentence in explained.reasons.items():
        yield textwrap.fill(f"{code:<10}{sentence}", 110, initial_indent=" " * 4, subsequent_indent=" " * 14)


def _warnings(explained: Explained) -> Iterator[str]:
    if explained.otherwise:
        yield (
            f"\n  NOT AS PUBLISHED: {', '.join(explained.otherwise)} come out otherwise today. What follows explains "
            "today's\n  result, and not the published decision: the delivered row was changed, or this is another "
            "program."
        )
    elif explained.account is None:
        yield "\n  How the model came to it cannot be told"
    elif explained.remarks:
        yield "\n  Worth knowing"
    yield from (f"    {remark}" for remark in explained.remarks)


def _waterfall(account: Account) -> Iterator[str]:
    pushes = {FAMILIES[name]: push for name, push in account.pushes.items() if abs(push) >= _LEAST_PUSH}
    levels = [account.base]
    for push in pushes.values():
        levels.append(levels[-1] + push)
    low, high = (pick(*levels, account.raw, account.cutoff) for pick in (min, max))

    def cell(level: float) -> int:
        return round((level - low) / ((high - low) or 1.0) * (_CELLS - 1))

    def line(name: str, number: str, first: float, last: float, sign: str, told: str = "") -> str:
        cells = [" "] * _CELLS
        cells[cell(account.cutoff)] = _CUTOFF
        begin, end = sorted((cell(first), cell(last)))
        cells[begin : end + 1] = sign * (end + 1 - begin)
        return f"    {name:<40}{number:>8}  {''.join(cells)}{told}".rstrip()

    yield "\n  How the model came to it, in log-odds"
    yield f"  {_UP} towards refusal   {_DOWN} towards approval   {_CUTOFF} refused from here on\n"
    yield line(
        "Mean of all in training",
        f"{account.base:.3f}",
        account.base,
        account.base,
        _HERE,
        f"  pd {account.base_pd:.4f}",
    )
    for (name, push), first, last in zip(pushes.items(), levels, levels[1:], strict=False):
        yield line(name, f"{push:+.3f}", first, last, _UP if push > 0 else _DOWN)
    yield line("This application", f"{account.raw:.3f}", account.raw, account.raw, _HERE, f"  pd {account.pd:.4f}")
