import { Client, credentials, status } from "@grpc/grpc-js";
import { probe } from "./probe.js";
import { asBuffer, asBytes, channelOptions, identity, paths } from "./wire.js";

/**
 * One call to an address over a connection of its own. Calls back once.
 * @returns a function that gives up: `done` hears of it.
 */
export function callOnce(
  address: string,
  body: Uint8Array,
  deadlineMs: number,
  done: (error: string | null, body: Uint8Array | null) => void,
): () => void {
  const deadline = Date.now() + deadlineMs;
  let client: Client | null = null;
  let finished = false;
  const finish = (error: string | null, reply: Uint8Array | null): void => {
    if (finished) return;
    finished = true;
    clearTimeout(timer);
    stopProbe();
    client?.close();
    done(error, reply);
  };
  // grpc-js has a deadline too, by the wall clock; this one holds while that clock jumps.
  const timer = setTimeout(() => finish("deadline exceeded", null), deadlineMs);
  const stopProbe = probe(address, deadlineMs, (failure) => {
    if (finished) return;
    if (failure !== null) {
      finish(failure, null);
      return;
    }
    client = new Client(address, credentials.createInsecure(), channelOptions);
    client.makeUnaryRequest(paths.call, identity, identity, asBuffer(body), { deadline }, (error, reply) => {
      if (error !== null)
        finish(error.code === status.DEADLINE_EXCEEDED ? "deadline exceeded" : error.message, null);
      else if (reply === undefined) finish("no reply", null);
      else finish(null, asBytes(reply));
    });
  });
  return () => finish("the transport is closing", null);
}
