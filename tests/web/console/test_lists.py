"""What a list's address says, and the addresses of its other views."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.requests import Request

import enlist.web
from enlist.web.console.lists import ListQuery, read_query


def read(query: str) -> ListQuery:
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/things",
        "query_string": query.encode(),
        "headers": [],
    }
    return read_query(Request(scope), ("state",))


def test_an_empty_address_is_the_plain_list() -> None:
    query = read("")
    assert query.here == "/things"
    assert not query.narrowed
    assert query.asked == {"search": "", "filters": {}, "sort": "", "limit": 25, "cursor": ""}


def test_only_the_filters_of_the_list_are_read() -> None:
    query = read("q=+x+&state=new&colour=red")
    assert query.filters == {"state": "new"}
    assert query.here == "/things?q=x&state=new"
    assert query.link(state="") == "/things?q=x"


@pytest.mark.parametrize(
    ("query", "size", "number"),
    [
        ("size=100", 100, 1),
        ("size=7", 25, 1),
        ("size=-1", 25, 1),
        ("size=²", 25, 1),
        ("page=7", 25, 1),
        ("page=7&cursor=c", 25, 7),
        ("page=x&cursor=c", 25, 1),
    ],
)
def test_what_a_number_cannot_mean_is_left_out(query: str, size: int, number: int) -> None:
    assert (read(query).size, read(query).number) == (size, number)


def test_sorting_turns_round_what_is_sorted_already() -> None:
    assert read("").sorted_by("name") == "/things?sort=name"
    assert read("sort=name").sorted_by("name") == "/things?sort=-name"
    assert read("sort=-name").sorted_by("name") == "/things?sort=name"
    assert read("").sorted_by("at", default="at") == "/things?sort=-at"
    assert read("sort=-name").direction("name") == "descending"
    assert read("").direction("at", default="at") == "ascending"


def test_sorting_and_filtering_begin_at_the_first_page() -> None:
    query = read("sort=name&cursor=c2&page=3&back=.~c1")
    assert "cursor" not in query.sorted_by("name")
    assert "cursor" not in query.link(state="new")


def test_the_size_of_a_page_stands_in_the_address_where_it_is_not_the_usual() -> None:
    assert read("q=x").link(size="50") == "/things?q=x&size=50"
    assert read("q=x&size=50").link(size="25") == "/things?q=x"


def test_the_way_back_is_the_way_there() -> None:
    pages = [read("state=new")]
    for number in range(1, 6):
        following = pages[-1].next(f"c{number}")
        pages.append(read(following.partition("?")[2]))
    assert [page.number for page in pages] == [1, 2, 3, 4, 5, 6]
    for later, earlier in zip(reversed(pages), reversed(pages[:-1]), strict=False):
        assert later.previous == earlier.here
    assert pages[0].previous is None


def test_a_long_way_is_forgotten_at_its_far_end() -> None:
    query = read("")
    for number in range(40):
        query = read(query.next(f"cursor-{number}").partition("?")[2])
    assert query.number == 41
    assert len(query.back) == 10
    assert query.previous is not None
    assert len(query.here) < 500


def test_heads_of_columns_are_written_once() -> None:
    """Else each page says in a way of its own to a screen reader what its columns are."""
    folder = Path(enlist.web.__file__).parent / "templates/console"
    written = {page.name for page in folder.glob("*.html") if '<th scope="col"' in page.read_text()}
    assert written == {"_pieces.html", "_lists.html"}
