"""Against a server on this machine that answers in the shape of the Materials Project's."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

import pytest

from automat import datasets
from automat.core import InputError
from automat.datasets import card, kept_pages, materials_project
from automat.datasets.kept_pages import Fetched

KEY = "a-secret-key"


def documents(count: int) -> list[dict[str, Any]]:
    whole = datasets.load("mp_dielectric")
    assert whole.structures is not None
    assert whole.formulas is not None
    return [
        {
            "material_id": str(whole.ids[row]),
            "formula_pretty": whole.formulas[row],
            "structure": whole.structures[row].as_dict(),
            "formation_energy_per_atom": -0.1 * row - 1 / 3,
            "band_gap": None if row == 1 else float(row),
            "symmetry": {"number": 1},
            "efermi": None,
        }
        for row in range(count)
    ]


@dataclass
class Served:
    """What the server has, what it does next instead of answering, and what it was asked."""

    documents: list[dict[str, Any]]
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
        if self.headers.get("X-API-KEY") != KEY:
            self.answer(401, {"message": "Invalid authentication credentials"})
        elif mishap == "busy":
            self.answer(429, {}, {"Retry-After": "7"})
        elif mishap == "down":
            self.answer(503, {})
        elif mishap == "cut":
            self.send_response(200)
            self.send_header("Content-Length", "100000")
            self.end_headers()
            self.wfile.write(b'{"data": [')
        elif mishap == "gone":
            self.connection.close()
        elif mishap == "page":
            self.answer(200, "<html>sign in</html>")
        elif mishap == "moved":
            self.answer(302, {}, {"Location": "http://127.0.0.1:9/elsewhere"})
        elif asked.path != "/materials/summary/" or "nonsense" in query["_fields"]:
            self.answer(400, {"detail": "'nonsense' is no field"})
        else:
            start, size = 0 if mishap == "again" else int(query["_skip"]), int(query["_limit"])
            found = sorted(self.served.documents, key=lambda each: str(each[query["_sort_fields"]]))[
                start : start + size
            ]
            wanted = query["_fields"].split(",")
            self.answer(200, {"data": [{name: each[name] for name in wanted} for each in found], "meta": {}})

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
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    served = Served(documents(7))
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("OfThisTest", (Handler,), {"served": served}))
    served.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv(materials_project.SERVER_VARIABLE, served.address)
    monkeypatch.setenv(materials_project.KEY_VARIABLE, KEY)
    yield served
    server.shutdown()
    server.server_close()
    thread.join()


def fetch(served: Served, folder: Path, **options: Any) -> Fetched:
    given: dict[str, Any] = {"chemsys": ["Li-O"], "fields": ["formation_energy_per_atom"], "page": 3}
    return materials_project.query(
        out=folder / "mp.json", cache=folder / "cache", wait=served.waited.append, **(given | options)
    )


def test_pages_become_a_table_with_a_card(served: Served, tmp_path: Path) -> None:
    fetched = fetch(served, tmp_path, fields=["formation_energy_per_atom", "band_gap"])
    assert (fetched.rows, fetched.pages, fetched.reused) == (7, 3, 0)
    assert [query["_skip"] for query in served.asked] == ["0", "3", "6"]
    assert served.asked[0]["chemsys"] == "Li-O"
    data = datasets.load(fetched.path)
    by_id = {str(each["material_id"]): each for each in served.documents}
    assert dict(zip(data.ids.tolist(), data.target.tolist(), strict=True)) == {
        name: each["formation_energy_per_atom"] for name, each in by_id.items()
    }
    assert (data.inputs, data.target_name, data.unit) == ("structures", "formation_energy_per_atom", "eV/atom")
    assert data.structures is not None
    assert data.structures[0].as_dict()["lattice"]["matrix"] == by_id[data.ids[0]]["structure"]["lattice"]["matrix"]
    assert "Materials Project" in data.source
    assert data.licence.startswith("CC BY 4.0")
    gap = datasets.load(fetched.path, target="band_gap")
    assert (len(gap), gap.unit) == (6, "eV")
    assert card.read(fetched.card).target == "formation_energy_per_atom"


def test_a_query_that_is_done_asks_nothing_and_needs_no_key(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch(served, tmp_path)
    before, content = len(served.asked), (tmp_path / "mp.json").read_bytes()
    monkeypatch.delenv(materials_project.KEY_VARIABLE)
    assert fetch(served, tmp_path).reused == 3
    assert len(served.asked) == before
    assert (tmp_path / "mp.json").read_bytes() == content
    monkeypatch.setenv(materials_project.KEY_VARIABLE, KEY)
    assert fetch(served, tmp_path, fresh=True).reused == 0
    assert fetch(served, tmp_path, chemsys=["Na-O"]).reused == 0


@pytest.mark.parametrize(
    ("mishaps", "waited"),
    [
        (["busy"], [7.0]),
        (["down", "gone"], [2.0, 4.0]),
        (["cut"], [2.0]),
        (["page"], [2.0]),
        (["", "cut", "busy"], [2.0, 7.0]),
    ],
)
def test_what_breaks_once_is_tried_again(
    served: Served, tmp_path: Path, mishaps: list[str], waited: list[float]
) -> None:
    served.mishaps = mishaps
    assert fetch(served, tmp_path).rows == 7
    assert served.waited == waited


def test_a_query_that_broke_off_goes_on_where_it_was(served: Served, tmp_path: Path) -> None:
    served.mishaps = ["", *["cut"] * 5]
    with pytest.raises(
        InputError, match=r"gave no page after 5 attempts: .*; 1 pages are kept, the same command goes on"
    ):
        fetch(served, tmp_path)
    assert not (tmp_path / "mp.json").exists()
    served.asked.clear()
    assert fetch(served, tmp_path).reused == 1
    assert [query["_skip"] for query in served.asked] == ["3", "6"]
    assert len(datasets.load(tmp_path / "mp.json")) == 7


def test_a_page_that_was_damaged_is_fetched_again(served: Served, tmp_path: Path) -> None:
    fetch(served, tmp_path)
    page = next((tmp_path / "cache").rglob("page-00001*"))
    page.write_bytes(page.read_bytes()[:50])
    assert fetch(served, tmp_path).reused == 2


def test_the_key_is_refused_and_not_shown(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(materials_project.KEY_VARIABLE, "wrong-key")
    with pytest.raises(InputError, match=r"refuses the key of MP_API_KEY .401.") as caught:
        fetch(served, tmp_path)
    assert "wrong-key" not in str(caught.value)
    assert served.waited == []
    monkeypatch.delenv(materials_project.KEY_VARIABLE)
    with pytest.raises(InputError, match="no key for the Materials Project: set MP_API_KEY"):
        fetch(served, tmp_path)


def test_the_key_follows_no_redirection(served: Served, tmp_path: Path) -> None:
    served.mishaps = ["moved"] * 5
    with pytest.raises(InputError, match="it answered 302"):
        fetch(served, tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fields": ["nonsense"]}, "does not understand the query: 400, .* is no field"),
        ({"fields": []}, "are no names of fields"),
        ({"fields": ["a&b"]}, "are no names of fields"),
        ({"fields": ["symmetry"]}, "the field 'symmetry' holds lists or objects"),
        ({"fields": ["efermi"]}, "no material has a value of the field 'efermi'"),
        ({"chemsys": []}, "which materials"),
        ({"limit": 0}, "hold at least 1 material"),
    ],
)
def test_queries_that_cannot_be(served: Served, tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        fetch(served, tmp_path, **options)


def test_a_server_that_gives_the_same_materials_again_and_again_is_left(served: Served, tmp_path: Path) -> None:
    served.mishaps = ["", *["again"] * 9]
    with pytest.raises(InputError, match="gives the same materials again and again: page 2 is page 1"):
        fetch(served, tmp_path)
    assert len(served.asked) == 2


def test_a_server_whose_pages_never_end_is_left(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_pages, "MOST_PAGES", 2)
    with pytest.raises(InputError, match="gives page after page; the first 2 are kept"):
        fetch(served, tmp_path)
    assert len(served.asked) == len(list((tmp_path / "cache").rglob("page-*"))) == 2
    assert fetch(served, tmp_path, limit=6).rows == 6


def test_nothing_fits(served: Served, tmp_path: Path) -> None:
    served.documents.clear()
    with pytest.raises(InputError, match="no material of the Materials Project fits chemsys Li-O"):
        fetch(served, tmp_path)


def test_a_limit(served: Served, tmp_path: Path) -> None:
    assert fetch(served, tmp_path, limit=4).rows == 4
    assert len(served.asked) == 2


def test_the_command(served: Served, command: Callable[..., str]) -> None:
    query = ("data", "mp", "--chemsys", "Li-O", "--fields", "formation_energy_per_atom", "--out", "li-o.json")
    assert "7 materials in 1 pages, 0 of them kept from before" in command(*query)
    assert "1 of them kept from before" in command(*query)
    shown = command("data", "describe", "li-o.json")
    assert "target: formation_energy_per_atom in eV/atom, regression" in shown
    assert len(served.asked) == 1
