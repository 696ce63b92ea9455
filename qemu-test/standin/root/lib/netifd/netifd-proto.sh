# The shell side of netifd's protocol handlers, written for the lab: names and arguments are OpenWrt's.
# In: init_proto "$@" and the handler's functions. Out: the description that `dump` prints; calls of notify_proto.
# There is no JSON reader here: json_get_var reads what the stand-in of netifd put into the environment.

_proto_quote() {
    printf '"'
    printf '%s' "$1" | sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' | tr -d '\n'
    printf '"'
}

_proto_list() { # items..., each quoted
    _sep=
    for _entry in "$@"; do
        printf '%s' "$_sep"
        _proto_quote "$_entry"
        _sep=,
    done
}

_proto_bool() {
    case "$1" in 1 | true) printf true ;; *) printf false ;; esac
}

_proto_notify() { # interface json-members
    ubus call network.interface notify_proto "{\"interface\":$(_proto_quote "$1"),$2}"
}

json_get_var() { # variable key [default]
    eval "$1=\${STANDIN_OPTION_$(printf '%s' "$2" | tr -c 'A-Za-z0-9_' '_'):-\$3}"
}

json_get_vars() {
    for _key in "$@"; do
        json_get_var "${_key%%:*}" "${_key%%:*}"
    done
}

_proto_option() { # name blobmsg-type
    PROTO_OPTIONS="$PROTO_OPTIONS${PROTO_OPTIONS:+,}[$(_proto_quote "${1%%:*}"),$2]"
}

proto_config_add_array() { _proto_option "$1" 1; }
proto_config_add_string() { _proto_option "$1" 3; }
proto_config_add_int() { _proto_option "$1" 5; }
proto_config_add_boolean() { _proto_option "$1" 7; }
proto_config_add_defaults() {
    proto_config_add_boolean defaultroute
    proto_config_add_boolean peerdns
    proto_config_add_int metric
}

init_proto() {
    proto=$1
    cmd=$2
    shift 2
    case "$cmd" in
        dump)
            add_protocol() {
                no_device=0 no_proto_task=0 available=0 renew_handler=0 lasterror=0 teardown_on_l3_link_down=0
                PROTO_OPTIONS=
                "proto_$1_init_config"
                printf '{"name":%s,"config":[%s],"no-device":%s,"no-proto-task":%s,"available":%s,' \
                    "$(_proto_quote "$1")" "$PROTO_OPTIONS" "$(_proto_bool "$no_device")" \
                    "$(_proto_bool "$no_proto_task")" "$(_proto_bool "$available")"
                printf '"renew-handler":%s,"lasterror":%s,"teardown-on-l3-link-down":%s}\n' \
                    "$(_proto_bool "$renew_handler")" "$(_proto_bool "$lasterror")" \
                    "$(_proto_bool "$teardown_on_l3_link_down")"
            }
            ;;
        setup | teardown | renew)
            PROTO_INTERFACE=$1
            PROTO_DEVICE=${3:-}
            add_protocol() {
                [ "$proto" = "$1" ] || return 0
                "proto_$1_$cmd" "$PROTO_INTERFACE" "$PROTO_DEVICE"
            }
            ;;
        *)
            add_protocol() { return 0; }
            ;;
    esac
}

proto_init_update() { # device up [external]
    PROTO_MEMBERS="\"action\":0,\"ifname\":$(_proto_quote "$1"),\"link-up\":$(_proto_bool "$2")"
    [ -z "${3:-}" ] || PROTO_MEMBERS="$PROTO_MEMBERS,\"address-external\":$(_proto_bool "$3")"
    PROTO_KEEP=0
    PROTO_ADDRESSES= PROTO_ADDRESSES6= PROTO_ROUTES= PROTO_ROUTES6= PROTO_DNS= PROTO_SEARCH=
}

proto_set_keep() {
    PROTO_KEEP=$1
}

_proto_address() { # address mask
    printf '{"ipaddr":%s%s}' "$(_proto_quote "$1")" "${2:+,\"mask\":$(_proto_quote "$2")}"
}

proto_add_ipv4_address() { # address mask
    PROTO_ADDRESSES="$PROTO_ADDRESSES${PROTO_ADDRESSES:+,}$(_proto_address "$1" "$2")"
}

proto_add_ipv6_address() {
    PROTO_ADDRESSES6="$PROTO_ADDRESSES6${PROTO_ADDRESSES6:+,}$(_proto_address "$1" "$2")"
}

_proto_route() { # target mask gateway source metric
    printf '{"target":%s,"netmask":%s' "$(_proto_quote "$1")" "$(_proto_quote "$2")"
    [ -z "${3:-}" ] || printf ',"gateway":%s' "$(_proto_quote "$3")"
    [ -z "${4:-}" ] || printf ',"source":%s' "$(_proto_quote "$4")"
    [ -z "${5:-}" ] || printf ',"metric":%s' "$5"
    printf '}'
}

proto_add_ipv4_route() { # target mask [gateway [source [metric]]]
    PROTO_ROUTES="$PROTO_ROUTES${PROTO_ROUTES:+,}$(_proto_route "$@")"
}

proto_add_ipv6_route() { # target mask [gateway [metric]]
    PROTO_ROUTES6="$PROTO_ROUTES6${PROTO_ROUTES6:+,}$(_proto_route "$1" "$2" "${3:-}" "" "${4:-}")"
}

proto_add_dns_server() {
    PROTO_DNS="$PROTO_DNS${PROTO_DNS:+,}$(_proto_quote "$1")"
}

proto_add_dns_search() {
    PROTO_SEARCH="$PROTO_SEARCH${PROTO_SEARCH:+,}$(_proto_quote "$1")"
}

proto_send_update() { # interface
    [ "$PROTO_KEEP" != 1 ] || PROTO_MEMBERS="$PROTO_MEMBERS,\"keep\":true"
    PROTO_MEMBERS="$PROTO_MEMBERS,\"ipaddr\":[$PROTO_ADDRESSES],\"ip6addr\":[$PROTO_ADDRESSES6]"
    PROTO_MEMBERS="$PROTO_MEMBERS,\"routes\":[$PROTO_ROUTES],\"routes6\":[$PROTO_ROUTES6]"
    _proto_notify "$1" "$PROTO_MEMBERS,\"dns\":[$PROTO_DNS],\"dns_search\":[$PROTO_SEARCH]"
}

proto_run_command() { # interface command arguments...
    _interface=$1
    shift
    _proto_notify "$_interface" "\"action\":1,\"command\":[$(_proto_list "$@")]"
}

proto_kill_command() { # interface [signal]
    _proto_notify "$1" "\"action\":2${2:+,\"signal\":$2}"
}

proto_notify_error() { # interface code [data...]
    _interface=$1
    shift
    _proto_notify "$_interface" "\"action\":3,\"error\":[$(_proto_list "$@")]"
}

proto_block_restart() {
    _proto_notify "$1" '"action":4'
}

proto_set_available() { # interface flag
    _proto_notify "$1" "\"action\":5,\"available\":$(_proto_bool "$2")"
}

proto_add_host_dependency() { # interface host [through]
    _proto_notify "$1" "\"action\":6,\"host\":$(_proto_quote "$2")${3:+,\"ifname\":$(_proto_quote "$3")}"
}

proto_setup_failed() {
    _proto_notify "$1" '"action":7'
}
