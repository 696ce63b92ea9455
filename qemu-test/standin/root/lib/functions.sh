# The part of OpenWrt's shell library that rc scripts and protocol handlers need, written for the lab.
# In: UCI. Out: config_load and its kin, append, uci_get. Names and arguments are OpenWrt's.

# append VARIABLE VALUE [SEPARATOR]
append() {
    eval "export -- \"$1=\${$1:+\${$1}\${3:- }}\$2\""
}

config_variable() {
    printf 'CONFIG_%s_%s' "$1" "$2" | tr -c 'A-Za-z0-9_' '_'
}

package() {
    :
}

config() {
    CONFIG_COUNT=$((CONFIG_COUNT + 1))
    CONFIG_SECTION=${2:-cfg$CONFIG_COUNT}
    append CONFIG_SECTIONS "$CONFIG_SECTION"
    config_set "$CONFIG_SECTION" TYPE "$1"
}

option() {
    config_set "$CONFIG_SECTION" "$1" "$2"
}

list() {
    append "$(config_variable "$CONFIG_SECTION" "$1")" "$2"
}

# config_load CONFIG
config_load() {
    CONFIG_SECTIONS=
    CONFIG_SECTION=
    CONFIG_COUNT=0
    _loaded=$(uci -q export "$1") || return 1
    eval "$_loaded"
}

config_set() {
    eval "$(config_variable "$1" "$2")=\$3"
}

# config_get VARIABLE SECTION OPTION [DEFAULT], or config_get SECTION OPTION to print it
config_get() {
    if [ $# -lt 3 ]; then
        eval "printf '%s\n' \"\$$(config_variable "$1" "$2")\""
        return
    fi
    _variable=$(config_variable "$2" "$3")
    eval "$1=\${$_variable:-\$4}"
}

# config_get_bool VARIABLE SECTION OPTION [DEFAULT]
config_get_bool() {
    config_get _flag "$2" "$3" "$4"
    case "$_flag" in
        1 | on | true | yes | enabled) eval "$1=1" ;;
        0 | off | false | no | disabled) eval "$1=0" ;;
        *) eval "$1=\$4" ;;
    esac
}

# config_foreach FUNCTION [TYPE [ARGUMENTS...]]
config_foreach() {
    _function=$1
    _type=${2:-}
    shift $(($# < 2 ? $# : 2))
    for _section in $CONFIG_SECTIONS; do
        config_get _found "$_section" TYPE
        [ -n "$_type" ] && [ "$_found" != "$_type" ] || "$_function" "$_section" "$@"
    done
}

# config_list_foreach SECTION OPTION FUNCTION [ARGUMENTS...]
config_list_foreach() {
    config_get _items "$1" "$2"
    _each=$3
    shift 3
    for _item in $_items; do
        "$_each" "$_item" "$@"
    done
}

# uci_get CONFIG SECTION [OPTION [DEFAULT]]
uci_get() {
    uci -q get "$1.$2${3:+.$3}" || { [ -n "${4:-}" ] && echo "$4"; }
}

# What OpenWrt's packages call after they were written, and before they go: default_postinst SCRIPT ARGUMENTS...
_init_scripts() { # SCRIPT
    grep -s '^/etc/init.d/' "${1%.*}.list"
}

default_postinst() {
    _result=0
    [ ! -f "${1%.*}.postinst-pkg" ] || (. "${1%.*}.postinst-pkg") || _result=$?
    for _script in $(_init_scripts "$1"); do
        [ "$PKG_UPGRADE" = 1 ] || "$_script" enable
        "$_script" start
    done
    return "$_result"
}

default_prerm() {
    _result=0
    [ ! -f "${1%.*}.prerm-pkg" ] || (. "${1%.*}.prerm-pkg") || _result=$?
    for _script in $(_init_scripts "$1"); do
        [ "$PKG_UPGRADE" = 1 ] || "$_script" disable
        "$_script" stop
    done
    return "$_result"
}
