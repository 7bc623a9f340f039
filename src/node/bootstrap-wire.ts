import { utf8Bytes, utf8Text } from "../base/bytes.js";
import type { Result } from "../base/result.js";
import type { NodeId } from "../base/units.js";
import {
  type ClusterDocument,
  type ClusterSettings,
  documentLimits,
  durabilities,
  type Member,
  readModes,
} from "../placement/document.js";
import { encodeDocument, memberJson, parseDocument, readMember } from "../placement/document-codec.js";
import {
  asObject,
  check,
  choiceField,
  integerField,
  type JsonObject,
  listField,
  objectField,
  parseShape,
  textField,
} from "../placement/json-shape.js";

/** First bytes of every bootstrap call: others' calls are not ours to answer. */
const magic = utf8Bytes("quorate-bootstrap-1\n");
const maxDocumentLength = 64 * 1024 * 1024;

/** Who asks, and what it was started with: only nodes started alike become one cluster. */
export interface BootstrapCaller {
  readonly member: Member;
  /** Peer addresses of `--initial`, rising. */
  readonly initial: readonly string[];
  readonly settings: ClusterSettings;
}

export type BootstrapCall =
  | { readonly kind: "probe"; readonly caller: BootstrapCaller }
  /** The lowest address asks to persist its document. */
  | { readonly kind: "propose"; readonly caller: BootstrapCaller; readonly document: ClusterDocument }
  /** All have persisted it: begin. */
  | { readonly kind: "start"; readonly clusterId: string };

export type BootstrapReply =
  /** Not ready to answer yet: identity being read or written. */
  | { readonly kind: "busy" }
  /** `clusterId` of the proposal that is held, empty for none. A proposal still counts as empty. */
  | { readonly kind: "empty"; readonly member: Member; readonly clusterId: string }
  | { readonly kind: "started"; readonly nodeId: NodeId; readonly document: ClusterDocument }
  | { readonly kind: "refused"; readonly message: string };

export function encodeBootstrapCall(call: BootstrapCall): Uint8Array {
  switch (call.kind) {
    case "probe":
      return withMagic({ kind: call.kind, caller: callerJson(call.caller) });
    case "propose":
      return withMagic({
        kind: call.kind,
        caller: callerJson(call.caller),
        document: encodeDocument(call.document),
      });
    case "start":
      return withMagic({ kind: call.kind, clusterId: call.clusterId });
  }
}

export function isBootstrapCall(body: Uint8Array): boolean {
  return body.length >= magic.length && magic.every((byte, at) => body[at] === byte);
}

export function decodeBootstrapCall(body: Uint8Array): Result<BootstrapCall, string> {
  return decode("bootstrap call", body, (object): BootstrapCall => {
    const kind = choiceField(object, "kind", ["probe", "propose", "start"]);
    switch (kind) {
      case "probe":
        return { kind, caller: readCaller(object) };
      case "propose":
        return { kind, caller: readCaller(object), document: readDocument(object) };
      case "start":
        return { kind, clusterId: textField(object, "clusterId") };
    }
  });
}

export function encodeBootstrapReply(reply: BootstrapReply): Uint8Array {
  switch (reply.kind) {
    case "busy":
    case "refused":
      return withMagic(reply);
    case "empty":
      return withMagic({ kind: reply.kind, member: memberJson(reply.member), clusterId: reply.clusterId });
    case "started":
      return withMagic({
        kind: reply.kind,
        nodeId: reply.nodeId,
        document: encodeDocument(reply.document),
      });
  }
}

export function decodeBootstrapReply(body: Uint8Array): Result<BootstrapReply, string> {
  return decode("bootstrap reply", body, (object): BootstrapReply => {
    const kind = choiceField(object, "kind", ["busy", "empty", "started", "refused"]);
    switch (kind) {
      case "busy":
        return { kind };
      case "empty":
        return {
          kind,
          member: readMember(objectField(object, "member"), "member"),
          clusterId: textField(object, "clusterId"),
        };
      case "started":
        return { kind, nodeId: integerField(object, "nodeId", 1), document: readDocument(object) };
      case "refused":
        return { kind, message: textField(object, "message", 65_536) };
    }
  });
}

function withMagic(json: object): Uint8Array {
  const text = utf8Bytes(JSON.stringify(json));
  const body = new Uint8Array(magic.length + text.length);
  body.set(magic);
  body.set(text, magic.length);
  return body;
}

function decode<T>(what: string, body: Uint8Array, build: (object: JsonObject) => T): Result<T, string> {
  const text = isBootstrapCall(body) ? utf8Text(body.subarray(magic.length)) : "";
  return parseShape(what, text, (root) => build(asObject(root, what)));
}

function callerJson(caller: BootstrapCaller): object {
  const { ranges, replicationFactor, durability, reads } = caller.settings;
  return {
    member: memberJson(caller.member),
    initial: caller.initial,
    settings: { ranges, replicationFactor, durability, reads },
  };
}

function readCaller(object: JsonObject): BootstrapCaller {
  const caller = objectField(object, "caller");
  const settings = objectField(caller, "settings");
  return {
    member: readMember(objectField(caller, "member"), "member"),
    initial: listField(caller, "initial", documentLimits.members, (value, what) => {
      check(typeof value === "string", `${what} is not a text`);
      return value;
    }),
    settings: {
      ranges: integerField(settings, "ranges", 1),
      replicationFactor: integerField(settings, "replicationFactor", 1),
      durability: choiceField(settings, "durability", durabilities),
      reads: choiceField(settings, "reads", readModes),
    },
  };
}

function readDocument(object: JsonObject): ClusterDocument {
  const parsed = parseDocument(textField(object, "document", maxDocumentLength));
  check(parsed.ok, parsed.ok ? "" : parsed.error);
  return parsed.value;
}
