"""The asynchronous edge: one folder per way in.

Here, and only here, HTTP is known. An adapter turns a request into plain values, hands a verb to
`Services.perform`, and renders the outcome; it decides nothing.
"""
