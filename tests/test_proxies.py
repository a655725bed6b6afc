"""A proxy, certificates or a token in the environment: the app asks itself directly, and faults are named."""

import importlib.util
import os
import subprocess
import sys

import pytest
from browser import ROOT

from lpwd import space
from lpwd.config import ConfigError

ASK = """
from lpwd.config import ConfigError
from lpwd.hub.fetch import probe
try:
    probe("lab/runs", "dataset")
except ConfigError as error:
    print(error)
"""


def test_this_machine_joins_the_hosts_that_are_asked_directly():
    environment = {"http_proxy": "http://proxy:3128", "no_proxy": "lab.org, localhost"}
    space.ask_this_machine_directly("10.0.0.2", environment)
    assert environment["no_proxy"] == "lab.org,localhost,127.0.0.1,::1,10.0.0.2"
    assert environment["NO_PROXY"] == "localhost,127.0.0.1,::1,10.0.0.2"


@pytest.mark.skipif(importlib.util.find_spec("socksio") is not None, reason="socksio is installed")
def test_a_socks_proxy_without_its_package_is_one_sentence():
    with pytest.raises(ConfigError, match="ALL_PROXY is a SOCKS proxy: run pip install socksio"):
        space.ask_this_machine_directly("localhost", {"ALL_PROXY": "socks5://127.0.0.1:1080"})


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("ALL_PROXY", "socks5h://127.0.0.1:1", "Hub client cannot start (ImportError: Using SOCKS proxy"),
        ("SSL_CERT_FILE", "/nowhere", "Hub client cannot start (FileNotFoundError"),
        ("HF_TOKEN", "hf_ü", "the access token (HF_TOKEN) must be ASCII"),
    ],
)
def test_what_the_environment_sets_wrongly_is_named(name, value, said):
    if value.startswith("socks") and importlib.util.find_spec("socksio"):
        pytest.skip("socksio is installed")
    environment = {**os.environ, "HF_ENDPOINT": "https://127.0.0.1:9", name: value}
    done = subprocess.run([sys.executable, "-c", ASK], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert said in done.stdout, done.stderr
    assert done.stdout.count("\n") == 1
