#!/usr/bin/env bash
# Make the virtual environment: make-venv.sh PYTHON DIR
set -euo pipefail

python=${1:?usage: make-venv.sh PYTHON DIR}
venv=${2:?usage: make-venv.sh PYTHON DIR}
here=$(cd "$(dirname "$0")" && pwd)

if ! command -v "$python" >/dev/null; then
    echo "sealwire: $python was not found; Python 3.11 or newer is needed (apt-get install python3)" >&2
    exit 1
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "sealwire: Python 3.11 or newer is needed, $python is $("$python" -V 2>&1)" >&2
    echo "    name another one with: make PYTHON=python3.11 ..." >&2
    exit 1
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    bash "$here/debian/install.sh" "$here/debian/venv.list"
fi
"$python" -m venv "$venv"
