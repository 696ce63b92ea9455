-- The mesh, for prometheus-node-exporter-lua. In: `ubus call rustynet status` and `peers`. Out: metrics by the exporter's
-- metric(name, type); times are Unix seconds. An agent that does not answer is an error, which the exporter tells as
-- node_scrape_collector_success 0, and what is not known has no value: nothing here is 0 for want of an answer.

local ubus = require "ubus"

local states = { "starting", "unclocked", "closed", "applying", "enforced", "unsafe", "break-glass" }
local links = { "up", "quiet", "down", "unknown" }

local function flag(value)
	return value and 1 or 0
end

local function one_of(name, label, values, value)
	local say = metric(name, "gauge")
	for _, each in ipairs(values) do
		say({ [label] = each }, flag(each == value))
	end
end

local function known(name, kind, value)
	if value ~= nil then
		metric(name, kind, nil, value)
	end
end

local function router(status)
	metric("rustynet_info", "gauge", { version = status.version, node = status.node, clock = status.clock }, 1)
	one_of("rustynet_state", "state", states, status.state)
	metric("rustynet_lease_seconds", "gauge", nil, status.lease_s)
	metric("rustynet_clock_usable", "gauge", nil, flag(status.clock_usable))
	metric("rustynet_break_glass_open", "gauge", nil, flag(status.break_glass.open))
	metric("rustynet_findings", "gauge", nil, #status.findings)
	metric("rustynet_problems", "gauge", nil, #status.problems)
	metric("rustynet_flash_writes_total", "counter", nil, status.flash_writes)

	local map = status.map or {}
	known("rustynet_map_epoch", "gauge", map.epoch)
	known("rustynet_map_issued_timestamp_seconds", "gauge", map.issued)
	known("rustynet_map_expires_timestamp_seconds", "gauge", map.expires)

	local broker = status.broker
	if broker then
		metric("rustynet_broker_connected", "gauge", nil, flag(broker.connected))
		metric("rustynet_broker_received_bytes_total", "counter", nil, broker.received_bytes)
		metric("rustynet_broker_dropped_messages_total", "counter", nil, broker.dropped)
	end

	local refused = metric("rustynet_refusals_total", "counter")
	for code, count in pairs(status.refusals) do
		refused({ code = code }, count)
	end
	local change = metric("rustynet_last_change_seconds", "gauge")
	for part, ms in pairs(status.change_ms) do
		change({ part = part }, ms / 1000)
	end
end

local function peers(rows)
	local count = metric("rustynet_peers", "gauge")
	for _, link in ipairs(links) do
		local n = 0
		for _, row in ipairs(rows) do
			n = n + flag(row.link == link)
		end
		count({ link = link }, n)
	end
	local fields = {
		{ "rustynet_peer_received_bytes_total", "counter", "received_bytes" },
		{ "rustynet_peer_sent_bytes_total", "counter", "sent_bytes" },
		{ "rustynet_peer_latest_handshake_timestamp_seconds", "gauge", "latest_handshake" },
	}
	for _, field in ipairs(fields) do
		local say = metric(field[1], field[2])
		for _, row in ipairs(rows) do
			-- A handshake of 0 is none, and a peer that the kernel does not have has no counters.
			if row.present and not (field[2] == "gauge" and row[field[3]] == 0) then
				say({ peer = row.name }, row[field[3]])
			end
		end
	end
end

local function ask(bus, method, arguments)
	local answer, code = bus:call("rustynet", method, arguments)
	if answer == nil then
		error("ubus call rustynet " .. method .. ": wanted an answer, got status " .. tostring(code))
	end
	return answer
end

local function rows_of(bus)
	local rows, offset = {}, 0
	while offset do
		local page = ask(bus, "peers", { offset = offset })
		for _, row in ipairs(page.peers) do
			rows[#rows + 1] = row
		end
		offset = page.next
	end
	return rows
end

local function scrape()
	local bus = ubus.connect()
	if not bus then
		error("wanted ubusd to answer, got none")
	end
	local ok, status, rows = pcall(function()
		return ask(bus, "status", {}), rows_of(bus)
	end)
	bus:close()
	if not ok then
		error(status, 0)
	end
	router(status)
	peers(rows)
end

return { scrape = scrape }
