import { Metadata, type StatusObject } from "@grpc/grpc-js";
import { ByteWriter } from "../../base/bytes.js";
import { type ErrorKind, errorForm } from "../../base/errors.js";
import { bytesTag, closeLength, openLength, varintTag, writeErrorDetail } from "./wire.js";

const detailKey = "quorate-error-bin";
/** Where the richer error model of gRPC keeps a google.rpc.Status. */
const statusKey = "grpc-status-details-bin";
const typePrefix = "type.googleapis.com/";
const errorDomain = "quorate";

/** The gRPC status of an error, with its details in both trailers. */
export function grpcStatus(
  kind: ErrorKind,
  message: string | null = null,
  leaderHint = "",
): Partial<StatusObject> {
  const form = errorForm(kind);
  const text = message ?? form.message;
  const detail = new ByteWriter();
  writeErrorDetail(detail, kind, message, leaderHint);
  const metadata = new Metadata();
  metadata.set(detailKey, Buffer.from(detail.take()));
  metadata.set(statusKey, Buffer.from(richStatus(form.grpc, text, kind, detail.written())));
  return { code: form.grpc, details: text, metadata };
}

/** google.rpc.Status with a google.rpc.ErrorInfo and our ErrorDetail. */
function richStatus(code: number, message: string, kind: ErrorKind, detail: Uint8Array): Uint8Array {
  const form = errorForm(kind);
  const out = new ByteWriter();
  out.u8(varintTag(1));
  out.varint(code);
  out.u8(bytesTag(2));
  out.text(message);

  const info = openAny(out, "google.rpc.ErrorInfo");
  out.u8(bytesTag(1));
  out.text(kind.toUpperCase().replaceAll("-", "_"));
  out.u8(bytesTag(2));
  out.text(errorDomain);
  writeMetadata(out, "outcome", form.outcome);
  writeMetadata(out, "retry", form.retry);
  closeAny(out, info);

  const own = openAny(out, "quorate.v1.ErrorDetail");
  out.raw(detail);
  closeAny(out, own);
  return out.take();
}

type OpenAny = readonly [any: number, value: number];

function openAny(out: ByteWriter, type: string): OpenAny {
  out.u8(bytesTag(3));
  const any = openLength(out);
  out.u8(bytesTag(1));
  out.text(typePrefix + type);
  out.u8(bytesTag(2));
  return [any, openLength(out)];
}

function closeAny(out: ByteWriter, [any, value]: OpenAny): void {
  closeLength(out, value);
  closeLength(out, any);
}

/** One entry of ErrorInfo's map. */
function writeMetadata(out: ByteWriter, key: string, value: string): void {
  out.u8(bytesTag(3));
  const at = openLength(out);
  out.u8(bytesTag(1));
  out.text(key);
  out.u8(bytesTag(2));
  out.text(value);
  closeLength(out, at);
}
