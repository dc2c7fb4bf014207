"""A learner without a browser: logs in, waits for the server, opens lessons and runs their cells.

What JupyterLab sends, without its pictures. For `tests/workshop`, which asks what a learner gets,
and `benchmarks/hub.py`, which asks how many get it in time.
"""

import json
import time
import uuid

import requests
import websocket
from jupyter_server.services.kernels.connection.base import deserialize_binary_message


class Refused(Exception):
    """The hub or the server said no; the message is what it said."""


class Learner:
    """One person at `url`, the address of a hub, known there as `name`.

    Example, with a hub running::

        ada = Learner("http://127.0.0.1:8000", "ada")
        ada.log_in("password")
        ada.start_server()
        with ada.open("work/02_gradient_tape.ipynb") as kernel:
            print(kernel.run("1 + 1"))
    """

    def __init__(self, url, name):
        self.hub, self.name = f"{url}/hub", name
        self.server = f"{url}/user/{name}"
        self.session = requests.Session()

    def log_in(self, password):
        """Fills in the form of the log-in page. Raises `Refused` when that does not let in."""
        page = f"{self.hub}/login"
        self.session.get(page, timeout=60)
        form = {"username": self.name, "password": password, "_xsrf": self._xsrf("/hub/")}
        answer = self.session.post(page, data=form, timeout=60, allow_redirects=False)
        if answer.status_code != 302:
            raise Refused(f"{answer.status_code} {answer.reason}")

    def start_server(self, timeout=300):
        """Enters; starts the server first if none runs, and waits as the progress bar does."""
        if self._settled()["server"]:
            self.enter()
            return
        self.ask("POST", f"{self.hub}/api/users/{self.name}/server")
        events = f"{self.hub}/api/users/{self.name}/server/progress"
        said = {}
        with self.session.get(events, stream=True, timeout=timeout) as lines:
            for line in lines.iter_lines():
                if line.startswith(b"data:"):
                    said = json.loads(line[5:])
        if not said.get("ready"):
            raise Refused(said.get("message", "the server did not start"))
        self.enter()

    def enter(self):
        """Opens JupyterLab, as a browser does that has followed a link; returns its address."""
        answer = self.session.get(self.server, timeout=120)
        if answer.status_code != 200:
            raise Refused(f"{answer.status_code} {answer.reason}")
        return answer.url

    def stop_server(self):
        """Stops the server, as "Stop My Server" does, and waits until it has."""
        self.ask("DELETE", f"{self.hub}/api/users/{self.name}/server")
        self._settled()

    def ask(self, method, url, content=None, timeout=120):
        """One call of a REST interface: what it answers, or `Refused` with what it says."""
        path = "/hub/" if url.startswith(self.hub) else f"/user/{self.name}/"
        headers = {"X-XSRFToken": self._xsrf(path)}
        answer = self.session.request(method, url, json=content, headers=headers, timeout=timeout)
        if not answer.ok:
            try:
                said = answer.json()["message"]
            except (ValueError, KeyError):
                said = answer.reason
            raise Refused(f"{answer.status_code} {said}")
        return answer.json() if answer.text else None

    def read(self, path):
        """The file or directory at `path`, as JupyterLab gets it; a notebook is in "content"."""
        return self.ask("GET", f"{self.server}/api/contents/{path}")

    def save(self, path, notebook):
        """Saves a notebook, as Ctrl-S does."""
        model = {"type": "notebook", "format": "json", "content": notebook}
        return self.ask("PUT", f"{self.server}/api/contents/{path}", model)

    def open(self, path):
        """A `Kernel` for the notebook at `path`, started if it does not run yet."""
        wanted = {
            "path": path,
            "name": path.rpartition("/")[2],
            "type": "notebook",
            "kernel": {"name": "python3"},
        }
        opened = self.ask("POST", f"{self.server}/api/sessions", wanted)
        return Kernel(self, opened["kernel"]["id"])

    def _settled(self):
        """What the hub says about the learner when it is not starting or stopping the server."""
        while (me := self.ask("GET", f"{self.hub}/api/users/{self.name}"))["pending"]:
            time.sleep(0.2)
        return me

    def _xsrf(self, path):
        return next((k.value for k in self.session.cookies if (k.name, k.path) == ("_xsrf", path)), "")


class Kernel:
    """A running kernel, and the connection a notebook's tab has to it."""

    def __init__(self, learner, name):
        self.session = uuid.uuid4().hex
        address = f"{learner.server}/api/kernels/{name}/channels?session_id={self.session}"
        request = requests.Request("GET", address)
        cookies = requests.cookies.get_cookie_header(learner.session.cookies, request)
        self.socket = websocket.create_connection(
            address.replace("http", "ws", 1), cookie=cookies, timeout=300
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def run(self, source, seen=lambda: None):
        """Runs a cell: what it printed, displayed and returned, as text.

        `seen` is called at the first output, or at the end if there is none.

        Raises:
          Refused: the cell raised; the message is the exception's name and text.
          ConnectionError: the kernel died meanwhile.
        """
        header = {
            "msg_id": uuid.uuid4().hex,
            "session": self.session,
            "username": "",
            "msg_type": "execute_request",
            "version": "5.3",
        }
        content = {"code": source, "silent": False, "stop_on_error": False, "allow_stdin": False}
        request = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
        self.socket.send(json.dumps(request | {"channel": "shell"}))
        shown, error, waiting = [], None, {"idle", "reply"}
        while waiting:
            received = self.socket.recv()
            # A widget's arrays come in frames that are not text.
            text = isinstance(received, str)
            message = json.loads(received) if text else deserialize_binary_message(received)
            kind, content = message["header"]["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] in ("restarting", "dead"):
                raise ConnectionError(content["execution_state"])
            if message["parent_header"].get("msg_id") != header["msg_id"]:
                continue
            if kind in ("stream", "display_data", "execute_result", "error") and not shown:
                seen()
            if kind == "stream":
                shown.append(content["text"])
            elif kind in ("display_data", "execute_result"):
                shown.append(content["data"].get("text/plain", ""))
            elif kind == "error":
                shown.append("")
                error = f"{content['ename']}: {content['evalue']}"
            elif kind == "execute_reply":
                waiting.discard("reply")
            elif kind == "status" and content["execution_state"] == "idle":
                waiting.discard("idle")
        if not shown:
            seen()
        if error:
            raise Refused(error)
        return "".join(shown)
