import { CommandMaker, type MadeCommand } from "./command-maker.js";
import { OwnDoor } from "./own-door.js";
import { RedisServer } from "./redis-server.js";
import { type Frame, FrameClient } from "./resp-frames.js";

/** Both servers, with a connection of each protocol to each. */
export class Comparator {
  readonly commands: MadeCommand[] = [];
  private constructor(
    readonly redis: RedisServer,
    readonly door: OwnDoor,
    private readonly theirs: readonly [FrameClient, FrameClient],
    private readonly ours: readonly [FrameClient, FrameClient],
  ) {}

  static async open(): Promise<Comparator> {
    const redis = await RedisServer.start();
    const door = new OwnDoor();
    const port = await door.listen();
    return new Comparator(
      redis,
      door,
      [await FrameClient.open(redis.path, false), await FrameClient.open(redis.path, true)],
      [await FrameClient.open(port, false), await FrameClient.open(port, true)],
    );
  }

  async close(): Promise<void> {
    for (const client of [...this.theirs, ...this.ours]) client.close();
    await this.redis.stop();
    await this.door.close();
  }

  /** Sends commands to both in one protocol, and compares. @returns the first difference, or null. */
  async compare(commands: readonly MadeCommand[], resp3: boolean): Promise<string | null> {
    for (let from = 0; from < commands.length; ) {
      // A pop at random is evened out before anything else runs.
      let to = commands.findIndex(({ comparison }, i) => i >= from && comparison === "popped");
      to = to < 0 ? commands.length : Math.max(to, from + 1);
      const part = commands.slice(from, to);
      const difference = await this.comparePart(part, resp3);
      if (difference !== null) return difference;
      from = to;
    }
    return null;
  }

  private async comparePart(commands: readonly MadeCommand[], resp3: boolean): Promise<string | null> {
    const words = commands.map((command) => command.words);
    const side = resp3 ? 1 : 0;
    const [theirs, ours] = await Promise.all([
      this.theirs[side].exchange(words),
      this.ours[side].exchange(words),
    ]);
    for (const [i, command] of commands.entries()) {
      this.commands.push(command);
      const [their, our, source] = [theirs[i]!, ours[i]!, theirs[Math.max(0, i - 1)]!].map((frame) =>
        withoutMinusZero(command, frame),
      );
      if (agree(command, their!, our!, source!)) continue;
      return [
        `after ${JSON.stringify(this.commands.slice(-15, -1).map((each) => each.words))}`,
        `${resp3 ? "RESP3" : "RESP2"} ${JSON.stringify(command.words)} (${command.comparison})`,
        `Redis ${JSON.stringify(theirs[i]!.text.slice(0, 2000))}`,
        `ours  ${JSON.stringify(ours[i]!.text.slice(0, 2000))}`,
      ].join("\n");
    }
    if (this.commands.length > 100) this.commands.splice(0, this.commands.length - 50);
    if (commands[0]?.comparison === "popped") await this.evenOut(commands[0], theirs[0]!, ours[0]!);
    return null;
  }

  /** Gives our set the members that Redis popped otherwise. */
  private async evenOut(command: MadeCommand, theirs: Frame, ours: Frame): Promise<void> {
    const key = command.words[1]!;
    const back = bulks(ours);
    const away = bulks(theirs);
    if (back.length === 0) return;
    await this.ours[0].exchange([
      ["SADD", key, ...back],
      ["SREM", key, ...away],
    ]);
  }

  /** Every key with its type, deadline and content, in both. */
  async compareState(): Promise<string | null> {
    const [keys] = await this.theirs[0].exchange([["KEYS", "*"]]);
    const all: MadeCommand[] = [
      { words: ["DBSIZE"], comparison: "bytes" },
      { words: ["KEYS", "*"], comparison: "unordered" },
    ];
    for (const key of bulks(keys!)) {
      const [type] = await this.theirs[0].exchange([["TYPE", key]]);
      all.push({ words: ["TYPE", key], comparison: "bytes" });
      all.push({ words: ["PEXPIRETIME", key], comparison: "bytes" });
      all.push(contentOf(key, type!.text.slice(1, -2)));
    }
    return this.compare(all, true);
  }
}

function contentOf(key: string, type: string): MadeCommand {
  switch (type) {
    case "string":
      return { words: ["GET", key], comparison: "bytes" };
    case "list":
      return { words: ["LRANGE", key, "0", "-1"], comparison: "bytes" };
    case "hash":
      return { words: ["HGETALL", key], comparison: "unordered" };
    case "set":
      return { words: ["SMEMBERS", key], comparison: "unordered" };
    default:
      return { words: ["ZRANGE", key, "0", "-1", "WITHSCORES"], comparison: "bytes" };
  }
}

function agree(command: MadeCommand, theirs: Frame, ours: Frame, source: Frame): boolean {
  if (theirs.text === ours.text) return true;
  switch (command.comparison) {
    case "bytes":
      return false;
    case "unordered":
      if (sorted(theirs) === sorted(ours)) return true;
      return /^zscan/i.test(command.words[0]!) && sameScan(theirs, ours);
    case "shape":
      return shape(theirs) === shape(ours);
    case "popped":
      return shape(theirs) === shape(ours) && new Set(leaves(ours)).size === leaves(ours).length;
    case "drawn": {
      const known = new Set(leaves(source));
      return shape(theirs) === shape(ours) && leaves(ours).every((leaf) => known.has(leaf));
    }
  }
}

/** ZSCAN shows how scores are stored, which in Redis hangs on the history of the key: they are compared as numbers. */
function sameScan(theirs: Frame, ours: Frame): boolean {
  const [a, b] = [theirs, ours].map((frame) => {
    const found = bulks(frame).slice(1);
    return found
      .map((text, i) => (i % 2 === 0 ? text : String(Number(text.replace("inf", "Infinity")) + 0)))
      .reduce<string[]>(pairUp, []);
  });
  return JSON.stringify(a!.sort()) === JSON.stringify(b!.sort());
}

function pairUp(pairs: string[], text: string, i: number): string[] {
  if (i % 2 === 0) pairs.push(text);
  else pairs[pairs.length - 1] += ` ${text}`;
  return pairs;
}

/** A score of -0 is 0 here always, in Redis only in small sorted sets. */
function withoutMinusZero(command: MadeCommand, frame: Frame): Frame {
  if (!/^z/i.test(command.words[0]!) || !frame.text.includes("-0\r\n")) return frame;
  return {
    text: frame.text.replaceAll("$2\r\n-0\r\n", "$1\r\n0\r\n").replaceAll(",-0\r\n", ",0\r\n"),
    items: frame.items?.map((item) => withoutMinusZero(command, item)) ?? null,
  };
}

/** The header line, then the parts in an order of their own: pairs of a map stay together, arrays within are sorted too. */
function sorted(frame: Frame): string {
  if (frame.items === null) return frame.text;
  const head = frame.text.slice(0, frame.text.indexOf("\r\n") + 2);
  const parts = frame.items.map(sorted);
  if (head[0] !== "%") return head + parts.sort().join("");
  const pairs = [];
  for (let i = 0; i < parts.length; i += 2) pairs.push(parts[i]! + parts[i + 1]!);
  return head + pairs.sort().join("");
}

/** Types and numbers of parts, without what they say; an error in full. */
function shape(frame: Frame): string {
  if (frame.items !== null)
    return `${frame.text.slice(0, frame.text.indexOf("\r\n"))}(${frame.items.map(shape).join()})`;
  if (frame.text[0] === "-") return frame.text;
  return frame.text.startsWith("$-1") ? "nil" : frame.text[0]!;
}

function leaves(frame: Frame): string[] {
  return frame.items === null ? [frame.text] : frame.items.flatMap(leaves);
}

/** The bulk strings of a reply. */
function bulks(frame: Frame): string[] {
  return leaves(frame)
    .filter((leaf) => leaf[0] === "$" && leaf[1] !== "-")
    .map((leaf) => leaf.slice(leaf.indexOf("\r\n") + 2, -2));
}

/** Sends `count` random commands of a seed in batches, RESP2 and RESP3 in turns. @returns the first difference, or null. */
export async function compareRandom(
  comparator: Comparator,
  seed: number,
  count: number,
): Promise<string | null> {
  const maker = new CommandMaker(seed);
  let resp3 = false;
  await comparator.compare([{ words: ["FLUSHALL"], comparison: "bytes" }], false);
  let told = 0;
  for (let sent = 0; sent < count; resp3 = !resp3) {
    if (sent - told >= 100_000) {
      told = sent;
      console.log(`differential: ${sent} commands are equal`);
    }
    const batch: MadeCommand[] = [];
    while (batch.length < 500) batch.push(...maker.next());
    const difference = await comparator.compare(batch, resp3);
    if (difference !== null) return `seed ${seed}, in the 500 commands from ${sent} on:\n${difference}`;
    sent += batch.length;
  }
  const difference = await comparator.compareState();
  return difference === null ? null : `seed ${seed}, state at the end:\n${difference}`;
}
