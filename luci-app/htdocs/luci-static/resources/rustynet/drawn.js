'use strict';
'require baseclass';
'require rustynet.words as words';

/*
 * Drawings. In: numbers, peers. Out: SVG, with a label that says the same in words; the table beside it has it all. They take
 * the colour of the text, so that they fit every theme.
 */

const most = 12;
const kept = 30;
const rowHeight = 28;

/* E makes elements of HTML alone. */
const s = (tag, attributes, ...children) => {
	const node = document.createElementNS('http://www.w3.org/2000/svg', tag);

	Object.keys(attributes).forEach(name => node.setAttribute(name, String(attributes[name])));
	children.flat(Infinity).forEach(child => node.appendChild(typeof child == 'string' ? document.createTextNode(child) : child));

	return node;
};

const drawing = (width, height, label, ...parts) => s('svg', {
	'viewBox': '0 0 %d %d'.format(width, height), 'role': 'img', 'aria-label': label,
	'width': width, 'style': 'display:block;max-width:100%;height:auto', 'fill': 'currentColor', 'stroke': 'none', 'font-size': '11'
}, parts);

const isHost = prefix => prefix.endsWith('/32') || prefix.endsWith('/128');
const isAll = prefix => prefix == '0.0.0.0/0' || prefix == '::/0';

/* What is behind a peer, in short. */
function behind(peer) {
	const prefixes = Array.isArray(peer.allowed_ips) ? peer.allowed_ips.filter(prefix => !isHost(prefix)) : [];

	return (prefixes.some(isAll) ? [ _('the internet') ] : []).concat(prefixes.filter(prefix => !isAll(prefix)).slice(0, 2));
}

/* A line from the router's box to a dot, and beside it who that is. */
function spoke(peer, at, middle) {
	const y = rowHeight * at + rowHeight / 2;
	const isUp = peer.link == 'up';
	const more = behind(peer);

	return [
		s('line', { 'x1': 110, 'y1': middle, 'x2': 194, 'y2': y, 'stroke': 'currentColor', 'stroke-width': isUp ? 2 : 1, 'stroke-opacity': '0.6', 'stroke-dasharray': isUp ? 'none' : '3 5' }),
		s('circle', { 'cx': 200, 'cy': y, 'r': 5, 'fill': isUp ? 'currentColor' : 'none', 'stroke': 'currentColor' }),
		s('text', { 'x': 214, 'y': y + 4 }, [ words.text(peer.name) ].concat(more).join(', '))
	];
}

return baseclass.extend({
	/* Differences of a count that only grows, the newest last. `memory` keeps them from look to look. */
	rate(memory, name, count) {
		const { last, values } = memory[name] || { values: [] };

		// A count that fell began anew.
		memory[name] = { last: count, values: last === undefined ? values : values.concat(Math.max(0, count - last)).slice(-kept) };

		return memory[name].values;
	},

	/* Nothing before there are two values to join. */
	sparkline(values, label) {
		const top = Math.max.apply(null, values.concat(1));
		const point = (value, at) => '%d,%d'.format(78 * at / (kept - 1) + 1, 19 - 18 * value / top);

		return values.length < 2 ? '' : drawing(80, 20, label, s('polyline', {
			'points': values.map(point).join(' '), 'fill': 'none', 'stroke': 'currentColor', 'stroke-width': 1
		}));
	},

	/* This router among the first of its peers. */
	mesh(peers) {
		const shown = peers.slice(0, most);
		const label = shown.map(peer => [ words.text(peer.name), words.link(peer.link) ].concat(behind(peer)).join(' ')).join('; ');

		const middle = rowHeight * shown.length / 2;

		return shown.length == 0 ? '' : drawing(480, rowHeight * shown.length, label,
			shown.map((peer, at) => spoke(peer, at, middle)),
			s('rect', { 'x': 1, 'y': middle - 12, 'width': 108, 'height': 24, 'rx': 4, 'fill': 'none', 'stroke': 'currentColor' }),
			s('text', { 'x': 55, 'y': middle + 4, 'text-anchor': 'middle', 'font-weight': 'bold' }, _('this router')));
	}
});
