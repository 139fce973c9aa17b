"""Page and snapshot of a judged day, drawn by Evidently with the judge's numbers."""

from __future__ import annotations

from configs.settings import Settings
from tasks.core.contract.screening import PD
from tasks.core.day.manifest import Manifest
from tasks.core.disclosure import is_enough, is_none_or_enough
from tasks.core.monitoring.cells import Role
from tasks.core.monitoring.metrics import WHOLE_DAY
from tasks.model.load import load_bundle
from tasks.monitoring.report import Judged, Judgement
from tasks.publication.references import read_reference
from tasks.running.step import step
from tasks.store import open_store
from tasks.store.renewing import overwrite


@step("draw verdict")
def draw_verdict(judgement: Judgement, settings: Settings) -> None:
    """Draw the judged rows beside the reference sample, and write the page and its snapshot.

    The verdict is written and announced before; whatever fails here loses nothing of it.
    """
    from tasks.adapters.evidently import ShownColumn, ShownDay, draw_day

    store = open_store(settings.storage)
    newest, judged, day = judgement.newest, judgement.judged, judgement.day
    reference = load_bundle(newest.model, settings).reference
    columns = {**reference["columns"], PD: {"quantiles": reference["pd_quantiles"]}}
    sample = read_reference(store, newest.model, trained_rows=reference["rows"]).to_pandas()
    verdict, weights = judged.verdict, judgement.beside.frozen.weights
    sentences = {finding.column: finding.sentence for finding in reversed(verdict.findings)}
    sizes = {PD: 0.0, **verdict.sizes}
    shown = ShownDay(
        newest.as_of,
        newest.revision,
        newest.model.version,
        verdict.level,
        (verdict.headline, *judgement.result.findings, verdict.advice),
        _scalars(newest, judged, day.counts.rows),
        [
            ShownColumn(name, sizes[name], name in sentences, sentences.get(name, "No difference beyond chance."))
            for name in sorted(sizes, key=lambda each: (-sizes[each], each))
        ],
        sorted(weights, key=lambda name: (-weights[name], name)),
    )
    drawn = draw_day(shown, day.sample.to_pandas(), sample, columns)
    overwrite(store, judgement.page_key, drawn.page)
    overwrite(store, judgement.snapshot_key, drawn.snapshot)


def _scalars(newest: Manifest, judged: Judged, rows: int) -> dict[str, float | None]:
    """Figures of the day that a trend shows, by their names in Evidently's panels."""
    totals = newest.totals
    told = {metric.metric: metric.value for metric in judged.metrics if metric.slice == WHOLE_DAY}
    missing = None
    if judged.compared and is_enough(rows):
        is_missing = judged.compared.layout.roles == Role.MISSING
        missing = float(judged.compared.shares[is_missing].mean())
    return {
        "rows": float(rows),
        "mean_pd": told.get("mean_pd"),
        "approval_share": told.get("approval_rate"),
        "missing_share": missing,
        "quarantine_share": totals.quarantined / totals.rows if is_none_or_enough(totals.quarantined) else None,
    }
