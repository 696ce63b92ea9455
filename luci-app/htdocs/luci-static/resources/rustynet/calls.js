'use strict';
'require baseclass';
'require rpc';

/*
 * The daemon's methods. In: arguments. Out: a promise of the answer, which rejects whatever went wrong: a call that was
 * refused or lost, an answer that is an error, or one that lacks what it must have. Nothing of it ever looks empty.
 */

const declare = (method, params) => rpc.declare({ object: 'rustynet', method, params, reject: true });

const checked = (call, method, field) => (...args) => call(...args).then(answer => {
	if (answer && answer.error)
		throw new Error(answer.error.message || _('The daemon refused it without a reason.'));
	if (field && (!answer || answer[field] === undefined))
		throw new Error(_('The answer of “%s” lacks “%s”.').format(method, field));

	return answer;
});

const method = (name, field, params = []) => checked(declare(name, params), name, field);

return baseclass.extend({
	status: method('status', 'state'),
	peers: method('peers', 'peers', [ 'find', 'sort', 'offset', 'limit' ]),
	access: method('access', 'grants', [ 'offset' ]),
	auditPage: method('audit', 'text', [ 'segment' ]),
	auditVerify: method('audit', 'whole', [ 'verify' ]),
	exit: method('exit', 'choices', [ 'exit', 'lan', 'offer' ]),
	announce: method('announce', 'choices', [ 'prefixes' ]),
	join: method('join', 'network', [ 'invite' ]),
	leave: method('leave')
});
