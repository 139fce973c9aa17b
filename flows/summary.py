"""What a command prints when it is done: counts and places, for a person to read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from configs.settings import Settings
from tasks.core.day.facts import DecisionCount, FirstReason, RowCounts, day_facts
from tasks.core.day.manifest import DayResult
from tasks.core.words import counted, percent
from tasks.model.load import registry_of
from tasks.publication.places import places_of
from tasks.store import open_store

if TYPE_CHECKING:
    from tasks.core.training.evaluation import Estimate
    from tasks.core.training.model_card import CutoffInUse
    from tasks.feed.generate import GeneratedDay
    from tasks.monitoring.report import MonitoringResult
    from tasks.training.train import Trained

_BAR: Final = 30
_REASONS: Final = 4
_RULES: Final = 12
_COLUMNS: Final = 8
_SELDOM: Final = {"replaced", "erased"}
"""What becomes of so few rows that nothing is said where there are none."""
_OUTCOMES: Final = {
    "published": "published",
    "unchanged": "nothing to do: published before from these very files, and stays as it was decided",
}


def day_summary(result: DayResult, settings: Settings) -> str:
    """Counts of a scored day by what became of the rows and how they were decided, and where everything lies."""
    manifest, store = result.manifest, open_store(settings.storage)
    if manifest is None:
        return (
            f"\nApplications of {result.delivery.as_of}: none came, and none need come: it is {result.delivery.excuse}"
        )
    facts = day_facts(manifest)
    places = {name: store.location(key) for name, key in places_of(manifest).items()}
    lines = {
        "Made with": facts.made_with,
        "Reason": facts.reason,
        "Corrections": facts.corrections,
        "Changed": facts.changed,
        "Changes": places.get("Changes", ""),
        "Decisions": places["Decisions"],
        "Quarantine": places.get("Quarantine", "none"),
        "Contract": places["Contract"],
        "Manifest": places["Manifest"],
        "Waiting": ", ".join(result.delivery.waiting),
    }
    return "\n".join(
        [
            f"\n{facts.title}: {_OUTCOMES[result.outcome]}\n",
            *_rows(facts.rows),
            "",
            *_bars(facts.decisions),
            *_reasons(facts.first_reasons),
            *_quarantine(facts.broken_rules),
            "",
            *(f"  {name:<14}{text}" for name, text in lines.items() if text),
        ]
    )


def generated_summary(day: GeneratedDay) -> str:
    """What was laid into a day's landing, and what was done to it on purpose."""
    state = "there already, unchanged" if day.unchanged else "written"
    spoilt = f", {sum(day.spoilt.values()):,} of them bad on purpose" if day.spoilt else ""
    lines = [f"{day.as_of}  {day.rows:>9,} applications{spoilt}, {state}"]
    applied = {"drift": day.drifts, "fault": day.faults}
    told = [f"{kind} {name}: {phrase}" for kind, each in applied.items() for name, phrase in each.items()]
    return "\n".join([*lines, *(f"            {line}" for line in (*told, *day.locations))])


def training_summary(trained: Trained, settings: Settings) -> str:
    """What was trained, how good it is out-of-fold beside simpler models, what it is called, and where its card is."""
    from tasks.core.training.model_card import CARD_FILE

    model, card, registry = trained.model, trained.card, registry_of(settings)
    figures = card.figures
    trees = f"{trained.n_trees} trees of depth {card.made_by['max_depth']}"
    learned = f"{trained.rows:,} applications, {settings.training.folds} folds, {trees}"
    told = {
        "Learned from": f"{learned}; {percent(figures['default_rate'].value)} defaulted",
        **_repeated(card.repeats),
        "KS": _estimate(figures["ks"]),
        "Calibration": f"slope {_estimate(figures['calibration_slope'], 3)}, "
        f"error {percent(figures['expected_calibration_error'].value)}",
        **{f"Cut-off, {each.name}": _cutoff(each) for each in card.cutoffs},
        "Approving all": f"cost {figures['cost_approving_all'].value:.4f}",
        "Registry": registry.address,
        "Model card": registry.document_address(model, CARD_FILE),
    }
    alias = settings.registry.alias
    state = f"is the {alias} now" if trained.is_champion else f"is registered; the {alias} scores on"
    title = f"\n{model.name} version {model.version} {state}\n"
    models = {"this model": figures, **card.baselines}
    return "\n".join([title, *_models(models), "", *(f"  {name:<20}{each}" for name, each in told.items())])


def _models(models: Mapping[str, Mapping[str, Estimate]]) -> Iterable[str]:
    yield f"  {'Out-of-fold (95 %)':<26}{'AUC':<28}Cost per application"
    for name, figures in models.items():
        yield f"  {name:<26}{_estimate(figures['auc']):<28}{_estimate(figures['cost_per_application'])}"


def _repeated(repeats: Mapping[str, Sequence[tuple[float, float]]]) -> Mapping[str, str]:
    """The model's means over cross-validations, where there are several."""
    told = next(iter(repeats.values()), ())
    if len(told) <= 1:
        return {}
    auc, cost = (sum(each) / len(told) for each in zip(*told, strict=True))
    return {f"{len(told)} cross-validations": f"AUC {auc:.4f}, cost {cost:.4f} in the mean; above stands the first"}


def _cutoff(each: CutoffInUse) -> str:
    return f"{each.cutoff:.4f}: {percent(each.refusal_share.value)} refused, cost {_estimate(each.cost)}"


def _estimate(estimate: Estimate, digits: int = 4) -> str:
    return f"{estimate.value:.{digits}f} ({estimate.low:.{digits}f} to {estimate.high:.{digits}f})"


def _rows(rows: RowCounts) -> Iterable[str]:
    yield _count("Rows received", rows.received)
    for name, count in rows.became.items():
        if count or name not in _SELDOM:
            yield _count(name.capitalize(), count)


def _bars(decisions: Mapping[str, DecisionCount]) -> Iterable[str]:
    for name, each in decisions.items():
        yield f"{_count(name, each.rows)}  {each.share:>6.1%}  {'█' * round(each.share * _BAR)}".rstrip()


def _count(name: str, count: int) -> str:
    return f"  {name:<16}{count:>12,}"


def _reasons(reasons: Sequence[FirstReason]) -> Iterable[str]:
    if not reasons:
        return
    yield "\n  First reason of those not approved"
    for each in reasons[:_REASONS]:
        yield f"    {f'{each.code} {each.family}':<44}{each.rows:>8,}  {each.share:>6.1%}"
    if len(reasons) > _REASONS:
        yield f"    and {counted(len(reasons) - _REASONS, 'other')}; all are counted in the manifest"


def _quarantine(by_rule: Mapping[str, int]) -> Iterable[str]:
    if not by_rule:
        return
    yield "\n  Quarantined by rule (a row may break several)"
    for rule, count in list(by_rule.items())[:_RULES]:
        yield f"    {rule:<44}{count:>8,}"
    if len(by_rule) > _RULES:
        yield f"    and {len(by_rule) - _RULES} more rules; all stand in the contract report"


def _places(places: Mapping[str, str]) -> Iterable[str]:
    return (f"  {name:<14}{place}" for name, place in places.items())


def monitoring_summary(result: MonitoringResult, settings: Settings) -> str:
    """What drifted, and where to look."""
    store = open_store(settings.storage)
    named = ", ".join(result.drifted[:_COLUMNS]) + (" …" if len(result.drifted) > _COLUMNS else "")
    figures = {
        "Compared": f"{result.compared_rows:,} applications with {result.reference_rows:,} of the model's reference",
        **({"Empty": ", ".join(result.empty)} if result.empty else {}),
        "Drifted": f"{len(result.drifted)} columns by Evidently's default tests{': ' + named if named else ''}",
    }
    lines = [f"  {'Reports' if n == 0 else '':<14}{store.location(key)}" for n, key in enumerate(result.keys)]
    return "\n".join([f"\nDecisions of {result.as_of}, monitored\n", *_places(figures), *lines])
