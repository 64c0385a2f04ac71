"""The certificate authority: bytes and values in, bytes and values out.

No files, no SQL, no clock: whoever stores keys hands them in, and `now` is a number. What each
kind of certificate says is in `profiles`, who may ask for one in `csr`, and what a presented
one is worth in `chain`. Nothing of a request but its key ever reaches a certificate (S62).
"""
