import { type ByteReader, ByteWriter } from "../base/bytes.js";
import type { RangeId, Term } from "../base/units.js";

/**
 * Frames of the forward lane. Each starts with its type:
 *
 * commands (1): u53 batch | u32 count | per command: u32 connection, u8 flags, varint range, varint term,
 *               varint remaining ms, varint length, command bytes
 * replies  (2): u32 count | per reply: u53 token (batch * 65536 + position), u8 status, u32 length, recorded reply
 * leaders  (3): u32 count | per range that the sender leads: varint range, varint term
 * request  (4): u53 id, u8 kind, varint length, body (cold control calls)
 * response (5): u53 id, u8 ok, varint length, body
 * closed   (6): u32 count | connections of the sender that ended: u32 each
 */
export const forwardTypes = {
  commands: 1,
  replies: 2,
  leaders: 3,
  request: 4,
  response: 5,
  closed: 6,
} as const;

export const commandBits = { read: 1, ordered: 2 } as const;
export const replyStatus = { answered: 0, refused: 1 } as const;

export const positionsPerBatch = 65_536;

export function writeLeaders(leaders: readonly (readonly [RangeId, Term])[]): Uint8Array {
  const out = new ByteWriter(16 + leaders.length * 6);
  out.u8(forwardTypes.leaders);
  out.u32(leaders.length);
  for (const [range, term] of leaders) {
    out.varint(range);
    out.varint(term);
  }
  return out.take();
}

export function readLeaders(reader: ByteReader, visit: (range: RangeId, term: Term) => void): void {
  const count = reader.u32();
  for (let i = 0; i < count; i++) visit(reader.varint(), reader.varint());
}

export function writeControl(
  type: typeof forwardTypes.request | typeof forwardTypes.response,
  id: number,
  kind: number,
  body: Uint8Array,
): Uint8Array {
  const out = new ByteWriter(32 + body.length);
  out.u8(type);
  out.u53(id);
  out.u8(kind);
  out.block(body);
  return out.take();
}

export function writeClosed(connections: readonly number[]): Uint8Array {
  const out = new ByteWriter(8 + connections.length * 4);
  out.u8(forwardTypes.closed);
  out.u32(connections.length);
  for (const connection of connections) out.u32(connection);
  return out.take();
}
