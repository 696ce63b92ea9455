'use strict';
'require baseclass';
'require rustynet.calls as calls';
'require rustynet.shown as shown';
'require rustynet.words as words';

/* The mesh on LuCI's overview of the router's status. */

return baseclass.extend({
	title: 'Rustynet',

	/* A failure is shown in its place: it is no reason to hide the mesh, nor to hide the rest of the page. */
	load() {
		return calls.status().then(status => ({ status }), error => ({ error }));
	},

	render({ status, error }) {
		return shown.h('div', { 'id': 'rustynet-status' }, error ? shown.failure(error) : shown.facts([
			[ _('State'), words.state(status.state).title ],
			[ _('Why'), words.text(status.why) ],
			[ _('Signed map'), words.life(status.map, status.now).text ],
			[ _('Peers in the kernel'), words.text(status.peers) ]
		]));
	}
});
