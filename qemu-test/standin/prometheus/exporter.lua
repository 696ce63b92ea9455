-- A stand-in for prometheus-node-exporter-lua: what it offers a collector, and what it prints around it when it is run
-- from a command line. Its web server is left out.

package.path = "/usr/lib/lua/?.lua;" .. package.path

function metric(name, kind, labels, value)
	print("# TYPE " .. name .. " " .. kind)
	local function say(of, number)
		local words = {}
		for label, text in pairs(of or {}) do
			words[#words + 1] = string.format('%s="%s"', label, text)
		end
		local list = #words > 0 and "{" .. table.concat(words, ",") .. "}" or ""
		print(string.format("%s%s %s", name, list, number))
	end
	if value then
		say(labels, value)
	end
	return say
end

local ok, why = pcall(require("prometheus-collectors.rustynet").scrape)
if not ok then
	io.stderr:write(why, "\n")
end
metric("node_scrape_collector_success", "gauge", { collector = "rustynet" }, ok and 1 or 0)
