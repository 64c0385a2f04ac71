"""What this machine can do at best: the limits that Enlist's rates are divided by.

Both redeem a token with one guarded update and one audit row, durably. Y1 is pgbench, eight
clients, one statement each; Y2 a Python loop on SQLite that commits after each.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
import subprocess
import tempfile
import time
from pathlib import Path

from tests.peers.postgres import Cluster

ROWS = 100_000
_TOKEN = """
CREATE TABLE token (id bigint PRIMARY KEY, digest {bytes} NOT NULL UNIQUE, state text NOT NULL,
    expires_at bigint NOT NULL, uses int NOT NULL DEFAULT 0, max_uses int NOT NULL,
    redeemed_at bigint)
"""
_EVENT = """
CREATE TABLE event (id {serial} PRIMARY KEY, at bigint NOT NULL, kind text NOT NULL,
    token_id bigint NOT NULL, detail text NOT NULL)
"""
_FILL = f"""
INSERT INTO token SELECT n, sha256(int8send(n)), 'issued', 4102444800, 0, 2000000000, NULL
  FROM generate_series(1, {ROWS}) n
"""
_FAR = 4_102_444_800

_PGBENCH = """\\set id random(1, {rows})
WITH claimed AS (
    UPDATE token SET uses = uses + 1, redeemed_at = 1
     WHERE digest = sha256(int8send(:id)) AND state = 'issued' AND uses < max_uses
       AND expires_at > extract(epoch FROM now()) RETURNING id)
INSERT INTO event (at, kind, token_id, detail) SELECT 1, 'redeemed', id, '{{}}' FROM claimed;
"""


def postgres(cluster: Cluster, seconds: int) -> float:
    """Y1: redemptions per second of pgbench with eight clients, one statement each."""
    url = cluster.create_database()
    psql = [str(cluster.programs / "psql"), "-q", "-v", "ON_ERROR_STOP=1", url]
    tables = [text.format(bytes="bytea", serial="bigserial") for text in (_TOKEN, _EVENT)]
    for statement in (*tables, _FILL, "ANALYZE", "CHECKPOINT"):
        subprocess.run([*psql, "-c", statement], check=True)
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(_PGBENCH.format(rows=ROWS))
        script.flush()
        command = [str(cluster.programs / "pgbench"), "-n", "-M", "prepared", "-c", "8", "-j", "2"]
        ran = subprocess.run(
            [*command, "-T", str(seconds), "-f", script.name, url],
            check=True,
            capture_output=True,
            text=True,
        )
    found = re.search(r"tps = ([\d.]+)", ran.stdout)
    if found is None:
        raise RuntimeError(f"pgbench said nothing of its rate:\n{ran.stdout}{ran.stderr}")
    return float(found[1])


def sqlite(folder: Path, rounds: int = 3, each: int = 3_000) -> float:
    """Y2: redemptions per second of a loop that commits after each; WAL, synchronous=FULL."""
    connection = sqlite3.connect(folder / "yardstick.sqlite3", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    for text in (_TOKEN, _EVENT):
        connection.execute(text.format(bytes="BLOB", serial="INTEGER"))
    digests = [hashlib.sha256(n.to_bytes(8)).digest() for n in range(rounds * each)]
    connection.execute("BEGIN")
    connection.executemany(
        "INSERT INTO token VALUES (?, ?, 'issued', ?, 0, 1, NULL)",
        [(n, digest, _FAR) for n, digest in enumerate(digests)],
    )
    connection.execute("COMMIT")
    started = time.perf_counter()
    for digest in digests:
        connection.execute("BEGIN IMMEDIATE")
        claimed = connection.execute(
            "UPDATE token SET uses = uses + 1, redeemed_at = 1 WHERE digest = ? AND "
            "state = 'issued' AND uses < max_uses AND expires_at > 1 RETURNING id",
            (digest,),
        ).fetchone()
        connection.execute(
            "INSERT INTO event (at, kind, token_id, detail) VALUES (1, 'redeemed', ?, '{}')",
            claimed,
        )
        connection.execute("COMMIT")
    rate = len(digests) / (time.perf_counter() - started)
    connection.close()
    return rate
