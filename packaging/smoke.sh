#!/usr/bin/env bash
# Installs, upgrades, removes and purges the packages, and signs a user in over HTTP: in a throw-away layer
# over this machine's root, so that nothing of it stays. No systemd runs in there; sockets are passed by
# systemd-socket-activate, user and group are set by setpriv, as the units would.
# usage: packaging/smoke.sh FOLDER, with FOLDER as packaging/build-deb left it
# Needs root, the right to mount, and the packages curl, systemd and init-system-helpers.
set -euo pipefail

port=18471
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
    setsid systemd-socket-activate --setenv=RUST_BACKTRACE=1 --listen=127.0.0.1:$port \
        --listen=/run/authd/admin.sock --listen=/run/authd/monitor.sock --fdname=api:admin:monitor \
        setpriv --reuid=authd --regid=authd --clear-groups --no-new-privs --bounding-set=-all \
        /usr/sbin/authd run >/tmp/authd.log 2>&1 &
    daemon=$!
    local try
    for try in $(seq 200); do
        [ ! -S /run/authd/monitor.sock ] || break
        sleep 0.05
    done
    # As the socket units do.
    chgrp authd-admin /run/authd/admin.sock
    chgrp authd-operator /run/authd/monitor.sock
    chmod 0660 /run/authd/admin.sock /run/authd/monitor.sock
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
    curl -sS --max-time 10 "$url/v1/auth/login" -H 'content-type: application/json' \
        -d "{\"tenant\":\"acme\",\"email\":\"alice@acme.test\",\"password\":\"$password\"}" |
        grep -q '"access_token":"' || fail "$1: no sign-in"
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

inside() {
    packages=$1
    export DEBIAN_FRONTEND=noninteractive
    # What an authd that was started by hand has left; in the layer alone.
    rm -rf /etc/authd /var/lib/authd
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
    local status=0
    authd check-config >/dev/null 2>&1 || status=$?
    [ "$status" = 78 ] || fail "without api.public_url check-config ends with $status"

    say "first start, sign-in"
    systemd-tmpfiles --create authd.conf
    # StateDirectory=
    install -d -m 0700 -o authd -g authd /var/lib/authd
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
    exec chroot "$root/machine" /tmp/smoke.sh --inside /tmp/packages
}

case "${1:-}" in
--inside) inside "$2" ;;
--outside) outside "$2" ;;
"" | -*) fail "usage: packaging/smoke.sh FOLDER" ;;
# The mounts go with their namespace, the processes with theirs.
*) exec unshare --mount --pid --fork --kill-child --mount-proc "$0" --outside "$1" ;;
esac
