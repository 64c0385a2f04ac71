"""What Enlist does: one file per subject, each verb in three parts.

`look` reads, `work` does everything slow or outside without a transaction, `apply` changes the
database in one transaction. `driver` runs them, the same way for every adapter. Start reading
with `redeem`.
"""
