import { afterAll, beforeAll, expect, test } from "vitest";
import { below, SeededRandom } from "../../src/base/random.js";
import { run, type Shown, testStore } from "../commands/harness.js";
import { RedisServer, type RespValue } from "./redis-server.js";

/**
 * The same commands go to a real redis-server and to our keyspace: replies and error texts must agree. Left out is
 * what shows the clock, and deadlines beyond 2^53 - 1 ms, which we shorten to that.
 */

let redis: RedisServer;
beforeAll(async () => {
  redis = await RedisServer.start();
});
afterAll(() => redis?.stop());

const random = new SeededRandom(20_240_607);

function comparable(value: Shown | RespValue): unknown {
  if (Array.isArray(value)) return value.map(comparable);
  return typeof value === "number" ? BigInt(value) : value;
}

/** "wrong number of arguments" and the like need the same bytes; so does everything else. */
async function compare(commands: readonly (readonly string[])[]): Promise<void> {
  const theirs = await redis.pipeline(commands);
  const store = testStore(1024 ** 3, 512 * 1024 * 1024);
  store.beginEntry(1_700_000_000_000, 1, 1);
  const done: string[] = [];
  for (const [i, command] of commands.entries()) {
    const ours = run(store, ...command);
    done.push(JSON.stringify(command));
    store.sweep(1000);
    if (JSON.stringify(comparable(ours), text) !== JSON.stringify(comparable(theirs[i]!), text)) {
      expect({ after: done.slice(-12), reply: comparable(ours) }).toEqual({
        after: done.slice(-12),
        reply: comparable(theirs[i]!),
      });
    }
  }
}

function text(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? `${value}n` : value;
}

test("sums of random decimals have the digits of Redis's long doubles", async () => {
  const decimal = (): string => {
    const digits = String(random.u32()) + (below(random, 2) ? String(random.u32()) : "");
    const point = below(random, digits.length + 1);
    const sign = below(random, 2) ? "-" : "";
    const exponent = below(random, 4) === 0 ? `e${below(random, 40) - 20}` : "";
    return `${sign}${digits.slice(0, point)}.${digits.slice(point)}${exponent}`;
  };
  const commands: string[][] = [["FLUSHALL"]];
  for (let i = 0; i < 1500; i++) {
    if (i % 7 === 0) commands.push(["SET", "f", decimal()]);
    commands.push(["INCRBYFLOAT", "f", decimal()]);
  }
  await compare(commands);
});
