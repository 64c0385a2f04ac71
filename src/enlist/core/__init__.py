"""What Enlist is about, as plain values: standard library only, no I/O, no clock.

Everything here can be called from a test without a fixture. The life of an enrollment
is in `lifecycle`, the life of a secret in `secrets`, who may do what in `policy`.
"""
