"""Open device sessions of this process: connections that were proved with a credential.

What a session is, and whether it may go on, stands in the store (`verbs.device_sessions`). Here is
what cannot stand there: the sockets, their heartbeat, and cutting them at once.
"""
