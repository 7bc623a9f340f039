import { connect } from "node:net";

/** Host and port of "host:port" or "[v6]:port"; null for anything else. */
export function splitAddress(address: string): { readonly host: string; readonly port: number } | null {
  const colon = address.lastIndexOf(":");
  const port = Number(address.slice(colon + 1));
  if (colon <= 0 || !Number.isInteger(port) || port < 0 || port > 65_535) return null;
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ""), port };
}

/**
 * Opens and closes a TCP connection. grpc-js has no connect timeout and can't give up a socket that is connecting
 * (safety 71): so it is only asked to connect where somebody listens.
 * @returns a function that gives up, without a call back.
 */
export function probe(address: string, timeoutMs: number, done: (error: string | null) => void): () => void {
  const target = splitAddress(address);
  if (target === null) {
    const refused = setImmediate(() => done(`no address: ${address}`));
    return () => clearImmediate(refused);
  }
  const socket = connect(target);
  let finished = false;
  const finish = (error: string | null): void => {
    if (finished) return;
    finished = true;
    clearTimeout(timer);
    socket.destroy();
    done(error);
  };
  const timer = setTimeout(() => finish(`no connection within ${timeoutMs} ms`), timeoutMs);
  socket.on("connect", () => finish(null));
  socket.on("error", (error) => finish(error.message));
  return () => {
    finished = true;
    clearTimeout(timer);
    socket.destroy();
  };
}
