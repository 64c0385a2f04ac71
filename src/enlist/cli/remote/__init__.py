"""The command line against a server elsewhere, through its API: `enlist --server URL …`.

A command runs a verb, and cares not where. Here a verb becomes a request (`requests`), and the
answer the value that the verb would have had (`reviving`): lists, tables and JSON are the same.
What has no place in the API, as keys, backups and the database have none, works at the server's own
machine alone, and says so.
"""
