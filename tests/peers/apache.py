"""An independent resource server: Apache with mod_oauth2, which takes Remit's tokens for one audience.

Below /keys it verifies a token itself, with the keys that the authorization server publishes; below /asks it asks the
authorization server.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.peers.remit_process import free_port

MODULES: Final = Path("/usr/lib/apache2/modules")
READY_S_MAX: Final = 20.0
NEEDED: Final = (
    "the tests with an independent resource server need Apache and mod_oauth2, and {} is not there. "
    "On Debian: sudo apt-get install --no-install-recommends apache2-bin libapache2-mod-oauth2"
)
CONFIGURATION: Final = """
ServerRoot "{folder}"
PidFile "{folder}/pid"
ErrorLog "{folder}/error.log"
ServerName 127.0.0.1
Listen 127.0.0.1:{port}
{modules}
{user}
<Location "/">
  SetHandler server-status
  AuthType oauth2
  OAuth2AcceptTokenIn header
  <RequireAll>
    Require oauth2_claim iss:{issuer}
    Require oauth2_claim aud:{audience}
  </RequireAll>
</Location>
<Location "/keys">
  OAuth2TokenVerify jwks_uri {issuer}/jwks.json verify.exp=required&verify.iat=required
</Location>
<Location "/asks">
  OAuth2TokenVerify introspect {issuer}/introspect {asks}
</Location>
"""
ASKS: Final = "introspect.auth=client_secret_basic&client_id={client}&client_secret={secret}"


class ApacheMissing(Exception):
    """The text says what to install."""


@contextlib.contextmanager
def apache(folder: Path, *, issuer: str, audience: str, client: str, secret: str) -> Iterator[str]:
    """Its URL. `client` is who it is when it asks. Raises ApacheMissing, and AssertionError with what it said."""
    program = shutil.which("apache2", path=f"{os.environ['PATH']}:/usr/sbin")
    needed = [MODULES / f"mod_{name}.so" for name in ("mpm_event", "authn_core", "authz_core", "status", "oauth2")]
    lacking = [str(path) for path in needed if not path.exists()]
    if program is None or lacking:
        raise ApacheMissing(NEEDED.format(", ".join(lacking) or "apache2"))
    port = free_port()
    written = CONFIGURATION.format(
        folder=folder,
        port=port,
        modules="\n".join(f"LoadModule {path.stem.removeprefix('mod_')}_module {path}" for path in needed),
        user="User www-data\nGroup www-data" if os.geteuid() == 0 else "",  # it serves nobody as root
        issuer=issuer,
        audience=audience,
        asks=ASKS.format(client=client, secret=secret),
    )
    (folder / "apache.conf").write_text(written)
    command = [program, "-f", str(folder / "apache.conf"), "-D", "FOREGROUND"]
    with (folder / "said.log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            _wait(process, port, folder)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGTERM)


def _wait(process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    deadline_s = time.monotonic() + READY_S_MAX
    while time.monotonic() < deadline_s and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
    raise AssertionError(f"apache2 did not get ready: {(folder / 'said.log').read_text()}")
