import { expect, test } from "vitest";
import { run, type Shown, testStore } from "./harness.js";

const now = 1_000_000;
type Step = readonly [command: string, reply: Shown];

/** Each script runs on a store of its own at log time 1 000 000 ms; words are split at spaces, '' is empty. */
const scripts: Record<string, readonly Step[]> = {
  "SET takes the combinations of options that Redis 7.0 takes": [
    ["SET a 1 NX GET", null],
    ["SET a 2 NX GET", "1"],
    ["SET a 2 NX", null],
    ["SET a 2 XX GET", "1"],
    ["SET b 1 XX", null],
    ["EXISTS b", 0],
    ["SET a 3 nx xx", "-ERR syntax error"],
    ["SET a 3 EX 10 PX 10", "-ERR syntax error"],
    ["SET a 3 EX 10 EX 20", "OK"],
    ["TTL a", 20],
    ["SET a 3 EX 10 KEEPTTL", "-ERR syntax error"],
    ["SET a 3 KEEPTTL EX 10", "-ERR syntax error"],
    ["SET a 4 KEEPTTL", "OK"],
    ["TTL a", 20],
    ["SET a 5", "OK"],
    ["TTL a", -1],
    ["SET a 5 EX", "-ERR syntax error"],
    ["SET a 5 EX x", "-ERR value is not an integer or out of range"],
    ["SET a 5 EX 0", "-ERR invalid expire time in 'set' command"],
    ["SET a 5 EX 9223372036854775807", "-ERR invalid expire time in 'set' command"],
    ["SET a 5 PX 9223372036854775807", "-ERR invalid expire time in 'set' command"],
    ["SET a 5 PERSIST", "-ERR syntax error"],
    ["SET a 5 PXAT 1000500", "OK"],
    ["PTTL a", 500],
    ["SET a 5 EXAT 1010", "OK"],
    ["PTTL a", 10_000],
  ],
  "the old forms of SET": [
    ["SETNX a 1", 1],
    ["SETNX a 2", 0],
    ["SETEX a 10 2", "OK"],
    ["TTL a", 10],
    ["PSETEX a 1500 2", "OK"],
    ["PTTL a", 1500],
    ["TTL a", 2],
    ["SETEX a 0 2", "-ERR invalid expire time in 'setex' command"],
    ["PSETEX a -1 2", "-ERR invalid expire time in 'psetex' command"],
    ["GETSET a 3", "2"],
    ["TTL a", -1],
    ["GETDEL a", "3"],
    ["GETDEL a", null],
  ],
  "GETEX changes the deadline only when asked": [
    ["GETEX a", null],
    ["SET a 1", "OK"],
    ["GETEX a EX 10", "1"],
    ["TTL a", 10],
    ["GETEX a", "1"],
    ["TTL a", 10],
    ["GETEX a PERSIST", "1"],
    ["TTL a", -1],
    ["GETEX a PERSIST EX 1", "-ERR syntax error"],
    ["GETEX a KEEPTTL", "-ERR syntax error"],
    ["GETEX a EX 0", "-ERR invalid expire time in 'getex' command"],
    ["GETEX a PXAT 1", "1"],
    ["EXISTS a", 0],
  ],
  "several keys": [
    ["MSET a 1 b 2", "OK"],
    ["MGET a x b", ["1", null, "2"]],
    ["MSET a 1 b", "-ERR wrong number of arguments for 'mset' command"],
    ["MSETNX c 1 a 2", 0],
    ["EXISTS c", 0],
    ["MSETNX c 1 d 2", 1],
    ["EXISTS a a x", 2],
    ["DEL a x a", 1],
    ["UNLINK b c d", 3],
    ["DBSIZE", 0],
  ],
  "parts of values": [
    ["APPEND a he", 2],
    ["APPEND a llo", 5],
    ["STRLEN a", 5],
    ["STRLEN x", 0],
    ["GETRANGE a 0 -1", "hello"],
    ["GETRANGE a -3 -2", "ll"],
    ["GETRANGE a 3 1", ""],
    ["GETRANGE a -1 -3", ""],
    ["SUBSTR a 1 99", "ello"],
    ["GETRANGE a x 1", "-ERR value is not an integer or out of range"],
    ["SETRANGE a 1 EY", 5],
    ["GET a", "hEYlo"],
    ["SETRANGE b 2 x", 3],
    ["GET b", "\u0000\u0000x"],
    ["SETRANGE b 5 y", 6],
    ["GET b", "\u0000\u0000x\u0000\u0000y"],
    ["SETRANGE b -1 x", "-ERR offset is out of range"],
    ["SETRANGE c 9 ''", 0],
    ["EXISTS c", 0],
    ["SETRANGE c 1048576 x", "-ERR string exceeds maximum allowed size (proto-max-bulk-len)"],
  ],
  "safety 63: counters are exact beyond 2^53 and refuse to leave 64 bits": [
    ["INCR a", 1],
    ["INCRBY a 9007199254740991", 9_007_199_254_740_992n],
    ["INCR a", 9_007_199_254_740_993n],
    ["INCRBY a -2", 9_007_199_254_740_991],
    ["SET a 9223372036854775806", "OK"],
    ["INCR a", 9_223_372_036_854_775_807n],
    ["INCR a", "-ERR increment or decrement would overflow"],
    ["GET a", "9223372036854775807"],
    ["SET a -9223372036854775808", "OK"],
    ["DECR a", "-ERR increment or decrement would overflow"],
    ["DECRBY a -9223372036854775808", "-ERR decrement would overflow"],
    ["INCRBY a 9223372036854775807", -1],
    ["INCRBY a 9223372036854775808", "-ERR value is not an integer or out of range"],
    ["SET a 01", "OK"],
    ["INCR a", "-ERR value is not an integer or out of range"],
    ["SET a +1", "OK"],
    ["INCR a", "-ERR value is not an integer or out of range"],
    ["SET a -0", "OK"],
    ["INCR a", "-ERR value is not an integer or out of range"],
    ["SET a ''", "OK"],
    ["INCR a", "-ERR value is not an integer or out of range"],
    ["DECRBY b 5", -5],
  ],
  "safety 57: INCRBYFLOAT prints long doubles as Redis does": [
    ["SET a 10.50", "OK"],
    ["INCRBYFLOAT a 0.1", "10.6"],
    ["INCRBYFLOAT a -5", "5.6"],
    ["SET a 5.0e3", "OK"],
    ["INCRBYFLOAT a 2.0e2", "5200"],
    ["INCRBYFLOAT b 1e-20", "0"],
    ["INCRBYFLOAT b abc", "-ERR value is not a valid float"],
    ["INCRBYFLOAT b inf", "-ERR increment would produce NaN or Infinity"],
    ["SET c abc", "OK"],
    ["INCRBYFLOAT c 1", "-ERR value is not a valid float"],
    ["INCRBYFLOAT d 3", "3"],
    ["INCRBYFLOAT d -3", "0"],
  ],
  "EXPIRE and its conditions": [
    ["EXPIRE a 10", 0],
    ["SET a 1", "OK"],
    ["EXPIRE a 10 XX", 0],
    ["EXPIRE a 10 GT", 0],
    ["EXPIRE a 10 LT", 1],
    ["EXPIRE a 20 NX", 0],
    ["EXPIRE a 5 GT", 0],
    ["EXPIRE a 20 GT", 1],
    ["EXPIRE a 30 LT", 0],
    ["EXPIRE a 20 XX LT", 0],
    ["EXPIRE a 5 NX XX", "-ERR NX and XX, GT or LT options at the same time are not compatible"],
    ["EXPIRE a 5 GT LT", "-ERR GT and LT options at the same time are not compatible"],
    ["EXPIRE a 5 zz", "-ERR Unsupported option zz"],
    ["EXPIRE a x", "-ERR value is not an integer or out of range"],
    ["EXPIRE a 9223372036854775807", "-ERR invalid expire time in 'expire' command"],
    ["PEXPIRE a 9223372036854775807", "-ERR invalid expire time in 'pexpire' command"],
    ["PEXPIRETIME a", now + 20_000],
    ["EXPIRETIME a", 1020],
    ["PERSIST a", 1],
    ["PERSIST a", 0],
    ["EXPIREAT a 2000", 1],
    ["PEXPIRETIME a", 2_000_000],
    ["PEXPIREAT a 2000001", 1],
    ["PTTL a", 1_000_001],
    ["TTL x", -2],
    ["PTTL x", -2],
    ["EXPIRETIME x", -2],
    ["PEXPIRETIME x", -2],
    ["EXPIRE a -1", 1],
    ["EXISTS a", 0],
  ],
  "TYPE and the whole keyspace": [
    ["TYPE a", "none"],
    ["SET a 1", "OK"],
    ["TYPE a", "string"],
    ["FLUSHALL NOW", "-ERR syntax error"],
    ["FLUSHALL ASYNC", "OK"],
    ["DBSIZE", 0],
    ["GET a b", "-ERR wrong number of arguments for 'get' command"],
    ["SET a", "-ERR wrong number of arguments for 'set' command"],
  ],
  "compare and set by revision": [
    ["QUORATE.CAS a 0 x", 1],
    ["QUORATE.CAS a 0 y", "-ERR the key has another revision"],
    ["QUORATE.GETREV a", ["x", 1, -1]],
    ["QUORATE.CAS a 1 y PX 500", 2],
    ["QUORATE.GETREV a", ["y", 2, 500]],
    ["QUORATE.CAS a 2 z KEEPTTL", 3],
    ["QUORATE.GETREV a", ["z", 3, 500]],
    ["QUORATE.CAS a 3 z PX", "-ERR syntax error"],
    ["QUORATE.CAS a 3 z PX 0", "-ERR invalid expire time in 'quorate.cas' command"],
    ["QUORATE.CAD a 2", "-ERR the key has another revision"],
    ["QUORATE.CAD a 3", 1],
    ["QUORATE.CAD a 3", "-ERR the key has another revision"],
    ["QUORATE.GETREV a", null],
  ],
  "safety 76: __proto__ is a key like any other": [
    ["GET __proto__", null],
    ["SET __proto__ 1", "OK"],
    ["INCR __proto__", 2],
    ["EXISTS constructor __proto__ toString", 1],
    ["DEL __proto__ constructor", 1],
  ],
};

for (const [name, steps] of Object.entries(scripts)) {
  test(name, () => {
    const store = testStore();
    for (const [command, reply] of steps) {
      const words = command.split(" ").map((word) => (word === "''" ? "" : word));
      expect(run(store, ...words), command).toEqual(reply);
    }
  });
}

test("a command that changes nothing doesn't raise the revision; a deadline set to the same value does", () => {
  const store = testStore();
  const raised = (...words: string[]): number => {
    const before = store.revision;
    run(store, ...words);
    return store.revision - before;
  };
  expect(raised("FLUSHALL")).toBe(0);
  expect(raised("SET", "a", "1")).toBe(1);
  expect(raised("SET", "a", "1")).toBe(1);
  expect(raised("SETNX", "a", "2")).toBe(0);
  expect(raised("SET", "a", "2", "NX")).toBe(0);
  expect(raised("PERSIST", "a")).toBe(0);
  expect(raised("PEXPIREAT", "a", "2000000")).toBe(1);
  expect(raised("PEXPIREAT", "a", "2000000")).toBe(1);
  expect(raised("APPEND", "a", "")).toBe(0);
  expect(raised("DEL", "x")).toBe(0);
  expect(raised("MSET", "b", "1", "c", "2")).toBe(2);
  expect(raised("FLUSHALL")).toBe(1);
});

test("keys above 64 KiB and values above the limit are refused before anything runs", () => {
  const store = testStore(64 * 1024 * 1024, 100);
  const longKey = "k".repeat(65_537);
  expect(run(store, "SET", longKey, "1")).toBe("-ERR key exceeds maximum allowed size (65536 bytes)");
  expect(run(store, "MGET", "a", longKey)).toBe("-ERR key exceeds maximum allowed size (65536 bytes)");
  expect(run(store, "SET", "a", "v".repeat(101))).toMatch(/^-ERR string exceeds maximum allowed size/);
  expect(run(store, "SET", "a", "v".repeat(100))).toBe("OK");
  expect(run(store, "APPEND", "a", "v")).toMatch(/^-ERR string exceeds maximum allowed size/);
  expect(run(store, "STRLEN", "a")).toBe(100);
});

test("a full store refuses growth and changes nothing, while DEL, EXPIRE and shrinking run", () => {
  const store = testStore(850);
  expect(run(store, "SET", "a", "x".repeat(300))).toBe("OK");
  expect(run(store, "SET", "b", "x".repeat(300))).toBe("OK");
  const digest = new Uint32Array(2);
  store.digest(digest);
  const before = [...digest];
  const oom = "-OOM command not allowed when used memory > 'maxmemory'.";
  for (const command of [
    "SET c xxx",
    "MSET a 1 c 1 d 2",
    `APPEND a ${"y".repeat(300)}`,
    "INCR n",
    "SETRANGE a 900 x",
  ]) {
    expect(run(store, ...command.split(" ")), command).toBe(oom);
    store.digest(digest);
    expect([...digest], command).toEqual(before);
  }
  expect(run(store, "EXPIRE", "a", "10")).toBe(1);
  expect(run(store, "SET", "a", "y".repeat(300))).toBe("OK");
  expect(run(store, "DEL", "b")).toBe(1);
  expect(run(store, "SET", "c", "xxx")).toBe("OK");
  expect(store.chargedBytes).toBeLessThanOrEqual(store.limitBytes);
});
