import { expect, test } from "vitest";
import type { Door, Words } from "../../jepsen-like/doors/door.js";
import { PrefixDoor } from "../../jepsen-like/doors/prefix-door.js";

function prefixed() {
  const sent: Words[] = [];
  const used = new Set<string>();
  const inner: Door = {
    protocol: "resp",
    node: "node-1",
    has: (command) => command !== "MGET",
    run: async (words) => {
      sent.push(words);
      return { type: "ok", reply: null };
    },
    close: () => {},
  };
  return { door: new PrefixDoor(inner, "p:", used), sent, used };
}

test.each<readonly [Words, Words, readonly string[]]>([
  [["GET", "a"], ["GET", "p:a"], []],
  [["SET", "a", "a", "PX", 5], ["SET", "p:a", "a", "PX", 5], ["p:a"]],
  [["MGET", "{t}:a", "{t}:b"], ["MGET", "p:{t}:a", "p:{t}:b"], []],
  [
    ["MSETNX", "a", 1, "b", 2],
    ["MSETNX", "p:a", 1, "p:b", 2],
    ["p:a", "p:b"],
  ],
  [
    ["DEL", "a", "b"],
    ["DEL", "p:a", "p:b"],
    ["p:a", "p:b"],
  ],
  [["QUORATE.CAS", "a", 1, "v"], ["QUORATE.CAS", "p:a", 1, "v"], ["p:a"]],
])(
  "keys and nothing else get the prefix, and what may be written is remembered: %j",
  async (words, expected, written) => {
    const { door, sent, used } = prefixed();
    await door.run(words, { deadlineMs: 1 });
    expect(sent).toEqual([expected]);
    expect([...used]).toEqual(written);
  },
);

test("a command whose keys are unknown is never sent", () => {
  const { door, sent } = prefixed();
  expect(() => door.run(["ZUNION", 2, "a", "b"], { deadlineMs: 1 })).toThrow(TypeError);
  expect(() => door.run(["FLUSHALL"], { deadlineMs: 1 })).toThrow(TypeError);
  expect(sent).toEqual([]);
  expect(door.has("MGET")).toBe(false);
});
