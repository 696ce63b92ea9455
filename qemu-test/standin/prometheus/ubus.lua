-- A stand-in for OpenWrt's libubus-lua, by ubus(1): a field that is null is none, a call that fails is nil and its status.

local cjson = require "cjson"

local function plain(value)
	if value == cjson.null then
		return nil
	end
	if type(value) ~= "table" then
		return value
	end
	local fields = {}
	for key, each in pairs(value) do
		fields[key] = plain(each)
	end
	return fields
end

local function call(_, object, method, arguments)
	local pipe = io.popen(string.format("ubus call %s %s '%s'; echo \"$?\"", object, method, cjson.encode(arguments)))
	local text, status = pipe:read("*a"):match("^(.-)(%d+)\n$")
	pipe:close()
	if status ~= "0" then
		return nil, tonumber(status)
	end
	return plain(cjson.decode(text))
end

return {
	connect = function()
		return { call = call, close = function() end }
	end,
}
