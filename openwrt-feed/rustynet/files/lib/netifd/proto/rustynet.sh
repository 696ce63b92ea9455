#!/bin/sh
# netifd's protocol `rustynet`: the agent owns the WireGuard device and reports its addresses and routes to netifd by
# itself (network.interface notify_proto), so this only tells the agent when netifd wants the interface up or down.
# In: setup and teardown from netifd. Out: calls of the agent's ubus object `rustynet`; without an agent an error that
# `ifstatus` shows, and no retries: the agent reports the link when it starts.

[ -n "$INCLUDE_ONLY" ] || {
	. /lib/functions.sh
	. ../netifd-proto.sh
	init_proto "$@"
}

proto_rustynet_init_config() {
	no_device=1
	available=1
	no_proto_task=1
}

proto_rustynet_setup() {
	local interface="$1"

	ubus call rustynet interface_up "{\"interface\":\"$interface\"}" >/dev/null 2>&1 || {
		proto_notify_error "$interface" AGENT_NOT_RUNNING
		proto_block_restart "$interface"
	}
}

proto_rustynet_teardown() {
	local interface="$1"

	ubus call rustynet interface_down "{\"interface\":\"$interface\"}" >/dev/null 2>&1
}

[ -n "$INCLUDE_ONLY" ] || add_protocol rustynet
