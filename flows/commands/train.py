"""Command `scoring train`: train and register a model, and print how good it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flows.options import common_options, plain_option, runnable, set_up
from tasks.core.words import percent

if TYPE_CHECKING:
    from configs.settings import Settings
    from tasks.core.training.evaluation import Estimate
    from tasks.core.training.model_card import CutoffInUse
    from tasks.training.train import Trained


@click.command("train")
@click.option(
    "--applications",
    "files",
    type=click.Path(exists=True, dir_okay=False),
    multiple=True,
    help="Files with the 121 columns and TARGET; several may follow, and it may be given several times.",
)
@click.argument("more", metavar="[FILE]...", nargs=-1, type=click.Path(exists=True, dir_okay=False))
@click.option(
    "--search",
    type=click.IntRange(0),
    metavar="N",
    help="Try N shapes of model; take the cheapest of those as good as the best.  [default: training.search_trials]",
)
@click.option("--from-outcomes", is_flag=True, help="Learn from published applications whose outcome is known.")
@click.option("--benchmark", is_flag=True, help="Judge models of eight kinds in the same folds, for the card.")
@click.option(
    "--keep-champion", is_flag=True, help="Only register it, without an alias; not even the first model scores."
)
@plain_option
@common_options
def train_command(
    files: tuple[str, ...],
    more: tuple[str, ...],
    search: int | None,
    from_outcomes: bool,
    benchmark: bool,
    keep_champion: bool,
    without_prefect: bool,
    config: str | None,
    verbose: bool,
) -> None:
    """Train, calibrate and register a model, and compare it with the one that scores.

    The first model scores. Every later one is the challenger, which `scoring promote` lets score.
    --from-outcomes trains one only if enough outcomes are new, and says why not otherwise.
    """
    settings = set_up(config, verbose=verbose)
    applications = [str(Path(name).resolve()) for name in (*files, *more)]
    if from_outcomes:
        if applications or search is not None or benchmark or keep_champion:
            raise click.UsageError("--from-outcomes goes with no other choice: settings.training holds the others.")
        click.echo(_retrained(config, settings, without_prefect=without_prefect))
        return
    if not applications:
        raise click.UsageError("Give --applications FILE, or --from-outcomes.")
    from flows.train_model import train_model

    trained = runnable(train_model, without_prefect=without_prefect)(
        applications=applications, config=config, search=search, benchmark=benchmark, keep_champion=keep_champion
    )
    click.echo(training_summary(trained, settings))


def _retrained(config: str | None, settings: Settings, *, without_prefect: bool) -> str:
    from flows.train_model import retrain_model

    retrained = runnable(retrain_model, without_prefect=without_prefect)(config=config)
    return training_summary(retrained.trained, settings) if retrained.trained else retrained.matured.why_not


def training_summary(trained: Trained, settings: Settings) -> str:
    """Name of the trained model, its figures out-of-fold beside simpler models, and its card."""
    from tasks.core.training.model_card import CARD_FILE
    from tasks.model.load import registry_of

    model = trained.model
    card = trained.card
    figures = card.figures
    registry = registry_of(settings)
    trees = f"{trained.n_trees} trees of depth {card.made_by['max_depth']}"
    learned = f"{trained.rows:,} applications, {settings.training.folds} folds, {trees}"
    slope = figures["calibration_slope"].text(3)
    error = percent(figures["expected_calibration_error"].value)
    lines = {
        "Learned from": f"{learned}; {percent(figures['default_rate'].value)} defaulted",
        **_repeated(card.repeats),
        "KS": figures["ks"].text(),
        "Calibration": f"slope {slope}, error {error}",
        **{f"Cut-off, {each.name}": _cutoff(each) for each in card.cutoffs},
        "Approving all": f"cost {figures['cost_approving_all'].value:.4f}",
        "Registry": registry.address,
        "Model card": registry.document_address(model, CARD_FILE),
    }
    state = f"is the {trained.alias} now" if trained.alias else "is registered, without an alias"
    return "\n".join(
        [
            f"\n{model.name} version {model.version} {state}\n",
            *_models({"this model": figures, **card.baselines}),
            "",
            *(f"  {name:<20}{text}" for name, text in lines.items()),
            *_beside_champion(trained, settings),
        ]
    )


def _beside_champion(trained: Trained, settings: Settings) -> Iterable[str]:
    """Lines about the new version beside the champion, and what lets it score."""
    verdict = trained.verdict
    if verdict is None:
        return
    from tasks.core.model_life.comparison import COST
    from tasks.core.model_life.lines import check_lines

    champion = f"the {settings.registry.alias}, version {verdict.champion.version}"
    yield f"\n  Beside {champion}, which scores on"
    if verdict.comparison and verdict.comparison.differences:
        for name, figure in (("Cost", COST), ("AUC", "auc")):
            yield f"  {name + ', difference':<20}{verdict.comparison.differences[figure].text()}"
    failed = verdict.failed
    yield f"  {'Gate':<20}{'passed' if verdict.is_passed else f'{len(failed)} of {len(verdict.checks)} checks failed'}"
    yield from check_lines(failed)
    if trained.verdict_page:
        yield f"  {'Verdict':<20}{trained.verdict_page}"
    yield f"  {'To let it score':<20}scoring promote --version {trained.model.version}"


def _models(models: Mapping[str, Mapping[str, Estimate]]) -> Iterable[str]:
    yield f"  {'Out-of-fold (95 %)':<26}{'AUC':<28}Cost per application"
    for name, figures in models.items():
        yield f"  {name:<26}{figures['auc'].text():<28}{figures['cost_per_application'].text()}"


def _repeated(repeats: Mapping[str, Sequence[tuple[float, float]]]) -> Mapping[str, str]:
    """Means of the model over all cross-validations; empty if there was one only."""
    runs = next(iter(repeats.values()), ())
    if len(runs) <= 1:
        return {}
    auc, cost = (sum(each) / len(runs) for each in zip(*runs, strict=True))
    means = f"AUC {auc:.4f}, cost {cost:.4f} in the mean"
    return {f"{len(runs)} cross-validations": f"{means}; above stands the first"}


def _cutoff(each: CutoffInUse) -> str:
    refused = percent(each.refusal_share.value)
    return f"{each.cutoff:.4f}: {refused} refused, cost {each.cost.text()}"
