"""Files of a folder in a store: listed when all are there, fetched with the SHA-256 that they are to have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nas.exchange import Bundle, ExchangeError, ObjectStore
from nas.exchange.bundle import LIST
from nas.exchange.errors import LostObjectError
from search_spaces import file_digest
from tests.nas.exchange.conftest import BRIEF

PLACE = "study/trials/0007"


@pytest.fixture
def store(url: str) -> ObjectStore:
    return ObjectStore(url, BRIEF)


def written(folder: Path, **files: bytes) -> Path:
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def put(bundle: Bundle, *names: str, **how: Any) -> dict[str, str]:
    files = bundle.digests(names)
    bundle.put(files, **how)
    return files


def test_another_node_fetches_what_was_put(store: ObjectStore, tmp_path: Path) -> None:
    here = Bundle(store, PLACE, written(tmp_path / "here", a=b"one", b=b"two"))
    files = put(here, "a", "b")
    there = Bundle(store, PLACE, tmp_path / "there")
    assert there.listed() == files
    assert there.fetch(there.listed()) == ["a", "b"]
    assert there.fetch(there.listed()) == []
    assert (tmp_path / "there" / "a").read_bytes() == b"one"
    assert file_digest(tmp_path / "there" / "b") == files["b"]


def test_a_file_with_other_content_is_replaced(store: ObjectStore, tmp_path: Path) -> None:
    files = put(Bundle(store, PLACE, written(tmp_path / "here", a=b"new")), "a")
    there = Bundle(store, PLACE, written(tmp_path / "there", a=b"old"))
    assert there.fetch(files) == ["a"]
    assert (tmp_path / "there" / "a").read_bytes() == b"new"


def test_objects_that_are_not_listed_any_more_are_removed(store: ObjectStore, tmp_path: Path) -> None:
    bundle = Bundle(store, PLACE, written(tmp_path / "here", a=b"one", b=b"two"))
    put(bundle, "a", "b")
    before = store.names()
    files = put(bundle, "b")
    assert store.names() == sorted(f"{PLACE}/{name}" for name in (files["b"], LIST))
    assert len(before) == 3
    bundle.remove()
    assert store.names() == []
    assert bundle.listed() == {}


def test_what_is_listed_already_is_not_put_again(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = written(tmp_path / "here", a=b"one")
    put(Bundle(store, PLACE, folder), "a")
    monkeypatch.setattr(store, "put", lambda *_: pytest.fail("put again"))
    monkeypatch.setattr(store, "write", lambda *_: pytest.fail("written again"))
    put(Bundle(store, PLACE, folder), "a")


def test_a_put_that_was_cut_is_not_listed(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, put_file = written(tmp_path / "here", a=b"one" * 999, b=b"two" * 999), store.put

    def cut(path: Path, name: str, on_wait: Any = None) -> None:
        if path.name == "b":
            store.write(path.read_bytes()[:100], name)
            raise KeyboardInterrupt
        put_file(path, name, on_wait)

    with monkeypatch.context() as patch:
        patch.setattr(store, "put", cut)
        with pytest.raises(KeyboardInterrupt):
            put(Bundle(store, PLACE, folder), "a", "b")
    there = Bundle(store, PLACE, tmp_path / "there")
    assert there.listed() == {}
    files = put(Bundle(store, PLACE, folder), "a", "b")
    there.fetch(there.listed())
    assert file_digest(tmp_path / "there" / "b") == files["b"]


def test_a_process_that_may_not_write_any_more_lists_nothing(store: ObjectStore, tmp_path: Path) -> None:
    def taken_over() -> None:
        raise KeyError("taken over")

    bundle = Bundle(store, PLACE, written(tmp_path / "here", a=b"one"))
    with pytest.raises(KeyError):
        put(bundle, "a", check=taken_over)
    assert store.names() == []
    files = put(bundle, "a")
    there = Bundle(store, PLACE, tmp_path / "there")
    with pytest.raises(KeyError):
        there.fetch(files, check=taken_over)
    assert list((tmp_path / "there").iterdir()) == []


def test_a_damaged_object_takes_no_files_place(store: ObjectStore, tmp_path: Path) -> None:
    files = put(Bundle(store, PLACE, written(tmp_path / "here", a=b"one")), "a")
    store.write(b"on", f"{PLACE}/{files['a']}")
    there = Bundle(store, PLACE, written(tmp_path / "there", a=b"before"))
    with pytest.raises(ExchangeError, match=f"{files['a']} has another SHA-256, 3 times"):
        there.fetch(files)
    assert [path.read_bytes() for path in (tmp_path / "there").iterdir()] == [b"before"]


def test_a_missing_object_is_named(store: ObjectStore, tmp_path: Path) -> None:
    files = put(Bundle(store, PLACE, written(tmp_path / "here", a=b"one")), "a")
    store.remove(f"{PLACE}/{files['a']}")
    with pytest.raises(ExchangeError, match=f"lacks {PLACE}/{files['a']}, which is a: run the same command"):
        Bundle(store, PLACE, tmp_path / "there").fetch(files)


def test_lost_objects_are_put_anew(store: ObjectStore, tmp_path: Path) -> None:
    here = written(tmp_path / "here", a=b"one", b=b"two", c=b"three")
    files = put(Bundle(store, PLACE, here), "a", "b", "c")
    store.remove(f"{PLACE}/{files['a']}")
    store.write(b"tw", f"{PLACE}/{files['b']}")
    bundle = Bundle(store, PLACE, tmp_path / "there")
    assert bundle.usable().keys() == {"b", "c"}
    with pytest.raises(LostObjectError):
        bundle.fetch(files | {"a": files["b"]})
    again = Bundle(store, PLACE, here)
    assert again.usable().keys() == {"c"}
    put(again, "a", "b", "c")
    assert Bundle(store, PLACE, tmp_path / "third").fetch(files) == ["a", "b", "c"]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"{}",
        b'{"files": 3}',
        json.dumps({"files": {"../a": "0" * 64}}).encode(),
        json.dumps({"files": {"/etc/a": "0" * 64}}).encode(),
        json.dumps({"files": {"": "0" * 64}}).encode(),
        json.dumps({"files": {"a": "../../b"}}).encode(),
        json.dumps({"files": {"a\0b": "0" * 64}}).encode(),
        json.dumps({"files": {"a\nb": "0" * 64}}).encode(),
        json.dumps({"files": {"\ud800": "0" * 64}}).encode(),
    ],
)
def test_a_list_of_somebody_else_is_refused_in_a_line(
    store: ObjectStore, tmp_path: Path, text: bytes
) -> None:
    store.write(text, f"{PLACE}/{LIST}")
    with pytest.raises(ExchangeError) as caught:
        Bundle(store, PLACE, tmp_path).listed()
    assert "\n" not in str(caught.value)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.dictionaries(st.sampled_from("abc"), st.binary(max_size=9)), max_size=6))
@pytest.mark.parametrize("url", ["memory"], indirect=True)
def test_whatever_is_put_in_turn_the_last_is_what_others_fetch(
    store: ObjectStore, tmp_path_factory: pytest.TempPathFactory, steps: list[dict[str, bytes]]
) -> None:
    place, folder = f"study/{tmp_path_factory.mktemp('here').name}", tmp_path_factory.mktemp("here")
    bundle = Bundle(store, place, folder)
    for files in steps:
        written(folder, **files)
        put(bundle, *files)
    there = Bundle(store, place, tmp_path_factory.mktemp("there"))
    there.fetch(there.listed())
    found = {path.name: path.read_bytes() for path in there.folder.iterdir()}
    assert found == (steps[-1] if steps else {})
    assert len(store.names(place)) == len({*found.values()}) + any(map(bool, steps))
