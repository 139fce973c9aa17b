"""The contract, judged by Great Expectations at a speed that lets every row of every day be judged.

Great Expectations copies the whole wide frame for each expectation. Here its own condition functions see only the
columns a rule names, chunk by chunk, and its own `_validate` turns the summed counts into its own results. Rules that
look across rows run plainly, on a frame that holds nothing but their columns. Some of these hooks are semi-private
(`registry`, `_validate`): the exact pin and a parity test against plain Great Expectations guard them.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NamedTuple, get_args

import great_expectations as gx
import numpy as np
import pandas as pd
from great_expectations.compatibility.pydantic import ValidationError
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.exceptions.exceptions import ExpectationNotFoundError, MetricProviderError
from great_expectations.execution_engine.pandas_execution_engine import PandasExecutionEngine
from great_expectations.expectations import registry
from great_expectations.expectations.expectation import Expectation
from great_expectations.validator.metric_configuration import MetricConfiguration

from tasks.core.applications import NAMES
from tasks.core.contract import Rule, RuleCount, RuleResult, Severity, Verdicts, suite_identity
from tasks.errors import ConfigError, did_you_mean

_SUITE_BEGINS: Final = 'It begins {"name": "...", "meta": {"version": "1"}, "expectations": [...'
_CONDITION_IS: Final = (
    'One condition is {"type": "comparison", "column": {"name": "..."}, "operator": "==", "parameter": ...}; '
    "the operators are ==, !=, <, <=, >, >=, IN and NOT_IN."
)
_SUITE_KEYS: Final = {"name", "meta", "expectations"}
_ENTRY_KEYS: Final = {"type", "kwargs", "severity", "meta"}
_META_KEYS: Final = ("id", "sentence", "owner")
# Rule ids are joined by ";" in the quarantine.
_ID: Final = re.compile(r"\w+", re.ASCII)

# Map metrics whose verdict on a row hangs on other rows or on the type of the column.
_ACROSS_ROWS: Final = {
    "column_values.unique", "compound_columns.unique", "column_values.increasing", "column_values.decreasing",
    "column_values.of_type", "column_values.in_type_list",
}  # fmt: skip
# Expectations that the header of a file decides.
_ABOUT_COLUMNS: Final = {
    "expect_column_to_exist", "expect_table_columns_to_match_set", "expect_table_columns_to_match_ordered_list",
    "expect_table_column_count_to_equal", "expect_table_column_count_to_be_between",
}  # fmt: skip
# Facts of the table that every condition declares to need; on pandas only the column names are ever read.
_TABLE_FACTS: Final = {"table.columns", "table.column_types", "table.row_count"}

_COUNTS_ONLY: Final = {
    "result_format": "BASIC",
    "partial_unexpected_count": 0,
    "exclude_unexpected_values": True,
    "include_unexpected_rows": False,
}
_FIGURES: Final = (
    "element_count", "missing_count", "missing_percent", "unexpected_count", "unexpected_percent",
    "unexpected_percent_total", "unexpected_percent_nonmissing",
)  # fmt: skip


class _Step(NamedTuple):
    """One metric function of Great Expectations and its arguments."""

    metric: str
    compute: Callable[..., Any]
    domain: Mapping[str, Any]
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _RowRule:
    """A row rule resolved to what has to be called for a chunk."""

    id: str
    columns: tuple[str, ...]
    """What the steps read."""
    condition: Any
    """Great Expectations' row condition; None if the rule holds for every row."""
    condition_columns: tuple[str, ...]
    steps: tuple[_Step, ...]
    """The last one says of each judged row whether it breaks the rule."""

    @property
    def cut(self) -> tuple[str, tuple[str, ...]]:
        """Rules with equal cuts are judged on the same rows and columns."""
        return repr(self.condition), self.columns


class _Reviewed(NamedTuple):
    """One entry of a suite, found sound."""

    entry: Mapping[str, Any]
    expectation: Expectation
    rule: Rule
    row_rule: _RowRule | None
    """None for a rule of table scope."""


class Contract:
    """A reviewed suite of expectations, ready to judge typed rows. Made by `load_contract`."""

    def __init__(self, suite: Mapping[str, Any], reviewed: Sequence[_Reviewed]) -> None:
        """Use `load_contract`."""
        self.name: str = suite["name"]
        self.version, self.digest = suite_identity(json.dumps(suite))
        self.rules: tuple[Rule, ...] = tuple(each.rule for each in reviewed)
        self._reviewed = {each.rule.id: each for each in reviewed}
        # Rules of one cut stand together, so that a chunk is cut once for all of them.
        self._row_rules = sorted((each.row_rule for each in reviewed if each.row_rule), key=lambda rule: rule.cut)
        table = [each for each in reviewed if each.row_rule is None]
        self._about_columns = [each for each in table if each.entry["type"] in _ABOUT_COLUMNS]
        self._across_rows = [each for each in table if each.entry["type"] not in _ABOUT_COLUMNS]
        self.table_columns: tuple[str, ...] = tuple(
            dict.fromkeys(name for each in self._across_rows for name in each.rule.columns)
        )
        """The columns that `check_table` needs."""

    def check_rows(self, frame: pd.DataFrame) -> Verdicts:
        """The verdict of every row rule on one chunk of typed rows; positions count from 0 within the chunk.

        Numbers are float64 or int64; text is objects with None, or categories (`tasks.core.contract.typed_frame`).

        Raises:
            ConfigError: a rule could not be evaluated, which is neither a pass nor a fault of the data.
        """
        chunk = _Chunk(frame)
        broken, counts = {}, {}
        for rule in self._row_rules:
            try:
                broken[rule.id], counts[rule.id] = chunk.judge(rule)
            except Exception as error:  # noqa: BLE001  # whatever a rule trips over, its text may carry a row's value
                raise _crash(rule.id, self.name, type(error).__name__) from None
        ids = [rule.id for rule in self.rules if rule.scope == "row"]
        return Verdicts({id_: broken[id_] for id_ in ids if len(broken[id_])}, {id_: counts[id_] for id_ in ids})

    def check_columns(self, names: Sequence[str]) -> tuple[str, ...]:
        """The ids of the rules about columns that a file with the header `names` breaks."""
        results = self._validate(self._about_columns, pd.DataFrame(columns=list(names)))
        return tuple(result.rule_id for result in results if not result.is_met)

    def check_table(self, frame: pd.DataFrame) -> tuple[RuleResult, ...]:
        """The results of the rules that look across rows, on the `table_columns` of all rows of the day."""
        return self._validate(self._across_rows, frame)

    def results(
        self,
        counts: Mapping[str, RuleCount],
        table_results: Sequence[RuleResult],
        *,
        broken_columns: Collection[str] = (),
    ) -> tuple[RuleResult, ...]:
        """Great Expectations' result of every rule, in suite order.

        Args:
            counts: summed over all chunks; every row rule must be there, since a rule nobody evaluated has not
                passed. Counts of rules that are not the suite's are ignored.
            table_results: from `check_table`.
            broken_columns: from `check_columns`, over all files.
        """
        found = {result.rule_id: result for result in table_results}
        for each in self._about_columns:
            found[each.rule.id] = RuleResult(each.rule.id, each.rule.id not in broken_columns, {})
        for rule in self._row_rules:
            found[rule.id] = _conclude(rule.id, self._reviewed[rule.id].expectation, counts[rule.id])
        return tuple(found[rule.id] for rule in self.rules)

    def validation(
        self,
        counts: Mapping[str, RuleCount],
        table_results: Sequence[RuleResult],
        *,
        broken_columns: Collection[str] = (),
    ) -> dict[str, Any]:
        """`results` as a JSON-ready Great Expectations validation result, without any value of the data."""
        results = self.results(counts, table_results, broken_columns=broken_columns)
        n_met = sum(result.is_met for result in results)
        return {
            "success": n_met == len(results),
            "suite_name": self.name,
            "statistics": {
                "evaluated_expectations": len(results),
                "successful_expectations": n_met,
                "unsuccessful_expectations": len(results) - n_met,
                "success_percent": n_met / len(results) * 100,
            },
            "results": [
                {"success": is_met, "expectation_config": dict(self._reviewed[id_].entry), "result": dict(figures)}
                for id_, is_met, figures in results
            ],
            "meta": {"version": self.version, "digest": self.digest, "great_expectations_version": gx.__version__},
        }

    def _validate(self, reviewed: Sequence[_Reviewed], frame: pd.DataFrame) -> tuple[RuleResult, ...]:
        """Plain Great Expectations on the whole of a narrow frame, in a context of its own."""
        if not reviewed:
            return ()
        _silence()
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = ProgressBarsConfig(globally=False)
        asset = context.data_sources.add_pandas("rows").add_dataframe_asset("rows")
        batch = asset.add_batch_definition_whole_dataframe("rows").get_batch({"dataframe": frame})
        suite = gx.ExpectationSuite(name=self.name, expectations=[dict(each.entry) for each in reviewed])
        validation = batch.validate(suite, result_format=_COUNTS_ONLY)
        found = {}
        for result in validation.to_json_dict()["results"]:
            rule_id = result["expectation_config"]["meta"]["id"]
            # A metric that crashed reports under its own name instead of `raised_exception`.
            if result["exception_info"].get("raised_exception", True):
                raise _crash(rule_id, self.name, "its metrics failed")
            found[rule_id] = RuleResult(rule_id, result["success"], _figures(result["result"]))
        return tuple(found[each.rule.id] for each in reviewed)


def load_contract(text: str, *, columns: Collection[str] | None = NAMES) -> Contract:
    """The contract in a suite's JSON text; its rules may only name the given `columns` (None: any).

    Great Expectations logs and drops an entry it cannot read, so every entry is reviewed here first, and what Great
    Expectations then loads is compared with the text.

    Raises:
        ConfigError: an entry is not what its author meant; the message names the entry and what is wrong with it.
    """
    _silence()
    suite = _parse_suite(text)
    reviewed: list[_Reviewed] = []
    for position, entry in enumerate(suite["expectations"], start=1):
        try:
            reviewed.append(_review(entry, columns=columns, taken=[each.rule.id for each in reviewed]))
        except _Fault as fault:
            raise ConfigError(f"Contract {suite['name']!r}, {_label(entry, position)}: {fault}") from None
    loaded = gx.ExpectationSuite(**json.loads(text)).expectations
    if [type(expectation) for expectation in loaded] != [type(each.expectation) for each in reviewed]:
        raise ConfigError(
            f"Contract {suite['name']!r}: Great Expectations loaded {len(loaded)} of {len(reviewed)} entries. "
            "Compare the installed great-expectations with the lock file."
        )
    return Contract(suite, reviewed)


def validate_decisions(frame: pd.DataFrame, suite_text: str) -> tuple[Rule, ...]:
    """The rules that the decisions to be published break, in suite order; an empty answer means they may be published.

    If the columns are not those promised, the rules about columns are all that can be judged.
    """
    contract = load_contract(suite_text, columns=None)
    rules = {rule.id: rule for rule in contract.rules}
    if broken_columns := contract.check_columns(list(frame.columns)):
        return tuple(rules[rule_id] for rule_id in broken_columns)
    table_results = contract.check_table(frame[list(contract.table_columns)])
    results = contract.results(contract.check_rows(frame).counts, table_results)
    return tuple(rules[result.rule_id] for result in results if not result.is_met)


class _Chunk:
    """One chunk of rows, cut down to what a rule reads; the last cut is kept for the rules that share it."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame.copy(deep=False)
        self._frame.index = pd.RangeIndex(len(frame))
        self._engine = PandasExecutionEngine()  # one for each chunk: chunks may be judged on several threads
        self._meeting: dict[str, np.ndarray] = {}
        self._cut: tuple[str, tuple[str, ...]] | None = None
        self._part = self._frame

    def judge(self, rule: _RowRule) -> tuple[np.ndarray, RuleCount]:
        """The positions of the rows that break the rule, ascending, and its counts."""
        if rule.cut != self._cut:
            self._part, self._cut = self._rows_of(rule), rule.cut
            self._engine.load_batch_data("rows", self._part)
        metrics: dict[str, Any] = {"table.columns": list(rule.columns), "table.row_count": len(self._part)}
        for step in rule.steps:
            metrics[step.metric] = step.compute(self._engine, dict(step.domain), dict(step.values), metrics, {})
        # Great Expectations leaves out the rows it does not judge; the index has the positions of the others.
        is_broken: pd.Series[bool] = metrics[rule.steps[-1].metric][0]
        broken = is_broken.index.to_numpy()[is_broken.to_numpy(dtype=bool)]
        return broken, RuleCount(len(self._part), len(self._part) - len(is_broken), len(broken))

    def _rows_of(self, rule: _RowRule) -> pd.DataFrame:
        """The rows that meet the rule's condition, which is evaluated once a chunk, with the columns it reads."""
        part = _narrow(self._frame, rule.columns)
        if rule.condition is None:
            return part
        if (key := repr(rule.condition)) not in self._meeting:
            self._engine.load_batch_data("rows", _narrow(self._frame, rule.condition_columns))
            rows = self._engine.get_domain_records({"row_condition": rule.condition})
            self._meeting[key] = rows.index.to_numpy()
        return part.iloc[self._meeting[key]]


def _narrow(frame: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Some columns of a frame without copying them, which `frame[columns]` does."""
    return pd.DataFrame({name: frame[name] for name in columns}, copy=False)


class _Fault(Exception):  # never leaves this module: `load_contract` adds which entry it is
    """What is wrong with one entry."""


def _parse_suite(text: str) -> dict[str, Any]:
    try:
        suite = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"The contract is not valid JSON: {error}.") from None
    if not isinstance(suite, dict):
        raise ConfigError("The contract is no JSON object. " + _SUITE_BEGINS)
    for key in sorted(set(suite) - _SUITE_KEYS):
        raise ConfigError(f"The contract has an unknown field {key!r}.{did_you_mean(key, sorted(_SUITE_KEYS))}")
    if not isinstance(suite.get("name"), str) or not suite["name"]:
        raise ConfigError("The contract has no name. " + _SUITE_BEGINS)
    version = suite["meta"].get("version") if isinstance(suite.get("meta"), dict) else None
    if not isinstance(version, str) or not version:
        raise ConfigError(f"Contract {suite['name']!r} has no meta.version. {_SUITE_BEGINS}")
    if not isinstance(suite.get("expectations"), list) or not suite["expectations"]:
        raise ConfigError(f"Contract {suite['name']!r} has no expectations.")
    return suite


def _review(entry: Any, *, columns: Collection[str] | None, taken: Collection[str]) -> _Reviewed:
    """The entry with what Great Expectations makes of it. Raises `_Fault`."""
    _require_shape(entry)
    meta = entry["meta"]
    if meta["id"] in taken:
        raise _Fault("another entry has the same meta.id.")
    expectation = _build(entry)
    named = _columns(entry["kwargs"])
    for name in named:
        if columns is not None and name not in columns:
            raise _Fault(f"there is no column {name!r}.{did_you_mean(str(name), list(columns))}")
    row_rule = _resolve(entry, expectation)
    if row_rule and entry["severity"] == "critical" and "mostly" in entry["kwargs"]:
        raise _Fault("a critical row rule takes no 'mostly': every row that breaks it is set aside.")
    rule = Rule(
        id=meta["id"],
        sentence=meta["sentence"],
        severity=entry["severity"],
        owner=meta["owner"],
        scope="row" if row_rule else "table",
        columns=named,
    )
    return _Reviewed(entry, expectation, rule, row_rule)


def _require_shape(entry: Any) -> None:
    if not isinstance(entry, dict):
        raise _Fault("an entry is an object with type, kwargs, severity and meta.")
    for key in sorted(set(entry) - _ENTRY_KEYS):
        raise _Fault(f"unknown field {key!r}.{did_you_mean(key, sorted(_ENTRY_KEYS))}")
    for key in sorted(_ENTRY_KEYS - set(entry)):
        raise _Fault(f"{key} is missing.")
    severities = list(get_args(Severity))
    if entry["severity"] not in severities:
        hint = did_you_mean(str(entry["severity"]), severities)
        raise _Fault(f"severity {entry['severity']!r} is not one of {', '.join(severities)}.{hint}")
    if not isinstance(entry["kwargs"], dict) or not isinstance(entry["meta"], dict):
        raise _Fault("kwargs and meta are objects.")
    for key in _META_KEYS:
        if not isinstance(entry["meta"].get(key), str) or not entry["meta"][key].strip():
            raise _Fault(f"meta.{key} is missing.")
    if not _ID.fullmatch(entry["meta"]["id"]):
        raise _Fault("meta.id holds letters, digits and underscores alone.")


def _build(entry: Mapping[str, Any]) -> Expectation:
    """The expectation of an entry, or Great Expectations' complaint in our words."""
    type_, kwargs = entry["type"], entry["kwargs"]
    try:
        implementation = registry.get_expectation_impl(type_)
    except ExpectationNotFoundError:
        known = registry.list_registered_expectation_implementations()
        raise _Fault(f"there is no expectation type {type_!r}.{did_you_mean(str(type_), known)}") from None
    _require_condition(kwargs.get("row_condition"))
    try:
        return implementation(**kwargs, severity=entry["severity"], meta=entry["meta"])
    except ValidationError as error:
        complaint = _explain(error, sorted(implementation.__fields__))
        raise _Fault(f"{type_} {complaint}") from None
    except (TypeError, ValueError) as error:
        raise _Fault(f"{type_} refuses its kwargs: {error}.") from None


def _explain(error: ValidationError, known: list[str]) -> str:
    """The first complaint about kwargs, a name that does not exist before one that is missing: it may be misspelt."""
    first = min(error.errors(), key=lambda each: each["type"] != "value_error.extra")
    name = str(first["loc"][0])
    if first["type"] == "value_error.extra":
        return f"takes no {name!r}.{did_you_mean(name, known)}"
    if first["type"] == "value_error.missing":
        return f"needs {name!r}."
    if name == "row_condition":
        return f"refuses its row_condition. {_CONDITION_IS}"
    return f"refuses {'its kwargs' if name == '__root__' else repr(name)}: {first['msg']}."


def _require_condition(condition: Any) -> None:
    """Strings are deprecated, and nobody could check the columns they name."""
    try:
        _condition_columns(condition)
    except (TypeError, KeyError, AttributeError):
        raise _Fault(f"row_condition is not understood. {_CONDITION_IS}") from None


def _columns(kwargs: Mapping[str, Any]) -> tuple[str, ...]:
    """Every column that kwargs name, row condition included, each once."""
    return tuple(dict.fromkeys([*_own_columns(kwargs), *_condition_columns(kwargs.get("row_condition"))]))


def _own_columns(kwargs: Mapping[str, Any]) -> list[str]:
    single = [kwargs[key] for key in ("column", "column_A", "column_B") if key in kwargs]
    return [*single, *(name for key in ("column_list", "column_set") for name in kwargs.get(key) or ())]


def _condition_columns(condition: Mapping[str, Any] | None) -> list[str]:
    if condition is None:
        return []
    if "conditions" in condition:
        return [name for part in condition["conditions"] for name in _condition_columns(part)]
    return [condition["column"]["name"]]


def _resolve(entry: Mapping[str, Any], expectation: Expectation) -> _RowRule | None:
    """What to call for this rule on a chunk, or None if its verdict on a row hangs on more than that row."""
    map_metric = getattr(type(expectation), "map_metric", None)
    if map_metric is None or map_metric in _ACROSS_ROWS:
        return None
    name, kwargs = f"{map_metric}.condition", entry["kwargs"]
    try:
        needed = registry.get_metric_kwargs(name, configuration=expectation.configuration)
        metric = MetricConfiguration(name, needed["metric_domain_kwargs"], needed["metric_value_kwargs"])
        steps = _steps(metric, engine=PandasExecutionEngine())
    except MetricProviderError:
        raise _Fault(f"Great Expectations cannot evaluate {entry['type']} on pandas.") from None
    condition = getattr(expectation, "row_condition", None)
    if condition is not None and "row_condition" not in needed["metric_domain_keys"]:
        raise _Fault(f"Great Expectations would ignore the row_condition of {entry['type']}.")
    condition_columns = tuple(dict.fromkeys(_condition_columns(kwargs.get("row_condition"))))
    own = tuple(dict.fromkeys(_own_columns(kwargs)))
    return None if steps is None else _RowRule(entry["meta"]["id"], own, condition, condition_columns, steps)


def _steps(metric: MetricConfiguration, *, engine: PandasExecutionEngine) -> tuple[_Step, ...] | None:
    """The metric after the row-wise metrics it is computed from; None if it needs a figure of the whole column."""
    provider, function = registry.get_metric_provider(metric.metric_name, engine)
    before: tuple[_Step, ...] = ()
    for needed in provider.get_evaluation_dependencies(metric, execution_engine=engine).values():
        if needed.metric_name in _TABLE_FACTS:
            continue
        steps = _steps(needed, engine=engine) if needed.metric_name.endswith(".map") else None
        if steps is None:
            return None
        before += steps
    # The rows that meet a row condition are cut out beforehand, once for all rules that share it.
    domain = {key: value for key, value in metric.metric_domain_kwargs.items() if value and key != "row_condition"}
    values = {key: _as_array(value) for key, value in metric.metric_value_kwargs.items()}
    return (*before, _Step(metric.metric_name, partial(function, provider), domain, values))


def _as_array(value: Any) -> Any:
    """Lists of numbers as arrays: pandas looks up floats in a list of whole numbers as objects, seven times slower."""
    is_numeric = isinstance(value, list) and value and all(type(item) in (int, float) for item in value)
    return np.array(value) if is_numeric else value


def _conclude(rule_id: str, expectation: Expectation, count: RuleCount) -> RuleResult:
    """Great Expectations' own verdict, from the metrics it would have computed itself."""
    map_metric = type(expectation).map_metric  # every row rule has one
    metrics = {
        "table.row_count": count.checked,
        "column_values.nonnull.unexpected_count": count.missing,
        f"{map_metric}.filtered_row_count": count.checked - count.missing,
        f"{map_metric}.unexpected_count": count.broken,
    }
    verdict = expectation._validate(metrics, runtime_configuration={"result_format": _COUNTS_ONLY})  # noqa: SLF001
    return RuleResult(rule_id, bool(verdict["success"]), _figures(verdict["result"]))


def _figures(result: Mapping[str, Any]) -> dict[str, float | int | None]:
    """Counts and percentages alone: an observed value may be an applicant's."""
    return {name: result[name] for name in _FIGURES if name in result}


def _label(entry: Any, position: int) -> str:
    """How a message names an entry: its position, and its id and type as far as it has them."""
    fields = entry if isinstance(entry, dict) else {}
    meta = fields.get("meta")
    known = [meta.get("id") if isinstance(meta, dict) else None, fields.get("type")]
    described = ", ".join(str(part) for part in known if part)
    return f"entry {position} ({described})" if described else f"entry {position}"


def _crash(rule_id: str, contract: str, cause: str) -> ConfigError:
    return ConfigError(
        f"Rule {rule_id!r} of contract {contract!r} could not be evaluated ({cause}). That is no verdict on the data: "
        "compare the rule with the columns it names and their types."
    )


def _silence() -> None:
    """Great Expectations logs what a crashing metric says, and that may carry a row's value."""
    logging.getLogger("great_expectations").setLevel(logging.CRITICAL + 1)
