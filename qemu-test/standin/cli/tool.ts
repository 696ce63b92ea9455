/**
 * What a command line tool of the stand-in gets and gives.
 * In: arguments, standard input. Out: text to standard output while it runs, text to standard error, and a status.
 */
export interface Tool {
  readonly argv: readonly string[];
  readonly input: string;
  out(text: string): void;
  err(text: string): void;
  /** Resolves when whoever called the tool is gone. */
  readonly abandoned: Promise<void>;
}

/** Runs a tool; its exit status. */
export type RunTool = (tool: Tool) => Promise<number>;
