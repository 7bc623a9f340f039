import { expect, test } from "vitest";
import { SeededRandom } from "../../src/base/random.js";
import { Endpoint } from "../conformance/transport.js";
import { SimHost, SimScheduler } from "./sim-clock.js";
import { SimNetwork } from "./sim-network.js";
import { SimTransport } from "./sim-transport.js";

test("events run by time, and at one instant in the order of asking", () => {
  const scheduler = new SimScheduler();
  const ran: string[] = [];
  const random = new SeededRandom(3);
  const times = Array.from({ length: 200 }, () => random.u32() % 20);
  for (const [i, timeMs] of times.entries()) scheduler.at(timeMs, () => ran.push(`${timeMs}:${i}`));
  scheduler.after(5, () => scheduler.after(0, () => ran.push("nested"))).cancelled = false;
  scheduler.after(1, () => ran.push("never")).cancelled = true;
  scheduler.runUntil(100);
  const order = times.map((timeMs, i) => ({ timeMs, i })).sort((a, b) => a.timeMs - b.timeMs || a.i - b.i);
  expect(ran.filter((each) => each !== "nested")).toEqual(order.map(({ timeMs, i }) => `${timeMs}:${i}`));
  expect(ran[ran.indexOf("nested") - 1]).toMatch(/^5:/);
  expect(ran[ran.indexOf("nested") + 1]).toMatch(/^6:/);
  expect(scheduler.nowMs).toBe(100);
});

test("a host's clocks run at its rate, and its timers by its clock", () => {
  const scheduler = new SimScheduler();
  const host = new SimHost(scheduler, { rate: 1.25, monotonicMs: 500, wallMs: 10_000 });
  let firedMs = 0;
  host.timers.after(100, () => {
    firedMs = scheduler.nowMs;
  });
  scheduler.runUntil(1000);
  expect(firedMs).toBe(80);
  expect([host.clock.monotonicMs(), host.clock.wallMs(), host.clock.bootMs()]).toEqual([1750, 11_250, 1750]);
  host.jumpWall(-5000);
  expect(host.clock.wallMs()).toBe(6250);
});

test("safety 75: a sleeping machine's monotonic clock stands still, the others go on", () => {
  const scheduler = new SimScheduler();
  const host = new SimHost(scheduler, { monotonicMs: 0, wallMs: 0 });
  host.sleep();
  scheduler.runUntil(400);
  expect([host.clock.monotonicMs(), host.clock.bootMs(), host.clock.wallMs()]).toEqual([0, 400, 400]);
  host.resume();
  scheduler.runUntil(500);
  expect([host.clock.monotonicMs(), host.clock.bootMs(), host.clock.wallMs()]).toEqual([100, 500, 500]);
});

test("a stopped process does later what was due, a crashed one never", () => {
  const scheduler = new SimScheduler();
  const host = new SimHost(scheduler);
  const ran: string[] = [];
  host.timers.after(10, () => ran.push("first"));
  host.timers.after(20, () => ran.push("second"));
  const dropped = host.timers.after(30, () => ran.push("cancelled"));
  host.timers.after(200, () => ran.push("after the crash"));
  host.pause();
  scheduler.runUntil(100);
  expect(ran).toEqual([]);
  host.resume();
  host.timers.cancel(dropped);
  scheduler.runUntil(150);
  expect(ran).toEqual(["first", "second"]);
  host.crash();
  scheduler.runUntil(300);
  expect(ran).toEqual(["first", "second"]);
  expect(host.incarnation).toBe(2);
});

test("the end of a turn comes after what is due at the same instant", () => {
  const scheduler = new SimScheduler();
  const host = new SimHost(scheduler);
  const ran: string[] = [];
  scheduler.at(5, () => host.timers.endOfTurn(() => ran.push("end")));
  scheduler.at(5, () => ran.push("other"));
  scheduler.runUntil(5);
  expect(ran).toEqual(["other", "end"]);
});

function cluster() {
  const scheduler = new SimScheduler();
  const network = new SimNetwork({ scheduler, random: new SeededRandom(11), livenessMs: 1000 });
  const nodes = [1, 2, 3].map((id) => {
    const host = new SimHost(scheduler);
    const transport = new SimTransport({ network, host, address: `n${id}:1` });
    const endpoint = new Endpoint(id, transport);
    transport.start(id, endpoint, () => {});
    transport.setPeers([1, 2, 3].map((each) => ({ id: each, address: `n${each}:1` })));
    return { host, transport, endpoint };
  });
  scheduler.runFor(1000);
  return { scheduler, network, nodes };
}

test("a one-way block loses nothing when it is short, and breaks both ends when it is long", () => {
  const { scheduler, network, nodes } = cluster();
  const [one, two] = nodes;
  network.block("n1:1", "n2:1");
  for (let i = 0; i < 5; i++) one!.transport.send(2, "raft", new Uint8Array([i]));
  two!.transport.send(1, "raft", new Uint8Array([9]));
  scheduler.runFor(500);
  expect(two!.endpoint.frames).toEqual([]);
  expect(one!.endpoint.frames.length).toBe(1);
  network.unblock("n1:1", "n2:1");
  scheduler.runFor(500);
  expect(two!.endpoint.frames.map((each) => each.frame[0])).toEqual([0, 1, 2, 3, 4]);
  network.block("n1:1", "n2:1");
  one!.transport.send(2, "raft", new Uint8Array([5]));
  scheduler.runFor(1500);
  expect(one!.endpoint.events.filter((event) => event.endsWith(" 2"))).toEqual(["up 2", "down 2"]);
  expect(two!.endpoint.events.filter((event) => event.endsWith(" 1"))).toEqual(["up 1", "down 1"]);
  network.heal();
  scheduler.runFor(3000);
  expect(one!.transport.isUp(2) && two!.transport.isUp(1)).toBe(true);
  expect(two!.endpoint.frames.length).toBe(5);
});

test("a stopped process is given up by its peers, and hears of it when it goes on", () => {
  const { scheduler, nodes } = cluster();
  const [one, two] = nodes;
  two!.host.pause();
  scheduler.runFor(1500);
  expect(one!.transport.isUp(2)).toBe(false);
  expect([...two!.endpoint.events].sort()).toEqual(["up 1", "up 3"]);
  two!.host.resume();
  scheduler.runFor(3000);
  expect(two!.endpoint.events.filter((event) => event.endsWith(" 1"))).toEqual(["up 1", "down 1", "up 1"]);
});

test("a crash is a down for the others, and the next incarnation listens at the same address", () => {
  const { scheduler, network, nodes } = cluster();
  const [one, two] = nodes;
  two!.host.crash();
  scheduler.runFor(100);
  expect(one!.endpoint.events.at(-1)).toBe("down 2");
  const transport = new SimTransport({ network, host: two!.host, address: "n2:1" });
  const again = new Endpoint(2, transport);
  transport.start(2, again, (error) => expect(error).toBeNull());
  transport.setPeers([{ id: 1, address: "n1:1" }]);
  scheduler.runFor(3000);
  expect(one!.endpoint.events.at(-1)).toBe("up 2");
  expect(again.events).toEqual(["up 1"]);
});

test("one seed is one history", () => {
  const history = (): string[] => {
    const { nodes, scheduler, network } = cluster();
    network.partition([["n1:1"], ["n2:1", "n3:1"]]);
    scheduler.runFor(2000);
    network.heal();
    scheduler.runFor(2000);
    return [
      ...nodes.flatMap(({ endpoint }) => endpoint.events),
      String(scheduler.ran),
      String(network.random.u32()),
    ];
  };
  expect(history()).toEqual(history());
});
