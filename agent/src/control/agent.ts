/**
 * The daemon: triggers in, one run of the loop at a time, state out. In: ubus calls and notifications, messages of the
 * broker, timers. Out: what the kernel enforces, `ubus call rustynet status`, a signed status on MQTT.
 */
import { judge, type Judgement } from '../plan/judge.ts';
import { compile } from '../policy/compile.ts';
import { closedDesired, type Desired } from '../policy/desired.ts';
import { overridden } from '../policy/override.ts';
import type { AuditMoment } from '../trust/audit.ts';
import type { VerifiedMap } from '../trust/types.ts';
import type { AgentPorts } from './agent-ports.ts';
import { Audit } from './audit.ts';
import { BreakGlass, openingReport, overrideWords, type Facts, type Opening } from './break-glass.ts';
import { parseConfig, type Config } from './config.ts';
import { Enforcement, type Wish } from './enforcement.ts';
import { rustynetObject } from './object.ts';
import { listen } from './news.ts';
import { Fault, messageOf } from './ports.ts';
import { readConfig } from './read-config.ts';
import { subjectOf } from './reconcile.ts';
import { fit } from './sections.ts';
import { Session } from './session.ts';
import type { Report } from './status.ts';
import { Teller } from './telling.ts';
import { Time, type ClockSource } from './time.ts';
import { Turns, wakeS } from './turns.ts';
import { takeKey, usableMap } from './usable-map.ts';

const defaults: Config = parseConfig({});

export class Agent {
  readonly #ports: AgentPorts;
  readonly #time: Time;
  readonly #audit: Audit;
  readonly #teller: Teller;
  readonly #turns: Turns;
  readonly #breakGlass: BreakGlass;
  readonly #enforcement: Enforcement;
  #config: Config = defaults;
  #session: Session | undefined;
  /** Why there is no session although there should be one. */
  #problem: string | undefined;
  /** Why our sections of UCI are not as they must be; one of another's in the place of ours closes the router. */
  #unfit: Fault | undefined;
  #desired: Desired = closedDesired(defaults.choices);
  #reload = true;
  #isLoaded = false;
  #said = '';

  constructor(ports: AgentPorts) {
    this.#ports = ports;
    this.#time = new Time(ports.clockUnixS, ports.monotonicS);
    this.#audit = new Audit(ports.audit, ports.identity, ports.monotonicS, ports.log);
    this.#teller = new Teller(this.#audit);
    this.#enforcement = new Enforcement(ports.world, ports, ports.log);
    this.#turns = new Turns({
      run: () => this.#run().catch((error: unknown) => ports.log(`run failed: ${messageOf(error)}`)),
      isUnproven: () => this.#enforcement.isUnproven,
      wakeS: () => this.#wakeS(),
      rest: ports.rest,
    });
    this.#breakGlass = new BreakGlass({
      audit: this.#audit,
      settings: ports.settings,
      monotonicS: ports.monotonicS,
      facts: () => this.#facts(),
      next: () => this.#turns.next(),
      reload: () => this.#reloaded(),
    });
  }

  start(): void {
    const { ubus, version } = this.#ports;
    this.#audit.start({ event: 'start', fields: { version } }, this.#moment());
    this.#breakGlass.start(this.#moment());
    ubus.publish(
      'rustynet',
      rustynetObject({
        ports: this.#ports,
        audit: this.#audit,
        breakGlass: this.#breakGlass,
        report: () => this.#report(),
        desired: () => this.#desired,
        poke: () => this.trigger(),
        reload: () => this.#reloaded(),
        endSession: () => {
          this.#session?.withdraw();
          return this.#endSession();
        },
        confirmClock: () => this.#time.confirm(),
      }),
    );
    listen(ubus, () => this.#config.choices.interface, {
      settings: (isOurs) => {
        this.#reload ||= isOurs;
        this.trigger();
      },
      networks: () => this.trigger(),
    });
    this.trigger();
  }

  /** nft says that a table came or went. */
  tablesChanged(): void {
    this.#enforcement.tablesChanged();
    this.trigger();
  }

  trigger(): void {
    this.#turns.trigger();
  }

  /** Leaves the kernel as it is: within the lease, a restart drops nobody. */
  async stop(): Promise<void> {
    await this.#turns.stop();
    await this.#session?.close();
    this.#audit.flush(this.#moment());
  }

  /** Resolves when a run that read the settings anew has ended. */
  async #reloaded(): Promise<void> {
    this.#reload = true;
    await this.#turns.next();
  }

  async #endSession(): Promise<void> {
    await this.#session?.close();
    this.#session = undefined;
  }

  async #run(): Promise<void> {
    if (this.#reload && !(await this.#load())) return;
    const { identity, world, configuration, log } = this.#ports;
    this.#session?.belief.wake(log);
    takeKey(this.#session?.belief.current(), identity, log);
    this.#breakGlass.review();
    let wish = this.#wish();
    await this.#enforcement.hurry(wish);
    const { choices, membership } = this.#config;
    const unfit = this.#problem === undefined ? await fit(configuration, world, membership && choices) : this.#unfit;
    if (unfit?.message !== this.#unfit?.message) {
      this.#unfit = unfit;
      wish = this.#wish();
    }
    this.#desired = wish.desired;
    await this.#enforcement.run(wish, membership?.brokerUrl);
    this.#announce();
  }

  #wish(): Wish {
    const [{ identity }, { choices }] = [this.#ports, this.#config];
    const [map, opening] = [this.#map(), this.#breakGlass.current];
    const granted = typeof map === 'string' ? this.#closed() : compile(map, identity.id, choices);
    return {
      desired: opening === undefined ? granted : overridden(granted, opening, identity.wireGuardKey),
      subject: subjectOf(map, choices, opening),
      lifeS: () => this.#lifeS(map, opening),
    };
  }

  /** How long what is desired may stay open: no longer than the map is in force, and never longer than an override. */
  #lifeS(map: VerifiedMap | string, opening: Opening | undefined): number {
    const lifeS = this.#session?.belief.lifeS ?? 0;
    if (opening === undefined) return lifeS;
    const leftS = Math.floor(opening.endsAtS - this.#ports.monotonicS());
    return typeof map === 'string' ? leftS : Math.min(lifeS, leftS);
  }

  /** False before the settings were read for the first time: until then nothing is touched. */
  async #load(): Promise<boolean> {
    // Before the question: a change that is told while it is answered asks for the next one.
    this.#reload = false;
    const read = await readConfig(this.#ports, (event) => this.#audit.record([event], this.#moment())).catch(
      (error: unknown) => error,
    );
    if (read instanceof Fault && read.code.startsWith('UBUS_')) {
      // A bus that does not answer now is no answer about the settings: what was read before holds.
      this.#ports.log(read.message);
      this.#reload = true;
      return this.#isLoaded;
    }
    [this.#isLoaded, this.#problem] = [true, undefined];
    await this.#endSession();
    // What cannot be read allows nothing.
    this.#config = { ...this.#config, breakGlass: false };
    try {
      if (read instanceof Error) throw read;
      this.#config = read as Config;
      this.#open(this.#config);
    } catch (error) {
      this.#problem = messageOf(error);
    }
    return true;
  }

  #open({ enabled, membership }: Config): void {
    const { identity, store, vault, connectBroker } = this.#ports;
    if (!enabled || membership === undefined) return;
    this.#session = new Session(membership, identity, store, vault, this.#time, connectBroker, () => this.trigger());
  }

  #map(): VerifiedMap | string {
    const [problem, unfit, config, session] = [this.#problem, this.#unfit, this.#config, this.#session];
    return usableMap(this.#ports.identity, { problem, unfit, config, session });
  }

  /** In no network, nothing of one stays; in one, its names and prefixes stay closed. */
  #closed(): Desired {
    const { choices, membership } = this.#config;
    const closed = closedDesired(choices, this.#session && this.#desired.names);
    if (choices === defaults.choices) return { ...closed, keepsExit: true };
    return membership === undefined && this.#problem === undefined ? { ...closed, meshPrefixes: [] } : closed;
  }

  #judgement(): Judgement {
    const [map, opening] = [this.#map(), this.#breakGlass.current];
    return judge({
      proof: this.#enforcement.outcome?.proof,
      applying: this.#enforcement.subject !== subjectOf(map, this.#config.choices, opening),
      closedBecause: typeof map === 'string' ? map : this.#enforcement.outcome?.closedBecause,
      clockUsable: this.#session === undefined || this.#clock() !== 'unknown',
      leaseS: this.#enforcement.leaseS,
      override: opening && overrideWords(opening),
    });
  }

  #facts(): Facts {
    return {
      ...{ config: this.#config, identity: this.#ports.identity, map: this.#map() },
      ...{ outcome: this.#enforcement.outcome, unfit: this.#unfit, moment: this.#moment() },
    };
  }

  #clock(): ClockSource {
    return this.#session?.belief.clock ?? this.#time.source(this.#ports.builtUnixS);
  }

  #moment(): AuditMoment {
    const atUnixS = this.#session?.belief.nowUnixS ?? this.#time.nowUnixS(this.#ports.builtUnixS);
    return { atUnixS, clock: this.#clock() };
  }

  #wakeS(): number {
    // The lease is renewed at half time.
    return wakeS(this.#judgement().state, [
      typeof this.#map() === 'string' ? Infinity : (this.#session?.belief.lifeS ?? 0) + 1,
      this.#config.choices.leaseS / 3,
      this.#breakGlass.leftS ?? Infinity,
    ]);
  }

  #report(): Report {
    const { version, identity, store, world } = this.#ports;
    const { outcome, leaseS, changeMs } = this.#enforcement;
    const belief = this.#session?.belief;
    const map = belief?.current();
    return {
      version,
      identity,
      judgement: this.#judgement(),
      nowUnixS: this.#moment().atUnixS,
      clock: this.#clock(),
      network: this.#config.membership?.network,
      invite: this.#session?.invite,
      map: typeof map === 'string' ? undefined : map,
      floors: belief?.floors,
      refusals: belief?.refusals,
      broker: this.#session?.brokerState,
      ...{ outcome, leaseS, changeMs },
      breakGlass: this.#breakGlass.report(),
      flashWrites: store.writes() + this.#audit.writes() + world.bootGuard.writes(),
      choices: this.#config.choices,
      problems: [...(outcome?.problems ?? []), ...(this.#unfit === undefined ? [] : [this.#unfit.message])],
    };
  }

  #announce(): void {
    const { state, why } = this.#judgement();
    const { clockUnixS, monotonicS, log } = this.#ports;
    const map = this.#session?.belief.current() ?? '';
    const epoch = typeof map === 'string' ? 0 : map.epoch;
    const said = `${state}${epoch === 0 ? '' : ` epoch ${epoch}`}: ${why}`;
    if (said !== this.#said) log(said);
    this.#said = said;
    const { exit, offersExit, announced } = this.#config.choices;
    const opening = this.#breakGlass.current;
    const override = opening && { break_glass: openingReport(opening) };
    const told = { state, epoch, exit, offer_exit: offersExit, announced, ...override };
    this.#session?.announce(told, Math.floor(clockUnixS()));
    this.#teller.see({
      report: this.#report(),
      isConfigured: this.#isLoaded && this.#problem === undefined,
      subject: this.#enforcement.subject,
      clockUnixS: clockUnixS(),
      monotonicS: monotonicS(),
    });
  }
}
