'use strict';
'require view';
'require dom';
'require rustynet.calls as calls';
'require rustynet.shown as shown';
'require rustynet.words as words';

/* Joins a network with an invite, and shows what the operator must be told and compare. */

const h = shown.h;

function fingerprints(status) {
	return shown.section(_('For the operator'), [
		h('p', {}, _('Tell the operator these keys over a channel that nobody else can write to, and let them read them back. They are no secrets.')),
		shown.facts([
			[ _('Node'), h('code', {}, words.text(status.node)) ],
			[ _('Identity key'), h('code', {}, words.text(status.identity_key)) ],
			[ _('WireGuard key'), h('code', {}, words.text(status.wireguard_key)) ]
		]),
		h('pre', {}, 'rustynet-operator member add NAME --identity %s --wireguard %s'.format(words.text(status.identity_key), words.text(status.wireguard_key)))
	]);
}

function joinForm(again) {
	const readonly = !L.hasViewPermission();
	const invite = h('textarea', { 'id': 'rustynet-invite', 'rows': '4', 'class': 'cbi-input-textarea', 'autocomplete': 'off', 'spellcheck': 'false', 'placeholder': 'rustynet1:…' });
	const place = h('div', {});
	const button = h('button', { 'class': 'btn cbi-button cbi-button-apply', 'type': 'button', 'disabled': readonly ? '' : null }, _('Join'));

	button.addEventListener('click', () => {
		button.disabled = true;

		return calls.join(invite.value.trim()).then(() => {
			// An invite holds the broker's password.
			invite.value = '';

			return again();
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
		if (status.network === undefined)
			throw new Error(_('The answer of “%s” lacks “%s”.').format('status', 'network'));

		return [
			status.network === null
				? joinForm(again)
				: shown.alert('notice', _('This router has joined'), _('Network: %s').format(status.network), _('To join another one, run “rustynet leave” on the router first.')),
			fingerprints(status)
		];
	},

	render() {
		const place = h('div', { 'id': 'rustynet-join' });
		const again = () => shown.refresh(place, calls.status, status => this.page(again, status));

		return again().then(() => h('div', {}, h('h2', {}, _('Join')), place));
	}
});
