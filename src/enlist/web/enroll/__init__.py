"""The public enrollment page: for people who hold a token, a code, or know their Group ID.

One form, one POST (ruling 23). *Continue* only checks and shows what would happen; *Start
enrolling* opens an attempt and tells how to go on, and when the device has joined. GET and HEAD
change nothing but the note that a link was opened, and look the same whatever the handle in the
link is worth.
"""

from starlette.routing import BaseRoute, Route

from enlist.verbs.agreeing import PATH
from enlist.web.enroll.landing import show_form
from enlist.web.enroll.programs import program_routes
from enlist.web.enroll.progress import PROGRESS_PATH, show_progress
from enlist.web.enroll.self_service import (
    PROOF_PATH,
    SELF_SERVICE_PATH,
    ask_for_credentials,
    prove,
    show_proof,
    show_self_service,
)
from enlist.web.enroll.steps import CHECKED_PATH, show_checked, submit
from enlist.web.enroll.terms import show_terms


def routes() -> list[BaseRoute]:
    """The page by itself, by the name that other products give it (A65), and by link."""
    paths = ("/enroll", "/enroll/", "/enroll/welcome", "/enroll/{handle}")
    return [
        Route(CHECKED_PATH, show_checked),
        Route(CHECKED_PATH, submit, methods=["POST"]),
        Route(PROGRESS_PATH, show_progress),
        Route(f"{PATH}/{{terms_id}}", show_terms),
        Route(PROOF_PATH, show_proof),
        Route(PROOF_PATH, prove, methods=["POST"]),
        *(
            route
            for path in (SELF_SERVICE_PATH, f"{SELF_SERVICE_PATH}/{{group_id}}")
            for route in (
                Route(path, show_self_service),
                Route(path, ask_for_credentials, methods=["POST"]),
            )
        ),
        *program_routes(),
        *(
            route
            for path in paths
            for route in (Route(path, show_form), Route(path, submit, methods=["POST"]))
        ),
    ]
