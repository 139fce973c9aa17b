"""A sealed copy is the registered model or nothing, and the note names what the alias named last."""

import contextlib
import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from tasks.core.model.bundle import FILES, ModelPin, bundle_digest, file_digests
from tasks.errors import ModelError
from tasks.publication.layout import named_version_key, sealed_model_key
from tasks.publication.sealed_models import (
    NamedVersion,
    forget_named_version,
    named_version,
    note_named_version,
    seal_model,
    sealed_files,
)
from tasks.store import Store
from tasks.store.folder import FolderStore
from tasks.store.renewing import overwrite

CONTENT = {"model.txt": b"tree\nsplit=1.5 \xe4\x00", "scoring.json": b'{"a": 1}', "golden.json": "é".encode()}


def pin_of(files: Mapping[str, bytes], version: str = "1") -> ModelPin:
    return ModelPin("m", version, bundle_digest(file_digests(files)))


MODEL = pin_of(CONTENT)
KEY = sealed_model_key("m", "1", MODEL.digest)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return FolderStore(tmp_path)


def unneeded() -> Mapping[str, bytes]:
    raise AssertionError("the registry was asked for files that are sealed already")


def test_a_model_is_sealed_once_and_read_back_to_the_byte(store: Store) -> None:
    seal_model(store, MODEL, lambda: CONTENT)
    seal_model(store, MODEL, unneeded)
    assert sealed_files(store, MODEL) == CONTENT


@given(st.dictionaries(st.sampled_from(FILES), st.binary(max_size=40)))
@effort(max_examples=60)
def test_any_bytes_are_sealed_as_they_are(files: Mapping[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store, model = FolderStore(Path(folder)), pin_of(files)
        seal_model(store, model, lambda: files)
        assert sealed_files(store, model) == files


def test_models_of_two_registries_with_one_name_and_version_are_sealed_apart(store: Store) -> None:
    other = CONTENT | {"model.txt": b"other"}
    seal_model(store, MODEL, lambda: CONTENT)
    seal_model(store, pin_of(other), lambda: other)
    assert (sealed_files(store, MODEL), sealed_files(store, pin_of(other))) == (CONTENT, other)


@given(st.integers(0), st.integers(1, 255))
@effort(max_examples=150)
def test_a_copy_with_any_byte_changed_is_refused_or_still_the_same_model(place: int, change: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = FolderStore(Path(folder))
        seal_model(store, MODEL, lambda: CONTENT)
        data = bytearray(store.read(KEY).data)
        data[place % len(data)] ^= change
        overwrite(store, KEY, bytes(data))
        with contextlib.suppress(ModelError):
            assert sealed_files(store, MODEL) == CONTENT


@pytest.mark.parametrize("share", [0, 0.3, 0.999])
def test_half_a_copy_is_refused(store: Store, share: float) -> None:
    seal_model(store, MODEL, lambda: CONTENT)
    data = store.read(KEY).data
    overwrite(store, KEY, data[: int(share * len(data))])
    with pytest.raises(ModelError, match=f"sealed copy of m version 1, .*{KEY}, is damaged"):
        sealed_files(store, MODEL)


@pytest.mark.parametrize("wrong", [{"name": "n"}, {"version": "2"}, {"digest": "0" * 64}])
def test_a_copy_that_says_it_is_another_model_is_refused(store: Store, wrong: dict[str, str]) -> None:
    seal_model(store, MODEL, lambda: CONTENT)
    content = json.loads(store.read(KEY).data)
    overwrite(store, KEY, json.dumps(content | {"model": content["model"] | wrong}).encode())
    with pytest.raises(ModelError, match="is damaged"):
        sealed_files(store, MODEL)


def test_a_copy_that_was_never_made_is_told_as_that(store: Store) -> None:
    with pytest.raises(ModelError, match="sealed copy of m version 1, .* does not exist. Start the registry"):
        sealed_files(store, MODEL)


def test_a_damaged_copy_is_made_anew_while_the_registry_answers(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    store.create(KEY, b"half")
    with caplog.at_level("WARNING"):
        seal_model(store, MODEL, lambda: CONTENT)
    assert sealed_files(store, MODEL) == CONTENT
    assert f"{KEY} was damaged; it is made anew from the registry" in caplog.text


# --- the note


def named(version: str, registry: str = "here") -> NamedVersion:
    return NamedVersion(replace(MODEL, version=version), registry, "2026-11-02T07:00:00+00:00")


def answering(*versions: str) -> Callable[[], NamedVersion]:
    answers = [named(version) for version in versions]
    return lambda: answers.pop(0)


def noted(store: Store) -> str | None:
    seen = named_version(store, "champion", "m")
    return seen.model.version if seen else None


def test_the_note_says_what_the_alias_named_last(store: Store) -> None:
    assert noted(store) is None
    for version in ("1", "2", "1"):
        assert note_named_version(store, "champion", "m", answering(version)).version == version
        assert noted(store) == version
    assert named_version(store, "rival", "m") is None
    forget_named_version(store, "champion", "m")
    assert noted(store) is None


def test_the_same_answer_leaves_the_note_as_it_is_and_another_registry_does_not(store: Store) -> None:
    note_named_version(store, "champion", "m", lambda: named("1"))
    later = replace(named("1"), noted_at="2026-11-03T07:00:00+00:00")
    note_named_version(store, "champion", "m", lambda: later)
    assert named_version(store, "champion", "m") == named("1")
    note_named_version(store, "champion", "m", lambda: named("1", "there"))
    assert named_version(store, "champion", "m") == named("1", "there")


@pytest.mark.parametrize("is_noted_before", [False, True])
def test_a_slow_run_puts_no_older_answer_in_the_place_of_a_newer_one(store: Store, *, is_noted_before: bool) -> None:
    if is_noted_before:
        note_named_version(store, "champion", "m", answering("0"))
    alias = "1"
    n_promotions = 0

    def ask() -> NamedVersion:
        nonlocal alias, n_promotions
        seen = named(alias)
        if not n_promotions:  # between the answer and the note somebody promotes another version
            n_promotions += 1
            forget_named_version(store, "champion", "m")
            alias = "2"
            note_named_version(store, "champion", "m", answering("2"))
        return seen

    assert note_named_version(store, "champion", "m", ask).version == "2"
    assert noted(store) == "2"


@pytest.mark.parametrize("data", [b"", b"{", b"{}", b"[1]", b"\xff", b'{"model": {"name": "m"}}'])
def test_a_note_that_cannot_be_read_names_nothing_and_is_written_anew(store: Store, data: bytes) -> None:
    store.create(named_version_key("m", "champion"), data)
    assert noted(store) is None
    note_named_version(store, "champion", "m", answering("1"))
    assert noted(store) == "1"
