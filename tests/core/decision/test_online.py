"""A request is refused in words that are the same each time."""

import pandas as pd
import pytest

from tasks.core.decision.online import request_of
from tasks.core.lender.columns import NAMES
from tasks.errors import ExpectationsNotMet


def test_undeclared_columns_are_named_in_the_order_of_the_request() -> None:
    others = [f"OTHER_{letter}" for letter in "QCXAMB"]
    frame = pd.DataFrame({name: [1] for name in (*others, *NAMES) if name != "AMT_CREDIT"})
    with pytest.raises(ExpectationsNotMet, match=f"Not declared are: {', '.join(others)}"):
        request_of(frame, optional=())
