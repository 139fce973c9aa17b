"""The judge of a day seldom cries wolf, and names what drifted."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from benchmarks.studies.drift import (
    MOST_ALERTS,
    MOST_WATCHED,
    SAMPLED_STUDY,
    TITLES,
    TOLD,
    WHOLE_STUDY,
    Outcomes,
    Reached,
    alerted_share,
    main,
    quiet_sizes,
    random_days_of,
    reached,
    run_study,
    study_page,
    study_tables,
    watched_share,
    weekdays_of,
)
from benchmarks.studies.drift_days import study_pd
from benchmarks.studies.drift_power import all_cases, drifted_rows
from benchmarks.studies.drift_quiet import Share
from benchmarks.studies.drift_rivals import evidently_flag, plain_psi
from configs.settings import PROJECT
from tasks.core.feed.synthetic import synthesize_applications
from tasks.core.files import encode
from tasks.core.lender.columns import WEEKDAYS
from tasks.feed.generate import load_statistics
from tests.proofs.evidence import IS_WHOLE, note, sampled

PAGE = PROJECT / "docs/monitoring.md"
BEGIN, END = "<!-- study -->", "<!-- /study -->"
SAMPLED_CASES = 8
EXTENT = (
    f"From each of {WHOLE_STUDY.populations} references {WHOLE_STUDY.quiet_days} random days of each size, "
    f"{WHOLE_STUDY.weeks} weeks and {WHOLE_STUDY.power_days} days of each drift were drawn, as many as the intervals "
    "need to tell 3 % from the limit of 5 %, and always from 95 % of the days."
)


@pytest.fixture(scope="module")
def outcomes() -> Iterator[Outcomes]:
    """The whole study; in a sample few days of few cases, of one population."""
    if IS_WHOLE:
        yield run_study(WHOLE_STUDY, all_cases(), processes=1)  # other proofs run on the other processor
    else:
        small = [case for case in all_cases() if case.rows == 2_000]
        yield run_study(SAMPLED_STUDY, sampled(small, SAMPLED_CASES), processes=1)


def most(share: Share) -> float:
    """What the whole study holds against its limits; a sample only shows what is surely beyond them."""
    return share.high if IS_WHOLE else share.low


def test_random_rows_seldom_show_anything_and_hardly_ever_alert(outcomes: Outcomes) -> None:
    sizes = quiet_sizes(outcomes)
    assert sizes == [*(WHOLE_STUDY if IS_WHOLE else SAMPLED_STUDY).sizes]
    for rows in sizes:
        days = random_days_of(outcomes, rows)
        assert most(watched_share(days)) <= MOST_WATCHED, rows
        alerts = alerted_share(days)
        assert (alerts.value if IS_WHOLE else alerts.low) <= MOST_ALERTS, rows


@pytest.mark.parametrize("has_history", [False, True])
@pytest.mark.parametrize("weekday", WEEKDAYS)
def test_an_ordinary_weekday_is_no_drift(outcomes: Outcomes, weekday: str, has_history: bool) -> None:
    days = weekdays_of(outcomes, weekday, has_history=has_history)
    assert days
    assert most(watched_share(days)) <= MOST_WATCHED
    alerts = alerted_share(days)
    assert (alerts.value if IS_WHOLE else alerts.low) <= MOST_ALERTS


def test_the_drifted_column_is_named(outcomes: Outcomes) -> None:
    kinds = reached(outcomes)
    assert kinds
    assert [kind for kind in kinds if is_missed(kind)] == []


def is_missed(kind: Reached) -> bool:
    """The whole study holds the share itself against the target, a sample what is surely beyond it."""
    if kind.is_quiet:
        return (kind.share.value if IS_WHOLE else kind.share.low) > kind.target
    return (kind.share.value if IS_WHOLE else kind.share.high) < kind.target


def test_the_tables_stand_in_the_documents(outcomes: Outcomes) -> None:
    for number, (title, told, rows) in enumerate(zip(TITLES, TOLD, study_tables(outcomes), strict=True), start=1):
        note(f"drift-{number}", f"Drift: {title.lower()}", f"{told} {EXTENT}", rows)
    text = PAGE.read_text("utf-8")
    before, begun, rest = text.partition(BEGIN)
    _, ended, after = rest.partition(END)
    assert (begun, ended) == (BEGIN, END)
    page = study_page(outcomes)
    assert all(f"### {title}\n" in page for title in TITLES)
    if IS_WHOLE:
        PAGE.write_text(f"{before}{BEGIN}\n\n{page}\n\n{END}{after}", "utf-8")


def test_the_score_of_the_study_is_that_of_a_portfolio() -> None:
    rows = synthesize_applications(load_statistics(), rows=5_000, seed=3, as_of=date(2026, 11, 2), history=True)
    pd = study_pd(rows)
    assert pd.mean() == pytest.approx(0.08, abs=0.005)
    assert np.isfinite(pd).all()


def test_the_rival_is_evidentlys_own_preset() -> None:
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    random = np.random.default_rng(5)
    frames = [
        pd.DataFrame({
            "same": random.normal(size=rows),
            "moved": random.normal(shift, 1.0, rows),
            "levels": random.choice(["a", "b", "c"], rows),
            "mixed": random.choice(["a", "b", "c"], rows, p=weights),
        })
        for rows, shift, weights in ((3_000, 0.0, (0.2, 0.3, 0.5)), (600, 0.3, (0.5, 0.3, 0.2)))
    ]  # fmt: skip
    definition = DataDefinition(numerical_columns=["same", "moved"], categorical_columns=["levels", "mixed"])
    reference, day = (Dataset.from_pandas(frame, data_definition=definition) for frame in frames)
    metrics = Report([DataDriftPreset()]).run(day, reference).dict()["metrics"]
    drifted = {
        each["config"]["column"]: each["value"] >= each["config"]["threshold"]
        for each in metrics
        if "column" in each["config"]
    }
    assert drifted == {
        name: evidently_flag(
            frames[0][name].to_numpy(), frames[1][name].to_numpy(), is_text=name in ("levels", "mixed")
        )
        for name in frames[0]
    }
    assert drifted == {"same": False, "moved": True, "levels": False, "mixed": True}


def test_the_psi_of_two_levels_is_its_formula() -> None:
    index, cells = plain_psi(np.array(["a"] * 60 + ["b"] * 40), np.array(["a"] * 30 + ["b"] * 70), is_text=True)
    assert index == pytest.approx(-0.3 * np.log(0.3 / 0.6) + 0.3 * np.log(0.7 / 0.4))
    assert cells == 2


def test_the_command_judges_a_file_against_another(tmp_path: Path) -> None:
    history, later = tmp_path / "history.csv", tmp_path / "later.csv"
    for path, rows, drift in ((history, 3_000, ""), (later, 1_000, "unit:AMT_CREDIT:1000:0.1")):
        table = synthesize_applications(load_statistics(), rows=rows, seed=rows, as_of=date(2026, 11, 2), history=True)
        path.write_bytes(encode(drifted_rows(table, drift, seed=1), "csv"))
    told = CliRunner().invoke(main, ["--rows", str(history), "--against", str(later), "--only-against"])
    assert told.exit_code == 0, told.output
    assert "alert: " in told.output
    assert "| AMT_CREDIT | tail | alert |" in told.output


def test_a_day_needs_something_to_be_judged_against() -> None:
    told = CliRunner().invoke(main, ["--against", str(PAGE)])
    assert told.exit_code == 2
    assert "--against needs --rows" in told.output
