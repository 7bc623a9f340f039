import { utf8Bytes, utf8Text } from "../base/bytes.js";
import { err, ok, type Result } from "../base/result.js";
import type { NodeId } from "../base/units.js";

/** What nodes tell one another when a stream starts. */
export interface Hello {
  readonly clusterId: string;
  readonly durableSequence: number;
  /** The highest durable sequences that others ever told the sender, by node id: how lost state is noticed. */
  readonly remembered: readonly (readonly [NodeId, number])[];
}

export function encodeHello(hello: Hello): Uint8Array {
  return utf8Bytes(JSON.stringify(hello));
}

export function decodeHello(bytes: Uint8Array): Result<Hello, string> {
  let value: unknown;
  try {
    value = JSON.parse(utf8Text(bytes));
  } catch {
    return err("the hello isn't JSON");
  }
  if (typeof value !== "object" || value === null) return err("the hello isn't an object");
  const { clusterId, durableSequence, remembered } = value as Partial<Hello>;
  if (typeof clusterId !== "string" || typeof durableSequence !== "number" || !Array.isArray(remembered))
    return err("the hello lacks fields");
  return ok({ clusterId, durableSequence, remembered: remembered.filter(isPair) });
}

function isPair(value: unknown): value is readonly [NodeId, number] {
  return Array.isArray(value) && typeof value[0] === "number" && typeof value[1] === "number";
}
