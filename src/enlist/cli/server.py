"""`enlist serve`, `demo`, `init`, `migrate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from enlist.cli.options import Data, Database, backend, read_secret, to_run
from enlist.cli.output import REFUSED, out, usage

Http = Annotated[
    str | None,
    typer.Option("--http", metavar="HOST:PORT", help="Web listener.  [default: 127.0.0.1:8000]"),
]
DeviceListener = Annotated[
    str | None,
    typer.Option(
        "--device", metavar="HOST:PORT", help="Device listener.  [default: 127.0.0.1:8443]"
    ),
]
PublicUrl = Annotated[
    str | None, typer.Option("--public-url", metavar="URL", help="Address that people use.")
]
DeviceUrl = Annotated[
    str | None, typer.Option("--device-url", metavar="URL", help="Address that devices use.")
]
DeviceName = Annotated[
    list[str] | None,
    typer.Option(
        "--device-name",
        metavar="NAME[=CERTIFICATE:KEY]",
        help="Another name of the device listener, with a certificate of its own; repeatable.",
    ),
]
PkiUrl = Annotated[
    str | None,
    typer.Option("--pki-url", metavar="URL", help="Address of the revocation list."),
]
TlsCert = Annotated[
    Path | None, typer.Option("--tls-cert", metavar="FILE", help="Certificate for HTTPS.")
]
TlsKey = Annotated[Path | None, typer.Option("--tls-key", metavar="FILE", help="Its key.")]
TrustedProxy = Annotated[
    list[str] | None,
    typer.Option(
        "--trusted-proxy", metavar="NET", help="Believe forwarding headers from here; repeatable."
    ),
]
ProxyHeader = Annotated[
    str | None,
    typer.Option(
        "--proxy-header",
        metavar="NAME",
        help="Where it names the client: x-forwarded-for, or forwarded (RFC 7239).",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option("--workers", metavar="N", min=1, help="Processes; above 1 on PostgreSQL."),
]


def add_to(app: typer.Typer) -> None:
    """Add the commands at the top."""
    app.command(epilog="Example: enlist serve --data /var/lib/enlist")(serve)
    app.command(epilog="Example: enlist demo")(demo)
    app.command(
        epilog='Example: echo "$PASSWORD" | enlist init --admin ada@example.com --password-stdin'
    )(init)
    app.command(epilog="Example: enlist migrate --check")(migrate)


def serve(
    context: typer.Context,
    data: Data = None,
    database: Database = None,
    http: Http = None,
    device: DeviceListener = None,
    public_url: PublicUrl = None,
    device_url: DeviceUrl = None,
    device_name: DeviceName = None,
    pki_url: PkiUrl = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    trusted_proxy: TrustedProxy = None,
    proxy_header: ProxyHeader = None,
    workers: Workers = None,
) -> None:
    """Run the server. An empty data folder becomes a new installation."""
    backend(context).serve(
        data=data,
        database=database,
        http=http,
        device=device,
        public_url=public_url,
        device_url=device_url,
        device_name=device_name,
        pki_url=pki_url,
        tls_cert=tls_cert,
        tls_key=tls_key,
        trusted_proxy=trusted_proxy,
        proxy_header=proxy_header,
        workers=workers,
    )


def demo(
    context: typer.Context,
    database: Database = None,
    data: Data = None,
    http: Http = None,
    device: DeviceListener = None,
) -> None:
    """Run a server with a sample organization and a mailbox page instead of a mail server."""
    backend(context).demo(database=database, data=data, http=http, device=device)


def init(
    context: typer.Context,
    admin: Annotated[
        str, typer.Option("--admin", metavar="EMAIL", help="First administrator; also his name.")
    ],
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read his password from standard input.")
    ] = False,
    organization: Annotated[
        str, typer.Option("--organization", metavar="NAME", help="Name of the top organization.")
    ] = "My organization",
    group_id: Annotated[
        str, typer.Option("--group-id", metavar="ID", help="Its Group ID.")
    ] = "main",
    data: Data = None,
    database: Database = None,
    public_url: PublicUrl = None,
) -> None:
    """Set up an empty installation, without a browser."""
    if not password_stdin:
        usage("Give the password on standard input: enlist init … --password-stdin < file")
    backend(context).init(
        email=admin,
        password=read_secret("Password"),
        organization=organization,
        group_id=group_id,
        data=data,
        database=database,
        public_url=public_url,
    )
    start = to_run(context, "serve")
    out.print(f"Set up. {admin} is the administrator. Now start the server: {start}", markup=False)


def migrate(
    context: typer.Context,
    check: Annotated[
        bool, typer.Option("--check", help="Only say whether it is needed; exit code 1 if so.")
    ] = False,
    data: Data = None,
    database: Database = None,
) -> None:
    """Bring the database's schema to this version."""
    needed = backend(context).migrate(check=check, data=data, database=database)
    if not needed:
        out.print("The database is up to date.")
    elif check:
        out.print("The database needs to be migrated. Back it up, then run:")
        out.print(f"  {to_run(context, 'migrate')}", markup=False)
        raise typer.Exit(REFUSED)
    else:
        out.print("The database was migrated.")
