"""Backups: a folder of three files, made beside a running server, restored into nothing.

    manifest.json     what it is: versions, installation, digests of the other two
    database.sqlite3  the database; or database.pgdump, as `pg_dump` writes it
    keys.enlist       keys and certificate authority, encrypted under a passphrase

The database holds no secret that could be read; the keys are what would make it readable, so they
are encrypted apart (ruling 20), and the two can be kept in different places. Neither is of use
alone: the encryption binds the keys to the manifest, and the manifest to the database.

A backup is written under a hidden name, and gets its own only when it is whole and was read back.
"""
