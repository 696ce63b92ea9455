'use strict';
'require view';
'require dom';
'require poll';
'require rustynet.calls as calls';
'require rustynet.shown as shown';
'require rustynet.words as words';

/* Joins a network with an invite, and shows what the operator must be told and compare. */

const h = shown.h;

/* Whether a map has let this router in: one that is in force says so by its name, and of one that has ended it is not known. */
function isStranger({ name, map, floors }) {
	return name === null && (map !== null || floors === null || floors.epoch === 0);
}

/* Nothing where nothing is to be done. */
function command(status) {
	if (status.invite !== null)
		return 'rustynet-operator approve %s'.format(words.text(status.node));

	if (status.next_wireguard_key !== null)
		return 'rustynet-operator member rotate %s --wireguard %s'.format(status.name === null ? 'NAME' : words.text(status.name), words.text(status.next_wireguard_key));

	if (!isStranger(status))
		return null;

	return 'rustynet-operator member add NAME --identity %s --wireguard %s'.format(words.text(status.identity_key), words.text(status.wireguard_key));
}

/* While it waits to be let in, nothing else is to be done at this router. */
function joined(status) {
	const network = [
		_('Network: %s').format(status.network),
		_('To join another one, run “rustynet leave” on the router first.'),
		_('For another broker of this one, run “rustynet join -” there with a new invite.')
	];

	if (status.invite === null)
		return shown.alert('notice', _('This router has joined'), network);

	return shown.alert('notice', _('Waits for the operator'), [
		_('This router asks to be let in by invite %s. The operator compares the node and approves it; the page follows by itself.').format(words.text(status.invite))
	].concat(network));
}

function fingerprints(status) {
	const said = command(status);

	return shown.section(said === null ? _('This router') : _('For the operator'), [
		said === null ? null : h('p', {}, _('Tell the operator these keys over a channel that nobody else can write to, and let them read them back. They are no secrets.')),
		shown.facts([
			[ _('Node'), h('code', {}, words.text(status.node)) ],
			[ _('Identity key'), h('code', {}, words.text(status.identity_key)) ],
			[ _('WireGuard key'), h('code', {}, words.text(status.wireguard_key)) ],
			status.next_wireguard_key === null ? null : [ _('Next WireGuard key'), h('code', {}, words.text(status.next_wireguard_key)) ]
		].filter(row => row !== null)),
		said === null ? null : h('pre', {}, said)
	]);
}

function joinForm(took) {
	const readonly = !L.hasViewPermission();
	const invite = h('textarea', { 'id': 'rustynet-invite', 'rows': '4', 'class': 'cbi-input-textarea', 'autocomplete': 'off', 'spellcheck': 'false', 'placeholder': 'rustynet1:…' });
	const place = h('div', {});
	const button = h('button', { 'class': 'btn cbi-button cbi-button-apply', 'type': 'button', 'disabled': readonly ? '' : null }, _('Join'));

	button.addEventListener('click', () => {
		button.disabled = true;

		return calls.join(invite.value.trim()).then(answer => {
			// An invite holds the broker's password.
			invite.value = '';

			return took(answer);
		}).catch(error => dom.content(place, [ shown.failure(error) ])).finally(() => {
			button.disabled = readonly;
		});
	});

	return shown.section(_('Join a network'), [
		h('p', {}, _('An invite pins the network by the digest of its root. Take it from the operator only, over a channel that you trust.')),
		h('p', {}, h('label', { 'for': 'rustynet-invite' }, _('Invite'))),
		invite,
		place,
		readonly ? h('p', {}, _('Your login may look at this and not change it.')) : null,
		h('p', {}, button)
	]);
}

return view.extend({
	handleSave: null,
	handleSaveApply: null,
	handleReset: null,

	page(again, status) {
		const missing = [ 'network', 'invite', 'next_wireguard_key', 'name', 'map', 'floors' ].find(field => status[field] === undefined);

		if (missing !== undefined)
			throw new Error(_('The answer of “%s” lacks “%s”.').format('status', missing));

		if (status.network !== null)
			this.taken = null;

		const known = Object.assign({}, status, this.taken);

		this.isTyping = known.network === null;

		const took = ({ network, invite = null }) => {
			// The daemon answers before it has read its settings anew: until it has, its status is of no network.
			this.taken = { network, invite };

			return again();
		};

		return [ this.isTyping ? joinForm(took) : joined(known), fingerprints(known) ];
	},

	render() {
		const place = h('div', { 'id': 'rustynet-join' });
		const again = () => {
			this.isTyping = false;

			return shown.refresh(place, calls.status, status => this.page(again, status)).then(follow);
		};
		// Not while somebody types an invite: what is shown anew is empty. LuCI asks at once for what is new among its polls:
		// before the first answer is shown, it would be overtaken, and the page empty until the second.
		const follow = () => this.isTyping ? poll.remove(again) : poll.add(again);

		return again().then(() => h('div', {}, h('h2', {}, _('Join')), place));
	}
});
