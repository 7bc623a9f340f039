import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ToxiproxyFabric } from "../../jepsen-like/cluster/toxiproxy-fabric.js";
import { sleep } from "../../jepsen-like/cluster/wait.js";

/** The network of the fault tests, by itself. */

/** How often a piece is sent: densely, as between nodes under load. */
const everyMs = 5;
const pieceBytes = 8;

let folder: string;
let fabric: ToxiproxyFabric;
let receiver: Server;
let sender: Socket;
let sending: NodeJS.Timeout;
/** How late each piece came, in ms. */
let latenesses: number[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "quorate-toxiproxy-"));
  fabric = await ToxiproxyFabric.create(2, join(folder, "toxiproxy.log"));
  latenesses = [];
  receiver = createServer((socket) => {
    let rest = Buffer.alloc(0);
    socket.on("data", (bytes) => {
      rest = Buffer.concat([rest, bytes]);
      for (; rest.length >= pieceBytes; rest = rest.subarray(pieceBytes))
        latenesses.push(performance.now() - rest.readDoubleLE(0));
    });
    socket.on("error", () => {});
  });
  const { host, ports } = fabric.seats[1]!;
  await new Promise<void>((done) => receiver.listen(ports.peer, host, done));
  const [, listen] = fabric.natMap(0)[0]!.split("=");
  const [proxyHost, proxyPort] = listen!.split(":");
  sender = new Socket();
  sender.on("error", () => {});
  await new Promise<void>((done) => sender.connect(Number(proxyPort), proxyHost!, done));
  sending = setInterval(() => {
    const piece = Buffer.alloc(pieceBytes);
    piece.writeDoubleLE(performance.now());
    sender.write(piece);
  }, everyMs);
});

afterEach(async () => {
  clearInterval(sending);
  sender.destroy();
  await fabric.stop();
  await new Promise((done) => receiver.close(done));
  rmSync(folder, { recursive: true, force: true });
});

/** The least lateness of the pieces that arrive from now on, of which there are a few. */
async function leastLateness(): Promise<number> {
  latenesses = [];
  await expect.poll(() => latenesses.length).toBeGreaterThan(20);
  return Math.min(...latenesses);
}

test("a latency that grows makes every piece of a dense stream as late as it says", async () => {
  await leastLateness();
  const change = await fabric.harm(0, 1, { type: "latency", attributes: { latency: 300, jitter: 0 } });
  await sleep(400);
  expect(await leastLateness()).toBeGreaterThanOrEqual(299);
  await change({ latency: 600, jitter: 0 });
  await sleep(700);
  expect(await leastLateness()).toBeGreaterThanOrEqual(599);
});

test("what was to change, and is healed meanwhile, stays healed", async () => {
  const change = await fabric.harm(0, 1, { type: "latency", attributes: { latency: 60_000, jitter: 0 } });
  await fabric.heal();
  await change({ latency: 60_000, jitter: 0 });
  await leastLateness();
});
