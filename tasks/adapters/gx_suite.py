"""Reading of a suite of expectations: an entry that is not as its author meant stops it.

Great Expectations logs and drops an entry that it cannot read. So each entry is built here on its
own, its columns and its row condition are checked, and a row rule is resolved to the metric
functions that judge a row.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NamedTuple, get_args

import numpy as np

from tasks.adapters.gx_parts import (
    Expectation,
    ExpectationNotFoundError,
    MetricConfiguration,
    MetricProviderError,
    PandasExecutionEngine,
    SuiteParameterError,
    ValidationError,
    parse_suite_parameter,
    registry,
)
from tasks.core.contract.column_screen import (
    Between,
    Greater,
    IsNull,
    NotNull,
    PlainScreen,
    Screen,
    Where,
    conditions_of,
    number_limits,
    one_of,
)
from tasks.core.contract.rules import RECENT_FACTS, Rule, Scope, Severity
from tasks.core.lender.columns import ID, NUMBERS
from tasks.errors import ConfigError, did_you_mean

_SUITE_BEGINS: Final = 'It begins {"name": "...", "meta": {"version": "1"}, "expectations": [...'
_CONDITION_IS: Final = (
    'One condition is {"type": "comparison", "column": {"name": "..."}, "operator": "==", '
    '"parameter": ...}; the operators are ==, !=, <, <=, >, >=, IN and NOT_IN.'
)
_SUITE_KEYS: Final = {"name", "meta", "expectations"}
_ENTRY_KEYS: Final = {"type", "kwargs", "severity", "meta"}
_META_KEYS: Final = ("id", "sentence", "owner")
_EVIDENCE_KEYS: Final = ("from_rows", "from_days")
_PARAMETER: Final = "$PARAMETER"
_WORD: Final = re.compile(r"[A-Za-z_]\w*")
# Rule ids are joined by ";" in the quarantine.
_ID: Final = re.compile(r"\w+", re.ASCII)

# Expectations that the header of a file decides.
ABOUT_COLUMNS: Final = {
    "expect_column_to_exist", "expect_table_columns_to_match_set",
    "expect_table_columns_to_match_ordered_list",
    "expect_table_column_count_to_equal", "expect_table_column_count_to_be_between",
}  # fmt: skip
# Map metrics whose verdict on a row depends on other rows or on the type of the column.
_ACROSS_ROWS: Final = {
    "column_values.unique", "compound_columns.unique",
    "column_values.increasing", "column_values.decreasing",
    "column_values.of_type", "column_values.in_type_list",
}  # fmt: skip
# Map metrics whose verdict on a category is that on its text; others fail on some categories.
_TAKES_CATEGORIES: Final = {
    "column_values.null", "column_values.nonnull",
    "column_values.in_set", "column_values.not_in_set",
}  # fmt: skip
# Map metrics that read a value's text.
_READS_TEXT: Final = {
    "column_values.match_regex", "column_values.match_regex_list",
    "column_values.not_match_regex", "column_values.not_match_regex_list",
    "column_values.value_length.between", "column_values.value_length.equals",
    "column_values.json_parseable", "column_values.match_json_schema",
    "column_values.dateutil_parseable", "column_values.match_strftime_format",
}  # fmt: skip
_LIMITS: Final = {"min_value", "max_value", "strict_min", "strict_max"}
_NUMBERS: Final = {ID, *NUMBERS}
# Facts of the table that every condition declares as needed; pandas reads only the column names.
_TABLE_FACTS: Final = {"table.columns", "table.column_types", "table.row_count"}


class _Step(NamedTuple):
    """One metric function of Great Expectations and its arguments."""

    metric: str
    compute: Callable[..., Any]
    domain: Mapping[str, Any]
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RowRule:
    """A row rule resolved to the functions that must be called for a chunk."""

    id: str
    columns: tuple[str, ...]
    """Columns that the steps read."""
    condition: Any
    """Great Expectations' row condition; None if the rule holds for every row."""
    condition_columns: tuple[str, ...]
    takes_categories: bool
    """True if text may come as categories."""
    steps: tuple[_Step, ...]
    """Metric functions in order. The last one marks each judged row that breaks the rule."""
    screen: Screen | None = None
    """Proof of the verdict from the columns of a chunk as a whole; None if only the steps tell."""

    @property
    def condition_key(self) -> str:
        """Text of the condition, equal only for equal conditions.

        Great Expectations prints `== 1` and `== "1"` alike.
        """
        return "" if self.condition is None else self.condition.json()

    @property
    def cut(self) -> tuple[str, tuple[str, ...], bool]:
        """Key of the rows and columns on which the rule is judged."""
        return self.condition_key, self.columns, self.takes_categories


class Reviewed(NamedTuple):
    """One entry of a suite that was found sound."""

    entry: Mapping[str, Any]
    expectation: Expectation
    rule: Rule
    row_rule: RowRule | None
    """Functions that judge it chunk by chunk; None if it takes the whole table.

    An entry with `mostly` has table scope all the same: it is about a share of the day, and no row
    is to blame.
    """
    parameters: frozenset[str]
    """Facts about recent days that its kwargs name."""


def review_suite(suite: Mapping[str, Any], *, columns: Collection[str] | None) -> list[Reviewed]:
    """Review every entry of a suite. Rules may name only `columns` (None: any).

    Raises:
        ConfigError: an entry is not what its author meant; the message names the entry and its
            fault.
    """
    reviewed: list[Reviewed] = []
    for position, entry in enumerate(suite["expectations"], start=1):
        try:
            taken = [each.rule.id for each in reviewed]
            reviewed.append(_review(entry, columns=columns, taken=taken))
        except _Fault as fault:
            place = f"Contract {suite['name']!r}, {_label(entry, position)}"
            raise ConfigError(f"{place}: {fault}") from None
    return reviewed


class _Fault(Exception):  # never leaves this module: `review_suite` adds which entry it is
    """One entry is not what its author meant; the text says why."""


def parse_suite(text: str) -> dict[str, Any]:
    """Parse the JSON object of a suite.

    Raises:
        ConfigError: it is not a JSON object, has an unknown field, or lacks a name, a version or
            expectations.
    """
    try:
        suite = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"The contract is not valid JSON: {error}.") from None
    if not isinstance(suite, dict):
        raise ConfigError("The contract is not a JSON object. " + _SUITE_BEGINS)
    for key in sorted(set(suite) - _SUITE_KEYS):
        hint = did_you_mean(key, sorted(_SUITE_KEYS))
        raise ConfigError(f"The contract has an unknown field {key!r}.{hint}")
    if not isinstance(suite.get("name"), str) or not suite["name"]:
        raise ConfigError("The contract has no name. " + _SUITE_BEGINS)
    meta = suite.get("meta")
    version = meta.get("version") if isinstance(meta, dict) else None
    if not isinstance(version, str) or not version:
        raise ConfigError(f"Contract {suite['name']!r} has no meta.version. {_SUITE_BEGINS}")
    if not isinstance(suite.get("expectations"), list) or not suite["expectations"]:
        raise ConfigError(f"Contract {suite['name']!r} has no expectations.")
    return suite


def _review(entry: Any, *, columns: Collection[str] | None, taken: Collection[str]) -> Reviewed:
    """Review one entry, with its expectation and its rule. Raises `_Fault`."""
    _require_shape(entry)
    meta = entry["meta"]
    if meta["id"] in taken:
        raise _Fault("another entry has the same meta.id.")
    expectation = _build(entry)
    named = _columns(entry["kwargs"])
    for name in named:
        if columns is not None and name not in columns:
            hint = did_you_mean(str(name), list(columns))
            raise _Fault(f"there is no column {name!r}.{hint}")
    row_rule = _resolve(entry, expectation)
    scope: Scope = "row" if row_rule and "mostly" not in entry["kwargs"] else "table"
    rule = Rule(
        id=meta["id"],
        sentence=meta["sentence"],
        severity=entry["severity"],
        owner=meta["owner"],
        scope=scope,
        columns=named,
        **_evidence(meta, scope),
    )
    parameters = _parameters(entry["kwargs"])
    if row_rule and parameters:
        raise _Fault("a rule that is judged row by row takes no $PARAMETER.")
    if parameters and entry["type"] in ABOUT_COLUMNS:
        raise _Fault("a rule about the header takes no $PARAMETER.")
    return Reviewed(entry, expectation, rule, row_rule, parameters)


def _evidence(meta: Mapping[str, Any], scope: Scope) -> dict[str, int]:
    """Rows and days that a day must offer before the rule counts in full."""
    given = {key: meta[key] for key in _EVIDENCE_KEYS if key in meta}
    for key, value in given.items():
        if type(value) is not int or value < 1:
            raise _Fault(f"meta.{key} must be a whole number from 1.")
        if scope != "table":
            raise _Fault(f"meta.{key} belongs to rules about the whole day; this one is about a row.")
    return given


def _parameters(kwargs: Mapping[str, Any]) -> frozenset[str]:
    """Facts about recent days that kwargs name, as in `{"$PARAMETER": "recent_rows_min * 0.5"}`."""
    found: set[str] = set()
    for name, value in kwargs.items():
        if not isinstance(value, dict) or _PARAMETER not in value:
            continue
        formula = value[_PARAMETER]
        words = set(_WORD.findall(str(formula)))
        for word in sorted(words - set(RECENT_FACTS)):
            known = ", ".join(RECENT_FACTS)
            hint = did_you_mean(word, list(RECENT_FACTS))
            raise _Fault(f"{name} refers to {word!r}; the facts are {known}.{hint}")
        try:
            parse_suite_parameter(formula, dict.fromkeys(RECENT_FACTS, 1))
        except SuiteParameterError:
            example = "'recent_rows_min * 0.5'"
            raise _Fault(f"the formula of {name} is not understood. It is like {example}.") from None
        found |= words
    return frozenset(found)


def _require_shape(entry: Any) -> None:
    if not isinstance(entry, dict):
        raise _Fault("an entry must be an object with type, kwargs, severity and meta.")
    for key in sorted(set(entry) - _ENTRY_KEYS):
        raise _Fault(f"unknown field {key!r}.{did_you_mean(key, sorted(_ENTRY_KEYS))}")
    for key in sorted(_ENTRY_KEYS - set(entry)):
        raise _Fault(f"{key} is missing.")
    severities = list(get_args(Severity))
    if entry["severity"] not in severities:
        hint = did_you_mean(str(entry["severity"]), severities)
        known = ", ".join(severities)
        raise _Fault(f"severity {entry['severity']!r} is not one of {known}.{hint}")
    if not isinstance(entry["kwargs"], dict) or not isinstance(entry["meta"], dict):
        raise _Fault("kwargs and meta must be objects.")
    meta_keys = [*_META_KEYS, *_EVIDENCE_KEYS]
    for key in sorted(set(entry["meta"]) - set(meta_keys)):
        raise _Fault(f"unknown field meta.{key}.{did_you_mean(key, meta_keys)}")
    for key in _META_KEYS:
        if not isinstance(entry["meta"].get(key), str) or not entry["meta"][key].strip():
            raise _Fault(f"meta.{key} is missing.")
    if not _ID.fullmatch(entry["meta"]["id"]):
        raise _Fault("meta.id must hold only letters, digits and underscores.")


def _build(entry: Mapping[str, Any]) -> Expectation:
    """Build the expectation of an entry. Raises `_Fault` with Great Expectations' complaint."""
    type_ = entry["type"]
    kwargs = entry["kwargs"]
    try:
        implementation = registry.get_expectation_impl(type_)
    except ExpectationNotFoundError:
        known = registry.list_registered_expectation_implementations()
        hint = did_you_mean(str(type_), known)
        raise _Fault(f"there is no expectation type {type_!r}.{hint}") from None
    _require_condition(kwargs.get("row_condition"))
    try:
        return implementation(**kwargs, severity=entry["severity"], meta=entry["meta"])
    except ValidationError as error:
        complaint = _explain(error, sorted(implementation.__fields__))
        raise _Fault(f"{type_} {complaint}") from None
    except (TypeError, ValueError) as error:
        raise _Fault(f"{type_} refuses its kwargs: {error}.") from None


def _explain(error: ValidationError, known: list[str]) -> str:
    """First complaint about kwargs.

    An unknown name comes before a missing one, because the unknown one may be misspelt.
    """
    first = min(error.errors(), key=lambda each: each["type"] != "value_error.extra")
    name = str(first["loc"][0])
    if first["type"] == "value_error.extra":
        return f"takes no {name!r}.{did_you_mean(name, known)}"
    if first["type"] == "value_error.missing":
        return f"needs {name!r}."
    if name == "row_condition":
        return f"refuses its row_condition. {_CONDITION_IS}"
    refused = "its kwargs" if name == "__root__" else repr(name)
    return f"refuses {refused}: {first['msg']}."


def _require_condition(condition: Any) -> None:
    """Refuse a condition in text: it is deprecated, and nobody could check the columns in it."""
    try:
        _condition_columns(condition)
    except (TypeError, KeyError, AttributeError):
        raise _Fault(f"row_condition is not understood. {_CONDITION_IS}") from None


def _columns(kwargs: Mapping[str, Any]) -> tuple[str, ...]:
    """Every column that kwargs name, row condition included, each once."""
    of_condition = _condition_columns(kwargs.get("row_condition"))
    return tuple(dict.fromkeys([*_own_columns(kwargs), *of_condition]))


def _own_columns(kwargs: Mapping[str, Any]) -> list[str]:
    single = [kwargs[key] for key in ("column", "column_A", "column_B") if key in kwargs]
    lists = (kwargs.get(key) or () for key in ("column_list", "column_set"))
    return [*single, *(name for names in lists for name in names)]


def _condition_columns(condition: Mapping[str, Any] | None) -> list[str]:
    if condition is None:
        return []
    if "conditions" in condition:
        return [name for part in condition["conditions"] for name in _condition_columns(part)]
    return [condition["column"]["name"]]


def _resolve(entry: Mapping[str, Any], expectation: Expectation) -> RowRule | None:
    """Resolve a rule to its functions; None if its verdict on a row depends on other rows."""
    map_metric = getattr(type(expectation), "map_metric", None)
    if map_metric is None:
        _require_on_pandas(entry["type"], expectation)
    if map_metric is None or map_metric in _ACROSS_ROWS:
        return None
    name = f"{map_metric}.condition"
    kwargs = entry["kwargs"]
    _require_text(map_metric, _own_columns(kwargs))
    try:
        needed = registry.get_metric_kwargs(name, configuration=expectation.configuration)
        domain = needed["metric_domain_kwargs"]
        metric = MetricConfiguration(name, domain, needed["metric_value_kwargs"])
        steps = _steps(metric, engine=PandasExecutionEngine())
    except MetricProviderError:
        raise _Fault(f"Great Expectations cannot evaluate {entry['type']} on pandas.") from None
    condition = getattr(expectation, "row_condition", None)
    if condition is not None and "row_condition" not in needed["metric_domain_keys"]:
        raise _Fault(f"Great Expectations would ignore the row_condition of {entry['type']}.")
    condition_columns = tuple(dict.fromkeys(_condition_columns(kwargs.get("row_condition"))))
    own = tuple(dict.fromkeys(_own_columns(kwargs)))
    if steps is None:
        return None
    return RowRule(
        id=entry["meta"]["id"],
        columns=own,
        condition=condition,
        condition_columns=condition_columns,
        takes_categories=map_metric in _TAKES_CATEGORIES,
        steps=steps,
        screen=_screen(map_metric, kwargs),
    )


def _screen(map_metric: str, kwargs: Mapping[str, Any]) -> Screen | None:
    """Screen of a rule; None for rules that have none, and for kwargs that a screen does not know."""
    given = dict(kwargs)
    given.pop("mostly", None)  # it is about the share of the day, which the counts tell
    if "row_condition" not in given:
        return _plain_screen(map_metric, given)
    conditions = conditions_of(given.pop("row_condition"))
    screen = _plain_screen(map_metric, given)
    return Where(conditions, screen) if conditions and screen else None


def _plain_screen(map_metric: str, given: Mapping[str, Any]) -> PlainScreen | None:
    """Screen of a rule about every row."""
    match map_metric, given:
        case "column_values.nonnull", {"column": column, **rest} if not rest:
            return NotNull(column)
        case "column_values.null", {"column": column, **rest} if not rest:
            return IsNull(column)
        case "column_values.in_set", {"column": column, "value_set": values, **rest} if not rest:
            return one_of(column, values)
        case "column_values.between", {"column": column, **rest} if rest.keys() <= _LIMITS:
            limits = number_limits(rest.get("min_value"), rest.get("max_value"))
            strict = [rest.get(name) or False for name in ("strict_min", "strict_max")]
            return Between(column, *limits, *strict) if limits else None
        case (
            "column_pair_values.a_greater_than_b",
            {"column_A": one, "column_B": other, "ignore_row_if": "either_value_is_missing", **rest},
        ) if rest.keys() <= {"or_equal"}:
            return Greater(one, other, bool(rest.get("or_equal")))
    return None


def _require_on_pandas(type_: str, expectation: Expectation) -> None:
    """Refuse an expectation on which Great Expectations would crash every day."""
    if type_ == "expect_table_row_count_to_equal_other_table":
        raise _Fault("there is no other table: a contract is about one day's rows.")
    try:
        for metric in expectation.metric_dependencies:
            registry.get_metric_provider(metric, PandasExecutionEngine())
    except MetricProviderError:
        raise _Fault(f"Great Expectations cannot evaluate {type_} on pandas.") from None


def _require_text(map_metric: str, columns: Collection[str]) -> None:
    """Refuse a rule that reads the text of a number.

    An id reads `7`, or `7.0` if another row of its chunk has none. The verdict would depend on
    that.
    """
    for name in columns:
        if map_metric in _READS_TEXT and name in _NUMBERS:
            raise _Fault(f"it reads text, and {name} is a number, which may be written as 7 or 7.0.")


def _steps(
    metric: MetricConfiguration,
    *,
    engine: PandasExecutionEngine,
) -> tuple[_Step, ...] | None:
    """Steps of a metric, after the row-wise metrics from which it is computed.

    None if it needs a figure of the whole column.
    """
    provider, function = registry.get_metric_provider(metric.metric_name, engine)
    before: tuple[_Step, ...] = ()
    dependencies = provider.get_evaluation_dependencies(metric, execution_engine=engine)
    for needed in dependencies.values():
        if needed.metric_name in _TABLE_FACTS:
            continue
        is_row_wise = needed.metric_name.endswith(".map")
        steps = _steps(needed, engine=engine) if is_row_wise else None
        if steps is None:
            return None
        before += steps
    # The rows that meet a row condition are cut out before, once for all rules that share it.
    given = metric.metric_domain_kwargs.items()
    domain = {key: value for key, value in given if value and key != "row_condition"}
    values = {key: _as_array(value) for key, value in metric.metric_value_kwargs.items()}
    step = _Step(metric.metric_name, partial(function, provider), domain, values)
    return (*before, step)


def _as_array(value: Any) -> Any:
    """Turn lists of numbers into arrays.

    Pandas looks up floats in a list of whole numbers as objects, which is seven times slower. From
    2**53 on that look-up is more exact, so such a list stays a list.
    """
    is_filled_list = isinstance(value, list) and value
    is_numeric = is_filled_list and all(_is_exact_float(item) for item in value)
    return np.array(value) if is_numeric else value


def _is_exact_float(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < 2**53


def _label(entry: Any, position: int) -> str:
    """Label of an entry in messages: its position, and its id and type as far as it has them."""
    fields = entry if isinstance(entry, dict) else {}
    meta = fields.get("meta")
    known = [meta.get("id") if isinstance(meta, dict) else None, fields.get("type")]
    described = ", ".join(str(part) for part in known if part)
    return f"entry {position} ({described})" if described else f"entry {position}"
