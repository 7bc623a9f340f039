import { afterAll, beforeAll, expect, test } from "vitest";
import { commandTable } from "../../src/commands/table.js";
import { CommandMaker, type MadeCommand } from "./command-maker.js";
import { Comparator, compareRandom } from "./comparator.js";

/** The same commands go to a real redis-server and to our RESP door; replies must be the same bytes. */

let comparator: Comparator;
beforeAll(async () => {
  comparator = await Comparator.open();
});
afterAll(() => comparator?.close());

/** A longer run: `make differential COMMANDS=1000000 SEED=7`. */
const commands = Number(process.env.COMMANDS ?? 60_000);
const seed = Number(process.env.SEED ?? 7);

test("every command of the table that Redis has is made", () => {
  const own = commandTable.filter(({ name }) => !name.startsWith("QUORATE."));
  const made = new CommandMaker(1).made;
  expect(own.map(({ name }) => name).filter((name) => !made.includes(name))).toEqual([]);
});

test("random commands over all types get the replies of Redis 7.0, in RESP2 and RESP3", {
  timeout: 3_600_000,
}, async () => {
  console.log(`differential: ${commands} commands, seed ${seed}`);
  expect(await compareRandom(comparator, seed, commands)).toBeNull();
});

test("wrong numbers of arguments get the texts of Redis", async () => {
  // Not what shows the clock, or goes on from a cursor in a hash table.
  const skipped = /^QUORATE|TTL|EX$|EXPIRE|SCAN$/;
  const made: MadeCommand[] = [{ words: ["FLUSHALL"], comparison: "bytes" }];
  for (const { name } of commandTable) {
    if (skipped.test(name)) continue;
    for (let count = 0; count < 6; count++)
      made.push({
        words: [name, ...new Array<string>(count).fill("1")],
        comparison: name === "MEMORY" ? "shape" : "unordered",
      });
  }
  expect(await comparator.compare(made, false)).toBeNull();
  expect(await comparator.compare(made, true)).toBeNull();
});
