import { utf8Text } from "../../src/base/bytes.js";
import type { ReplyValue } from "../../src/commands/reply-codec.js";
import type { Shown } from "./workloads/workload.js";

/** A reply as workloads see it. */
export function show(value: ReplyValue): Shown {
  switch (value.type) {
    case "status":
      return value.text;
    case "bulk":
      return utf8Text(value.bytes);
    case "integer":
      return Number(value.value);
    case "double":
      return value.value;
    case "array":
    case "set":
      return value.items.map(show);
    case "map":
      return value.entries.map((entry) => entry.map(show));
    case "pairs":
      return value.pairs.map((pair) => pair.map(show));
    default:
      return null;
  }
}
