"""The configuration says what its settings ask for, or which setting is missing."""

import asyncio
import os
import re
import subprocess
from pathlib import Path

import pytest

pytest.importorskip("jupyterhub", reason="python -m pip install -r workshop/requirements.txt")
from traitlets.config import PyFileConfigLoader

WORKSHOP = Path(__file__).resolve().parents[2] / "workshop"
LTI = {
    "LTI_ISSUER": "https://moodle.example.org",
    "LTI_CLIENT_ID": "one two",
    "LTI_AUTHORIZE_URL": "https://moodle.example.org/auth",
    "LTI_JWKS_URL": "https://moodle.example.org/keys",
}
GITHUB = {
    "OAUTH_CALLBACK_URL": "https://class.example.org/hub/oauth_callback",
    "OAUTH_CLIENT_ID": "id",
    "OAUTH_CLIENT_SECRET": "secret",
}


@pytest.fixture
def configure(tmp_path, monkeypatch):
    """The configuration under given settings; Ada Lovelace and grace are of the class."""
    for name in list(os.environ):
        if name.startswith(("TAPELAB_", "LTI_", "OAUTH_")):
            monkeypatch.delenv(name)
    (tmp_path / "users.txt").write_text("# class of spring\nAda-L\n\ngrace  # by bus\n")
    monkeypatch.setenv("TAPELAB_USERS", str(tmp_path / "users.txt"))
    monkeypatch.setenv("TAPELAB_STATE", str(tmp_path / "state"))

    def load(**settings):
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        umask = os.umask(0o022)
        try:
            return PyFileConfigLoader("jupyterhub_config.py", path=str(WORKSHOP)).load_config()
        finally:
            os.umask(umask)

    return load


def test_a_list_of_accounts(configure, tmp_path):
    c = configure(TAPELAB_ADMINS="teacher")
    assert c.Authenticator.allowed_users == {"Ada-L", "grace", "teacher"}
    assert c.Authenticator.admin_users == {"teacher"}
    assert not c.JupyterHub.cleanup_servers and not c.ConfigurableHTTPProxy.should_start
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700


def test_a_missing_list_is_named(configure):
    with pytest.raises(SystemExit, match="nowhere.txt.*TAPELAB_USERS"):
        configure(TAPELAB_USERS="nowhere.txt")


@pytest.mark.parametrize("login, settings", [("github", GITHUB), ("lti", LTI)])
def test_a_missing_setting_is_named(configure, login, settings):
    pytest.importorskip("oauthenticator" if login == "github" else "ltiauthenticator")
    for missing in settings:
        given = {name: value for name, value in settings.items() if name != missing}
        with pytest.raises(SystemExit, match=missing):
            configure(TAPELAB_LOGIN=login, **given | {missing: ""})


def test_an_unknown_word_is_answered_with_the_known_ones(configure):
    with pytest.raises(SystemExit, match="carrier pigeon: there are list, github and lti"):
        configure(TAPELAB_LOGIN="carrier pigeon")
    with pytest.raises(SystemExit, match="systemd and process"):
        configure(TAPELAB_LOGIN="list", TAPELAB_SPAWNER="other")


def test_accounts_for_whoever_comes_from_github(configure, monkeypatch):
    pytest.importorskip("oauthenticator")
    c = configure(TAPELAB_LOGIN="github", TAPELAB_ADMINS="Teacher", **GITHUB)
    learners = c.JupyterHub.authenticator_class(config=c)

    async def github(*_, **__):
        return {"login": login, "email": "", "access_token": "1", "token_type": "", "scope": ""}

    for method in ("get_token_info", "token_to_user"):
        monkeypatch.setattr(learners, method, github)
    monkeypatch.setattr(learners, "build_access_tokens_request_params", lambda *_: {})
    got = {}
    for login in ("ada-l", "Ada-L", "grace", "teacher", "mallory", "learner-grace", "root",
                  "learner-teacher"):  # fmt: skip
        user = asyncio.run(learners.get_authenticated_user(None, None))
        got[login] = user and (user["name"], bool(user["admin"]))
    assert {login: user for login, user in got.items() if user} == {
        "ada-l": ("learner-ada-l", False),
        "Ada-L": ("learner-ada-l", False),  # GitHub's names do not differ by case alone
        "grace": ("learner-grace", False),
        "teacher": ("learner-teacher", True),
    }
    assert learners.create_system_users


def test_accounts_for_whoever_comes_from_a_course(configure):
    pytest.importorskip("ltiauthenticator")
    c = configure(TAPELAB_LOGIN="lti", TAPELAB_ADMINS="teacher@example.org", **LTI)
    learners = c.JupyterHub.authenticator_class(config=c)
    assert learners.create_system_users and learners.client_id == {"one", "two"}
    names = ["grace.h@example.org", "grace-h@example.org", "root", "learner-root", "x" * 60,
             "x" * 61, "../..", "teacher@example.org", "learner-teacher@example.org"]  # fmt: skip
    accounts = {}
    for name in names:
        launch = {"email": name, "sub": "1"}
        user = asyncio.run(learners.get_authenticated_user(None, launch))
        assert re.fullmatch(r"learner-[a-z0-9-]{1,24}", user["name"])  # what useradd takes
        assert bool(user["admin"]) == (name == "teacher@example.org")
        accounts[user["name"]] = name
    # Nor does anybody get one by a name that looks like the account of somebody else.
    for name in {n.removeprefix("learner-") for n in accounts} - set(names):
        user = asyncio.run(learners.get_authenticated_user(None, {"email": name}))
        assert user["name"] not in accounts
    assert list(accounts.values()) == names  # no two share an account


def test_limits(configure):
    systemd = pytest.importorskip("systemdspawner")
    c = configure(TAPELAB_SPAWNER="systemd", TAPELAB_MEMORY="512M", TAPELAB_IDLE="90")
    assert c.Spawner.mem_limit == 512 * 2**20
    assert f"--data={512 * 2**20}" in c.Spawner.cmd
    assert {"isolate_tmp", "disable_user_sudo", "unit_extra_properties"} <= set(
        systemd.SystemdSpawner.class_trait_names(config=True)
    )
    (culler,) = c.JupyterHub.services
    assert "--timeout=90" in culler["command"]


@pytest.mark.parametrize("unit", sorted(p.name for p in WORKSHOP.glob("*.service")))
def test_systemd_understands_the_units(unit, tmp_path):
    """Also that what they start would be found where the README installs it."""
    text = (WORKSHOP / unit).read_text()
    program = re.search(r"^ExecStart=(\S+)", text, re.M)[1]
    assert program.startswith("/opt/tapelab/.venv/")
    stand_in = tmp_path / "program"
    stand_in.write_text("#!/bin/sh\n")
    stand_in.chmod(0o755)
    # Units that it waits for or wants are looked up in the same directory.
    for other in WORKSHOP.glob("*.service"):
        there = re.sub(r"^ExecStart=\S+", f"ExecStart={stand_in}", other.read_text(), flags=re.M)
        (tmp_path / other.name).write_text(there)
    try:
        said = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", str(tmp_path / unit)],
            capture_output=True, text=True,
        )  # fmt: skip
    except FileNotFoundError:
        pytest.skip("systemd-analyze, which checks units, is not installed")
    complaints = [line for line in said.stderr.splitlines() if unit in line]
    assert not complaints, said.stderr


def test_binder_builds_the_environment(monkeypatch):
    """repo2docker, which is what Binder runs, understands this checkout."""
    app = pytest.importorskip("repo2docker.app", reason="pip install jupyter-repo2docker")
    from repo2docker.buildpacks import CondaBuildPack

    monkeypatch.chdir(WORKSHOP.parent)
    binder = app.Repo2Docker()
    packs = [pack(base_image=binder.base_image) for pack in binder.buildpacks]
    chosen = next(pack for pack in packs if pack.detect())
    chosen.platform = "linux/amd64"
    assert isinstance(chosen, CondaBuildPack)
    assert chosen.python_version.startswith("3.12")
    assert "environment.yml" in chosen.render()
