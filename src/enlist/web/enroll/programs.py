"""Scripts that enroll a device which cannot run the agent, served with their checksums.

Whoever downloads one over a connection that he cannot trust yet compares its checksum with the one
that the enrollment page shows him.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

_FOLDER: Final = Path(__file__).parent / "scripts"


@dataclass(frozen=True, slots=True)
class Program:
    """A script, as it lies in the package.

    Attributes:
        sha256: its checksum, lower-case hexadecimal.
    """

    name: str
    content: bytes
    sha256: str

    @classmethod
    def read(cls, name: str) -> Program:
        content = (_FOLDER / name).read_bytes()
        return cls(name, content, hashlib.sha256(content).hexdigest())

    @property
    def path(self) -> str:
        return f"/enroll/{self.name}"

    async def serve(self, _request: Request) -> Response:
        """The script itself, for everybody: it holds nothing of anybody's."""
        return Response(
            self.content,
            media_type="text/plain; charset=utf-8",
            headers={"content-disposition": f'attachment; filename="{self.name}"'},
        )


SHELL: Final = Program.read("enroll.sh")
POWERSHELL: Final = Program.read("enroll.ps1")
PROGRAMS: Final = (SHELL, POWERSHELL)


def program_routes() -> list[BaseRoute]:
    """Where the scripts are; they come before the links, whose handles look alike."""
    return [Route(program.path, program.serve) for program in PROGRAMS]
