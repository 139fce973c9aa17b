"""Models: which version decided which days."""

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

Open = Callable[..., AppTest]


def test_each_model_is_told_by_its_days_and_the_newest_is_shown(open_view: Open) -> None:
    app = open_view("Model")
    told = app.get("html")[0].proto.body
    assert ">credit-default 1<" in told
    assert ">0 ok, 0 watch, 1 alert<" in told
    assert app.selectbox[0].value == "credit-default 2"
    assert "cut-off 0.1000" in " ".join(each.value for each in app.markdown)


def test_a_model_whose_days_were_not_monitored_says_what_to_do(open_view: Open) -> None:
    app = open_view("Model", only_unmonitored=True)
    assert [each.value for each in app.markdown].count(
        "No day of this model has this figure: monitor the days first."
    ) == 2
