"""`python -m enlist` is the same as `enlist`."""

from enlist.wiring import main

main()
