// Promises that judge milliseconds, or each single packet: nothing else may run beside them.
export const timed: readonly string[] = [
  'adding-a-peer-disturbs-nobody',
  'agent-restarted-in-lease-drops-nobody',
  'broker-loss-changes-nothing',
  'closed-while-firewall-stopped',
  'join-flood-harms-nobody',
  'package-installs-upgrades-leaves',
  'removed-member-is-cut-off',
  'revoke-cuts-live-flow',
  'wireguard-key-rotates-without-loss',
];
