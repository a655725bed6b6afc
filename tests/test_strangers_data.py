"""What a stranger may not name on a shared app: folders, repositories, files of a model, plug-ins. Nothing is read."""

import json
import os
import sys
from contextlib import contextmanager

import httpx2 as httpx
import pytest
from browser import posted

from lpwd.config import ConfigError, RunConfig
from lpwd.jobs.rights import HOST, Limits, User, check_names, check_person
from lpwd.ui.shared import form
from lpwd.ui.shared.address import first_values

STRANGER = User("stranger")
LOOKS = {"open", "os.listdir", "os.scandir", "os.mkdir", "os.walk", "glob.glob", "socket.connect", "import"}
seen: list[str] = []
watching = False


def _hook(event, arguments):  # an audit hook stays for the life of the process
    if watching and event in LOOKS:
        seen.append(f"{event} {arguments[0]!r}")


sys.addaudithook(_hook)


@contextmanager
def nothing_read(monkeypatch):
    """Fails if the block opens, lists or asks anything: files, folders, hosts."""
    global watching
    for name in ("stat", "lstat", "readlink"):
        real = getattr(os, name)
        monkeypatch.setattr(
            os, name, lambda *a, real=real, name=name, **k: (seen.append(f"os.{name} {a}"), real(*a, **k))[1]
        )
    seen.clear()
    watching = True
    try:
        yield
    finally:
        watching = False
        monkeypatch.undo()
    assert seen == []


def names(tmp_path):
    (tmp_path / "there").mkdir(exist_ok=True)
    (tmp_path / "there" / "config.json").write_text("{}")
    return [
        {"dataset": f"folder:{tmp_path / 'there'}"},
        {"dataset": f"folder:{tmp_path / 'nowhere'}"},
        {"dataset": "folder:~/../../etc"},
        {"dataset": "hf:owner/name"},
        {"dataset": "hf:owner/name:config"},
        {"model": f"local-dir:{tmp_path / 'there'}"},
        {"model": f"local-dir:{tmp_path / 'nowhere'}"},
        {"model": "hf_hub:owner/name"},
        {"model": "hf-hub:owner/name@main"},
    ]


def test_a_stranger_is_refused_before_anything_is_looked_at(tmp_path, monkeypatch):
    fields = names(tmp_path)
    RunConfig(dataset="digits")
    refusals = []
    with nothing_read(monkeypatch):
        for given in fields:
            with pytest.raises(ConfigError) as refusal:
                check_person(STRANGER, Limits(epochs=1000), [RunConfig(**given)])
            refusals.append((refusal.value.field, str(refusal.value)))
    assert {sentence for _, sentence in refusals} == {
        f"{field} is a folder or a repository: only the owner of this app can use these (`python -m lpwd owner` prints "
        "a link that signs a browser in as the owner)"
        for field in ("dataset", "model")
    }
    check_person(HOST, Limits(), [RunConfig(**given) for given in fields])


@pytest.mark.parametrize("given", [{"method": "mine"}, {"plugins": {"method": "../x@0123456789abcdef"}}])
def test_a_request_loads_no_plugin(given):
    with pytest.raises(ConfigError):
        RunConfig(**given)


def test_data_that_come_with_the_app_are_everybodys():
    check_names([RunConfig(dataset="digits"), RunConfig(model="swin_tiny_patch4_window7_224.ms_in22k")])


def test_the_app_refuses_a_strangers_names_whether_they_are_there_or_not(app, tmp_path):
    from gradio_client import Client

    client, answers = Client(app.url, verbose=False), []
    for given in names(tmp_path):
        with pytest.raises(Exception, match="is a folder or a repository: only the owner of this app can") as refusal:
            client.predict(options={**given, "epochs": 1}, api_name="/start_run")
        answers.append(str(refusal.value))
    assert len(set(answers)) == 2  # one about data, one about models
    for plugin in ({"plugins": {"method": "my@0123456789abcdef"}, "method": "wd"}, {"plugin": str(tmp_path / "my.py")}):
        with pytest.raises(Exception, match=r"not loaded, so|unknown field 'plugin'"):
            client.predict(options=plugin, api_name="/start_run")
    whole = {name: form.control_value(name, value) for name, value in first_values("digits").items()}
    for shown, sentence in (
        (whole | {"dataset": f"folder:{tmp_path}"}, "only the owner of this app can"),
        ({"dataset": f"folder:{tmp_path}"}, "form fields are missing: augment, batch_size"),
    ):
        body = json.dumps({"topics": {"preflight": {"shown": shown}}})
        answer = posted(app, body=body, content_type="application/json").text
        assert sentence in answer
    assert httpx.get(f"{app.url}/?dataset=folder:{tmp_path}", timeout=30).status_code == 200
