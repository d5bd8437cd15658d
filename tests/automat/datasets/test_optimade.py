"""Against a server on this machine that answers as the OPTIMADE standard says."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlparse

import numpy as np
import pytest

from automat import datasets
from automat.core import InputError
from automat.datasets import kept_pages, optimade

FILTER = 'elements HAS ALL "Li","O"'


def entries(count: int) -> list[dict[str, Any]]:
    whole = datasets.load("mp_dielectric")
    assert whole.structures is not None
    made = []
    for row in range(count):
        crystal = whole.structures[row]
        symbols = sorted({site.specie.symbol for site in crystal})
        made.append({
            "type": "structures",
            "id": str(whole.ids[row]),
            "attributes": {
                "chemical_formula_reduced": crystal.composition.reduced_formula,
                "lattice_vectors": crystal.lattice.matrix.tolist(),
                "cartesian_site_positions": crystal.cart_coords.tolist(),
                "species": [{"name": each, "chemical_symbols": [each], "concentration": [1.0]} for each in symbols],
                "species_at_sites": [site.specie.symbol for site in crystal],
                "dimension_types": [1, 1, 1],
                "_mine_gap": None if row == 1 else row + 1 / 3,
                "nsites": len(crystal),
            },
        })  # fmt: skip
    return made


@dataclass
class Served:
    """What the server has, what it does next instead of answering, and what it was asked."""

    entries: list[dict[str, Any]]
    address: str = ""
    mishaps: list[str] = field(default_factory=list)
    asked: list[dict[str, str]] = field(default_factory=list)
    waited: list[float] = field(default_factory=list)


class Handler(BaseHTTPRequestHandler):
    served: Served

    def do_GET(self) -> None:
        asked = urlparse(self.path)
        query = {name: values[0] for name, values in parse_qs(asked.query).items()}
        self.served.asked.append(query)
        mishap = self.served.mishaps.pop(0) if self.served.mishaps else ""
        if mishap == "busy":
            self.answer(429, {}, {"Retry-After": "7"})
        elif mishap == "page":
            self.answer(200, "<html>sign in</html>")
        elif mishap == "down":
            self.answer(503, {})
        elif mishap.startswith("{"):
            self.answer(200, mishap.replace("SELF", self.path))
        elif mishap == "large":
            self.answer(200, " " * 3_000_000 + "{}")
        elif mishap == "slow":
            self.send_response(200)
            self.end_headers()
            with suppress(OSError):  # as soon as it is enough for who asks
                for _ in range(400):
                    self.wfile.write(b" ")
                    time.sleep(0.02)
        elif asked.path != "/v1/structures" or "NONSENSE" in query["filter"]:
            self.answer(400, {"errors": [{"detail": "cannot parse NONSENSE"}]})
        else:
            size, start = int(query["page_limit"]), int(query.get("page_offset", 0))
            following = urlencode(query | {"page_offset": str(start + size)})
            link: Any = f"{self.served.address}/v1/structures?{following}"
            link = {"href": link} if start else link  # the standard has both
            link = "http://elsewhere.example/v1/structures" if mishap == "lured" else link
            more = start + size < len(self.served.entries)
            wanted = query["response_fields"].split(",")
            self.answer(200, {
                "data": [
                    {**each, "attributes": {name: each["attributes"].get(name) for name in wanted}}
                    for each in self.served.entries[start : start + size]
                ],
                "links": {"next": link if more else None},
                "meta": {"provider": {"name": "My database"}, "more_data_available": more},
            })  # fmt: skip

    def answer(self, status: int, content: Any, headers: dict[str, str] | None = None) -> None:
        body = content.encode() if isinstance(content, str) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def served() -> Iterator[Served]:
    served = Served(entries(7))
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("OfThisTest", (Handler,), {"served": served}))
    served.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield served
    server.shutdown()
    server.server_close()
    thread.join()


def fetch(served: Served, folder: Path, **options: Any) -> Any:
    given: dict[str, Any] = {"url": served.address, "wanted": FILTER, "fields": ["_mine_gap"], "page": 3}
    return optimade.query(out=folder / "o.json", cache=folder / "cache", wait=served.waited.append, **(given | options))


def test_pages_become_a_table_with_a_card(served: Served, tmp_path: Path) -> None:
    fetched = fetch(served, tmp_path, fields=["_mine_gap", "nsites"])
    assert (fetched.rows, fetched.pages, fetched.reused) == (7, 3, 0)
    assert [query.get("page_offset") for query in served.asked] == [None, "3", "6"]
    assert {query["filter"] for query in served.asked} == {FILTER}
    data = datasets.load(fetched.path)
    assert (len(data), data.inputs, data.target_name) == (6, "structures", "_mine_gap")  # one has no gap
    expected = {each["id"]: each["attributes"] for each in served.entries}
    assert dict(zip(data.ids.tolist(), data.target.tolist(), strict=True)) == {
        name: said["_mine_gap"] for name, said in expected.items() if said["_mine_gap"] is not None
    }
    assert data.structures is not None
    for row, name in enumerate(data.ids):
        np.testing.assert_allclose(
            data.structures[row].lattice.matrix, expected[name]["lattice_vectors"], rtol=0, atol=1e-12
        )
        assert [site.specie.symbol for site in data.structures[row]] == expected[name]["species_at_sites"]
    assert data.source.startswith("My database, by OPTIMADE")
    assert FILTER in data.source
    assert datasets.load(fetched.path, target="nsites").target.tolist() == [
        each["attributes"]["nsites"] for each in served.entries
    ]


def test_what_broke_off_goes_on_and_what_is_done_asks_nothing(served: Served, tmp_path: Path) -> None:
    served.mishaps = ["", *["down"] * 5]
    with pytest.raises(InputError, match="no page after 5 attempts: it answered 503; 1 pages are kept"):
        fetch(served, tmp_path)
    assert not (tmp_path / "o.json").exists()
    served.asked.clear()
    assert fetch(served, tmp_path).reused == 1
    assert [query["page_offset"] for query in served.asked] == ["3", "6"]
    served.asked.clear()
    assert fetch(served, tmp_path).reused == 3
    assert not served.asked
    assert fetch(served, tmp_path, fresh=True).reused == 0


def test_pages_asked_for_anew_replace_the_old_when_the_first_has_come(served: Served, tmp_path: Path) -> None:
    assert fetch(served, tmp_path).pages == 3
    served.mishaps = ["down"] * 5
    with pytest.raises(InputError, match="no page after 5 attempts"):
        fetch(served, tmp_path, fresh=True)
    assert fetch(served, tmp_path).reused == 3
    served.entries = served.entries[:4]
    made = fetch(served, tmp_path, fresh=True)
    assert (made.rows, made.pages, made.reused) == (4, 2, 0)
    assert len(list((tmp_path / "cache").glob("*/page-*"))) == 2


ENTRY = json.dumps(entries(1))


@pytest.mark.parametrize(("page", "said"), [
    (f'{{"data": {ENTRY}, "links": {{"next": "SELF"}}}}', "gives the same pages again and again"),
    (f'{{"data": {ENTRY}, "links": {{"next": "http://[::1/"}}}}', r"at 'http://\[::1/', which is no address"),
    ('{"data": ' + "[" * 200_000 + "]" * 200_000 + "}", "with JSON that is nested too deeply"),
])  # fmt: skip
def test_what_no_server_should_say_is_one_message(served: Served, tmp_path: Path, page: str, said: str) -> None:
    served.mishaps = [page] * 5
    with pytest.raises(InputError, match=said):
        fetch(served, tmp_path, fields=["nsites"])
    assert len(served.asked) in {1, 5}


@pytest.mark.parametrize("beside", [
    '"links": ["a"]', '"links": "a"', '"links": {"next": 5}', '"meta": ["a"]', '"meta": {"provider": ["a"]}',
])  # fmt: skip
def test_what_is_said_beside_the_structures_may_be_anything(served: Served, tmp_path: Path, beside: str) -> None:
    served.mishaps = [f'{{"data": {ENTRY}, {beside}}}']
    assert fetch(served, tmp_path, fields=["nsites"]).rows == 1


def test_a_page_without_structures_is_the_last(served: Served, tmp_path: Path) -> None:
    served.mishaps = ["", '{"data": [], "links": {"next": "SELF&again=1"}}']
    assert fetch(served, tmp_path).rows == 3
    assert len(served.asked) == 2


def test_a_server_whose_pages_never_end_is_left(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_pages, "MOST_PAGES", 2)
    with pytest.raises(InputError, match="gives page after page; the first 2 are kept"):
        fetch(served, tmp_path)
    assert len(served.asked) == len(list((tmp_path / "cache").rglob("page-*"))) == 2


def test_an_answer_that_is_large_or_slow_ends(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_pages, "_MOST_BYTES", 2 * 1024**2)
    served.mishaps = ["large"]
    with pytest.raises(InputError, match="a page of more than 2 MB"):
        fetch(served, tmp_path)
    monkeypatch.setattr(kept_pages, "_LONGEST_ANSWER", 0.0)
    served.mishaps = ["slow"] * 5
    with pytest.raises(InputError, match="its answer took longer than 0 s"):
        fetch(served, tmp_path)


def test_a_busy_server_is_asked_again_when_it_says(served: Served, tmp_path: Path) -> None:
    served.mishaps = ["busy", "page"]
    assert fetch(served, tmp_path).rows == 7
    assert served.waited == [7.0, 4.0]


def test_a_limit_ends_the_query(served: Served, tmp_path: Path) -> None:
    assert (fetch(served, tmp_path, limit=4).rows, len(served.asked)) == (4, 2)


def test_mixed_sites_and_layers_are_set_aside_on_reading(served: Served, tmp_path: Path) -> None:
    served.entries[0]["attributes"]["species"][0] |= {
        "chemical_symbols": ["Li", "vacancy"],
        "concentration": [0.5, 0.5],
    }
    served.entries[2]["attributes"]["dimension_types"] = [1, 1, 0]
    reading = datasets.read(fetch(served, tmp_path).path, target="_mine_gap")
    assert len(reading.unreadable) == 2
    assert any("partial occupancies" in reason for reason in reading.unreadable.values())


def test_refusals_are_one_message(served: Served, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not understand the query: 400, cannot parse NONSENSE"):
        fetch(served, tmp_path, wanted="NONSENSE")
    served.mishaps = ["lured"]
    with pytest.raises(InputError, match=r"elsewhere\.example', another server; it is not asked"):
        fetch(served, tmp_path, wanted="nsites>0")
    with pytest.raises(InputError, match="no structure has a value of the field '_mine_gp'"):
        fetch(served, tmp_path, fields=["_mine_gp"])
    with pytest.raises(InputError, match="holds lists or objects"):
        fetch(served, tmp_path, fields=["species"])
    served.entries.clear()
    with pytest.raises(InputError, match=r"no structure of .* fits"):
        fetch(served, tmp_path, wanted="nsites=0")


@pytest.mark.parametrize(("wrong", "said"), [
    ({"url": "materialsproject.org"}, "is no address of a database"),
    ({"url": "file:///etc"}, "is no address of a database"),
    ({"url": "http://[::1"}, "is no address of a database"),
    ({"wanted": " "}, "which structures"),
    ({"fields": []}, "are no names of fields"),
    ({"fields": ["a&b"]}, "are no names of fields"),
    ({"limit": 0}, "at least 1 structure"),
])  # fmt: skip
def test_what_cannot_be_asked_is_not(served: Served, tmp_path: Path, wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        fetch(served, tmp_path, **wrong)
    with pytest.raises(InputError, match=r"must end in \.json"):
        optimade.query(url=served.address, wanted=FILTER, fields=["nsites"], out=tmp_path / "o.csv", cache=tmp_path)
    assert not served.asked


@pytest.mark.parametrize("ending", ["", "/", "/v1", "/v1/", "/v1/structures"])
def test_addresses_are_completed(served: Served, tmp_path: Path, ending: str) -> None:
    assert fetch(served, tmp_path, url=served.address + ending).rows == 7
