"""A real mail system: Postfix takes mail with TLS and login, Dovecot shows it over IMAP.

Nothing leaves the machine: what is not for the test domain is refused. Both run from a folder of
their own, beside whatever the machine has configured.
"""

from __future__ import annotations

import imaplib
import shutil
import smtplib
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from tests.peers import pki
from tests.peers.base import (
    DEADLINE,
    Missing,
    PeerBroken,
    checked,
    dotted,
    find_program,
    finish,
    free_port,
    lacking,
    launch,
    version_of,
    wait_until,
)

NAME = "postfix"
PACKAGES = ("postfix", "postfix-lmdb", "dovecot-core", "dovecot-imapd")
MIN_VERSION = (3, 7)
NEEDS_ROOT = True

DOMAIN = pki.HOST.partition(".")[2]
USERS = ("ada", "alan", "grace")
LOGIN = "enlist"
PASSWORD = "one-for-all"
OWNER = "nobody"  # of the mailboxes

MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = /dev/stdout
myhostname = {host}
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
default_database_type = lmdb
alias_maps =
alias_database =
virtual_mailbox_domains = {domain}
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = texthash:{folder}/etc/mailboxes
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
default_transport = error:5.7.1 Nothing leaves this machine
smtpd_tls_security_level = encrypt
smtpd_tls_cert_file = {pair.certificate}
smtpd_tls_key_file = {pair.key}
smtpd_sasl_auth_enable = yes
smtpd_error_sleep_time = 0
smtpd_tls_auth_only = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
smtpd_client_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions = reject_unauth_destination
smtpd_relay_restrictions = reject_unauth_destination
"""

# Postfix's standard services without chroot, and one listener on a port of our own.
MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
cleanup   unix  n - n -    0 cleanup
qmgr      unix  n - n 300  1 qmgr
tlsmgr    unix  - - n 1000 1 tlsmgr
rewrite   unix  - - n -    - trivial-rewrite
bounce    unix  - - n -    0 bounce
defer     unix  - - n -    0 bounce
trace     unix  - - n -    0 bounce
verify    unix  - - n -    1 verify
proxymap  unix  - - n -    - proxymap
error     unix  - - n -    - error
retry     unix  - - n -    - error
virtual   unix  - n n -    - virtual
anvil     unix  - - n -    1 anvil
scache    unix  - - n -    1 scache
postlog   unix-dgram n - n - 1 postlogd
"""

DOVECOT = """\
base_dir = {folder}/run
log_path = {folder}/dovecot.log
protocols = imap
listen = 127.0.0.1
mail_location = maildir:{folder}/mail/%n
first_valid_uid = 1
disable_plaintext_auth = yes
auth_failure_delay = 0
ssl = required
ssl_cert = <{pair.certificate}
ssl_key = <{pair.key}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail/%n
}}
service imap-login {{
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = {port}
    ssl = yes
  }}
}}
service auth {{
  unix_listener {folder}/queue/private/auth {{
    mode = 0660
    user = postfix
    group = postfix
  }}
}}
# No growing delay after a wrong password: tests are wrong on purpose.
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"""

# Postfix's master changes its user for a moment, which clears the death signal that it was started
# with: a shell keeps the signal and passes it on.
GUARD = "trap 'kill $child; wait $child' TERM; " + '"$@" & child=$!; wait $child'


def probe() -> Missing | None:
    version = ["-h", "-d", "mail_version"]
    return lacking(
        "postconf", PACKAGES[0], minimum=MIN_VERSION, version=version, needs_root=NEEDS_ROOT
    ) or lacking("dovecot", PACKAGES[2], minimum=(2, 3))


@dataclass
class MailSystem:
    """The running pair: submission wants STARTTLS, then `LOGIN` and `PASSWORD`, as do `USERS`."""

    folder: Path
    pki: pki.Pki
    submission: int
    imaps: int
    version: str
    processes: list[subprocess.Popen[bytes]]

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.submission}"

    @property
    def log(self) -> Path:
        return self.folder / "postfix.log"

    def context(self) -> ssl.SSLContext:
        """Trusts this system's authority and nobody else."""
        return ssl.create_default_context(cafile=str(self.pki.authority))

    @contextmanager
    def mailbox(self, user: str) -> Iterator[imaplib.IMAP4_SSL]:
        """A user's inbox over IMAP with TLS."""
        with imaplib.IMAP4_SSL("127.0.0.1", self.imaps, ssl_context=self.context()) as client:
            client.login(user, PASSWORD)
            client.select("INBOX")
            yield client

    def messages(self, user: str) -> list[EmailMessage]:
        """What is in a user's inbox, oldest first."""
        with self.mailbox(user) as client:
            numbers = client.search(None, "ALL")[1][0].split()
            bodies = [client.fetch(number.decode(), "(RFC822)")[1][0] for number in numbers]
        return [
            message_from_bytes(body[1], policy=policy.default)
            for body in bodies
            if isinstance(body, tuple)
        ]

    def wait_for(
        self, user: str, count: int = 1, *, seconds: float = DEADLINE
    ) -> list[EmailMessage]:
        """A user's messages as soon as there are `count`; TimeoutError otherwise."""
        deadline = time.monotonic() + seconds
        while len(found := self.messages(user)) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(found)} of {count} messages in {seconds:g} s")
            time.sleep(0.05)
        return found

    def empty(self) -> None:
        """Delete all mail of all users."""
        for user in USERS:
            with self.mailbox(user) as client:
                if numbers := client.search(None, "ALL")[1][0].decode().replace(" ", ","):
                    client.store(numbers, "+FLAGS", r"\Deleted")
                    client.expunge()

    def stop(self) -> None:
        for process in reversed(self.processes):
            finish(process)
        shutil.rmtree(self.folder, ignore_errors=True)


def start(folder: Path) -> MailSystem:
    # Not below a folder that is closed to others: the daemons run as users of their own.
    home = Path(tempfile.mkdtemp(prefix="enlist-mail-"))
    home.chmod(0o755)
    version = dotted(version_of(["postconf", "-h", "-d", "mail_version"]))
    certificates = pki.make(home / "pki")
    system = MailSystem(home, certificates, free_port(), free_port(), version, [])
    try:
        _configure(system)
        _launch(system)
    except PeerBroken:
        system.stop()
        raise
    return system


def _configure(system: MailSystem) -> None:
    folder = system.folder
    for name in ("etc", "queue", "data", "mail", "run"):
        (folder / name).mkdir()
    shutil.chown(folder / "data", "postfix")
    shutil.chown(folder / "mail", OWNER)
    stat = (folder / "mail").stat()
    facts = {"folder": folder, "pair": system.pki.server, "uid": stat.st_uid, "gid": 65534}
    main = MAIN.format(**facts, host=pki.HOST, domain=DOMAIN)
    (folder / "etc/main.cf").write_text(main)
    (folder / "etc/master.cf").write_text(MASTER.format(port=system.submission))
    mailboxes = "".join(f"{user}@{DOMAIN} {user}/\n" for user in USERS)
    (folder / "etc/mailboxes").write_text(mailboxes)
    dovecot = DOVECOT.format(**facts, port=system.imaps, password=PASSWORD)
    (folder / "dovecot.conf").write_text(dovecot)


def _launch(system: MailSystem) -> None:
    etc = str(system.folder / "etc")
    postfix, dovecot = (find_program(name) or name for name in ("postfix", "dovecot"))
    # Makes the queue's folders; Dovecot puts its socket for logins into one of them.
    checked([postfix, "-c", etc, "check"])
    log = system.folder / "dovecot.log"
    imap = launch([dovecot, "-F", "-c", str(system.folder / "dovecot.conf")], log)
    system.processes.append(imap)
    wait_until((system.folder / "queue/private/auth").exists, "Dovecot", log=log, process=imap)
    master = Path(checked(["postconf", "-h", "daemon_directory"]).strip()) / "master"
    smtp = launch(["sh", "-c", GUARD, "guard", str(master), "-c", etc, "-s"], system.log)
    system.processes.append(smtp)
    wait_until(lambda: _greets(system), "Postfix", log=system.log, process=smtp)
    wait_until(lambda: _opens(system), "Dovecot", log=log, process=imap)


def _greets(system: MailSystem) -> bool:
    try:
        with smtplib.SMTP("127.0.0.1", system.submission, timeout=DEADLINE) as client:
            return client.starttls(context=system.context())[0] == 220
    except OSError:
        return False


def _opens(system: MailSystem) -> bool:
    try:
        with system.mailbox(USERS[0]):
            return True
    except (OSError, imaplib.IMAP4.error):
        return False
