/**
 * The ubus object `session`, rpcd's. In: logins of /etc/config/rpcd. Out: sessions that end when nobody uses them, and
 * whether one may do something. As recorded in openwrt-25.12-luci.md and openwrt-25.12-ubus-objects.md.
 * Left out: `revoke`, `set`, `get`, `unset`, and crypt(3): a login with a password that is set is refused.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import type { JsonTable, JsonValue } from '../../../agent/src/wire/blobmsg.ts';
import type { Methods, Result } from '../bus/client.ts';
import type { UciStore } from '../uci/store.ts';
import { grantsOf, matches, type Grant } from './acl.ts';

export interface SessionPlaces {
  readonly aclFolder: string;
  readonly shadowPath: string;
}
interface Session {
  readonly id: string;
  readonly timeoutS: number;
  readonly grants: Grant[];
  readonly username: string | undefined;
  endsMs: number;
}

const everybody = '0'.repeat(32);
const defaultTimeoutS = 300;
const id = { ubus_rpc_session: 'String' } as const;

function aclsOf(grants: readonly Grant[]): JsonTable {
  const acls: Record<string, Record<string, string[]>> = {};
  for (const { scope, object, function: name } of grants) ((acls[scope] ??= {})[object] ??= []).push(name);
  return acls as unknown as JsonTable;
}

export class Sessions {
  readonly #store: UciStore;
  readonly #places: SessionPlaces;
  readonly #sessions = new Map<string, Session>();

  constructor(store: UciStore, places: SessionPlaces) {
    this.#store = store;
    this.#places = places;
  }

  #create(timeoutS: number, grants: Grant[], username?: string): Session {
    const session = { id: randomBytes(16).toString('hex'), timeoutS, grants, username, endsMs: 0 };
    this.#sessions.set(session.id, session);
    return this.#used(session);
  }

  /** Each use lets it live on. */
  #used(session: Session): Session {
    session.endsMs = Date.now() + session.timeoutS * 1000;
    return session;
  }

  #find(sid: JsonValue | undefined): Session | undefined {
    if (sid === everybody) {
      const grants = grantsOf(this.#places.aclFolder, undefined);
      return { id: everybody, timeoutS: 0, grants, username: undefined, endsMs: 0 };
    }
    const session = typeof sid === 'string' ? this.#sessions.get(sid) : undefined;
    if (session === undefined) return undefined;
    if (session.timeoutS === 0 || session.endsMs > Date.now()) return this.#used(session);
    this.#sessions.delete(session.id);
    return undefined;
  }

  /** `undefined` for a session that is none. */
  access(sid: JsonValue | undefined, scope: string, object: string, name: string): boolean | undefined {
    return this.#find(sid)?.grants.some(
      (grant) => grant.scope === scope && matches(grant.object, object) && matches(grant.function, name),
    );
  }

  /** `$p$NAME` is the password of that user of the system. */
  #passwordOf(password: unknown): string {
    const [, user] = /^\$p\$(.+)$/.exec(String(password ?? '')) ?? [];
    if (user === undefined) return String(password ?? '');
    const lines = existsSync(this.#places.shadowPath) ? readFileSync(this.#places.shadowPath, 'utf8').split('\n') : [];
    return lines.find((line) => line.startsWith(`${user}:`))?.split(':')[1] ?? '!';
  }

  #login({ username, password, timeout }: JsonTable): Result {
    if (typeof username !== 'string' || typeof password !== 'string') return 'INVALID_ARGUMENT';
    const logins = this.#store.load('rpcd')?.filter(({ type }) => type === 'login') ?? [];
    const login = logins.find(({ options }) => options.get('username') === username);
    // An empty password lets everybody in, as was recorded.
    if (login === undefined || this.#passwordOf(login.options.get('password')) !== '') return 'PERMISSION_DENIED';
    const timeoutS = typeof timeout === 'number' ? timeout : defaultTimeoutS;
    return this.#dump(this.#create(timeoutS, grantsOf(this.#places.aclFolder, login), username));
  }

  #dump({ id: sid, timeoutS, endsMs, grants, username }: Session): JsonTable {
    const expires = timeoutS === 0 ? 0 : Math.floor((endsMs - Date.now()) / 1000);
    const data = username === undefined ? {} : { username };
    return { ubus_rpc_session: sid, timeout: timeoutS, expires, acls: aclsOf(grants), data };
  }

  #grant({ ubus_rpc_session: sid, scope, objects }: JsonTable): Result {
    const session = this.#find(sid);
    if (session === undefined) return 'NOT_FOUND';
    if (!Array.isArray(objects)) return 'INVALID_ARGUMENT';
    for (const pair of objects as readonly (readonly string[])[]) {
      session.grants.push({ scope: String(scope ?? 'ubus'), object: pair[0] ?? '', function: pair[1] ?? '' });
    }
    return undefined;
  }

  methods(): Methods {
    const withSession = (run: (session: Session, args: JsonTable) => Result) => (args: JsonTable) => {
      const session = this.#find(args['ubus_rpc_session']);
      return session === undefined ? 'NOT_FOUND' : run(session, args);
    };
    const create = ({ timeout }: JsonTable): Result =>
      this.#dump(this.#create(typeof timeout === 'number' ? timeout : defaultTimeoutS, []));
    const access = withSession(({ id: sid, grants }, { scope, object, function: name }) =>
      object === undefined || name === undefined
        ? aclsOf(grants)
        : { access: this.access(sid, String(scope ?? 'ubus'), String(object), String(name)) === true },
    );
    return {
      create: { args: { timeout: 'Integer' }, run: create },
      list: { args: id, run: withSession((session) => this.#dump(session)) },
      grant: { args: { ...id, scope: 'String', objects: 'Array' }, run: (args) => this.#grant(args) },
      access: { args: { ...id, scope: 'String', object: 'String', function: 'String' }, run: access },
      destroy: {
        args: id,
        run: withSession(({ id: sid }) => {
          this.#sessions.delete(sid);
          return undefined;
        }),
      },
      login: {
        args: { username: 'String', password: 'String', timeout: 'Integer' },
        run: (args) => this.#login(args),
      },
    };
  }
}
