import type { IncomingMessage } from "node:http";
import type { Telemetry } from "../../ports/telemetry.js";
import type { HttpAnswer } from "./http-answer.js";

/** Bytes of bodies of all requests being received. */
export interface BodyBudget {
  usedBytes: number;
  readonly limitBytes: number;
}

/**
 * Reads a body of at most `limitBytes`, refused by its declared length before a byte of it is kept, and again while it
 * streams. Calls `done` once with all of it, or not at all: then the answer was given, or the client has gone.
 */
export function readBody(
  request: IncomingMessage,
  answer: HttpAnswer,
  limitBytes: number,
  budget: BodyBudget,
  telemetry: Telemetry,
  done: (body: Uint8Array) => void,
): void {
  const tooLarge = `the body may have at most ${limitBytes} bytes`;
  const declared = Number(request.headers["content-length"] ?? 0);
  if (declared > limitBytes) {
    answer.refuseBody(tooLarge);
    return;
  }
  const encoding = request.headers["content-encoding"];
  if (encoding !== undefined && encoding !== "identity") {
    answer.error("unsupported", "the body must not be compressed", { Connection: "close" });
    return;
  }
  // Lenient: JSON is read whatever it is called; only forms can't be meant.
  if (request.headers["content-type"]?.startsWith("multipart/")) {
    answer.error("invalid-argument", "the body must be JSON", { Connection: "close" });
    return;
  }
  if (request.headers.expect !== undefined) answer.inviteBody();
  const chunks: Uint8Array[] = [];
  let received = 0;
  let ended = false;
  const end = (): void => {
    ended = true;
    budget.usedBytes -= received;
    chunks.length = 0;
  };
  request.on("data", (chunk: Uint8Array) => {
    telemetry.bytesIn("http", chunk.length);
    if (ended) return;
    received += chunk.length;
    budget.usedBytes += chunk.length;
    if (received > limitBytes) {
      end();
      answer.refuseBody(tooLarge);
    } else if (budget.usedBytes > budget.limitBytes) {
      end();
      answer.error("busy", "too many bodies are being received", { Connection: "close" });
    } else chunks.push(chunk);
  });
  request.on("end", () => {
    if (ended) return;
    const body = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
    end();
    done(body);
  });
  request.on("close", () => {
    if (!ended) end();
  });
}
