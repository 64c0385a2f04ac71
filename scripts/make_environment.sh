#!/bin/bash
# Make the virtual environment .venv with nothing installed but a Python of 3.11 or newer.
# Debian keeps `venv` in a package of its own: it is brought when that is allowed, else asked for.
set -euo pipefail
cd "$(dirname "$0")/.."

SYSTEM=/usr/bin/python3

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
has_venv() { "$1" -c 'import ensurepip, venv' 2>/dev/null; }
may_install() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

# The system's own Python comes first: it is mended with the system, and Debian's needs a tenth to a
# fifth less time for a redemption than one that is built from source as a shared library.
find_python() {
    local candidate candidates=("${PYTHON:-$SYSTEM}" python3 python3.14 python3.13 python3.12 python3.11)
    for candidate in "${candidates[@]}"; do
        if new_enough "$candidate" && { has_venv "$candidate" || may_install; }; then
            echo "$candidate"
            return
        fi
    done
    for candidate in "${candidates[@]}"; do
        if new_enough "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    echo "Enlist needs Python 3.11 or newer; on Debian: apt-get install python3 python3-venv" >&2
    return 1
}

python=$(find_python)
if ! has_venv "$python"; then
    package=python3-venv
    # A Python beside the system's own has a package named after its version.
    if [ "$(command -v "$python")" != "$SYSTEM" ]; then
        package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    fi
    if may_install; then
        apt-get update -q
        DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$package"
    else
        echo "Python's venv module is missing. Run: sudo apt-get install $package" >&2
        exit 1
    fi
fi

# An environment of a Python that is gone, or of another version, cannot be repaired in place.
if ! .venv/bin/python -c 'import pip' 2>/dev/null; then
    rm -rf .venv
    "$python" -m venv .venv
fi
