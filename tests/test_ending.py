"""The end of the app that other files share; this one comes last of them."""

import signal

from test_app import ends


def test_an_app_that_was_started_beside_a_dead_proxy_ends_with_all_its_processes(shared_app):
    ends(shared_app, signal.SIGTERM, earlier=0)
