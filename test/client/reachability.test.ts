import { expect, test } from "vitest";
import { TypedCommands } from "../../src/client/typed-commands.js";
import type { ReplyValue } from "../../src/commands/reply-codec.js";
import { commandTable } from "../../src/commands/table.js";
import { rpcTable } from "../../src/edge/grpc/rpc-table.js";
import { findDescribed } from "../../src/edge/resp/described-commands.js";

/** Every command of the one table is there for RESP clients, as a typed gRPC call, and as a method of the SDK. */

/** GETRANGE and FLUSHALL under older names: one method is enough. */
const aliases = ["SUBSTR", "FLUSHDB"];
const names = commandTable.map(({ name }) => name);
const typed = names.filter((name) => !aliases.includes(name)).sort();

/** Notes which commands the methods send. */
class Recorder extends TypedCommands {
  readonly sent: string[] = [];
  protected override run(name: string): Promise<ReplyValue> {
    this.sent.push(name);
    return Promise.reject(new Error("nobody answers"));
  }
}

/** Methods that have a name of their own, from the last class down to where it all begins. */
function methodsOf(prototype: object): string[] {
  const found: string[] = [];
  for (let at = prototype; at !== Object.prototype; at = Object.getPrototypeOf(at))
    found.push(...Object.getOwnPropertyNames(at).filter((name) => name !== "constructor"));
  return found;
}

/** What every method is made of. */
const parts = ["count", "flag", "text", "texts", "optionalCount", "poppedFrom", "members"];

async function commandsOf(method: string): Promise<string[]> {
  const recorder = new Recorder();
  // Takes the place of a key, of several, of pairs and of options alike.
  const anything = [["a", "1"]];
  const call = Reflect.get(recorder, method) as (...args: unknown[]) => unknown;
  const outcome = call.apply(recorder, [anything, anything, anything, anything]);
  const first = (outcome as AsyncGenerator).next?.() ?? (outcome as Promise<unknown>);
  await expect(first, method).rejects.toThrow("nobody answers");
  return recorder.sent;
}

test("every method of the SDK sends one command of the table, and together they send all", async () => {
  const methods = methodsOf(TypedCommands.prototype).filter((name) => !parts.includes(name));
  const reached = new Set<string>();
  for (const method of methods) {
    const [name, ...others] = await commandsOf(method);
    expect([method, others]).toEqual([method, []]);
    reached.add(name!);
  }
  expect([...reached].sort()).toEqual(typed);
});

test("every command of the table has a typed gRPC call", () => {
  const reached = new Set(Object.values(rpcTable).map(({ command }) => command));
  expect([...reached].sort()).toEqual(typed);
});

test("every command of the table is told to RESP clients", () => {
  expect(names.filter((name) => findDescribed(name) === undefined)).toEqual([]);
});
