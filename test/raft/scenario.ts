import { utf8Bytes, utf8Text } from "../../src/base/bytes.js";
import { decodeConfiguration } from "../../src/raft/configuration-codec.js";
import type { RaftGroup } from "../../src/raft/raft-group.js";
import {
  type Configuration,
  type Entry,
  entryTypes,
  type Message,
  type MessageType,
  messageTypes,
} from "../../src/raft/types.js";
import { Cluster, link } from "./cluster.js";
import type { ClusterOptions, Replica } from "./replica.js";

/**
 * Scenarios: scripts of commands whose output stands below them. A file is a first line of why, then blocks of
 * commands, `----`, and what they print; a blank line ends a block. `REWRITE=1` writes the output anew.
 *
 *   nodes 3 [learner=4] [option=value]   start replicas on empty disks, all voters but the learner
 *   add 4                                start a replica that knows nobody yet
 *   campaign 1 | transfer 1 3 | read 1 | lease 1 | propose 1 text [text ...] | bytes 1 count
 *   config 1 voters=1,2 outgoing=1,2,3 learners=4
 *   tick ms [replica ...]                move the clock; messages wait
 *   run ms                               move the clock; messages are delivered at once
 *   deliver [1->2 [count]]               everything until it is quiet, or what waits on one link, held or not
 *   drop 1->2 | hold 1->2 | lose 1->2 | copy 1->2 | isolate 3 | heal       `1<->2` names both directions
 *   persist off|on|step 2 | apply off|on 2 | crash 2 | restart 2 | ahead 1 ms
 *   snapshot 1 [keep] | pull 2 | unreachable 1 2 | stream-lost 2 | may-vote 2 on|off
 *   inject type=append from=1 to=2 term=1 ... [entries=index/term/text,...]   a message that nobody sent
 *   status | log 2 | disk 2 | progress 1 | waiting
 *   trace on|off                         print every delivered message
 *
 * Printed besides: changes of role, term, leader and commit, what is applied, and what becomes of reads.
 */

const typeNames = new Map<MessageType, string>();
for (const [name, type] of Object.entries(messageTypes)) typeNames.set(type, name);

function entryText(entry: Entry): string {
  const at = `${entry.index}/${entry.term}`;
  if (entry.type === entryTypes.noop) return `${at}:noop`;
  if (entry.type === entryTypes.configuration)
    return `${at}:{${configurationText(decodeConfiguration(entry.data))}}`;
  return `${at}:${entry.data[0] === 0 ? `${entry.data.length} bytes` : utf8Text(entry.data)}`;
}

function configurationText({ voters, outgoing, learners }: Configuration): string {
  return (
    `voters ${voters.join(",") || "none"}` +
    (outgoing.length > 0 ? ` outgoing ${outgoing.join(",")}` : "") +
    (learners.length > 0 ? ` learners ${learners.join(",")}` : "")
  );
}

/** Only what the type uses and isn't nothing, so that scripts stay readable. */
function messageText(m: Message): string {
  let text = `${m.from}->${m.to} ${typeNames.get(m.type)} term=${m.term}`;
  if (m.type === messageTypes.append) text += ` after=${m.index}/${m.logTerm}`;
  else if (m.type === messageTypes.vote || m.type === messageTypes.preVote)
    text += ` last=${m.index}/${m.logTerm}`;
  else if (m.index > 0) text += ` index=${m.index}`;
  if (m.entries.length > 0) text += ` [${m.entries.map(entryText).join(" ")}]`;
  if (m.type === messageTypes.append || m.type === messageTypes.heartbeat) text += ` commit=${m.commit}`;
  if (m.reject) text += " REJECT";
  if (m.hintIndex > 0 || m.hintTerm > 0) text += ` hint=${m.hintIndex}/${m.hintTerm}`;
  if (m.force) text += " FORCE";
  if (m.snapshot !== null)
    text += ` snapshot=${m.snapshot.index}/${m.snapshot.term} {${configurationText(m.snapshot.configuration)}}`;
  return text;
}

function numbersOf(text: string): number[] {
  return text === "" ? [] : text.split(",").map(Number);
}

/** `key=value` words as a map. */
function settingsOf(words: readonly string[]): Map<string, string> {
  return new Map(words.map((word) => [word.slice(0, word.indexOf("=")), word.slice(word.indexOf("=") + 1)]));
}

function linksOf(name: string): string[] {
  const both = /^(\d+)<->(\d+)$/.exec(name);
  return both === null ? [name] : [`${both[1]}->${both[2]}`, `${both[2]}->${both[1]}`];
}

/** Runs the commands of one script, one after the other. */
export class Scenario {
  private cluster = new Cluster();
  private lines: string[] = [];
  private traced = false;
  private nextContext = 1;
  private readonly seen = new Map<number, string>();

  /** @returns what the command prints. */
  run(command: string): string[] {
    this.lines = [];
    this.execute(command.trim().split(/\s+/));
    return this.lines;
  }

  private print(line: string): void {
    this.lines.push(line);
  }

  private start(words: readonly string[]): void {
    const settings = settingsOf(words.slice(1));
    const options: Record<string, unknown> = {};
    for (const [key, value] of settings)
      if (key !== "learner") options[key] = key === "reads" ? value : Number(value);
    this.cluster = new Cluster({
      ...(options as ClusterOptions),
      events: {
        onDeliver: (message) => {
          if (this.traced) this.print(messageText(message));
        },
        onApply: (replica, entry) => this.print(`  ${replica.id} applies ${entryText(entry)}`),
        onRead: (replica, context, index) => this.print(`  ${replica.id} read ${context} at index ${index}`),
        onDroppedRead: (replica, context) => this.print(`  ${replica.id} drops read ${context}`),
        onReady: (replica, ready) => {
          if (ready.snapshotOffer !== null)
            this.print(`  ${replica.id} is offered a snapshot by ${ready.snapshotOffer.from}`);
        },
        onStep: (replica) => this.printChange(replica),
      },
    });
    const voters = Array.from({ length: Number(words[0]) }, (_, i) => i + 1);
    const learners = numbersOf(settings.get("learner") ?? "");
    for (const id of [...voters, ...learners]) this.cluster.add(id, { voters, outgoing: [], learners });
  }

  private printChange(replica: Replica): void {
    if (replica.group === null) return;
    const { role, term, leader, commit } = replica.group.status();
    const state = `${replica.id} ${role} term=${term} leader=${leader} commit=${commit}`;
    if (this.seen.get(replica.id) === state) return;
    const first = !this.seen.has(replica.id);
    this.seen.set(replica.id, state);
    if (!first) this.print(`  ${state}`);
  }

  private execute(words: readonly string[]): void {
    const run = this.commands[words[0] ?? ""];
    if (run === undefined) throw new Error(`unknown command: ${words.join(" ")}`);
    run(...words.slice(1));
  }

  private readonly commands: Record<string, (...words: string[]) => void> = {
    nodes: (...words) => this.start(words),
    add: (id) => void this.cluster.add(Number(id), { voters: [], outgoing: [], learners: [] }),
    campaign: (id) => this.on(id, (group) => group.campaign(this.cluster.nowMs)),
    transfer: (id, target) =>
      this.on(id, (group) => this.refusedUnless(group.transferLeadership(Number(target)))),
    propose: (id, ...texts) => {
      for (const text of texts) this.propose(Number(id), utf8Bytes(text));
    },
    bytes: (id, count) => this.propose(Number(id), new Uint8Array(Number(count))),
    config: (id, ...settings) => this.configure(Number(id), settingsOf(settings)),
    read: (id) => this.on(id, (group) => this.refusedUnless(group.readIndex(this.nextContext++))),
    lease: (id) => {
      const index = this.cluster.group(Number(id)).leaseReadIndex(this.cluster.leaseNowMs(Number(id)));
      this.print(index === null ? "no lease" : `lease read at index ${index}`);
    },
    tick: (ms, ...only) =>
      this.cluster.advance(Number(ms), false, only.length > 0 ? only.map(Number) : undefined),
    run: (ms) => this.cluster.advance(Number(ms), true),
    ahead: (id, ms) => {
      this.cluster.replica(Number(id)).leaseAheadMs += Number(ms);
    },
    unreachable: (id, other) => this.on(id, (group) => group.reportUnreachable(Number(other))),
    "stream-lost": (id) => this.on(id, (group) => group.leaderUnreachable(this.cluster.nowMs)),
    "may-vote": (id, state) => {
      this.cluster.replica(Number(id)).mayVote = state === "on";
      this.on(id, (group) => group.setMayVote(state === "on"));
    },
    inject: (...settings) => this.inject(settingsOf(settings)),
    trace: (state) => {
      this.traced = state === "on";
    },

    deliver: (name, count) => {
      if (name === undefined) this.cluster.deliverAll();
      else for (const one of linksOf(name)) this.cluster.deliverLink(one, Number(count ?? Infinity));
    },
    drop: (name) => linksOf(name!).forEach((one) => void this.cluster.cut.add(one)),
    hold: (name) => linksOf(name!).forEach((one) => void this.cluster.held.add(one)),
    lose: (name) => linksOf(name!).forEach((one) => void this.cluster.lose(one)),
    copy: (name) => this.cluster.inFlight.push(...this.cluster.inFlight.filter((m) => link(m) === name)),
    isolate: (id) => this.cluster.isolate(Number(id)),
    heal: () => this.cluster.heal(),
    persist: (state, id) => {
      if (state === "step") this.cluster.persist(Number(id), 1);
      else this.cluster.setPersist(Number(id), state === "on");
    },
    apply: (state, id) => this.cluster.setApply(Number(id), state === "on"),
    crash: (id) => {
      this.seen.delete(Number(id));
      this.cluster.crash(Number(id));
    },
    restart: (id) => {
      this.cluster.start(Number(id));
      this.printStatus(Number(id));
    },
    snapshot: (id, keep) => {
      const meta = this.cluster.takeSnapshot(Number(id), Number(keep ?? 0));
      this.print(`snapshot ${meta.index}/${meta.term} {${configurationText(meta.configuration)}}`);
    },
    pull: (id) => {
      const installed = this.cluster.pull(Number(id));
      this.print(installed === null ? "nothing to pull" : installed ? "installed" : "older than the log");
    },

    status: () => {
      for (const id of this.cluster.replicas.keys()) this.printStatus(id);
    },
    log: (id) => this.print(this.cluster.log(Number(id)).map(entryText).join(" ") || "empty"),
    disk: (id) => {
      const { hardState, snapshot, entries } = this.cluster.replica(Number(id)).disk;
      this.print(`term=${hardState.term} vote=${hardState.vote} after ${snapshot.index}/${snapshot.term}`);
      this.print(entries.map(entryText).join(" ") || "empty");
    },
    progress: (id) => {
      for (const p of this.cluster.group(Number(id)).progress())
        this.print(
          `${p.replica} ${p.state} match=${p.match} next=${p.next} inflight=${p.inflightMessages}` +
            `${p.voter ? "" : " learner"}${p.active ? "" : " inactive"}`,
        );
    },
    waiting: () => {
      for (const message of this.cluster.inFlight) this.print(messageText(message));
    },
  };

  private on(id: string | undefined, act: (group: RaftGroup) => void): void {
    this.cluster.on(Number(id), act);
  }

  private refusedUnless(accepted: boolean): void {
    if (!accepted) this.print("refused");
  }

  private printStatus(id: number): void {
    const { group } = this.cluster.replica(id);
    if (group === null) {
      this.print(`${id} crashed`);
      return;
    }
    const s = group.status();
    this.print(
      `${id} ${s.role} term=${s.term} vote=${s.vote} leader=${s.leader} commit=${s.commit} applied=${s.applied}` +
        ` log=${s.firstIndex}..${s.lastIndex} durable=${s.durableIndex} {${configurationText(s.configuration)}}${s.lostState ? " LOST STATE" : ""}`,
    );
  }

  private propose(id: number, data: Uint8Array): void {
    const result = this.cluster.on(id, (group) => group.propose(data));
    this.print(
      result.ok ? `proposed ${result.value.index}/${result.value.term}` : `refused: ${result.error.kind}`,
    );
  }

  private configure(id: number, settings: Map<string, string>): void {
    const list = (key: string): number[] => numbersOf(settings.get(key) ?? "");
    const next = { voters: list("voters"), outgoing: list("outgoing"), learners: list("learners") };
    const result = this.cluster.on(id, (group) => group.proposeConfiguration(next));
    if (result.ok) {
      this.print(`proposed ${result.value.index}/${result.value.term}`);
      return;
    }
    const { error } = result;
    this.print(`refused: ${error.kind}${error.kind === "bad-configuration" ? ` (${error.message})` : ""}`);
  }

  private inject(settings: Map<string, string>): void {
    const value = (key: string): number => Number(settings.get(key) ?? 0);
    const type = messageTypes[settings.get("type") as keyof typeof messageTypes];
    const entries = (settings.get("entries") ?? "").split(",").filter((text) => text !== "");
    this.cluster.step({
      type,
      range: 1,
      from: value("from"),
      to: value("to"),
      term: value("term"),
      index: value("index"),
      logTerm: value("logTerm"),
      commit: value("commit"),
      match: value("match"),
      reject: value("reject") === 1,
      force: value("force") === 1,
      hintIndex: value("hintIndex"),
      hintTerm: value("hintTerm"),
      round: value("round"),
      entries: entries.map((text) => {
        const [index = "0", term = "0", data = ""] = text.split("/");
        return { index: Number(index), term: Number(term), type: entryTypes.command, data: utf8Bytes(data) };
      }),
      snapshot: null,
      context: new Uint8Array(0),
    });
  }
}

/** Runs a whole file. @returns the file as it should be. */
export function rewriteScenario(text: string): string {
  const scenario = new Scenario();
  const out: string[] = [];
  let output: string[] = [];
  let skipping = false;
  for (const line of text.split("\n")) {
    if (line === "") {
      if (output.length > 0) throw new Error(`output without ---- after: ${out.at(-1)}`);
      skipping = false;
      out.push("");
    } else if (line === "----") {
      out.push(line, ...(output.length > 0 ? output : ["ok"]));
      output = [];
      skipping = true;
    } else if (!skipping) {
      out.push(line);
      if (!line.startsWith("#")) output.push(...scenario.run(line));
    }
  }
  return out.join("\n");
}
