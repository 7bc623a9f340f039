import {
  field,
  integer,
  isOne,
  isSet,
  key,
  keyNamed,
  keys,
  type Message,
  type Rpc,
  rpc,
  text,
  wordOf,
} from "./rpc-fields.js";

const units = { BIT_UNIT_UNSPECIFIED: "BYTE", BIT_UNIT_BYTE: "BYTE", BIT_UNIT_BIT: "BIT" };
const operations = {
  BIT_OPERATION_AND: "AND",
  BIT_OPERATION_OR: "OR",
  BIT_OPERATION_XOR: "XOR",
  BIT_OPERATION_NOT: "NOT",
};

function bit(request: Message): Uint8Array {
  return text(request.bit === true ? "1" : "0");
}

/** BITPOS takes an end only behind a start, and a unit only behind an end. */
function bitPosArgs(request: Message): Uint8Array[] {
  const args = [key(request), bit(request)];
  if (!isSet(request, "start") && !isSet(request, "end")) return args;
  args.push(isSet(request, "start") ? integer(request, "start") : text("0"));
  if (isSet(request, "end")) args.push(integer(request, "end"), wordOf(request, "unit", units));
  return args;
}

function bitCountArgs(request: Message): Uint8Array[] {
  const range = request.range as Message | null | undefined;
  if (range === null || range === undefined) return [key(request)];
  return [key(request), integer(range, "start"), integer(range, "end"), wordOf(range, "unit", units)];
}

/** Strings as bits. */
export const bitRpcs: Readonly<Record<string, Rpc>> = {
  SetBit: rpc(
    "SETBIT",
    (r) => [key(r), integer(r, "offset"), bit(r)],
    (reply) => ({ previous: isOne(reply) }),
  ),
  GetBit: rpc(
    "GETBIT",
    (r) => [key(r), integer(r, "offset")],
    (reply) => ({ bit: isOne(reply) }),
  ),
  BitCount: rpc("BITCOUNT", bitCountArgs, field("count")),
  BitPos: rpc("BITPOS", bitPosArgs, field("position")),
  BitOp: rpc(
    "BITOP",
    (r) => [wordOf(r, "operation", operations), keyNamed(r, "destination"), ...keys(r)],
    field("length"),
  ),
};
