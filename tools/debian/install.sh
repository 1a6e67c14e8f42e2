#!/usr/bin/env bash
# Install the Debian packages named in the given lists, those that are missing only.
# Needs root only when something is missing; says so in plain words otherwise.
set -euo pipefail

wanted=$(sed -e 's/#.*//' "$@" | tr -s '[:space:]' '\n' | sed '/^$/d' | sort -u)

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "sealwire: this is not a Debian system; make sure that the equivalents of these are there:" >&2
    echo "$wanted" | tr '\n' ' ' >&2
    echo >&2
    exit 0
fi

missing=()
for name in $wanted; do
    state=$(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null || true)
    [ "$state" = installed ] || missing+=("$name")
done
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -ne 0 ]; then
    echo "sealwire: Debian packages are missing, and installing them needs root. Run this, then try again:" >&2
    echo "    sudo apt-get update && sudo apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
fi

echo "sealwire: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
install() { apt-get install -y -q --no-install-recommends "${missing[@]}" </dev/null; }
# The package lists may be absent or older than the mirror: refresh them once, then try.
apt-get update -q </dev/null || echo "sealwire: apt-get update failed; trying with the lists at hand" >&2
install || { echo "sealwire: could not install ${missing[*]}" >&2; exit 1; }
