// Promises that boot nothing: they are about this machine's own kernel, in namespaces, so that their evidence is of tier `unit`.
export const guestless: readonly string[] = ['broken-rules-are-noticed'];
