import { type ErrorKind, errorForm } from "../base/errors.js";
import type { CallError } from "./part.js";

/** A command that was not answered with a value. */
export class QuorateError extends Error {
  override readonly name: string = "QuorateError";

  constructor(
    /** Stable name of what went wrong. */
    readonly kind: ErrorKind | "aborted" | "closed",
    message: string,
    /** "definite": the command did not and will never take effect. "unknown": it may have, or may yet. */
    readonly outcome: "definite" | "unknown",
    /** Whether the same call may succeed later: "safe"; "session": only its retries, which are over; "no". */
    readonly retry: "safe" | "session" | "no",
  ) {
    super(message);
  }
}

/** The command may have taken effect, or may yet: read before writing again. */
export class OutcomeUnknownError extends QuorateError {
  override readonly name = "OutcomeUnknownError";
}

export function errorOf({ kind, message, outcome }: CallError): QuorateError {
  const form = kind === "aborted" || kind === "closed" ? null : errorForm(kind);
  const text = message ?? form?.message ?? kind;
  const retry = outcome === "unknown" ? "session" : (form?.retry ?? "no");
  const type = outcome === "unknown" ? OutcomeUnknownError : QuorateError;
  return new type(kind, text, outcome, retry);
}
