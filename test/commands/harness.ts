import { ByteReader, ByteWriter, latin1Bytes, latin1Text } from "../../src/base/bytes.js";
import { respErrorText } from "../../src/base/errors.js";
import type { HashKey } from "../../src/base/keyed-hash.js";
import { CommandView, plainHeader, writeCommand } from "../../src/commands/command-codec.js";
import { commandError } from "../../src/commands/cut.js";
import { type ReplyValue, ValueSink } from "../../src/commands/reply-codec.js";
import { commandByName } from "../../src/commands/table.js";
import type { Store } from "../../src/store/keyspace.js";
import { createStore } from "../../src/store/map-store.js";

export const testHashKey: HashKey = [1, 2, 3, 4];

export function testStore(limitBytes = 64 * 1024 * 1024, valueLimitBytes = 1024 * 1024): Store {
  const store = createStore({ hashKey: testHashKey, limitBytes, valueLimitBytes });
  store.beginEntry(1_000_000, 1, 1);
  return store;
}

/** A command of words, as a view; words are latin1, so any byte can be written. */
export function viewOf(
  words: readonly string[],
  header: Partial<ReturnType<typeof plainHeader>> = {},
): CommandView {
  const definition = commandByName(words[0]!)!;
  const out = new ByteWriter();
  writeCommand(out, { ...plainHeader(definition.opcode), ...header }, words.slice(1).map(latin1Bytes));
  const view = new CommandView();
  view.decode(new ByteReader(out.take()));
  return view;
}

export type Shown = string | number | bigint | null | readonly Shown[];

/** A reply as RESP would show it; errors begin with "-". */
export function show(value: ReplyValue): Shown {
  switch (value.type) {
    case "status":
      return value.text;
    case "integer":
      return value.value;
    case "double":
      return value.value;
    case "bulk":
      return latin1Text(value.bytes);
    case "nil":
    case "nil-array":
      return null;
    case "array":
    case "set":
      return value.items.map(show);
    case "map":
      return value.entries.map(([key, item]) => [show(key), show(item)]);
    case "pairs":
      return value.pairs.map(([first, second]) => [show(first), show(second)]);
    case "error":
      return `-${respErrorText(value.kind, value.message)}`;
  }
}

/** Runs words on a store, with the checks that every caller makes first. */
export function run(store: Store, ...words: string[]): Shown {
  const definition = commandByName(words[0]!)!;
  const view = viewOf(words);
  const sink = new ValueSink();
  const error = commandError(definition, view, store.valueLimitBytes);
  if (error !== null) sink.error(error.kind, error.message);
  else definition.run(store, view, sink);
  return show(sink.value());
}
