/**
 * One thing after the other.
 * In: tasks. Out: their results, each task started when the one before it has ended, however it ended.
 */
export class Serial {
  #last: Promise<unknown> = Promise.resolve();

  run<Value>(task: () => Promise<Value>): Promise<Value> {
    const result = this.#last.then(task);
    // The failure belongs to whoever asked for the task, not to the next one.
    this.#last = result.catch(() => undefined);
    return result;
  }
}
