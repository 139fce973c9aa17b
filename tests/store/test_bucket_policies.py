"""Each job runs under its bucket policy, needs every grant of it, and stops where a statement is taken away."""

import contextlib
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from configs.calendar import load_calendar
from configs.settings import PROJECT, load_settings
from flows.backtest_outcomes import backtest_outcomes
from flows.monitor_decisions import monitor_decisions
from flows.score_applications import score_applications
from flows.train_model import retrain_model, train_model
from tasks.adapters.files.landing_file import Reading
from tasks.adapters.files.parquet import read_parquet
from tasks.core.applications import APPLICATION_ID
from tasks.erasure.erase import erase
from tasks.errors import ExpectationsNotMet, PublishError
from tasks.feed.generate import generate_day, load_statistics, write_history
from tasks.inspection.rejected import find_rejected
from tasks.model.load import registry_of
from tasks.model.policy_activation import activate_policy
from tasks.model_life.promote import days_decided_by, promote_challenger, roll_back
from tasks.outcomes.take_in import take_in_outcomes
from tasks.publication.layout import decisions_key, landing_key, manifest_key, suite_key
from tasks.retention.clean import clean, clock_of
from tasks.store import Store, open_store
from tests.conftest import DAY, Project
from tests.s3_servers import S3Server, bucket_of
from tests.store.breaking_proxy import BreakingProxy
from tests.store.bucket_policies import FOLDER, Guard, statements_of

STRICT = {"max_quarantined_rows": 0, "max_quarantined_share": 0.0}
ONLY_AFTER_A_FAILURE = {"s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"}
"""Actions on half an upload, which no sound job meets."""
STOPS_NOTHING = {
    ("monitor", "RemoveProbes"),  # a probe that cannot be removed stays behind
    ("policy", "RemoveProbes"),
    ("train", "ListTheStore"),  # lists nothing, but without it Amazon's S3 calls a missing object forbidden
    ("retrain", "RemoveWhatIsOutOfDate"),
}
RARELY_READ = {
    "arn:aws:s3:::credit-scoring/prod/monitoring/*",  # for the page of a monitored day that is decided again
    "arn:aws:s3:::credit-scoring/prod/.probe/*",  # where the answer to a probe was lost
}


Objects = dict[str, bytes]
"""Key to bytes of each object of a store."""


class Made(NamedTuple):
    """A day with bad rows under a short contract, before it is scored, afterwards, and with known outcomes."""

    project: Project
    delivered: Objects
    scored: Objects
    matured: Objects

    def before(self, job: str) -> Objects:
        """Objects in the store when a job begins."""
        return {"score": self.delivered, "retrain": self.matured}.get(job, self.scored)


@pytest.fixture(scope="module")
def made(trained: Project, tmp_path_factory: pytest.TempPathFactory) -> Made:
    root = tmp_path_factory.mktemp("policies") / "store"
    own = trained.with_short_contract().with_own_registry(root.parent / "registry")
    lean = {"max_trees": 20, "folds": 2, "reference_rows": 300, "baselines": "none", "choice_rows": 0}
    project = Project(own.with_settings(storage={"root": str(root)}, training=lean).config, root)
    shutil.copytree(trained.root / "reference", root / "reference")
    store = store_of(project)
    generate_day(store, load_statistics(), as_of=DAY, rows=300, seed=9, bad_share=0.03)  # no bad id among them
    delivered = objects_of(store)
    score(project)
    scored = objects_of(store)
    ids = read_parquet(store.read(decisions_key(DAY)).data).column(APPLICATION_ID).to_pylist()
    lines = [f"{one},{int(place % 3 == 0)},2026-12-20" for place, one in enumerate(ids)]
    outcomes_of(project).write_text("\n".join(["SK_ID_CURR,TARGET,OUTCOME_DATE", *lines, ""]))
    take_in_outcomes([str(outcomes_of(project))], load_settings(project.config))
    return Made(project, delivered, scored, objects_of(store))


def outcomes_of(project: Project) -> Path:
    """Outcomes of the day, 48 days after it."""
    return Path(project.config).with_name("outcomes.csv")


def objects_of(store: Store) -> Objects:
    return {entry.key: store.read(entry.key).data for entry in store.list("")}


@pytest.fixture
def on_s3(made: Made, s3_proxy: BreakingProxy, s3_server: S3Server) -> Callable[[str], Project]:
    """Lays the day of a job into a bucket that is asked through the proxy and that our store has not probed yet."""

    def lay(name: str) -> Project:
        for key, data in made.before(name).items():
            s3_server.client.put_object(Bucket=bucket_of(s3_proxy.root), Key=f"prod/{key}", Body=data)
        return made.project.with_settings(storage={"root": s3_proxy.root})

    return lay


def store_of(project: Project) -> Store:
    return open_store(load_settings(project.config).storage)


def score(project: Project) -> None:
    """Score the day under a budget that it exceeds, so that it is refused; then under its own."""
    with contextlib.suppress(ExpectationsNotMet):
        score_applications.fn(as_of=DAY, config=project.with_settings(contract=STRICT).config)
    score_applications.fn(as_of=DAY, config=project.config)


def housekeep(project: Project) -> None:
    """Clean the store of all that is old, and erase one applicant."""
    store = store_of(project)
    applicant = read_parquet(store.read(decisions_key(DAY)).data).column(APPLICATION_ID)[0].as_py()
    settings = load_settings(project.with_settings(retention={"orphan_days": 1}).config)
    clean(clock_of(datetime.now(UTC).date(), settings), settings, apply=True)
    erase(store, applicant, reason="asked", at=datetime.now(UTC), reading=Reading())


def monitor(project: Project) -> None:
    monitor_decisions.fn(as_of=DAY, config=project.config)


def train(project: Project) -> None:
    history = Path(project.config).with_name("history.parquet")
    if not history.exists():
        write_history(history, load_statistics(), rows=1000, seed=5, as_of=date(2026, 10, 1), file_format="parquet")
    settings = load_settings(project.config)
    train_model.fn(applications=[str(history)], config=project.config)
    before = registry_of(settings).champion()
    promoted = promote_challenger(settings, anyway=True, reason="asked")
    assert roll_back(settings, reason="asked").after == before
    assert not days_decided_by(promoted.model, settings)


def backtest(project: Project) -> None:
    """Take outcomes in that are mature after 30 days, and then ask for more days than have gone by."""
    later = date(2028, 1, 1)
    for maturity_days in (30, 90):
        config = project.with_settings(outcomes={"maturity_days": maturity_days}).config
        backtest_outcomes.fn(files=[str(outcomes_of(project))], as_of=later, config=config)


def retrain(project: Project) -> None:
    history = Path(project.config).with_name("earlier.parquet")
    write_history(history, load_statistics(), rows=1000, seed=5, as_of=date(2026, 10, 1), file_format="parquet")
    few = {"least_new_outcomes": 1, "least_new_defaulted": 1, "history": [str(history)]}
    config = project.with_settings(outcomes={"maturity_days": 30}, training=few).config
    assert retrain_model.fn(as_of=date(2028, 1, 1), config=config).trained


def activate(project: Project) -> None:
    """Activate a policy that nobody knew before, and roll it back."""
    path = Path(project.config).with_name("policy_two.yaml")
    path.write_text((PROJECT / "configs/policy.yaml").read_text().replace('version: "1"', 'version: "2"'))
    settings = load_settings(project.config)
    for named in ("configs/policy.yaml", str(path), "1"):
        activate_policy(named, "as decided", settings)


def show_rejected(project: Project) -> None:
    settings = load_settings(project.config)
    assert find_rejected(store_of(project), DAY, load_calendar(settings.scoring.calendar)).rows.num_rows


def read_decisions(project: Project) -> None:
    store = store_of(project)
    assert [entry.key for entry in store.list("decisions/")] == [decisions_key(DAY)]
    assert store.read(decisions_key(DAY)).data


JOBS: dict[str, Callable[[Project], None]] = {
    "score": score,
    "train": train,
    "monitor": monitor,
    "outcomes": backtest,
    "retrain": retrain,
    "clean": housekeep,
    "policy": activate,
    "rejected": show_rejected,
    "reader": read_decisions,
}


def test_every_policy_is_tried() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == JOBS.keys()


@pytest.mark.parametrize("name", JOBS)
def test_a_job_runs_under_its_policy_and_needs_every_grant_of_it(
    on_s3: Callable[[str], Project], s3_proxy: BreakingProxy, name: str
) -> None:
    project = on_s3(name)
    guard = Guard(statements_of(name))
    s3_proxy.start(guard)
    JOBS[name](project)
    assert guard.denied == []
    unused = {
        (sid, action, resource)
        for sid, action, resource in guard.granted - guard.used
        if action not in ONLY_AFTER_A_FAILURE
        and (name, sid) not in STOPS_NOTHING
        and not (action == "s3:GetObject" and resource in RARELY_READ)
    }
    assert unused == set()


@pytest.mark.parametrize(
    ("name", "left_out"),
    [
        (name, each["Sid"])
        for name in JOBS
        for each in statements_of(name)
        if not ONLY_AFTER_A_FAILURE.issuperset(each["Action"]) and (name, each["Sid"]) not in STOPS_NOTHING
    ],
)
def test_without_a_statement_the_job_stops_and_says_which_rights_it_needs(
    on_s3: Callable[[str], Project], s3_proxy: BreakingProxy, name: str, left_out: str
) -> None:
    project = on_s3(name)
    s3_proxy.start(Guard([each for each in statements_of(name) if each["Sid"] != left_out]))
    with pytest.raises(PublishError, match=r"AccessDenied \(403\).*The credentials need s3:ListBucket"):
        JOBS[name](project)


@pytest.mark.parametrize("name", ["reader", "rejected"])
def test_who_only_reads_may_neither_read_the_landing_nor_write(
    on_s3: Callable[[str], Project], s3_proxy: BreakingProxy, name: str
) -> None:
    store = store_of(on_s3(name))
    landed = next(entry.key for entry in store.list(landing_key(DAY)))
    forbidden: list[Callable[[], Any]] = [
        lambda: store.read(landed),
        lambda: store.read(suite_key("ab12")),
        lambda: store.delete(decisions_key(DAY)),
        lambda: store.create("decisions/day=2026-11-03/decisions.parquet", b"x"),
    ]
    s3_proxy.start(Guard(statements_of(name)))
    for attempt in forbidden:
        with pytest.raises(PublishError, match="AccessDenied"):
            attempt()


def test_the_daily_job_may_alter_neither_what_was_delivered_nor_what_was_published(
    on_s3: Callable[[str], Project], s3_proxy: BreakingProxy
) -> None:
    store = store_of(on_s3("daily"))
    s3_proxy.start(Guard(statements_of("score")))
    for attempt in (
        lambda: store.delete(manifest_key(DAY, 1)),
        lambda: store.delete(decisions_key(DAY)),
        lambda: store.create(f"{landing_key(DAY)}more.csv", b"x"),
        lambda: store.delete(f"{landing_key(DAY)}applications_1.csv"),
    ):
        with pytest.raises(PublishError, match="AccessDenied"):
            attempt()


@pytest.mark.parametrize("name", sorted(JOBS.keys() - {"reader"}))
def test_who_asks_for_what_may_be_missing_lists_without_a_condition(name: str) -> None:
    assert [each for each in statements_of(name) if "Condition" in each] == []
