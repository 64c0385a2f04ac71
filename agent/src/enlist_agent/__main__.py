"""`python -m enlist_agent`."""

from enlist_agent.cli import main

raise SystemExit(main())
