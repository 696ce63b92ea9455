'use strict';
'require baseclass';
'require rustynet.words as words';

/*
 * Drawings. In: numbers, peers. Out: SVG, with a label that says the same in words; the table beside it has it all. They take
 * the colour of the text, so that they fit every theme.
 */

const most = 12;
const kept = 30;

/* E makes elements of HTML alone. */
const s = (tag, attributes, ...children) => {
	const node = document.createElementNS('http://www.w3.org/2000/svg', tag);

	Object.keys(attributes).forEach(name => node.setAttribute(name, String(attributes[name])));
	children.flat(Infinity).forEach(child => node.appendChild(typeof child == 'string' ? document.createTextNode(child) : child));

	return node;
};

const drawing = (width, height, label, ...parts) => s('svg', {
	'viewBox': '0 0 %d %d'.format(width, height), 'role': 'img', 'aria-label': label,
	'style': 'display:block;width:100%;max-width:%dpx'.format(width), 'fill': 'currentColor', 'stroke': 'none', 'font-size': '11'
}, parts);

const isHost = prefix => prefix.endsWith('/32') || prefix.endsWith('/128');
const isAll = prefix => prefix == '0.0.0.0/0' || prefix == '::/0';

/* What is behind a peer, in short. */
function behind(peer) {
	const prefixes = Array.isArray(peer.allowed_ips) ? peer.allowed_ips.filter(prefix => !isHost(prefix)) : [];

	return (prefixes.some(isAll) ? [ _('the internet') ] : []).concat(prefixes.filter(prefix => !isAll(prefix)).slice(0, 2));
}

function spoke(peer, at, count) {
	const turn = 2 * Math.PI * at / count - Math.PI / 2;
	const [ x, y ] = [ 320 + 230 * Math.cos(turn), 150 + 95 * Math.sin(turn) ].map(Math.round);
	const isUp = peer.link == 'up';
	const lines = [ words.text(peer.name) ].concat(behind(peer));

	return [
		s('line', { 'x1': 320, 'y1': 150, 'x2': x, 'y2': y, 'stroke': 'currentColor', 'stroke-width': isUp ? 2 : 1, 'stroke-opacity': '0.6', 'stroke-dasharray': isUp ? 'none' : '3 5' }),
		s('circle', { 'cx': x, 'cy': y, 'r': 5, 'fill': isUp ? 'currentColor' : 'none', 'stroke': 'currentColor' }),
		lines.map((line, row) => s('text', { 'x': x, 'y': y + 18 + 12 * row, 'text-anchor': 'middle' }, line))
	].flat();
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

		return shown.length == 0 ? '' : drawing(640, 310, label, shown.flatMap((peer, at) => spoke(peer, at, shown.length)),
			s('rect', { 'x': 270, 'y': 138, 'width': 100, 'height': 24, 'rx': 4, 'fill': 'none', 'stroke': 'currentColor' }),
			s('text', { 'x': 320, 'y': 154, 'text-anchor': 'middle', 'font-weight': 'bold' }, _('this router')));
	}
});
