'use strict';
'require view';
'require dom';
'require rustynet.calls as calls';
'require rustynet.shown as shown';
'require rustynet.words as words';

/* What happened on this router, whether the record of it is whole, and the record itself as a file. */

const h = shown.h;
const lines = text => String(text).split('\n').filter(line => line);

/* All segments, oldest first; each is one reply. */
function pages(segment, before) {
	return calls.auditPage(segment).then(page => {
		const all = (before || []).concat([ page ]);

		return page.next === undefined ? all : pages(page.next, all);
	});
}

function verdict({ whole, lines: count, segments, oldest, head, finding }) {
	const at = head ? _('Head: %s %s').format(words.text(head.seq), words.text(head.digest)) : null;

	if (whole === true)
		return shown.alert('success', _('The log is whole'), _('%s lines in %s segments, the oldest of %s').format(words.text(count), words.text(segments), words.time(oldest)), at);

	const { segment, line, detail } = finding || {};

	return shown.alert('danger', _('The log is not whole'), _('Segment %s, line %s: %s').format(words.text(segment), words.text(line), words.text(detail)), at,
		_('Somebody or something changed it. Export it, and compare it with copies that were made earlier.'));
}

/* The bytes that the router has, as “rustynet audit export” gives them. */
function download(all) {
	const text = all.map(page => page.text).join('') + (all[all.length - 1].head || '');
	const link = h('a', { 'href': URL.createObjectURL(new Blob([ text ], { 'type': 'application/jsonl' })), 'download': 'rustynet-audit.jsonl' });

	link.click();
	URL.revokeObjectURL(link.href);
}

return view.extend({
	handleSave: null,
	handleSaveApply: null,
	handleReset: null,

	page([ result, all ]) {
		const row = where => line => {
			const { at, event, more, isCheckpoint } = words.event(line);

			return isCheckpoint ? null : [ at, event, more, where ];
		};
		const kept = all.flatMap(page => lines(page.text)).map(row(_('on flash')));
		const waiting = lines(all[all.length - 1].waiting || '').map(row(_('in memory')));
		const rows = kept.concat(waiting).filter(cells => cells).reverse();

		return [
			verdict(result),
			h('p', {}, h('button', { 'class': 'btn cbi-button', 'type': 'button', 'click': () => download(all) }, _('Export'))),
			shown.table([ _('Time'), _('Event'), _('About'), _('Kept') ], rows, _('Nothing was recorded yet.'))
		];
	},

	render() {
		const place = h('div', { 'id': 'rustynet-audit' });
		const ask = () => Promise.all([ calls.auditVerify(true), pages() ]);

		return shown.refresh(place, ask, this.page).then(() => h('div', {}, h('h2', {}, _('Audit log')), place));
	}
});
