"""Ways to be authorized to enroll: one file each, all of the same shape.

A grant answers one question, `admit`: may whoever presents this, logged in like this, use that
enrollment under the settings in force? It is a pure function over values; None means yes.
"""
