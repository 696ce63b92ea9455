'use strict';
'require view';
'require form';
'require uci';

/* /etc/config/rustynet, as far as a person sets it; what joining writes there is shown and not edited. */

return view.extend({
	render() {
		const map = new form.Map('rustynet', _('Settings'), _('What the daemon cannot read closes the mesh; the overview says which setting it was.'));
		const section = map.section(form.NamedSection, 'main', 'rustynet');
		let option;

		option = section.option(form.Flag, 'enabled', _('Enabled'), _('Without it the mesh is closed.'));
		option.default = '1';
		option.rmempty = false;

		option = section.option(form.Value, 'interface', _('Interface'), _('A letter, then up to 14 of a-z 0-9 _.'));
		option.placeholder = 'rn0';
		option.datatype = 'and(uciname,maxlength(15))';
		option.validate = (id, value) => value == '' || /^[a-z][a-z0-9_]{0,14}$/.test(value) || _('Wanted a letter, then up to 14 of a-z 0-9 _');

		option = section.option(form.Value, 'listen_port', _('WireGuard port'));
		option.placeholder = '51820';
		option.datatype = 'range(1,65535)';

		option = section.option(form.Value, 'mtu', _('MTU'), _('“auto” fits it to the path.'));
		option.placeholder = 'auto';
		option.datatype = 'or("auto",range(1280,9000))';

		option = section.option(form.Value, 'lease_s', _('Lease in seconds'), _('How long the mesh stays open when the daemon does not renew it, 30 to 600.'));
		option.placeholder = '600';
		option.datatype = 'range(30,600)';

		option = section.option(form.DynamicList, 'local_network', _('LANs behind the guard'), _('Names of interfaces; “lan” if none is named.'));
		option.datatype = 'and(uciname,maxlength(32))';

		const joined = (name, title) => {
			section.option(form.DummyValue, name, title).cfgvalue = id => uci.get('rustynet', id, name) || _('none');
		};

		joined('network', _('Network'));
		joined('broker', _('Broker'));
		joined('username', _('User at the broker'));

		return map.render();
	}
});
