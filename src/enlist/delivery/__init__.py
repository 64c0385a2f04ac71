"""Messages on their way to people: the outbox's worker, what is written, and the ways to send it.

    worker -> verbs (claim, deliver) -> rendering -> a channel

A `Letter` comes out of the verbs with everything that its text needs; `rendering` turns it into
subject, text and HTML; a `Channel` hands it over and says `Accepted`, `Retry` or `Rejected`.
"""
