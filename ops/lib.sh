# shellcheck shell=bash
# What the scripts of ops/ share. Sourced from the checkout, not run; the caller has set -euo
# pipefail.

# The Python packages of the tests, see python_packages.
venv=$PWD/.build/venv

if [[ -t 1 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]]; then
    bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' plain=$'\e[0m'
else
    bold='' dim='' red='' plain=''
fi

# heading TEXT: what begins now.
heading() {
    printf '\n%s== %s%s\n' "$bold" "$*" "$plain"
}

# note TEXT: beside the point.
note() {
    printf '%s%s%s\n' "$dim" "$*" "$plain"
}

# die TEXT: what is wrong and what to do about it, on standard error.
die() {
    printf '%s%s: %s%s\n' "$red" "${0##*/}" "$*" "$plain" >&2
    exit 1
}

# is_installed NAME: whether Debian has the package in place.
is_installed() {
    [[ $(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null || true) == installed ]]
}

# require_packages 'NAME[|OTHER…]: why' …: installs the Debian packages that are missing, the first
# name of each; another one that is installed will do as well.
require_packages() {
    command -v dpkg-query >/dev/null || die "this installs what it needs on Debian only." \
        "Elsewhere install ${*%%:*} and run the commands of this script yourself"
    local entry name found missing=()
    for entry in "$@"; do
        found=
        for name in $(tr '|' ' ' <<<"${entry%%:*}"); do
            if is_installed "$name"; then found=yes; fi
        done
        [[ -n $found ]] && continue
        ((${#missing[@]})) || heading "Debian packages that are missing"
        name=${entry%%[|:]*}
        printf '%-28s %s\n' "$name" "${entry#*: }"
        missing+=("$name")
    done
    if ((${#missing[@]})); then install_packages "${missing[@]}"; fi
}

# install_packages NAME…: with sudo unless root; the lists are brought up to date if need be.
install_packages() {
    local as_root=()
    if ((EUID != 0)); then
        command -v sudo >/dev/null || die "not root, and there is no sudo: as root, run" \
            "apt-get install $*"
        as_root=(sudo)
        note "sudo apt-get install $*"
    fi
    local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y
        -o DPkg::Lock::Timeout=300)
    "${apt[@]}" install --no-install-recommends "$@" </dev/null && return
    note "apt-get update, and once more"
    "${apt[@]}" update </dev/null || die "apt-get update failed, see above"
    "${apt[@]}" install --no-install-recommends "$@" </dev/null ||
        die "apt-get could not install $*, see above"
}

# require_swift: a toolchain of 6.2 or newer in PATH. It is not Debian's to install.
require_swift() {
    command -v swift >/dev/null || die "there is no swift in PATH: install Swift 6.2 or newer" \
        "(https://www.swift.org/install) and run this again"
    local version
    version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p')
    [[ -n $version && $(printf '%s\n6.2\n' "$version" | sort -V | head -n 1) == 6.2 ]] ||
        die "Swift 6.2 or newer is needed, and this is ${version:-of an unknown version}"
}

# as_postgres COMMAND…: as the user postgres when we are root, as whom PostgreSQL refuses to run;
# from /, for that user may not be allowed into the working directory.
as_postgres() {
    if ((EUID == 0)); then
        setpriv --reuid=postgres --regid=postgres --init-groups -- env -C / "$@"
    else
        "$@"
    fi
}

# stop_process PID SECONDS: asks our child to end, waits, and ends it when it does not.
stop_process() {
    kill -TERM "$1" 2>/dev/null || return 0
    if ! timeout "$2" tail -s 0.1 --pid="$1" -f /dev/null; then
        note "process $1 did not stop within $2 s, so it was killed"
        kill -KILL "$1" 2>/dev/null || true
    fi
    wait "$1" 2>/dev/null || true
}

# python_packages: the pinned ones of all tests, in $venv, installed anew when a pin changes.
python_packages() {
    local pins=(Tests/*/requirements.txt) file
    cat -- "${pins[@]}" | cmp -s - "$venv/requirements.txt" && return
    rm -rf -- "$venv"
    /usr/bin/python3 -m venv "$venv"
    for file in "${pins[@]}"; do set -- "$@" --requirement "$file"; done
    "$venv/bin/pip" install --quiet --disable-pip-version-check "$@"
    cat -- "${pins[@]}" >"$venv/requirements.txt"
}
