"""What every person has: signing in and out, his own devices, and his own account.

Everything works without scripts, and nothing changes by GET. The first administrator comes in
through `/setup`, once; one who cannot sign in any more through `/recover`. Everybody else asks for
a link by `/forgot-password`.
"""

from starlette.routing import BaseRoute, Route

from enlist.web.portal.account import (
    change_password,
    change_profile,
    end_sign_in,
    show_account,
    sign_out_everywhere,
)
from enlist.web.portal.forgotten import FORGOTTEN, ask, show_forgotten
from enlist.web.portal.my_devices import (
    HOME,
    add,
    delete,
    renew,
    resend,
    show_add,
    show_delete,
    show_device,
    show_list,
    show_message,
)
from enlist.web.portal.one_time_links import PASSWORD, RECOVERY, SETUP
from enlist.web.portal.second_factor import (
    PATH,
    remove,
    renew_codes,
    set_up,
    show_remove,
    show_set_up,
)
from enlist.web.portal.signing_in import (
    CODE,
    confirm,
    give_code,
    show_code,
    show_confirm,
    show_sign_in,
    show_sign_out,
    sign_in,
    sign_out,
)


def routes() -> list[BaseRoute]:
    """The portal's pages, and what their forms do."""
    pages = {
        "/sign-in": (show_sign_in, sign_in),
        CODE: (show_code, give_code),
        "/sign-out": (show_sign_out, sign_out),
        "/confirm": (show_confirm, confirm),
        "/setup": (SETUP.show, SETUP.submit),
        "/recover": (RECOVERY.show, RECOVERY.submit),
        "/set-password": (PASSWORD.show, PASSWORD.submit),
        FORGOTTEN: (show_forgotten, ask),
        "/account": (show_account, change_profile),
        PATH: (show_set_up, set_up),
        f"{PATH}/remove": (show_remove, remove),
        f"{HOME}/new": (show_add, add),
        f"{HOME}/{{device_id}}/delete": (show_delete, delete),
    }
    shown = {
        HOME: show_list,
        f"{HOME}/{{device_id}}": show_device,
        f"{HOME}/{{device_id}}/message": show_message,
    }
    forms = {
        f"{HOME}/{{device_id}}/resend": resend,
        f"{HOME}/{{device_id}}/renew": renew,
        "/account/password": change_password,
        f"{PATH}/codes": renew_codes,
        "/account/sign-out-everywhere": sign_out_everywhere,
        "/account/sign-ins/{sign_in_id}/end": end_sign_in,
    }
    return [
        *(Route(path, show) for path, (show, _) in pages.items()),
        *(Route(path, show) for path, show in shown.items()),
        *(Route(path, do, methods=["POST"]) for path, (_, do) in pages.items()),
        *(Route(path, do, methods=["POST"]) for path, do in forms.items()),
    ]
