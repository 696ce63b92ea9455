'use strict';
'require baseclass';

/* What the daemon says, in words for people. In: values of ubus. Out: text, and the class of an alert. No DOM, no clock. */

const states = {
	'starting': () => [ 'notice', _('Starting'), _('Nothing was observed yet. No traffic passes through the mesh.'), _('Wait some seconds.') ],
	'unclocked': () => [ 'warning', _('Closed: the time is not known'), _('Without the time it cannot be ruled out that the map has expired. No traffic passes through the mesh.'), _('Make sure that this router reaches a time server (System, Time Synchronization).') ],
	'closed': () => [ 'warning', _('Closed'), _('The guard stands and there are no peers. No traffic passes through the mesh.'), _('What is missing is said above. If the map has expired, ask the operator to sign a new one.') ],
	'applying': () => [ 'notice', _('Being applied'), _('Something in the kernel differs still from what is desired. What is proven passes while the lease lasts.'), _('Wait some seconds. If it stays so, look at the findings below.') ],
	'enforced': () => [ 'success', _('Enforced'), _('Traffic passes as the signed map grants it.'), null ],
	'unsafe': () => [ 'danger', _('Unsafe: the guard could not be proven'), _('The interface was taken down, and the router tries again. No traffic passes through the mesh.'), _('Look at the findings below and at the system log: something else changes the firewall, or nft fails.') ],
	'break-glass': () => [ 'danger', _('Break-glass: somebody on this router overrode the map'), _('Traffic passes as the override says, until it ends.'), _('It ends by itself. The audit log says why it was begun.') ]
};

const links = {
	'up': () => _('up'),
	'quiet': () => _('quiet'),
	'down': () => _('down')
};

const directions = {
	'out': () => _('from here'),
	'in': () => _('to here'),
	'exit': () => _('internet, from here through the exit'),
	'carried': () => _('internet, carried for others')
};

const isNumber = value => typeof value == 'number' && isFinite(value);

return baseclass.extend({
	unknown: () => _('unknown'),

	/* What was not said is unknown, never empty. */
	text(value) {
		return value === null || value === undefined || value === '' ? this.unknown() : String(value);
	},

	duration(seconds) {
		if (!isNumber(seconds))
			return this.unknown();

		const s = Math.abs(Math.floor(seconds));

		if (s < 120)
			return _('%d s').format(s);
		if (s < 7200)
			return _('%d min').format(Math.floor(s / 60));
		if (s < 172800)
			return _('%d h').format(Math.floor(s / 3600));

		return _('%d days').format(Math.floor(s / 86400));
	},

	/* Unix seconds, in UTC: the router's own zone is not the browser's. */
	time(unix) {
		return isNumber(unix) && unix > 0 && unix < 8.64e12
			? new Date(unix * 1000).toISOString().replace('T', ' ').replace('.000Z', ' UTC')
			: this.unknown();
	},

	age(unix, now) {
		if (unix === 0)
			return _('never');
		if (!isNumber(unix) || !isNumber(now) || unix > now + 1)
			return this.unknown();

		return _('%s ago').format(this.duration(now - unix));
	},

	bytes(count) {
		if (!isNumber(count) || count < 0)
			return this.unknown();

		const units = [ 'B', 'KiB', 'MiB', 'GiB', 'TiB' ];
		let at = 0;

		for (; count >= 1024 && at < units.length - 1; at++)
			count /= 1024;

		return '%s %s'.format(at ? count.toFixed(count < 10 ? 1 : 0) : String(count), units[at]);
	},

	/* `level` is a class of alert; a state that is not known here blocks, and is said to. */
	state(state) {
		const known = Object.hasOwn(states, state) ? states[state]() : null;

		if (!known)
			return { level: 'danger', title: _('Unknown state: %s').format(this.text(state)), means: _('This page does not know it. Take the mesh for closed.'), todo: null };

		const [ level, title, means, todo ] = known;

		return { level, title, means, todo };
	},

	link(link) {
		return Object.hasOwn(links, link) ? links[link]() : this.unknown();
	},

	direction(direction) {
		return Object.hasOwn(directions, direction) ? directions[direction]() : this.unknown();
	},

	/* How much of the map's life is spent. From three quarters on it warns. `short` fits into a bar on a phone. */
	life(map, now) {
		if (!map)
			return { percent: null, level: 'warning', text: _('There is no map.') };

		const whole = map.expires - map.issued, spent = now - map.issued;

		if (!isNumber(spent) || !(whole > 0))
			return { percent: null, level: 'warning', text: this.unknown() };

		const percent = Math.min(100, Math.max(0, Math.floor(100 * spent / whole)));
		const left = map.expires - now;

		if (left <= 0)
			return { percent: 100, level: 'danger', short: _('Expired'), text: _('Expired %s ago: ask the operator to sign a new map.').format(this.duration(left)) };
		if (spent >= 0.75 * whole)
			return { percent, level: 'warning', short: _('Expires in %s').format(this.duration(left)), text: _('Expires in %s: ask the operator to sign a new map.').format(this.duration(left)) };

		return { percent, level: null, short: _('Expires in %s').format(this.duration(left)), text: _('Expires in %s').format(this.duration(left)) };
	},

	clock(status) {
		const sources = {
			'ntp': _('set by a time server'),
			'signed': _('not behind any signed time'),
			'unknown': _('not known well enough')
		};

		return '%s (%s)'.format(this.time(status.now), Object.hasOwn(sources, status.clock) ? sources[status.clock] : this.unknown());
	},

	lease(seconds) {
		if (!isNumber(seconds))
			return this.unknown();

		return seconds > 0
			? _('open; the kernel closes the mesh in %s unless the lease is renewed').format(this.duration(seconds))
			: _('none: the mesh is closed');
	},

	broker(status) {
		if (status.broker === null)
			return status.network ? this.unknown() : _('none: no network was joined');
		if (!status.broker)
			return this.unknown();

		return status.broker.connected === true
			? _('connected, %s received').format(this.bytes(status.broker.received_bytes))
			: _('not connected: %s').format(this.text(status.broker.last_error));
	},

	exit(choices) {
		if (!choices || typeof choices.exit != 'string')
			return this.unknown();
		if (choices.exit == 'off')
			return _('none: this router uses its own uplink');
		if (choices.exit == 'full')
			return _('the only one that the map allows');

		return choices.exit;
	},

	members(side) {
		if (!side || !Array.isArray(side.names))
			return this.unknown();
		if (!side.names.length)
			return _('nobody by name');

		return side.more > 0 ? _('%s and %d more').format(side.names.join(', '), side.more) : side.names.join(', ');
	},

	protocols(list) {
		return list.map(protocol => {
			const [ kind, ports ] = String(protocol).split(':');

			if (kind == 'any')
				return _('everything');
			if (kind == 'icmp')
				return _('ping and other ICMP');

			return ports ? _('%s port %s').format(kind.toUpperCase(), ports) : kind.toUpperCase();
		}).join(', ');
	},

	/* A line of the audit log; what is none of ours is shown as it is. */
	event(line) {
		let entry = null;

		try {
			entry = JSON.parse(line);
		}
		catch (error) {
			// As any other text.
		}

		if (!entry || typeof entry != 'object' || typeof entry.event != 'string')
			return { at: this.unknown(), event: _('not a line of the log'), more: String(line).slice(0, 200), isCheckpoint: false };

		const hidden = [ 'at', 'clock', 'event', 'seq', 'previous', 'sig' ];
		const more = Object.keys(entry).filter(name => !hidden.includes(name))
			.map(name => '%s=%s'.format(name, typeof entry[name] == 'string' ? entry[name] : JSON.stringify(entry[name])));
		const at = entry.clock == 'ntp' ? this.time(entry.at) : _('%s (clock: %s)').format(this.time(entry.at), this.text(entry.clock));

		return { at, event: entry.event, more: more.join(' '), isCheckpoint: entry.event == 'checkpoint' };
	},

	/* What failed, and what to do about it, from what rpc.js or the daemon said. */
	failure(error) {
		const said = String(error && error.message || error);

		if (/-32002|[Aa]ccess denied|ubus code 6|[Pp]ermission denied/.test(said))
			return { title: _('Not allowed'), said, todo: _('Your login may not do this. Log in again, or ask who administers this router.') };
		if (/-32000|ubus code 4|[Oo]bject not found|[Rr]esource not found/.test(said))
			return { title: _('The daemon does not answer'), said, todo: _('On the router, “service rustynet start” starts it and “logread -e rustynet” says why it ended.') };
		if (/ubus code 7|[Tt]imed? ?out/.test(said))
			return { title: _('The daemon did not answer in time'), said, todo: _('The router may be busy. Try again.') };

		return { title: _('Failed'), said, todo: null };
	}
});
