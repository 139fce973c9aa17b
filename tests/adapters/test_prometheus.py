"""Gauges are written as Prometheus reads them, whole or not at all."""

from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tasks.adapters.prometheus import Gauge, read_gauge, write_gauges

ROWS = Gauge("scoring_rows", "Rows of the day.", "fate", {"received": 5034.0, 'of "a"\\b\n': 1.0})


def test_what_is_written_is_what_prometheus_reads(tmp_path: Path) -> None:
    path = tmp_path / "a.prom"
    write_gauges(path, [ROWS, Gauge("scoring_revision", "Newest revision.", "", {"": 2.0})])
    families = {each.name: each for each in text_string_to_metric_families(path.read_text())}
    assert {name: (each.type, each.documentation) for name, each in families.items()} == {
        "scoring_rows": ("gauge", "Rows of the day."),
        "scoring_revision": ("gauge", "Newest revision."),
    }
    assert [(each.labels, each.value) for each in families["scoring_revision"].samples] == [({}, 2.0)]
    assert read_gauge(path, "scoring_rows", "fate") == ROWS.values
    assert [each.name for each in tmp_path.iterdir()] == ["a.prom"]


def test_a_file_that_is_not_there_or_is_no_such_file_has_no_gauge(tmp_path: Path) -> None:
    path = tmp_path / "a.prom"
    assert read_gauge(path, "scoring_rows", "fate") == {}
    for content in (b"\xff\xfe", b"scoring_rows{fate= 1", b"scoring_rows 1\n"):
        path.write_bytes(content)
        assert read_gauge(path, "scoring_rows", "fate") == {}
