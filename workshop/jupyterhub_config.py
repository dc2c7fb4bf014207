"""A class on one Linux server: JupyterHub, an account and a working copy for each learner.

`README.md` beside this file says how to start it. Settings come from the environment, with a
service from /etc/tapelab-hub.env:

    TAPELAB_LOGIN    list    accounts of this server, named in TAPELAB_USERS (the default)
                     github  GitHub accounts named in TAPELAB_USERS; needs OAUTH_CALLBACK_URL,
                             OAUTH_CLIENT_ID and OAUTH_CLIENT_SECRET
                     lti     whoever comes from your Moodle, Canvas, ...; needs LTI_ISSUER,
                             LTI_CLIENT_ID, LTI_AUTHORIZE_URL and LTI_JWKS_URL
    TAPELAB_USERS    a file with one name a line, # starts a comment (/etc/tapelab-users.txt)
    TAPELAB_ADMINS   names, by spaces, who see everybody's state and stop servers
    TAPELAB_MEMORY   the most one learner may use; also K, M, T (2G)
    TAPELAB_IDLE     seconds without activity after which a server is stopped (3600)
    TAPELAB_URL      where the proxy listens (http://127.0.0.1:8000)
    TAPELAB_STATE    the hub's own directory (/var/lib/tapelab-hub)
    TAPELAB_LESSONS  what is handed out (the notebooks of this checkout)
    TAPELAB_SPAWNER  systemd or process; by default what this server can do
    CONFIGPROXY_AUTH_TOKEN  shared by hub and proxy
"""

import asyncio
import hashlib
import os
import pwd
import re
import shutil
import sys
from pathlib import Path

from jupyterhub.traitlets import ByteSpecification

c = get_config()  # noqa: F821  JupyterHub provides it

HERE = Path(__file__).resolve().parent
LESSONS = Path(os.environ.get("TAPELAB_LESSONS", HERE.parent / "notebooks"))
STATE = Path(os.environ.get("TAPELAB_STATE", "/var/lib/tapelab-hub"))
LOGIN = os.environ.get("TAPELAB_LOGIN", "list")
MEMORY = ByteSpecification().validate(None, os.environ.get("TAPELAB_MEMORY", "2G"))
SYSTEMD = Path("/run/systemd/system").is_dir()  # where systemd is the one that starts services
SPAWNER = os.environ.get("TAPELAB_SPAWNER", "systemd" if SYSTEMD else "process")

# What is made from here on, by the hub and by the servers it starts, is its owner's alone.
os.umask(0o077)
STATE.mkdir(parents=True, exist_ok=True)
c.JupyterHub.db_url = f"sqlite:///{STATE}/jupyterhub.sqlite"
c.JupyterHub.cookie_secret_file = f"{STATE}/cookie_secret"
c.JupyterHub.bind_url = os.environ.get("TAPELAB_URL", "http://127.0.0.1:8000")

# The proxy is a service of its own and servers outlive the hub: a restart of the hub in the
# middle of a class interrupts nobody.
c.ConfigurableHTTPProxy.should_start = False
c.JupyterHub.cleanup_servers = False


# Who may log in.


def listed(path, required=True):
    """The names in a file, one a line."""
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        if required:
            raise SystemExit(f"{path}: no such file; TAPELAB_USERS says who may log in") from None
        return set()
    return {name for line in lines if (name := line.partition("#")[0].strip())}


def setting(name):
    """A setting without which this way of logging in cannot work."""
    if not os.environ.get(name):
        raise SystemExit(f"TAPELAB_LOGIN={LOGIN} needs {name}: see {Path(__file__).name}")
    return os.environ[name]


def account(name):
    """The account of somebody known elsewhere: valid on Linux, and never one of the system's.

    An address such as Ada.L@example.org holds characters no account may have; eight digits of
    its checksum keep apart what becomes alike without them, and what pretends to have them.
    """
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    if plain != name.lower() or len(plain) > 20 or re.search("-[0-9a-f]{8}$", plain):
        plain = f"{plain[:11]}-{hashlib.sha256(name.lower().encode()).hexdigest()[:8]}"
    return f"learner-{plain}"


users = os.environ.get("TAPELAB_USERS", "/etc/tapelab-users.txt")
admins = set(os.environ.get("TAPELAB_ADMINS", "").split())
if LOGIN == "list":
    c.JupyterHub.authenticator_class = "pam"
    c.PAMAuthenticator.open_sessions = False  # a server outlives the hub that logged it in
    c.Authenticator.allowed_users = listed(users) | admins
elif LOGIN == "github":
    from oauthenticator.github import LocalGitHubOAuthenticator

    for name in ("OAUTH_CALLBACK_URL", "OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET"):
        setting(name)  # the authenticator reads them itself
    admins = {account(name) for name in admins}
    c.JupyterHub.authenticator_class = LocalGitHubOAuthenticator
    c.OAuthenticator.username_claim = lambda user: account(user["login"])
    c.Authenticator.allowed_users = {account(name) for name in listed(users)} | admins
elif LOGIN == "lti":
    from jupyterhub.auth import LocalAuthenticator
    from ltiauthenticator.lti13.auth import LTI13Authenticator

    class LocalLTI13Authenticator(LocalAuthenticator, LTI13Authenticator):
        """Whoever comes from the course gets an account here."""

        async def authenticate(self, handler, data=None, **more):
            user = await super().authenticate(handler, data, **more)
            return user | {"name": account(user["name"])}

    admins = {account(name) for name in admins}
    c.JupyterHub.authenticator_class = LocalLTI13Authenticator
    c.LTI13Authenticator.issuer = setting("LTI_ISSUER")
    c.LTI13Authenticator.client_id = set(setting("LTI_CLIENT_ID").split())
    c.LTI13Authenticator.authorize_url = setting("LTI_AUTHORIZE_URL")
    c.LTI13Authenticator.jwks_endpoint = setting("LTI_JWKS_URL")
    c.LTI13Authenticator.username_key = os.environ.get("LTI_USERNAME_KEY", "email")
    c.Authenticator.allow_all = True  # the course decides who gets here
else:
    raise SystemExit(f"TAPELAB_LOGIN={LOGIN}: there are list, github and lti")
c.Authenticator.admin_users = admins
c.LocalAuthenticator.create_system_users = LOGIN != "list"
c.LocalAuthenticator.add_user_cmd = ["useradd", "--create-home", "--shell", "/bin/bash"]


# What they get.


def running(spawner):
    """Where a learner's server notes what runs: in memory, so that a full disk stops no server."""
    return f"/run/tapelab-{spawner.user.name}"


async def hand_out(spawner):
    """Closes the learner's home to others and brings the working copy in it up to date.

    Runs before each start of a server; `tapelab.workcopy` overwrites nothing a learner wrote.
    """
    learner = pwd.getpwnam(spawner.user.name)
    if learner.pw_uid < 1000:
        raise RuntimeError(f"{learner.pw_name} is an account of the system, not of a learner")
    os.chmod(learner.pw_dir, 0o700)
    os.makedirs(running(spawner), mode=0o700, exist_ok=True)
    os.chown(running(spawner), learner.pw_uid, learner.pw_gid)
    # As the learner: nothing in a learner's home is followed or written with the hub's rights.
    # Where IPython has been but Jupyter left no mark, Jupyter would make the mark when it starts
    # for the second time, and not start on a full disk.
    copying = await asyncio.create_subprocess_exec(
        *("sh", "-c", 'mkdir -p "$HOME/.jupyter"; touch "$HOME/.jupyter/migrated"; exec "$@"'),
        *("sh", sys.executable, "-I", "-m", "tapelab.workcopy", LESSONS, f"{learner.pw_dir}/work"),
        cwd="/",
        env={"HOME": learner.pw_dir, "PATH": os.defpath},
        user=learner.pw_uid,
        group=learner.pw_gid,
        extra_groups=[],
        stderr=asyncio.subprocess.STDOUT,
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await copying.communicate()
    # Also without the newest lessons (a full disk) a learner can go on with what is there.
    log = spawner.log.error if copying.returncode else spawner.log.info
    if said:
        log("%s: %s", learner.pw_name, said.decode(errors="replace").strip())


c.Spawner.pre_spawn_hook = hand_out
c.Spawner.notebook_dir = "~"
c.Spawner.default_url = "/lab/tree/work/00_start_here.ipynb"
c.Spawner.environment = {
    "JUPYTER_CONFIG_PATH": str(HERE),  # jupyter_server_config.py and labconfig/
    "JUPYTER_RUNTIME_DIR": running,
    # One thread of arithmetic per learner. Where others compute, too, the threads of BLAS wait for
    # each other, and a lesson that trains takes several times as long.
    "OMP_NUM_THREADS": "1",
}
# Thirty who log in at once on a few cores wait longer than the defaults allow.
c.Spawner.start_timeout = c.Spawner.http_timeout = 300

# prlimit makes too large an array a MemoryError in its cell, and the kernel lives on; it counts
# each process by itself. systemd counts all of a learner's together, and ends the largest.
c.Spawner.mem_limit = MEMORY
c.Spawner.cmd = [
    *(shutil.which("prlimit") or "prlimit", f"--data={MEMORY}"),
    str(Path(sys.executable).with_name("jupyterhub-singleuser")),
]
if SPAWNER == "systemd":
    c.JupyterHub.spawner_class = "systemd"
    c.SystemdSpawner.isolate_tmp = True
    c.SystemdSpawner.isolate_devices = True
    c.SystemdSpawner.disable_user_sudo = True
    c.SystemdSpawner.unit_extra_properties = {"UMask": "0077", "TasksMax": "256"}
elif SPAWNER == "process":
    c.JupyterHub.spawner_class = "jupyterhub.spawner.LocalProcessSpawner"
else:
    raise SystemExit(f"TAPELAB_SPAWNER={SPAWNER}: there are systemd and process")

c.JupyterHub.services = [
    {
        "name": "idle-culler",
        "command": [
            *(sys.executable, "-m", "jupyterhub_idle_culler"),
            f"--timeout={int(os.environ.get('TAPELAB_IDLE', 3600))}",
        ],
    }
]
c.JupyterHub.load_roles = [
    {
        "name": "idle-culler",
        "description": "Stops servers that nobody uses",
        "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
        "services": ["idle-culler"],
    }
]
