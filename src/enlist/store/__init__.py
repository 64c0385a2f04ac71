"""The only place with SQL.

`tx` says what a transaction is, `sqlite` and `postgres` provide it, and one module per subject
holds its statements. A function of a subject module takes a `Tx` and plain values and gives
plain values back; nothing else in Enlist ever sees a row or a cursor.
"""
