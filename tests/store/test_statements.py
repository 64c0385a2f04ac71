"""Every statement is one on both stores, and those that are asked all day find by index."""

from __future__ import annotations

import importlib
import itertools
import pkgutil
import re
from collections.abc import Iterator

from enlist import store
from enlist.store.listing import LISTINGS
from enlist.store.narrowing import Part, Searching
from enlist.store.tx import QUERIES, Chain, Query
from tests.installation import Enlist
from tests.store.filling import fill
from tests.store.plans import scanned
from tests.store.raw import Raw

HOT = [
    "sighting.by_token",
    "sighting.by_token_each",
    "sighting.find",
    "sighting.by_id",
    "sighting.live_of_device",
    "enrollment.take_login",
    "enrollment.insert_secret",
    "attempt.by_digest",
    "attempt.complete",
    "redemption.claim_each",
    "redemption.enroll_each",
    "device.enroll_each",
    "known_device.registered",
    "known_device.on_record",
    "known_device.matching",
    "known_device.numbered.serial",
    "known_device.numbered.udid",
    "known_device.numbered.asset_number",
    "listed_device.naming",
    "group.of_user",
    "allowance.of_user",
    "credential.of_enrollment_key",
    "throttle.blocked",
    "throttle.blocked_each",
    "throttle.count_each",
    "throttle.take_try",
    "throttle.tried",
    "sign_in.last_addresses",
    "sign_in.by_digest",
    "api_key.by_digest",
    "api_session.by_digest",
    "login.by_username",
    "event.first_use",
    "event.first_use_each",
    "organization.settings",
    "revocation.known",
    "revocation.after",
    "organization.settings_each",
    "session.delete_each",
    "session.ended_each",
    "session.find_each",
    "session.insert",
    "message.claim_each",
    "message.find_each",
    "message.sent_each",
    "message.issuer_each",
    "enrollment.find_each",
    "enrollment.secret_each",
    "user.find_each",
    "device.find_each",
]
"""What a redemption, a sign-in, an API call, a device session or a message asks."""

OF_ONE_USER = ["attempt.cancel_by_login", "attempt.of_user"]
"""What is asked of all attempts when one user's sign-ins end, or he is looked at."""


def all_queries() -> Iterator[Query]:
    """Every statement of every module of the store, without those of tests and lists."""
    for module in pkgutil.iter_modules(store.__path__, "enlist.store."):
        importlib.import_module(module.name)
    for name, query in QUERIES.items():
        if not name.startswith(("test.", "list.")):
            yield query


def test_every_statement_can_be_prepared(raw: Raw) -> None:
    """House rule 11: written once, or with a variant, it is a statement on this store."""
    queries = list(all_queries())
    assert len(queries) > 100
    for query in queries:
        assert raw.plan(query) is not None, query.name


def test_every_list_can_be_prepared(raw: Raw) -> None:
    """House rule 11: each sort, direction and search, with no filter, with each, and with all.

    Names may be hidden or not. Filters are joined by AND, so what holds of each and of all
    holds of any choice of them.
    """
    list(all_queries())
    assert len(LISTINGS) >= 7
    for listing in LISTINGS.values():
        each = tuple((name,) for name in sorted(listing.filters))
        for filters in {(), *each, tuple(sorted(listing.filters))}:
            for sort in listing.sorts:
                for choice, searching in itertools.product(range(8), Searching):
                    query = listing.query(
                        sort,
                        bool(choice & 1),
                        filters,
                        searching=searching,
                        following=bool(choice & 2),
                        veiled=bool(choice & 4),
                        narrowed=bool(choice & 4),
                    )
                    assert raw.plan(query) is not None, query.name
                for part in (Part.ALONE, Part.THROUGH) if sort in listing.through else ():
                    query = listing.query(
                        sort, False, filters, searching=Searching.BEGINS, following=True, part=part
                    )
                    assert raw.plan(query) is not None, query.name


def test_a_statement_names_its_parameters_alike_on_both_stores() -> None:
    """A variant that forgot a parameter, or has one too many, would fail at its first use."""
    for query in all_queries():
        named = set(re.findall(r"%\((\w+)\)[sb]", query.postgres))
        if isinstance(query, Chain):
            common = {name for step in query.steps for name in step.common}
            assert named == set(query.types) | common, query.name
        else:
            assert named == query.parameters, query.name


def test_what_is_asked_all_day_is_found_by_index(enlist: Enlist, raw: Raw) -> None:
    """S08: a secret is looked up, never searched for; P04: with many rows beside it.

    The rows are copies of one, so that a planner may hold half a table for the answer: it is
    asked whether an index can serve, not which way it holds cheaper today.
    """
    list(all_queries())
    if enlist.store.dialect == "postgres":
        fill(enlist, raw)
        for whole in ("seqscan", "mergejoin", "hashjoin"):
            raw.execute(f"SET enable_{whole} = off")
    for name in (*HOT, *OF_ONE_USER):
        plan = raw.plan(QUERIES[name])
        assert scanned(plan) == [], (name, plan)
    # And where there is no index to use, that is noticed.
    query = Query("test.scan", "SELECT length FROM enrollment_secret WHERE made_at = :made_at")
    assert scanned(raw.plan(query))
    del QUERIES["test.scan"]
