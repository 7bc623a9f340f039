import { type ServerDuplexStream, status } from "@grpc/grpc-js";
import type { MessageSink } from "./frame-writer.js";
import { decodeGreeting, type Greeting } from "./wire.js";

type Call = ServerDuplexStream<Buffer, Buffer>;

export interface AcceptorEvents {
  greeting(): Buffer;
  /** The peer's greeting; a text refuses it. */
  accept(greeting: Greeting): string | null;
  /** Both sides accepted each other: frames may go out. */
  established(from: Greeting, stream: OutgoingStream): void;
  /** An established stream broke; not called for one that `close()` ended. */
  broken(from: Greeting, stream: OutgoingStream, reason: string): void;
}

/** Our end of a stream on which a peer receives our frames. */
export interface OutgoingStream extends MessageSink {
  close(reason: string): void;
}

/** Greets whoever opens a stream, within `timeoutMs`. */
export function acceptStream(call: Call, timeoutMs: number, events: AcceptorEvents): void {
  let greeting: Greeting | null = null;
  let established = false;
  let ended = false;

  const end = (code: status, details: string): void => {
    if (ended) return;
    ended = true;
    clearTimeout(timer);
    if (established && greeting !== null) events.broken(greeting, stream, details);
    // grpc-js ends the call with the status that an error carries.
    call.emit("error", Object.assign(new Error(details), { code, details }));
  };
  const stream: OutgoingStream = {
    write(message, written) {
      if (ended || call.destroyed) return false;
      call.write(message, (error?: Error | null) => {
        if (error === null || error === undefined) written();
      });
      return true;
    },
    close(reason) {
      established = false;
      end(status.ABORTED, reason);
    },
  };
  const timer = setTimeout(() => end(status.DEADLINE_EXCEEDED, "no greeting in time"), timeoutMs);

  call.on("data", (message: Buffer) => {
    if (ended || established) return;
    if (greeting === null) {
      greeting = decodeGreeting(message);
      if (greeting === null) {
        end(status.INVALID_ARGUMENT, "no greeting of a known version");
        return;
      }
      const refusal = events.accept(greeting);
      if (refusal !== null) end(status.PERMISSION_DENIED, refusal);
      else call.write(events.greeting());
      return;
    }
    clearTimeout(timer);
    established = true;
    events.established(greeting, stream);
  });
  const gone = (): void => end(status.CANCELLED, "the peer went away");
  call.on("cancelled", gone);
  call.on("end", gone);
  call.on("close", gone);
  call.on("error", (error: Error) => end(status.UNAVAILABLE, error.message));
}
