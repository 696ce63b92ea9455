/** What netifd's answers mean to a person. In: a ubus that answers with a status. Out: the fault. */
import { expect, it } from 'vitest';
import type { Ubus } from '../../src/control/ports.ts';
import { connectNetifd } from '../../src/drivers/netifd.ts';
import { statusFault } from '../../src/drivers/ubus-session.ts';

function netifdThatSays(status: number): ReturnType<typeof connectNetifd> {
  const call = (object: string, method: string): Promise<never> =>
    Promise.reject(statusFault(status, `${object} ${method}`));
  return connectNetifd({ call } as unknown as Ubus);
}

it.each([
  [
    'that started before the package was installed: what to do',
    8,
    'PROTOCOL_UNKNOWN',
    'run "service network restart", or reboot',
  ],
  [
    'without the interface: as it was said',
    4,
    'UBUS_NOT_FOUND',
    'network.interface notify_proto: wanted status 0 OK, got 4 NOT_FOUND',
  ],
])('a netifd %s', async (_, status, code, message) => {
  const { address, down } = netifdThatSays(status);
  await expect(address('rn0', ['10.1.0.1'], [], false)).rejects.toMatchObject({
    code,
    message: expect.stringContaining(message),
  });
  await expect(down('rn0')).rejects.toMatchObject({ code });
});
