// A router's clock, as it may be. In: a router, a time. Out: the same router, whose system clock a hand has set, NTP has
// set, or the boot finds set; and the time that is right.
import type { Router } from './router.ts';

export const rightUnixS = (): number => Math.floor(Date.now() / 1000);

export async function setClock({ guest }: Router, unixS: number): Promise<void> {
  await guest.run(`date -s @${unixS}`);
}

/** As busybox's ntpd has the hotplug scripts called once it has stepped the clock; the stratum is 16 just then. */
export async function ntpTells({ guest }: Router): Promise<void> {
  await guest.run('ACTION=step stratum=16 poll_interval=32 offset=1.0 /sbin/hotplug-call ntp');
}

export async function ntpSetsClock(router: Router, unixS: number): Promise<void> {
  await setClock(router, unixS);
  await ntpTells(router);
}

/** From the next start on, the clock is this before anything runs. */
export async function bootsAt({ guest }: Router, unixS: number): Promise<void> {
  await guest.run(`sed -i -e '1i date -s @${unixS}' -e '/^date -s /d' /lab/boot; sync`);
}
