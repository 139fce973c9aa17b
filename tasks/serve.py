"""One application, online: the model that `mlflow models serve` loads from the champion's folder.

MLflow finds this module by its name in the model's folder, which holds neither code nor pickle. The
bundle must be one that was registered, byte for byte. Settings and contract are this machine's,
as for the daily job; the policy is the one in force when the server starts.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from configs.settings import Settings, load_settings
from tasks.core.contract.screening import screen_chunk
from tasks.core.decision.online import REQUEST, build_answer, request_of, require_one_decidable
from tasks.core.decision.reasons import codes_of
from tasks.core.decision.scoring import score_rows
from tasks.core.lender.columns import NAMES
from tasks.core.model.bundle import Bundle, ModelPin, from_files
from tasks.model.load import load_contract, policy_for, proven_engine, reasons_of, registry_of, suite_text
from tasks.model.policy_in_force import policy_in_force

if TYPE_CHECKING:
    import pandas as pd


class Served:
    """A registered model that decides applications on request: MLflow's python function."""

    def __init__(self, bundle: Bundle, model: ModelPin, settings: Settings) -> None:
        """Prepare the model to score.

        Raises:
            ModelError: the golden rows do not come out as at registration, or the policy forbids
                one of its inputs.
            ConfigError: policy, reasons or contract cannot be used.
        """
        self._bundle = bundle
        self._model = model
        self._engine = proven_engine(bundle, settings.scoring.engine)
        self._policy = policy_for(model, bundle, policy_in_force(settings).policy)
        self._codes = codes_of(reasons_of(settings))
        self._contract = load_contract(suite_text(settings.contract.suite))
        self._optional = frozenset(NAMES) - self._contract.filled_columns

    def predict(
        self,
        frame: pd.DataFrame,
        params: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> pd.DataFrame:
        """Answer each application of a request, in its order.

        The columns are those of `tasks.core.decision.online.ANSWER`.

        Args:
            frame: applications as delivered, columns in any order, numbers as numbers or as text. Columns
                of which the contract lets every value be missing may be absent.
            params: MLflow's parameters; none is used.

        Raises:
            ExpectationsNotMet: a column is missing, there is no row, or no row keeps the contract.
        """
        request = request_of(frame, optional=self._optional)
        chunk = screen_chunk(request.rows, first_row=1, source=REQUEST, contract=self._contract)
        require_one_decidable(chunk, self._contract.rules)
        scored = score_rows(
            chunk.accepted,
            self._bundle,
            self._engine,
            policy=self._policy,
            codes=self._codes,
        )
        answer = build_answer(
            chunk,
            scored,
            policy=self._policy,
            model=self._model,
            contract_version=self._contract.version,
            absent=request.absent,
        )
        return _with_nulls(answer)


def _load_pyfunc(data_path: str) -> Served:
    """Load the model whose bundle lies in a folder. MLflow calls this function.

    Raises:
        ModelError: the bundle was never registered.
    """
    from tasks.adapters.mlflow_file import read_bundle

    settings = load_settings()
    files = read_bundle(Path(data_path))
    model = registry_of(settings).registered(files)
    served = Served(from_files(files), model, settings)
    if "mlflow.pyfunc.scoring_server" in sys.modules:
        from tasks.adapters.mlflow_server import adopt_server

        adopt_server()
    return served


def _with_nulls(answer: pa.Table) -> pd.DataFrame:
    """Convert to a frame in which a missing value is None, as in JSON, and never NaN."""
    import pandas as pd

    return pd.DataFrame(answer.to_pylist(), columns=answer.column_names, dtype=object)
