'use strict';
'require view';
'require dom';
'require rustynet.calls as calls';
'require rustynet.shown as shown';
'require rustynet.words as words';

/* Who may reach whom from here, and the choices of this router: exit, its LAN, whom it carries, what it announces. */

const h = shown.h;

function grantRow(grant) {
	const side = (members, addresses) => [ h('strong', {}, words.members(members)), h('div', {}, h('small', {}, words.text(addresses))) ];

	return [
		words.direction(grant.direction),
		side(grant.from_members, grant.from),
		grant.to == 'internet' ? _('the internet') : side(grant.to_members, grant.to),
		Array.isArray(grant.protocols) ? words.protocols(grant.protocols) : words.unknown()
	];
}

function field(id, title, input) {
	return h('p', {}, h('label', { 'for': id }, title), ' ', input);
}

function select(id, now, choices) {
	return h('select', { 'class': 'cbi-input-select', id }, choices.map(([ value, text ]) =>
		h('option', { value, 'selected': value == now ? '' : null }, text)));
}

function prefixLines(choices) {
	const announced = Array.isArray(choices.announced) ? choices.announced : [];
	const granted = Array.isArray(choices.not_announced) ? choices.not_announced : [];

	return announced.map(({ prefix, granted: isGranted }) => isGranted === true
		? _('%s: announced and granted by the map: it is routed').format(prefix)
		: _('%s: announced, and the map does not grant it: it is not routed').format(prefix)
	).concat(granted.map(prefix => _('%s: granted by the map, and not announced: it is not routed').format(prefix)));
}

/* What would change, in words; nothing if nothing would. */
function preview(choices, wanted) {
	const onOff = value => value ? _('yes') : _('no');
	const line = (title, now, then) => now === then ? null : _('%s: %s → %s').format(title, now, then);

	return [
		line(_('Internet exit'), words.exit(choices), words.exit({ exit: wanted.exit })),
		line(_('The LAN behind the exit is reachable'), onOff(choices.exit_lan), onOff(wanted.lan)),
		line(_('Others may use this router as their exit'), onOff(choices.offer_exit), onOff(wanted.offer)),
		line(_('Announced'), choices.announced.map(({ prefix }) => prefix).join(' ') || _('nothing'), wanted.prefixes.join(' ') || _('nothing'))
	].filter(text => text);
}

function save(choices, wanted) {
	const announced = choices.announced.map(({ prefix }) => prefix).join(' ');
	const asked = name => wanted[name] === ({ exit: choices.exit, lan: choices.exit_lan, offer: choices.offer_exit })[name] ? undefined : wanted[name];
	const args = [ asked('exit'), asked('lan'), asked('offer') ];
	// Only what changes is asked for: each choice is written, and lets the router run.
	const exits = args.some(value => value !== undefined) ? calls.exit(...args) : Promise.resolve();

	return exits.then(() => wanted.prefixes.join(' ') == announced ? undefined : calls.announce(wanted.prefixes));
}

function choicesForm(choices, exits, again) {
	const readonly = !L.hasViewPermission();
	const known = [ [ 'off', _('none: own uplink') ], [ 'full', _('the only one allowed') ] ]
		.concat(exits.map(name => [ name, name ]));
	// A choice that no map names any more is still the choice.
	const all = known.some(([ value ]) => value == choices.exit) ? known : known.concat([ [ choices.exit, choices.exit ] ]);
	const exit = select('rustynet-exit', choices.exit, all);
	const box = (id, now) => h('input', { 'type': 'checkbox', id, 'checked': now ? '' : null });
	const lan = box('rustynet-lan', choices.exit_lan), offer = box('rustynet-offer', choices.offer_exit);
	const prefixes = h('textarea', { 'id': 'rustynet-prefixes', 'rows': '3', 'class': 'cbi-input-textarea' },
		choices.announced.map(({ prefix }) => prefix).join('\n'));
	const place = h('div', { 'role': 'status' });
	const wanted = () => ({ exit: exit.value, lan: lan.checked, offer: offer.checked, prefixes: prefixes.value.split(/\s+/).filter(word => word) });
	const button = h('button', { 'class': 'btn cbi-button cbi-button-apply', 'type': 'button', 'disabled': readonly ? '' : null }, _('Apply'));
	const show = () => {
		const lines = preview(choices, wanted());

		dom.content(place, lines.length ? [ shown.alert('notice', _('What will change'), lines) ] : []);
	};

	for (const input of [ exit, lan, offer, prefixes ])
		input.addEventListener('input', show);

	button.addEventListener('click', () => {
		button.disabled = true;

		return save(choices, wanted()).then(again).catch(error => dom.content(place, [ shown.failure(error) ])).finally(() => {
			button.disabled = readonly;
		});
	});

	return [
		field('rustynet-exit', _('Internet exit'), exit),
		field('rustynet-lan', _('The LAN behind the exit is reachable'), lan),
		field('rustynet-offer', _('Others may use this router as their exit'), offer),
		field('rustynet-prefixes', _('Announced prefixes, one a line'), prefixes),
		prefixLines(choices).map(line => h('p', {}, line)),
		place,
		readonly ? h('p', {}, _('Your login may look at this and not change it.')) : null,
		h('p', {}, button)
	];
}

return view.extend({
	handleSave: null,
	handleSaveApply: null,
	handleReset: null,

	page(first, turn, { status, access }) {
		const titles = [ _('Direction'), _('From'), _('To'), _('What') ];
		const back = first == 0 ? null : h('button', { 'class': 'btn cbi-button', 'type': 'button', 'click': () => turn(0) }, _('First page'));
		const on = access.next === undefined ? null : h('button', { 'class': 'btn cbi-button', 'type': 'button', 'click': () => turn(access.next) }, _('Next'));

		return [
			shown.section(_('Granted by the signed map'), [
				h('p', {}, _('Who begins may be answered. What no line names is refused. Lines in all: %d').format(access.total)),
				shown.table(titles, access.grants.map(grantRow), _('Nothing is granted to or from this router.')),
				h('p', {}, back, ' ', on)
			]),
			shown.section(_('Choices of this router'), choicesForm(status.choices, access.exits || [], () => turn(first)))
		];
	},

	render() {
		const place = h('div', { 'id': 'rustynet-access' });
		const ask = first => Promise.all([ calls.status(), calls.access(first) ]).then(([ status, access ]) => ({ status, access }));
		// Not at each poll: that would take away what somebody is typing.
		const turn = first => shown.refresh(place, () => ask(first), answer => this.page(first, turn, answer));

		return turn(0).then(() => h('div', {}, h('h2', {}, _('Access')), place));
	}
});
