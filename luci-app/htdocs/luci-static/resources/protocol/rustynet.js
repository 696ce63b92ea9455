'use strict';
'require form';
'require network';

/* The interface of the mesh on LuCI's own page of interfaces. It comes and goes with joining and leaving. */

/* What the handler of the protocol says when nobody answers it. */
network.registerErrorCode('AGENT_NOT_RUNNING', _('The Rustynet daemon does not answer. On the router, “service rustynet start” starts it.'));

return network.registerProtocol('rustynet', {
	getI18n() {
		return _('Rustynet mesh');
	},

	getIfname() {
		return this._ubus('l3_device') || this.sid;
	},

	getPackageName() {
		return 'rustynet';
	},

	/* What is said here is why it cannot be made by hand. */
	isCreateable() {
		return Promise.resolve(_('The interface comes with joining a network: VPN, Rustynet, Join.'));
	},

	isFloating() {
		return true;
	},

	isVirtual() {
		return true;
	},

	getDevices() {
		return null;
	},

	containsDevice(name) {
		return network.getIfnameOf(name) == this.getIfname();
	},

	renderFormOptions(section) {
		const option = section.taboption('general', form.DummyValue, '_rustynet', _('Rustynet'));

		option.cfgvalue = () => _('Peers, addresses and routes come from the signed map. Its settings are at VPN, Rustynet.');
	}
});
