"""Lines can be cut and mended, and what passed is known."""

from __future__ import annotations

import asyncio
import gzip

import pytest

from hisn.errors import StorageError
from hisn.node.client import Ask, Reply
from hisn.testing.unit_wire import Network, Request


class Echo:
    def answer(self, request: Request) -> Reply:
        return Reply(200, "", f"{request.sender} {request.path} ".encode() + (request.body or b""))


@pytest.fixture
def network() -> Network:
    network = Network()
    network.nodes |= {"a": Echo(), "b": Echo()}
    return network


def test_a_request_reaches_the_node_at_its_address(network: Network) -> None:
    assert network.ask("a", "https://b/x/y").body == b"a /x/y "
    (passed,) = network.exchanges
    assert (passed.sender, passed.receiver, passed.path, passed.body) == ("a", "b", "/x/y", b"")


def test_a_caller_unpacks_what_http_would_have_packed(network: Network) -> None:
    ask = Ask("https://b/x", 100, gzip.compress(b"body"), {"Content-Encoding": "gzip"})
    assert asyncio.run(network.caller("a").ask(ask)).body == b"a /x body"
    assert asyncio.run(network.caller("").ask(Ask("https://b/x", 100))).body == b" /x "


@pytest.mark.parametrize("url", ["https://c/x", "https://b/x", "nowhere"])
def test_nobody_answers_over_a_line_that_is_cut(network: Network, url: str) -> None:
    network.cut("a", "b")
    with pytest.raises(StorageError) as caught:
        network.ask("a", url)
    assert caught.value.code == "E5402"


def test_lines_are_mended_one_by_one_or_all_together(network: Network) -> None:
    network.cut("a", "b")
    network.cut_off("b")
    network.heal("b")
    assert network.ask("a", "https://b/x").status == 200
    network.cut_off("a")
    network.cut_off("b")
    network.heal("a")
    assert network.is_cut("a", "b")
    network.heal()
    assert not network.is_cut("a", "b")
