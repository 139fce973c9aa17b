"""An application of a published day with other amounts, by the model and policy of its day: what if.

The changed row goes the way of a delivered one: it is read, judged by the revision's own contract
and scored by the functions of the daily job. Nothing is written, and nothing is logged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from configs.settings import Settings
from tasks.core.contract.rules import parsing_rules
from tasks.core.contract.screening import BROKEN_RULES, RowContract, screen_chunk
from tasks.core.day.manifest import pins_of, policy_of
from tasks.core.decision.policy import is_approved
from tasks.core.decision.published_rows import decided_columns
from tasks.core.decision.reasons import REASONS
from tasks.core.decision.what_if import SmallestChange, change_delivered, smallest_change
from tasks.core.lender.feature_list import FAMILIES
from tasks.core.model.trees import UnfitTreesError, read_trees
from tasks.core.words import listed
from tasks.errors import ConfigError, ExpectationsNotMet, PublishError, SourceError, did_you_mean
from tasks.inspection.explain import Explained, score_delivered
from tasks.model.contract import pinned_contract
from tasks.model.load import changeable_fields, load_bundle, load_engine

_SOURCE: Final = "what if"


@dataclass(frozen=True, slots=True)
class WhatIf:
    """One application, decided with other amounts."""

    before: Mapping[str, float | None]
    """Changed field to its amount as delivered; None if it is missing."""
    after: Mapping[str, float | None]
    """Changed field to the amount that was tried."""
    pd: float
    decision: str
    risk_band: str
    reasons: Mapping[str, str]
    """Code that it would state to its sentence, most important first."""

    @property
    def amounts_in_words(self) -> str:
        """Changed amounts beside those that were delivered."""
        return listed(
            [f"{name} were {_amount(self.after[name])} instead of {_amount(old)}" for name, old in self.before.items()]
        )

    @property
    def outcome_in_words(self) -> str:
        """Decision, pd and risk band."""
        return f"{self.decision}, pd {self.pd:.4f}, risk band {self.risk_band}"


@dataclass(frozen=True, slots=True)
class WaysToApproval:
    """The smallest change of each amount that an applicant can change, each alone."""

    changes: tuple[SmallestChange, ...]
    """Empty if the application is approved, or if `fault` says why nothing was looked for."""
    words: Mapping[str, str]
    """Field to the words for it."""
    fault: str | None = None
    """Sentence on why nothing could be looked for; None if it was."""


def require_changeable(changes: Mapping[str, str], settings: Settings) -> None:
    """Refuse fields that no applicant can change. Raises `ConfigError`."""
    fields = changeable_fields(settings)
    for name in changes:
        if name not in fields:
            may = f"These may be: {listed(list(fields))}." if fields else "None may be, as it stands."
            raise ConfigError(
                f"{name} may not be changed in a what-if.{did_you_mean(name, list(fields))} {may} "
                f"The list is `changeable` in {settings.scoring.reasons}."
            )


def try_changes(explained: Explained, changes: Mapping[str, str], settings: Settings) -> WhatIf:
    """Decide an application with other amounts, by the model, policy and contract of its revision.

    Args:
        explained: the application, with its delivered row.
        changes: field to the amount, as the feed would write it; empty for a missing one.
        settings: of model, reasons and store.

    Raises:
        ConfigError: a field may not be changed.
        SourceError: the delivered row is gone, or was never decided.
        ExpectationsNotMet: the changed row breaks the contract; the message has each broken rule.
        ModelError, PublishError: model or contract are not to be had.
    """
    require_changeable(changes, settings)
    row = _delivered_row(explained)
    published = explained.published
    changed = _kept_by_contract(change_delivered(row, changes), pinned_contract(pins_of(published), settings))
    scored = score_delivered(changed, published, settings)
    decided = decided_columns(scored.pd, policy_of(published))
    codes = [scored.reasons[name][0].as_py() for name in REASONS] if published.reasons.keys() == FAMILIES.keys() else []
    sentences = {reason.code: reason.sentence for reason in published.reasons.values()}
    return WhatIf(
        before={name: row.column(name)[0].as_py() for name in changes},
        after={name: changed.column(name)[0].as_py() for name in changes},
        pd=float(scored.pd[0]),
        decision=decided["decision"][0].as_py(),
        risk_band=decided["risk_band"][0].as_py(),
        reasons={code: sentences.get(code, "") for code in codes if code is not None},
    )


def find_ways(explained: Explained, settings: Settings) -> WaysToApproval:
    """Find the smallest change of each changeable amount that would be approved, each alone.

    Nothing is looked for if the model approves the delivered row, or if the row, the model or the
    contract is not to be had.
    """
    words = changeable_fields(settings)
    policy = policy_of(explained.published)
    account = explained.account
    if account is None or explained.delivered is None or is_approved(np.array([account.pd]), policy)[0]:
        return WaysToApproval((), words)
    published = explained.published
    bundle = load_bundle(published.model, settings)
    try:
        trees = read_trees(bundle.model_text)
        contract = pinned_contract(pins_of(published), settings)
    except UnfitTreesError as error:
        return WaysToApproval((), words, f"The model's thresholds cannot be read: {error}.")
    except PublishError as error:
        return WaysToApproval((), words, str(error))
    found = [
        smallest_change(
            explained.delivered,
            field,
            bundle=bundle,
            engine=load_engine(published.model, settings),
            trees=trees,
            policy=policy,
            contract=contract,
        )
        for field in words
    ]
    return WaysToApproval(tuple(change for change in found if change), words)


def _amount(amount: float | None) -> str:
    return "missing" if amount is None else f"{amount:,.2f}"


def _delivered_row(explained: Explained) -> pa.Table:
    if explained.delivered is None:
        raise SourceError(
            "Nothing was tried: the delivered row is needed for it, and the application is in quarantine, or no "
            "file holds the row any more, or the model that decided it is not to be had; see above."
        )
    return explained.delivered


def _kept_by_contract(changed: pa.Table, contract: RowContract) -> pa.Table:
    """The changed row as it is read from a delivery.

    Raises:
        ExpectationsNotMet: it breaks critical rules, or is not of the declared types.
    """
    screened = screen_chunk(changed, first_row=1, source=_SOURCE, contract=contract)
    if screened.accepted.num_rows:
        return screened.accepted
    sentences = {rule.id: rule.sentence for rule in (*parsing_rules(), *contract.rules)}
    broken = screened.rejected.column(BROKEN_RULES)[0].as_py().split(";")
    told = " ".join(f"{sentences[rule]} ({rule})" for rule in broken)
    raise ExpectationsNotMet(
        f"With these amounts the application would not be decided, but set aside. The contract requires: {told} "
        "Try others."
    )
