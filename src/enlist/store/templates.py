"""Message templates that an organization wrote itself; the built-in ones are in `delivery`."""

from __future__ import annotations

from dataclasses import dataclass

from enlist.core.ids import Id
from enlist.store.tx import Query, Reader, Row, Tx

_COLUMNS = """
    SELECT t.id, t.organization_id, o.path AS organization_path, t.name, t.purpose, t.channel,
           t.language, t.subject, t.body, t.changed_at, t.version
      FROM message_template t JOIN organization o ON o.id = t.organization_id
"""
_NEAREST = Query(
    "template.nearest",
    f"""{_COLUMNS}
     WHERE :path LIKE o.path || '%' AND t.name = :name AND t.purpose = :purpose
       AND t.channel = :channel
     ORDER BY CASE WHEN t.language = :language THEN 0 WHEN t.language = 'en' THEN 1 ELSE 2 END,
              length(o.path) DESC
     LIMIT 1""",
    postgres=f"""{_COLUMNS}
     WHERE starts_with(:path, o.path) AND t.name = :name AND t.purpose = :purpose
       AND t.channel = :channel
     ORDER BY CASE WHEN t.language = :language THEN 0 WHEN t.language = 'en' THEN 1 ELSE 2 END,
              length(o.path) DESC
     LIMIT 1""",
)
_VISIBLE = Query(
    "template.visible",
    f"{_COLUMNS} WHERE :path LIKE o.path || '%' ORDER BY t.purpose, t.name, t.channel, t.language",
    postgres=f"""{_COLUMNS} WHERE starts_with(:path, o.path)
     ORDER BY t.purpose, t.name, t.channel, t.language""",
)
_PUT = Query(
    "template.put",
    """
    INSERT INTO message_template (id, organization_id, name, purpose, channel, language, subject,
                                  body, changed_at)
    VALUES (:id, :organization_id, :name, :purpose, :channel, :language, :subject, :body, :now)
    ON CONFLICT (organization_id, purpose, name, channel, language) DO UPDATE
       SET subject = excluded.subject, body = excluded.body, changed_at = excluded.changed_at,
           version = message_template.version + 1
    """,
)
_FIND = Query("template.find", f"{_COLUMNS} WHERE t.id = :id")
_DELETE = Query("template.delete", "DELETE FROM message_template WHERE id = :id")


@dataclass(frozen=True, slots=True)
class Template:
    """A message template: subject and body with lookup values such as `{EnrollmentUrl}`."""

    id: Id
    organization_id: Id
    organization_path: str
    name: str
    purpose: str
    channel: str
    language: str
    subject: str
    body: str
    changed_at: int
    version: int


def nearest(
    tx: Reader, path: str, *, name: str, purpose: str, channel: str, language: str
) -> Template | None:
    """The template of this name that counts at `path`: best language, then nearest organization."""
    row = tx.one(
        _NEAREST, path=path, name=name, purpose=purpose, channel=channel, language=language
    )
    return None if row is None else _template(row)


def visible(tx: Reader, path: str) -> list[Template]:
    """The templates of the organization at `path` and of those above it."""
    return [_template(row) for row in tx.all(_VISIBLE, path=path)]


def find(tx: Reader, template_id: Id) -> Template | None:
    """One template."""
    row = tx.one(_FIND, id=template_id)
    return None if row is None else _template(row)


def put(tx: Tx, template: Template) -> None:
    """Add a template, or replace the one with the same name, channel and language."""
    tx.run(
        _PUT,
        id=template.id,
        organization_id=template.organization_id,
        name=template.name,
        purpose=template.purpose,
        channel=template.channel,
        language=template.language,
        subject=template.subject,
        body=template.body,
        now=tx.now,
    )


def delete(tx: Tx, template_id: Id) -> bool:
    """Remove a template; what is above counts again."""
    return tx.run(_DELETE, id=template_id) == 1


def _template(row: Row) -> Template:
    return Template(
        id=row["id"],
        organization_id=row["organization_id"],
        organization_path=row["organization_path"],
        name=row["name"],
        purpose=row["purpose"],
        channel=row["channel"],
        language=row["language"],
        subject=row["subject"],
        body=row["body"],
        changed_at=row["changed_at"],
        version=row["version"],
    )
