#!/usr/bin/env bash
# Unpack real peers into a folder of the work tree: unpack-peers.sh DIR [PEER...]
#
# rsyslog and syslog-ng exclude each other as installed packages, neither they nor PostgreSQL may
# become a service of this machine, and SoftHSM2's tokens are the tests' own: the packages are
# downloaded, unpacked and run from there in the foreground.
set -euo pipefail

root=$(cd "$(dirname "$0")" && pwd)
target=${1:?usage: unpack-peers.sh DIR [PEER...]}
shift
peers=${*:-rsyslog syslog-ng postgresql softhsm2}

if ! command -v apt-get >/dev/null || ! command -v dpkg >/dev/null; then
    echo "sealwire: unpacking the peers needs Debian's apt-get and dpkg" >&2
    exit 1
fi

refreshed=
download() {
    apt-get download -q -o APT::Sandbox::User=root "$@" </dev/null && return
    if [ -z "$refreshed" ] && [ "$(id -u)" -eq 0 ]; then
        refreshed=yes
        apt-get update -q </dev/null
        apt-get download -q -o APT::Sandbox::User=root "$@" </dev/null && return
    fi
    echo "sealwire: could not download: $*" >&2
    echo "    if the package lists are old, run: sudo apt-get update" >&2
    exit 1
}

# A peer is ready only when every library of its programs and modules is found.
check_libraries() {
    local dir=$1 folders absent
    folders=$(find "$dir" -name '*.so*' -printf '%h\n' | sort -u | paste -sd:)
    absent=$(find "$dir" -type f \( -path '*/sbin/*' -o -path '*/bin/*' -o -name '*.so*' \) -print0 |
        { LD_LIBRARY_PATH=$folders xargs -0 -n 1 ldd 2>/dev/null || true; } |
        sed -n 's/^[[:space:]]*\(.*\) => not found$/\1/p' | sort -u | paste -sd' ')
    if [ -n "$absent" ]; then
        echo "sealwire: libraries that $dir needs were not found: $absent" >&2
        echo "    name their packages in tools/debian/${dir##*/}.list" >&2
        exit 1
    fi
}

mkdir -p "$target"
target=$(cd "$target" && pwd)
for peer in $peers; do
    names=$(sed -e 's/#.*//' "$root/$peer.list" | tr -s '[:space:]' '\n' | sed '/^$/d' | sort -u)
    new=$target/.$peer.new
    rm -rf "$new" && mkdir -p "$new/packages"
    # shellcheck disable=SC2086 # one word a package
    (cd "$new/packages" && download $names)
    for package in "$new"/packages/*.deb; do
        dpkg -x "$package" "$new"
    done
    # Compiling queries would take a compiler's libraries along, for queries that we do not have.
    rm -rf "$new"/usr/lib/postgresql/*/lib/{bitcode,llvmjit*}
    rm -rf "$new/packages" "${target:?}/$peer"
    mv "$new" "$target/$peer"
    check_libraries "$target/$peer"
done
