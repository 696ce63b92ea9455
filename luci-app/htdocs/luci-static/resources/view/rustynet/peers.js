'use strict';
'require view';
'require rustynet.calls as calls';
'require rustynet.drawn as drawn';
'require rustynet.shown as shown';
'require rustynet.words as words';

/* The peers of this router, a page at a time: the daemon searches and sorts, so that a thousand cost no more than fifty. */

const h = shown.h;
const pageRows = 50;

function link(peer) {
	// Only what needs a look has a badge; the green one of LuCI's own theme is too pale to read.
	const badge = peer.link == 'up' || peer.link == 'quiet' ? {} : { 'class': 'label warning' };

	return [
		h('strong', badge, words.link(peer.link)),
		peer.link == 'up' ? '' : h('div', {}, h('small', {}, words.text(peer.why)))
	];
}

function traffic(peer) {
	return _('%s received, %s sent').format(words.bytes(peer.received_bytes), words.bytes(peer.sent_bytes));
}

function row(peer, now, memory) {
	const allowed = Array.isArray(peer.allowed_ips) ? peer.allowed_ips.map(prefix => h('div', {}, prefix)) : words.unknown();

	return [
		h('strong', {}, words.text(peer.name)),
		link(peer),
		allowed.length ? allowed : _('none'),
		peer.present === true && peer.endpoint === null ? _('none known') : words.text(peer.endpoint),
		peer.present === true ? words.age(peer.latest_handshake, now) : words.unknown(),
		peer.present === true
			? [ traffic(peer), drawn.sparkline(drawn.rate(memory, peer.name, peer.received_bytes + peer.sent_bytes), _('traffic between looks')) ]
			: words.unknown()
	];
}

return view.extend({
	handleSave: null,
	handleSaveApply: null,
	handleReset: null,

	page(now, first, answer, memory) {
		const rows = answer.peers.map(peer => row(peer, now, memory));
		const empty = answer.total === 0 ? _('This router has no peers: the overview says why.') : _('No peer matches.');
		const range = rows.length
			? _('%d to %d of %d found; peers in all: %d').format(first + 1, first + rows.length, answer.found, answer.total)
			: _('Peers in all: %d').format(answer.total);

		return [
			h('p', { 'role': 'status' }, range),
			drawn.mesh(answer.peers),
			shown.table([ _('Name'), _('Link'), _('Addresses'), _('Endpoint'), _('Last handshake'), _('Traffic') ], rows, empty)
		];
	},

	render() {
		let first = 0, next, refresh = () => {};
		const memory = {};
		const place = h('div', { 'id': 'rustynet-peers' });
		const turn = to => { first = to; return refresh(); };
		const find = h('input', { 'type': 'search', 'class': 'cbi-input-text', 'id': 'rustynet-find', 'input': () => turn(0) });
		const sort = h('select', { 'class': 'cbi-input-select', 'id': 'rustynet-sort', 'change': () => turn(0) }, [
			h('option', { 'value': 'name' }, _('name')),
			h('option', { 'value': 'link' }, _('link, the worst first')),
			h('option', { 'value': 'handshake' }, _('last handshake')),
			h('option', { 'value': 'traffic' }, _('traffic'))
		]);
		const back = h('button', { 'class': 'btn cbi-button', 'type': 'button', 'click': () => turn(Math.max(0, first - pageRows)) }, _('Previous'));
		const on = h('button', { 'class': 'btn cbi-button', 'type': 'button', 'click': () => next !== undefined && turn(next) }, _('Next'));
		// The kernel's clock, which handshakes are told in, is the router's and not the browser's.
		const ask = () => Promise.all([ calls.status(), calls.peers(find.value, sort.value, first, pageRows) ]);
		const render = ([ status, answer ]) => {
			next = answer.next;
			back.disabled = first == 0;
			on.disabled = next === undefined;

			return this.page(status.now, first, answer, memory);
		};

		refresh = () => shown.refresh(place, ask, render);

		return shown.live(refresh).then(() => h('div', {}, [
			h('h2', {}, _('Peers')),
			h('div', { 'class': 'cbi-section' }, [
				h('p', {}, [
					h('label', { 'for': 'rustynet-find' }, _('Search')), ' ', find, ' ',
					h('label', { 'for': 'rustynet-sort' }, _('Sort by')), ' ', sort
				]),
				place,
				h('p', {}, [ back, ' ', on ])
			])
		]));
	}
});
