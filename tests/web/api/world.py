"""Fresh things of every kind, for one request of the API each to be tried on."""

from __future__ import annotations

import io
import itertools
from dataclasses import dataclass, field, replace
from typing import Any, Final

from enlist.core.clock import HOUR
from enlist.core.device_lists import DeviceList
from enlist.core.model import GrantKind
from enlist.core.outcomes import Refusal
from enlist.core.secrets import Secret
from enlist.core.terms import TermsText
from enlist.store import holds, second_factors, users
from enlist.store.listing import Page
from enlist.verbs.alert_tests import TestAlerts
from enlist.verbs.api_keys import CreateApiKey
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.device_lists import Entry, ListListed, PutOnList
from enlist.verbs.groups import AddGroup
from enlist.verbs.importing import Importing
from enlist.verbs.imports import bring
from enlist.verbs.offboard import Offboard
from enlist.verbs.own_roles import AddOwnRole
from enlist.verbs.passcodes import GeneratePasscode
from enlist.verbs.register import Register
from enlist.verbs.restrictions import AddRestriction
from enlist.verbs.saved_views import SaveView
from enlist.verbs.sealing import Sealer
from enlist.verbs.sign_in import StartSignIn
from enlist.verbs.templates import PutTemplate, Wording
from enlist.verbs.terms import Draft, PublishTerms
from enlist.verbs.users import AddUser
from enlist.verbs.waves import PauseWave, StartWave, Whom
from enlist.verbs.waving import Waving
from enlist.verbs.webhooks import AddWebhook, ListDeliveries, TestWebhook
from tests.connections import live_session
from tests.installation import PASSWORD, SHOWN, Ticket, done
from tests.web.api.conftest import Api, Client
from tests.web.neighbours import PLAN

HOOK_URL: Final = "https://hooks.example.com/"


@dataclass
class World:
    """Fresh things for one operation to be tried on."""

    api: Api
    client: Client
    username: str
    numbers: Any = field(default_factory=lambda: itertools.count(1))

    def name(self) -> str:
        return f"thing-{next(self.numbers)}-{self.username}"

    def user(self) -> str:
        return self.api.enlist.user(self.name()).id

    def planned(self) -> str:
        """Somebody who leaves in an hour."""
        user = self.user()
        self.api.enlist.do(Offboard(user, self.api.enlist.clock.now + HOUR))
        return user

    def guarded(self) -> str:
        """A user with a second factor."""
        user = self.user()
        self.api.enlist.store.write(lambda tx: second_factors.put(tx, user, "sealed", "key", 1))
        return user

    def with_passcode(self) -> str:
        """An organization with a passcode that may be shown again."""
        self.api.enlist.set("main", passcode_reveal=True)
        self.api.enlist.do(GeneratePasscode("main"))
        return "main"

    def ticket(self) -> Ticket:
        return self.api.enlist.register(self.name())

    def staged(self) -> str:
        """An enrolled device of somebody who stages devices for others."""
        enlist, name = self.api.enlist, self.name()
        enlist.do(AddUser("", name, staging="multiple_user"))
        ticket = enlist.register(name)
        done(enlist.redeem(ticket.token))
        return ticket.device_id

    def session(self) -> str:
        """A live session of a device."""
        return live_session(self.api.enlist.store, self.ticket().device_id)

    def revoked(self) -> str:
        """A registered device without a live enrollment."""
        ticket = self.ticket()
        self.api.enlist.revoke(ticket.enrollment_id)
        return ticket.device_id

    def held(self) -> str:
        """A live enrollment, put on hold as by a restore."""
        ticket = self.ticket()
        self.api.enlist.store.write(holds.hold_all)
        return ticket.enrollment_id

    def by_jwt(self) -> str:
        """A live enrollment by one-time JWT."""
        details = DeviceDetails("laptop", "linux")
        verb = Register("", self.user(), details, SHOWN, grant=GrantKind.ONE_TIME_JWT)
        return self.api.enlist.do(verb).enrollment_id

    def group(self) -> str:
        return self.api.enlist.do(AddGroup("main", self.name())).id

    def own_role(self) -> str:
        return self.api.enlist.do(AddOwnRole("main", self.name(), ("users:read",))).id

    def view(self) -> str:
        """A saved view of whoever asks."""
        user = self.api.enlist.store.read(lambda tx: users.by_username(tx, self.username))
        assert user is not None
        caller = self.api.enlist.caller(user)
        return self.api.enlist.do(SaveView("", self.name()), caller).id

    def restriction(self) -> str:
        return self.api.enlist.do(AddRestriction("main", {"name": "rule"})).id

    def terms(self) -> str:
        draft = Draft((TermsText("en", "Terms", "Be kind."),), "windows")
        return self.api.enlist.do(PublishTerms("main", draft)).id

    def listed(self, kind: DeviceList) -> str:
        entry, enlist = Entry("serial", self.name()), self.api.enlist
        enlist.do(PutOnList("main", kind, (entry,)))
        page = enlist.driver.view(ListListed("main", search=entry.value), enlist.host)
        assert isinstance(page, Page)
        return page.items[0].id

    def organization(self) -> str:
        return self.api.enlist.organization(self.name()).group_id

    def api_key(self) -> str:
        made = self.api.enlist.do(CreateApiKey(self.name(), "reader", self.api.enlist.root.id))
        return made.key.id

    def template(self) -> str:
        wording = Wording(self.name(), "registration", "email", "en", "s", "{EnrollmentUrl}")
        return self.api.enlist.do(PutTemplate(self.api.enlist.root.id, wording)).id

    def event(self) -> str:
        """An event that every role may see."""
        device_id = self.ticket().device_id
        return self.api.enlist.events("device.registered", device=device_id)[0].id

    def sealed(self, path: str) -> str:
        """A path, when the log was sealed and signed."""
        Sealer(self.api.enlist.store).seal_all()
        self.api.enlist.installation.log.sign()
        return path

    def support_code(self) -> str:
        answer = self.api.stranger.post("/redeem", {"token": "8Kq2mWx7Rb"})
        return str(answer.json()["support_code"])

    def sign_in(self) -> str:
        """Another sign-in of whoever asks."""
        sign_in = StartSignIn(self.username, Secret(PASSWORD))
        return done(self.api.enlist.perform(sign_in, self.api.enlist.stranger())).sign_in.id

    def mine(self) -> str:
        """A device of whoever asks, waiting for its token to be used."""
        details = DeviceDetails(self.name(), "linux")
        return self.api.enlist.do(Register("", self.username, details)).device_id

    def imported(self) -> str:
        """An import whose preview is ready."""
        enlist = self.api.enlist
        job = bring(
            enlist.driver, enlist.store, enlist.host, io.BytesIO(b"username\nimported\n"),
            organization="", kind="simple", name="people.csv", preview=True,
        )  # fmt: skip
        assert not isinstance(job, Refusal), job
        Importing(enlist.driver, enlist.store).work(job.id)
        return job.id

    def wave(self, canary_percent: int = 0) -> str:
        whom = Whom(users=(self.user(), self.user()))
        return self.api.enlist.do(
            StartWave("", replace(PLAN, canary_percent=canary_percent), whom)
        ).id

    def held_wave(self) -> str:
        wave = self.wave()
        self.api.enlist.do(PauseWave(wave))
        return wave

    def waiting_wave(self) -> str:
        """One whose first share is issued."""
        wave, enlist = self.wave(canary_percent=50), self.api.enlist
        Waving(enlist.driver, enlist.store).work(wave)
        return wave

    def alert_test(self) -> str:
        """The id of a test of who is told of alerts."""
        return self.api.enlist.do(TestAlerts()).id

    def webhook(self) -> str:
        return self.api.enlist.do(AddWebhook("hook", HOOK_URL)).hook.id

    def delivered(self) -> str:
        """The path of an event on its way to a webhook."""
        hook, enlist = self.webhook(), self.api.enlist
        enlist.do(TestWebhook(hook))
        told = enlist.driver.view(ListDeliveries(filters={"webhook": hook}), enlist.host)
        assert isinstance(told, Page)
        return f"/webhooks/{hook}/deliveries/{told.items[0].id}"

    def registering(self) -> dict[str, str]:
        return {"user": self.user(), "name": "laptop", "platform": "linux"}
