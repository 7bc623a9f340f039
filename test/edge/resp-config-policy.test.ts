import { afterEach, beforeEach, expect, test } from "vitest";
import { closeDoor, encode, exchange, openDoor, type RespDoor } from "./resp-client.js";

/** CONFIG SET maxmemory-policy at the RESP door: the one setting that a client may change, for the whole cluster. */

let door: RespDoor;
beforeEach(async () => {
  door = await openDoor();
});
afterEach(() => closeDoor(door));

const asked = encode("CONFIG", "GET", "maxmemory-policy");
const shown = (policy: string): string =>
  `*2\r\n$16\r\nmaxmemory-policy\r\n$${policy.length}\r\n${policy}\r\n`;

test.each([
  "allkeys-lru",
  "allkeys-lfu",
  "allkeys-fifo",
  "allkeys-random",
  "allkeys-s3fifo",
  "volatile-lru",
  "volatile-lfu",
  "volatile-fifo",
  "volatile-ttl",
  "volatile-random",
  "noeviction",
])("%s is set, whatever the case of the words", async (policy) => {
  const set = encode("config", "set", "MaxMemory-Policy", policy.toUpperCase());
  expect(await exchange(door.port, set + encode("PING"))).toBe("+OK\r\n+PONG\r\n");
  expect(await exchange(door.port, asked)).toBe(shown(policy));
  expect(door.service.evictionPolicy).toBe(policy);
});

test("later commands of the same pipeline see the policy that was set", async () => {
  const set = (policy: string): string => encode("CONFIG", "SET", "maxmemory-policy", policy);
  const sent = set("allkeys-lru") + asked + encode("PING") + set("volatile-ttl") + asked;
  expect(await exchange(door.port, sent)).toBe(
    `+OK\r\n${shown("allkeys-lru")}+PONG\r\n+OK\r\n${shown("volatile-ttl")}`,
  );
});

test("what is no policy, or set along with something that may not be, changes nothing", async () => {
  const unknown = await exchange(door.port, encode("CONFIG", "SET", "maxmemory-policy", "lru") + asked);
  expect(unknown).toMatch(
    /^-ERR CONFIG SET failed \(possibly related to argument 'maxmemory-policy'\) - argument must be one of/,
  );
  expect(unknown.endsWith(shown("noeviction"))).toBe(true);
  const along = encode("CONFIG", "SET", "maxmemory-policy", "allkeys-lru", "databases", "99");
  expect(await exchange(door.port, along + asked)).toMatch(/^-ERR CONFIG SET failed/);
  expect(await exchange(door.port, encode("CONFIG", "SET", "maxmemory-policy"))).toMatch(/^-ERR/);
  expect(door.service.evictionPolicy).toBe("noeviction");
});
