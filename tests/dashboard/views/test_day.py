"""One day: its verdict, its rows, its revisions and its contract, in words."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from tests.dashboard.made_days import ALERTED, DAMAGED, REFUSED, REVISED, STANDINGS, WATCHED

Open = Callable[..., AppTest]


def words(app: AppTest) -> str:
    texts = [each.value for kind in (app.header, app.subheader, app.markdown) for each in kind]
    return " ".join([*texts, *(each.proto.body for each in app.get("html"))])


@pytest.mark.parametrize(("day", "standing"), STANDINGS.items(), ids=str)
def test_every_kind_of_day_is_shown_with_its_standing_in_a_word(open_view: Open, day: object, standing: str) -> None:
    assert open_view("Day", day=str(day)).header[0].value == f"{day}: {standing}"


def test_the_newest_day_comes_first(open_view: Open) -> None:
    assert open_view("Day").header[0].value.startswith(str(DAMAGED))


def test_findings_are_told_with_what_to_do(open_view: Open) -> None:
    told = words(open_view("Day", day=str(ALERTED)))
    assert "Findings, the heaviest first" in told
    assert "35.0% of the values of EXT_SOURCE_2 are missing" in told
    assert "Drift alone gives no reason to train again" in told
    assert "- late" in told


def test_rows_and_decisions_are_those_of_the_manifest(open_view: Open) -> None:
    told = words(open_view("Day", day=str(WATCHED)))
    for cell in ("1,970", "30", "90.0%", "10.0%", "late_file"):
        assert f">{cell}<" in told


def test_a_stopped_day_says_why_and_shows_the_rules(open_view: Open) -> None:
    told = words(open_view("Day", day=str(REFUSED)))
    assert r"Not published. The feed \*broke\*." in told
    assert "day stopped" in told
    assert "Revisions" not in told


def test_revisions_are_told_with_their_reasons_as_they_were_written(open_view: Open) -> None:
    told = words(open_view("Day", day=str(REVISED)))
    assert ">a :red[late] file<" in told
    assert ">7<" in told
