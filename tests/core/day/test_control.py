"""What is a control file, and what is none."""

import json
from datetime import date

import pytest

from tasks.core.day.control import Announced, Control, read_control

SOUND = {"rows": 2, "sha256": "0A"}


def test_a_control_file_announces_rows_and_digests() -> None:
    data = json.dumps({"day": "2026-11-02", "files": {"a.csv": SOUND}, "sender": "somebody"}).encode()
    assert read_control(data) == Control(date(2026, 11, 2), {"a.csv": Announced(2, "0a")})


@pytest.mark.parametrize(
    "told",
    [
        [], "text", {}, {"files": {}}, {"day": "2026-11-02"}, {"day": "yesterday", "files": {}},
        {"day": 20261102, "files": {}}, {"day": "2026-11-02", "files": []},
        *({"day": "2026-11-02", "files": {"a.csv": SOUND | wrong}} for wrong in (
            {"rows": -1}, {"rows": 2.0}, {"rows": True}, {"rows": "2"}, {"rows": None}, {"sha256": 5}, {"sha256": None},
        )),
    ],
)  # fmt: skip
def test_anything_else_is_none_and_says_what_is_required(told: object) -> None:
    with pytest.raises(ValueError, match='expected {"day": "YYYY-MM-DD"'):
        read_control(json.dumps(told).encode())


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"{", b"[" * 100_000])
def test_what_is_no_json_is_none(data: bytes) -> None:
    with pytest.raises(ValueError, match="expected {"):
        read_control(data)
