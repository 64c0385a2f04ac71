"""Ways to finish an enrollment and bind the device: one file each, all of the same shape.

`prepare` runs in a verb's `work`: it checks what the device brought and makes the credential, as
a plain value that the claiming transaction stores, or says why not. Nothing is burned by a
refusal (S17).
"""
