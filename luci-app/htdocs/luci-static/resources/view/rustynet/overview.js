'use strict';
'require view';
'require rustynet.calls as calls';
'require rustynet.shown as shown';
'require rustynet.words as words';

/* Whether the mesh is enforced, why not, and what to do. */

const h = shown.h;

const lines = list => Array.isArray(list) ? list : [];

function banner(status) {
	const { level, title, means, todo } = words.state(status.state);

	return shown.alert(level, title, [ words.text(status.why), means, todo ]);
}

function breakGlass({ break_glass: glass }) {
	const open = glass && glass.open;

	if (!open)
		return [];

	return shown.alert('danger', _('Break-glass is active'), [
		_('Reason: %s').format(words.text(open.reason)),
		_('Ends: %s').format(words.time(open.until))
	]);
}

function list(title, level, items) {
	return items.length ? shown.alert(level, title, items.map(String)) : [];
}

function mapSection(status) {
	const { map, now } = status;
	const { percent, level, short, text } = words.life(map, now);
	const life = percent === null ? text : shown.bar(percent, short, _('Spent life of the map'));

	return shown.section(_('Signed map'), [
		level ? shown.alert(level, _('The map needs the operator'), [ text ]) : [],
		shown.facts([
			[ _('Life'), life ],
			[ _('Epoch'), map ? words.text(map.epoch) : _('none') ],
			[ _('Signed'), map ? '%s (%s)'.format(words.time(map.issued), words.age(map.issued, now)) : _('none') ],
			[ _('Expires'), map ? words.time(map.expires) : _('none') ],
			[ _('Root version'), map ? words.text(map.root_version) : _('none') ]
		])
	]);
}

function routerSection(status) {
	return shown.section(_('This router'), shown.facts([
		[ _('Name'), status.name === null ? _('none in the map') : words.text(status.name) ],
		[ _('Node'), h('code', {}, words.text(status.node)) ],
		[ _('Network'), status.network === null ? _('none joined') : h('code', {}, words.text(status.network)) ],
		[ _('Interface'), words.text(status.interface) ],
		[ _('Peers in the kernel'), words.text(status.peers) ],
		[ _('Internet exit'), words.exit(status.choices) ],
		[ _('Lease'), words.lease(status.lease_s) ],
		[ _('Clock'), words.clock(status) ],
		[ _('Broker'), words.broker(status) ],
		[ _('Writes to flash since start'), words.text(status.flash_writes) ],
		[ _('Version'), words.text(status.version) ]
	]));
}

function refusalSection({ refusals, last_refusal: last }) {
	if (!refusals)
		return shown.section(_('Refused maps'), h('p', {}, words.unknown()));

	const rows = Object.keys(refusals).filter(reason => refusals[reason] !== 0).sort().map(reason => [ reason, String(refusals[reason]) ]);

	return shown.section(_('Refused maps'), [
		shown.table([ _('Reason'), _('Times') ], rows, _('None was refused since the daemon started.')),
		last ? h('p', {}, _('Last: %s: %s').format(words.text(last.refused), words.text(last.detail))) : []
	]);
}

return view.extend({
	handleSave: null,
	handleSaveApply: null,
	handleReset: null,

	page(status) {
		return [
			breakGlass(status),
			banner(status),
			list(_('Warnings'), 'warning', lines(status.warnings)),
			list(_('Problems'), 'warning', lines(status.problems)),
			list(_('Findings: what the kernel shows differs from what is desired'), 'warning', lines(status.findings)),
			mapSection(status),
			routerSection(status),
			refusalSection(status)
		];
	},

	render() {
		const place = h('div', { 'id': 'rustynet-overview' });

		return shown.live(() => shown.refresh(place, calls.status, this.page))
			.then(() => h('div', {}, h('h2', {}, 'Rustynet'), place));
	}
});
