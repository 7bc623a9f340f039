import { commandByName } from "#quorate/commands/table.js";
import type { Door, Outcome, RunOptions, Words } from "./door.js";

/**
 * A door whose keys all begin with one prefix, so that a run meets no key of anybody else. A prefix without braces leaves
 * hash tags what they are.
 */
export class PrefixDoor implements Door {
  constructor(
    private readonly inner: Door,
    private readonly prefix: string,
    /** Gathers what may have been written, with the prefix. */
    private readonly used: Set<string>,
  ) {}

  get protocol(): Door["protocol"] {
    return this.inner.protocol;
  }
  get node(): string {
    return this.inner.node;
  }
  has(command: string): boolean {
    return this.inner.has(command);
  }

  run(words: Words, options: RunOptions): Promise<Outcome> {
    const command = commandByName(String(words[0]));
    if (command?.keys == null || command.keys.countAt !== undefined)
      throw new TypeError(`${words[0]} doesn't tell its keys by their places`);
    const { first, last, step } = command.keys;
    const end = last < 0 ? words.length + last : last;
    const prefixed = [...words];
    for (let i = first; i <= end; i += step) {
      const key = this.prefix + String(words[i]);
      prefixed[i] = key;
      if (command.access === "write") this.used.add(key);
    }
    return this.inner.run(prefixed, options);
  }

  close(): void {
    this.inner.close();
  }
}
