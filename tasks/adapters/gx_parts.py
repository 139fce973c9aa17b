"""The parts of Great Expectations that judge frames, imported without what only its other parts need.

It draws charts of two distributions (Altair, SciPy) and reads databases and clouds, if it finds their
packages. None of that judges a row, and all of it is a third of its import.
"""

from tasks.adapters.on_use import imported_on_use, taken_for_absent

with (
    imported_on_use("altair", "scipy.stats"),
    taken_for_absent("boto3", "botocore", "google.auth", "google.cloud", "google.oauth2", "pyspark", "sqlalchemy"),
):
    import great_expectations as gx
    from great_expectations.compatibility.pydantic import ValidationError
    from great_expectations.core.batch_definition import BatchDefinition
    from great_expectations.core.suite_parameters import parse_suite_parameter
    from great_expectations.data_context.types.base import ProgressBarsConfig
    from great_expectations.exceptions.exceptions import (
        ExpectationNotFoundError,
        MetricProviderError,
        SuiteParameterError,
    )
    from great_expectations.execution_engine.pandas_execution_engine import PandasExecutionEngine
    from great_expectations.expectations import registry
    from great_expectations.expectations.expectation import Expectation
    from great_expectations.validator.metric_configuration import MetricConfiguration

__all__ = [
    "BatchDefinition",
    "Expectation",
    "ExpectationNotFoundError",
    "MetricConfiguration",
    "MetricProviderError",
    "PandasExecutionEngine",
    "ProgressBarsConfig",
    "SuiteParameterError",
    "ValidationError",
    "gx",
    "parse_suite_parameter",
    "registry",
]
