"""What the management API is asked to do: the fields that mean something here.

What only means something to a network is passed over where it is empty, and refused where it is
not: nobody shall take it for kept.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from enlist.core.model import Platform
from enlist.core.outcomes import Refusal
from enlist.verbs.device_details import DeviceDetails
from enlist.web.protocols.openziti.bodies import value_of
from enlist.web.protocols.openziti.management.desk import Desk
from enlist.web.reading import unfit
from enlist.web.values import Line, MomentGiven

Given = TypeVar("Given", bound=BaseModel)


def _empty(value: object) -> None:
    if value:
        raise PydanticCustomError("kept_nowhere", "means nothing here and is kept nowhere")


Empty = Annotated[object, AfterValidator(_empty)]
"""Something that only a network knows what to do with."""

Name = Annotated[Line, Field(min_length=1)]


class _Body(BaseModel):
    """A body with OpenZiti's names. What it holds besides says nothing of who may enroll."""

    model_config = ConfigDict(alias_generator=to_camel, frozen=True, extra="ignore")


class Methods(_Body):
    """How a new identity is to enroll; by nothing yet where `ott` is false."""

    ott: StrictBool = False
    ottca: Empty = None
    updb: Empty = None


class Tags(_Body):
    """The only tag that is kept."""

    model_config = ConfigDict(extra="forbid")

    platform: Platform | None = None


class _IdentityBody(_Body):
    """What can be said of an identity, new or not."""

    external_id: Line | None = None
    role_attributes: Empty = None
    app_data: Empty = None
    service_hosting_costs: Empty = None
    service_hosting_precedences: Empty = None
    auth_policy_id: Literal["default", ""] | None = None


class NewIdentity(_IdentityBody):
    """An identity; `isAdmin` gives no right here (ruling 13)."""

    name: Name
    type: Literal["Default", "Device", "Service", "User"]
    is_admin: StrictBool
    enrollment: Methods | None = None
    tags: Tags | None = None

    @property
    def details(self) -> DeviceDetails:
        """The device that it is."""
        platform = (self.tags and self.tags.platform) or Platform.LINUX
        return DeviceDetails(self.name, platform.value, external_id=self.external_id or "")

    @property
    def enrolls(self) -> bool:
        """Whether it gets a one-time JWT at once."""
        return self.enrollment is not None and self.enrollment.ott


class IdentityChange(_IdentityBody):
    """What is to be another of an identity."""

    name: Name = ""
    tags: Empty = None

    @property
    def changes(self) -> dict[str, str | None]:
        """The fields that were named, as the verb takes them."""
        named = self.model_fields_set & {"name", "external_id"}
        return {field: getattr(self, field) for field in named}


class NewEnrollment(_Body):
    """A one-time JWT for an identity that has none."""

    method: Literal["ott"]
    expires_at: MomentGiven
    identity_id: Name


class Expiry(_Body):
    """Until when a new token works."""

    expires_at: MomentGiven


class Extension(_Body):
    """How a device is to renew its certificate."""

    roll_keys: StrictBool = False


async def read(desk: Desk, shape: type[Given]) -> Given | Refusal:
    """The body of a request.

    Refusals: `malformed`, `validation_failed`.
    """
    value: Any = value_of(await desk.request.body())
    if isinstance(value, Refusal):
        return value
    try:
        return shape.model_validate(value)
    except ValidationError as problem:
        return unfit(problem.errors(include_url=False, include_input=False))
