# What an rc script says to procd, written for the lab: the functions of OpenWrt's procd.sh that our scripts use.
# In: calls between procd_open_service and procd_close_service. Out: one `service set` (procd/script-records.ts).

_procd_say() { # kind arguments...
    _kind=$1
    shift
    printf '%s\0%s\0' "$_kind" "$#" >>"$PROCD_RECORDS"
    [ $# -eq 0 ] || printf '%s\0' "$@" >>"$PROCD_RECORDS"
}

# One action of a service at a time; held until the script ends, as OpenWrt's, which has flock(1) for it.
procd_lock() {
    [ -z "$_lock" ] || return 0
    _lock=/var/lock/procd_$name.lock
    until ln -s "$$" "$_lock" 2>/dev/null; do
        kill -0 "$(readlink "$_lock")" 2>/dev/null || rm -f "$_lock"
        sleep 0.1
    done
    trap 'rm -f "$_lock"' EXIT
}

procd_open_service() { # name script
    PROCD_NAME=$1
    PROCD_SCRIPT=$2
    PROCD_RECORDS=${TMPDIR:-/tmp}/.procd-records.$$
    : >"$PROCD_RECORDS"
}

procd_close_service() { # [set|add]
    service_triggers
    service_data
    standin "service-${1:-set}" "$PROCD_NAME" "$PROCD_SCRIPT" <"$PROCD_RECORDS"
    _status=$?
    rm -f "$PROCD_RECORDS"
    return "$_status"
}

procd_open_instance() {
    _procd_say instance "${1:-}"
}

procd_close_instance() {
    :
}

procd_set_param() { # type values...
    _procd_say set "$@"
}

procd_append_param() {
    _procd_say append "$@"
}

procd_open_trigger() {
    :
}

procd_close_trigger() {
    :
}

procd_add_reload_trigger() { # configurations...
    _procd_say reload_trigger "$@"
}

procd_add_config_trigger() { # event configuration command...
    _procd_say config_trigger "$@"
}

procd_add_interface_trigger() { # event interface command...
    _procd_say interface_trigger "$@"
}

procd_add_reload_interface_trigger() { # interface
    _procd_say interface_trigger 'interface.*' "$1" "$PROCD_SCRIPT" reload
}

procd_add_raw_trigger() { # event delay-in-ms command...
    _procd_say raw_trigger "$@"
}

# Of jshn.sh, what a script says between the lines of service_data.
json_add_object() { # name
    _procd_say data_object "${1:-}"
}

json_add_array() { # name
    _procd_say data_array "${1:-}"
}

json_add_string() { # name value
    _procd_say data_string "${1:-}" "$2"
}

json_close_object() {
    _procd_say data_close
}

json_close_array() {
    _procd_say data_close
}

procd_set_config_changed() { # configuration
    ubus call service event "{\"type\":\"config.change\",\"data\":{\"package\":\"$1\"}}"
}

procd_kill() { # service [instance]
    ubus call service delete "{\"name\":\"$1\"${2:+,\"instance\":\"$2\"}}" 2>/dev/null
}

procd_send_signal() { # service [instance [signal]]
    case "${2:-*}" in
        '*') ubus call service signal "{\"name\":\"$1\",\"signal\":${3:-1}}" ;;
        *) ubus call service signal "{\"name\":\"$1\",\"instance\":\"$2\",\"signal\":${3:-1}}" ;;
    esac
}

procd_running() { # service
    [ "$(standin service-status "$1")" = running ]
}
