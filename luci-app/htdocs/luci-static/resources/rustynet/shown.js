'use strict';
'require baseclass';
'require dom';
'require poll';
'require rustynet.words as words';

/* Parts of pages that more than one page has. In: values and words. Out: nodes. */

/*
 * E takes a string for markup unless it stands in a list, and a list within a list for text. Much of what is shown here
 * was said by brokers and peers: it is text, whatever is in it.
 */
const flat = children => children.flat(Infinity).filter(child => child !== null && child !== undefined);
const h = (tag, attributes, ...children) => E(tag, attributes, flat(children));

const alert = (level, title, ...lines) => h('div', { 'class': 'alert-message %s'.format(level) },
	h('h4', {}, title),
	lines.flat().filter(line => line).map(line => typeof line == 'string' ? h('p', {}, line) : line));

return baseclass.extend({
	h,
	alert,

	failure(error) {
		const { title, said, todo } = words.failure(error);

		return h('div', { 'role': 'alert' }, alert('danger', title, said, todo));
	},

	/* Rows of [name, value]; a value is text or nodes. */
	facts(rows) {
		return h('table', { 'class': 'table' }, rows.map(([ name, value ]) => h('tr', { 'class': 'tr' },
			h('th', { 'class': 'td left', 'scope': 'row', 'width': '33%' }, name),
			h('td', { 'class': 'td left' }, value))));
	},

	/* A table that folds on a phone: each cell carries the title of its column. */
	table(titles, rows, empty) {
		const head = h('tr', { 'class': 'tr table-titles' }, titles.map(title => h('th', { 'class': 'th left', 'scope': 'col' }, title)));
		const none = h('tr', { 'class': 'tr placeholder' }, h('td', { 'class': 'td', 'colspan': titles.length }, h('em', {}, empty)));

		return h('table', { 'class': 'table cbi-section-table' }, head, rows.length ? rows.map((cells, index) =>
			h('tr', { 'class': 'tr cbi-rowstyle-%d'.format(index % 2 + 1) }, cells.map((cell, at) =>
				h('td', { 'class': 'td left', 'data-title': titles[at] }, cell)))) : none);
	},

	section(title, ...nodes) {
		return h('div', { 'class': 'cbi-section' }, h('h3', {}, title), nodes);
	},

	/* LuCI's themes show the title of a bar as its text. */
	bar(percent, text, label) {
		return h('div', { 'class': 'cbi-progressbar', 'title': text, 'role': 'progressbar', 'aria-label': label, 'aria-valuemin': '0', 'aria-valuemax': '100', 'aria-valuenow': String(percent), 'aria-valuetext': text },
			h('div', { 'style': 'width:%d%%'.format(percent) }));
	},

	/* Puts into `place` what is asked for; what fails takes its place, so that nothing old stays. */
	refresh(place, ask, render) {
		const turn = place.turn = (place.turn || 0) + 1;
		// An answer that was overtaken by a later question is none to it.
		const show = nodes => { if (turn == place.turn) dom.content(place, flat([ nodes ])); };

		return ask().then(render).then(show).catch(error => show(this.failure(error)));
	},

	/* Now and at each poll. */
	live(refresh) {
		poll.add(refresh);

		return refresh();
	}
});
