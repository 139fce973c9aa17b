import numpy as np
import pandas as pd

from tasks.core.monitoring.drift import OTHER, coarsen

FROZEN = {
    "amount": {"quantiles": [10.0, 20.0, 40.0]},
    "flag": {"quantiles": [0.0, 0.0, 0.0], "values": [0.0, 1.0]},
    "kind": {"level_shares": {"A": 0.9, "B": 0.1}},
}


def test_no_single_applicants_value_is_left() -> None:
    random = np.random.default_rng(0)
    rows = 500
    kinds = random.choice(["A", "B", "JOHN Q"], rows)
    sample = pd.DataFrame(
        {"amount": random.normal(20, 9, rows), "flag": random.integers(0, 2, rows) * 1.0, "kind": kinds}
    )
    told = coarsen(sample, FROZEN, seed=1)
    assert set(told["amount"]) == {10.0, 20.0, 40.0}
    assert set(told["flag"]) == {0.0, 1.0}
    assert set(told["kind"]) == {"A", "B", OTHER}
    assert told["flag"].sum() == sample["flag"].sum()


def test_rows_cannot_be_found_again_by_their_place() -> None:
    sample = pd.DataFrame({"amount": np.repeat([10.0, 40.0], 200), "flag": 0.0, "kind": "A"})
    told = coarsen(sample, FROZEN, seed=1)
    assert told["amount"].tolist() != sample["amount"].tolist()
    assert told["amount"].value_counts().to_dict() == {10.0: 200, 40.0: 200}


def test_missing_stays_missing() -> None:
    sample = pd.DataFrame({"amount": [None, 11.0], "flag": [1.0, None], "kind": [None, "A"]})
    assert coarsen(sample, FROZEN, seed=1).isna().sum().to_dict() == {"amount": 1, "flag": 1, "kind": 1}
