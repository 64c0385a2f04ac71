#!/bin/bash
# Compute the lock files anew: exact versions and hashes, and no address of any index in them, so
# that they install from whichever index a machine is set up for.
#   scripts/lock.sh             keep the locked versions where they still fit
#   scripts/lock.sh --upgrade   take the newest
set -euo pipefail
cd "$(dirname "$0")/.."

tool=$(mktemp -d)
trap 'rm -rf "$tool"' EXIT
.venv/bin/python -m venv "$tool"
"$tool/bin/pip" install -q uv==0.13.8

compile() {
    "$tool/bin/uv" pip compile -q --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --no-annotate --no-header \
        --no-emit-package enlist --no-emit-package enlist-agent "$@"
}

compile "$@" pyproject.toml --extra postgres -o requirements.lock
compile "$@" --group build -c requirements.lock -o requirements-build.lock
compile "$@" pyproject.toml --extra postgres --group dev \
    -c requirements.lock -c requirements-build.lock -o requirements-dev.lock
compile "$@" --group node -o requirements-node.lock
npm install --package-lock-only --loglevel=error
