#!/usr/bin/env bash
# Types what README says of the installation, then installs, upgrades, removes and purges the packages and
# signs a user in over HTTP: in a throw-away layer over this machine's root, with a network of its own, so
# that nothing of it stays. No systemd runs in there; sockets are passed by systemd-socket-activate, user,
# group and credentials are set as the units would.
# usage: packaging/smoke.sh FOLDER RELAY, with FOLDER as packaging/build-deb left it, and RELAY the program
#   of that name that the tests build: a mail server
# Needs root, the right to mount, and the packages ca-certificates, curl, iproute2, systemd and
# init-system-helpers.
set -euo pipefail

port=8440
url=http://127.0.0.1:$port
password='seven green lanterns drift'

say() {
    printf '== %s\n' "$*"
}

fail() {
    printf 'smoke: %s\n' "$*" >&2
    exit 1
}

# Inside of the layer -----------------------------------------------------------------------------

start() {
    local credentials=/run/credentials/authd.service
    # StateDirectory= and LoadCredential=
    install -d -m 0700 -o authd -g authd /var/lib/authd
    rm -rf "$credentials"
    install -d -m 0500 -o authd -g authd "$credentials"
    [ ! -d /etc/credstore ] || install -m 0400 -o authd -g authd -t "$credentials" /etc/credstore/authd.*
    systemd-tmpfiles --create authd.conf
    setsid systemd-socket-activate --setenv=RUST_BACKTRACE=1 \
        --setenv=CREDENTIALS_DIRECTORY="$credentials" --listen=127.0.0.1:$port \
        --listen=/run/authd/admin.sock --listen=/run/authd/monitor.sock \
        --listen=/run/authd/helpdesk.sock --fdname=api:admin:monitor:helpdesk \
        setpriv --reuid=authd --regid=authd --clear-groups --no-new-privs --bounding-set=-all \
        /usr/sbin/authd run >/tmp/authd.log 2>&1 &
    daemon=$!
    local try
    for try in $(seq 200); do
        [ ! -S /run/authd/helpdesk.sock ] || break
        sleep 0.05
    done
    # As the socket units do.
    chgrp authd-admin /run/authd/admin.sock
    chgrp authd-operator /run/authd/monitor.sock
    chgrp authd-helpdesk /run/authd/helpdesk.sock
    chmod 0660 /run/authd/*.sock
    authctl ping --wait=30s >/dev/null || {
        cat /tmp/authd.log
        fail "authd did not start (try $try)"
    }
}

stop() {
    kill -TERM "$daemon"
    wait "$daemon" || fail "authd ended with $?"
    rm -f /run/authd/*.sock
}

login() {
    [ -n "$(bearer "${2:-alice@acme.test}")" ] || fail "$1: no sign-in"
}

# The same package with a higher revision.
raise() {
    local package=$1 from
    from=$(ls "$packages/${package}"_*.deb)
    dpkg-deb -R "$from" "/tmp/$package"
    sed -i 's/^Version: .*/&+smoke/; s/authd-ctl (= \([^)]*\))/authd-ctl (= \1+smoke)/' \
        "/tmp/$package/DEBIAN/control"
    dpkg-deb --root-owner-group -b "/tmp/$package" "/tmp/$package.deb" >/dev/null
}

hash_thread_steps_back() {
    local stat
    for stat in /proc/"$daemon"/task/*/stat; do
        # The 19th field, counted behind the name in brackets: nice.
        [ "$(sed 's/.*) //' "$stat" | cut -d' ' -f17)" != 19 ] || return 0
    done
    fail "no thread of authd has the lowest priority"
}

# The commands that README shows of an installation, as they stand there.
blocks() {
    awk '/^## /{ours = ($0 == "## Install on Debian")} ours && /^```$/{inside = 0}
        inside{print} ours && /^```sh$/{inside = 1}' /tmp/README.md
}

# Waits for a mail to an address, and shows it.
letter() {
    local try found
    for try in $(seq 200); do
        found=$(grep -lF "To: $1" /tmp/letters/*.txt 2>/dev/null | xargs -r grep -l "$2" | sort -V | tail -n 1) ||
            true
        [ -z "$found" ] || break
        sleep 0.05
    done
    [ -n "$found" ] || fail "no mail to $1 ($try looks)"
    cat "$found"
}

# What stands for the commands of a machine that systemd runs.
sudo() {
    "$@"
}

systemctl() {
    case "$*" in
    "start authd") start ;;
    "stop authd") stop ;;
    *) fail "README: systemctl $*" ;;
    esac
}

walk() {
    say "README, word by word"
    printf '127.0.0.1 relay.example.com\n' >>/etc/hosts
    mkdir /tmp/letters
    /tmp/relay 127.0.0.1:587 relay.example.com authd 'the password of the relay' /tmp/letters &
    local relay=$! try
    for try in $(seq 200); do
        [ ! -s /tmp/letters/authority.crt ] || break
        sleep 0.05
    done
    install -m 0644 /tmp/letters/authority.crt /usr/local/share/ca-certificates/relay.crt || fail "no relay ($try)"
    update-ca-certificates >/dev/null 2>&1
    cd /tmp/packages
    blocks >/tmp/blocks
    grep -c . /tmp/blocks
    # The last two blocks are the restore; between them and the rest a session begins.
    sed '/^sudo authctl backup create/,$d' /tmp/blocks >/tmp/before
    sed -n '/^sudo authctl backup create/,$p' /tmp/blocks >/tmp/after
    # shellcheck source=/dev/null
    . /tmp/before
    letter ann@acme.test . >/dev/null
    letter you@example.com . >/dev/null
    local token session
    token=$(letter bob@acme.test '/reset-password#' | sed -n 's|.*/reset-password#\([A-Za-z0-9_-]*\).*|\1|p')
    curl -sSf --max-time 10 "$url/v1/auth/password/reset" -H 'content-type: application/json' \
        -d "{\"token\":\"$token\",\"new_password\":\"$password\"}" || fail "the mailed link does nothing"
    login "by the mailed link" bob@acme.test
    session=$(bearer bob@acme.test)
    checks "$session" 200
    sudo authctl user reset-password acme/bob@acme.test >/dev/null
    # shellcheck source=/dev/null
    . /tmp/after
    login "after the restore" bob@acme.test
    checks "$session" 401
    stop
    kill "$relay"
    dpkg -P authd-server authd-ctl >/dev/null
    rm -rf /etc/credstore /run/credentials
    cd /
}

bearer() {
    curl -sS --max-time 10 "$url/v1/auth/login" -H 'content-type: application/json' \
        -d "{\"tenant\":\"acme\",\"email\":\"$1\",\"password\":\"$password\"}" |
        sed -n 's/.*"access_token":"\([^"]*\)".*/\1/p'
}

checks() {
    local status
    status=$(curl -s --max-time 10 -o /dev/null -w '%{http_code}' "$url/v1/auth/check" \
        -H "authorization: Bearer $1")
    [ "$status" = "$2" ] || fail "a check answers $status, not $2"
}

inside() {
    packages=$1
    export DEBIAN_FRONTEND=noninteractive
    # What an authd that was started by hand has left; in the layer alone.
    rm -rf /etc/authd /var/lib/authd
    walk
    say install
    dpkg -i "$packages"/authd-ctl_*.deb "$packages"/authd-server_*.deb >/tmp/install.log 2>&1 || {
        cat /tmp/install.log
        fail "the packages do not install"
    }
    grep -q 'set api.public_url' /tmp/install.log || fail "the next step is not told"
    getent group authd-admin authd-operator authd-helpdesk >/dev/null || fail "a group is missing"
    [ "$(getent passwd authd | cut -d: -f7)" = /usr/sbin/nologin ] || fail "authd may log in"
    [ -L /etc/systemd/system/multi-user.target.wants/authd.service ] || fail "not enabled"
    [ -L /etc/systemd/system/authd.service.wants/authd-admin.socket ] || fail "not enabled: socket"
    [ ! -e /etc/systemd/system/sockets.target.wants/authd.socket ] || fail "authd.socket is enabled"
    [ ! -e /etc/systemd/system/authd.service.wants/authd-helpdesk.socket ] || fail "the helpdesk is enabled"
    local status=0
    authd check-config >/dev/null 2>&1 || status=$?
    [ "$status" = 78 ] || fail "without api.public_url check-config ends with $status"

    say "first start, sign-in"
    echo 'api.public_url = "https://auth.example.com"' >/etc/authd/authd.toml.d/10-site.toml
    authd check-config --strict >/dev/null
    start
    authctl tenant create acme >/dev/null
    printf '%s' "$password" | authctl -t acme user create --email alice@acme.test \
        --password-stdin --permanent >/dev/null
    login "after the installation"
    hash_thread_steps_back
    authctl status >/dev/null
    stop

    say upgrade
    raise authd-ctl
    raise authd-server
    dpkg -i /tmp/authd-ctl.deb /tmp/authd-server.deb >/dev/null
    start
    login "after the upgrade"
    stop

    say "remove, install again"
    dpkg -r authd-server authd-ctl >/dev/null
    [ -f /etc/authd/authd.toml.d/10-site.toml ] || fail "removal took the configuration"
    [ -f /var/lib/authd/authd.db ] || fail "removal took the data"
    dpkg -i /tmp/authd-ctl.deb /tmp/authd-server.deb >/dev/null
    start
    login "after the second installation"
    stop

    say purge
    dpkg -P authd-server authd-ctl >/dev/null
    [ ! -e /etc/authd ] || fail "purging left /etc/authd"
    [ ! -e /var/lib/authd ] || fail "purging left /var/lib/authd"
    [ ! -e /run/authd ] || fail "purging left /run/authd"
    local left
    left=$(find /etc/systemd /var/lib/systemd -name '*authd*')
    [ -z "$left" ] || fail "purging left $left"
    getent passwd authd >/dev/null || fail "purging gave the user's id away"
    say "all passed"
}

# Outside -----------------------------------------------------------------------------------------

outside() {
    local packages root
    packages=$(realpath "$1")
    [ "$(id -u)" = 0 ] || fail "needs root"
    ! getent passwd authd >/dev/null || fail "this machine has a user authd already"
    root=$(mktemp -d)
    mount -t tmpfs -o size=1g tmpfs "$root"
    mkdir "$root/upper" "$root/work" "$root/machine"
    mount -t overlay -o "lowerdir=/,upperdir=$root/upper,workdir=$root/work" overlay "$root/machine"
    mount --rbind /proc "$root/machine/proc"
    mount --rbind /dev "$root/machine/dev"
    mount -t tmpfs tmpfs "$root/machine/run"
    mount -t tmpfs tmpfs "$root/machine/tmp"
    mkdir "$root/machine/tmp/packages"
    mount --bind "$packages" "$root/machine/tmp/packages"
    install -m 0755 "$0" "$root/machine/tmp/smoke.sh"
    install -m 0755 "$2" "$root/machine/tmp/relay"
    install -m 0644 "$(dirname "$0")/../README.md" "$root/machine/tmp/README.md"
    ip link set lo up
    exec chroot "$root/machine" /tmp/smoke.sh --inside /tmp/packages
}

case "${1:-}" in
--inside) inside "$2" ;;
--outside) outside "$2" "$3" ;;
"" | -*) fail "usage: packaging/smoke.sh FOLDER RELAY" ;;
# The mounts go with their namespace, the processes with theirs.
*) exec unshare --mount --net --pid --fork --kill-child --mount-proc "$0" --outside "$1" "${2:?the relay}" ;;
esac
