import { below, type Random } from "../../src/base/random.js";
import type { SimScheduler } from "./sim-clock.js";
import type { SimTransport } from "./sim-transport.js";

export interface SimNetworkOptions {
  readonly scheduler: SimScheduler;
  readonly random: Random;
  /** One way, uniform between the two. Default 0.1 and 2. */
  readonly minDelayMs?: number;
  readonly maxDelayMs?: number;
  /** Of one stream. Default 100_000, about a gigabit. */
  readonly bytesPerMs?: number;
  /** A stream on which nothing comes for this long is given up. Default 3000. */
  readonly livenessMs?: number;
}

/** Streams in both directions between two transports; what was under way when it breaks is lost. */
export interface Session {
  readonly a: SimTransport;
  readonly b: SimTransport;
  broken: boolean;
}

/** A stream whose next frames come later than this was slowed down. */
const behindMs = 1000;

/** Who reaches whom, how fast, and which sessions exist. Blocks are one-way; addresses name the ends. */
export class SimNetwork {
  readonly scheduler: SimScheduler;
  readonly random: Random;
  readonly bytesPerMs: number;
  readonly livenessMs: number;
  private minDelayMs: number;
  private maxDelayMs: number;
  private readonly transports = new Map<string, SimTransport>();
  private readonly sessions = new Set<Session>();
  /** "from>to" → number of the block, so that an older block's check can tell itself from a newer. */
  private readonly blocked = new Map<string, number>();
  private readonly slow = new Map<string, number>();
  /** Frames for which their lane had no room. */
  refusedFrames = 0;
  private blockNumber = 0;
  /** Wakes what waits for a way through. */
  private waiting: { from: string; to: string; callback: () => void }[] = [];

  constructor(options: SimNetworkOptions) {
    this.scheduler = options.scheduler;
    this.random = options.random;
    this.minDelayMs = options.minDelayMs ?? 0.1;
    this.maxDelayMs = options.maxDelayMs ?? 2;
    this.bytesPerMs = options.bytesPerMs ?? 100_000;
    this.livenessMs = options.livenessMs ?? 3000;
  }

  setDelay(minDelayMs: number, maxDelayMs: number): void {
    this.minDelayMs = minDelayMs;
    this.maxDelayMs = maxDelayMs;
  }

  /** What is sent from one address to the other takes so much longer; 0 ends it. */
  slowDown(from: string, to: string, extraMs: number): void {
    if (extraMs === 0) this.slow.delete(`${from}>${to}`);
    else this.slow.set(`${from}>${to}`, extraMs);
  }

  /** A draw of the way's delay; without addresses, of one that nothing slows down. */
  delayMs(from?: string, to?: string): number {
    const span = this.maxDelayMs - this.minDelayMs;
    const delayMs = this.minDelayMs + (below(this.random, 1_000_001) / 1_000_000) * span;
    if (this.slow.size === 0 || from === undefined) return delayMs;
    return delayMs + (this.slow.get(`${from}>${to}`) ?? 0);
  }

  /** Nothing passes from one address to the other; streams stall at once and break after `livenessMs`. */
  block(from: string, to: string): void {
    const key = `${from}>${to}`;
    if (this.blocked.has(key)) return;
    const number = this.blockNumber++;
    this.blocked.set(key, number);
    this.scheduler.after(this.livenessMs + this.delayMs(), () => {
      if (this.blocked.get(key) === number) this.breakSessions(from, to);
    });
  }

  unblock(from: string, to: string): void {
    if (!this.blocked.delete(`${from}>${to}`)) return;
    const free = this.waiting.filter((wait) => wait.from === from && wait.to === to);
    this.waiting = this.waiting.filter((wait) => wait.from !== from || wait.to !== to);
    for (const wait of free) wait.callback();
  }

  /** Cuts the addresses into groups that don't reach each other, both ways. */
  partition(groups: readonly (readonly string[])[]): void {
    for (const group of groups)
      for (const other of groups)
        if (group !== other) for (const from of group) for (const to of other) this.block(from, to);
  }

  /**
   * Nothing between these addresses, by default all, is blocked any more, and nothing at all is slow. Streams that still
   * hold what was sent while they were slow break: in their order it would keep back all that follows, for seconds.
   */
  heal(among: ReadonlySet<string> | null = null): void {
    this.slow.clear();
    for (const session of this.sessions)
      if (session.a.isBehind(session.b, behindMs) || session.b.isBehind(session.a, behindMs))
        this.breakSession(session);
    for (const key of [...this.blocked.keys()]) {
      const [from, to] = key.split(">") as [string, string];
      if (among === null || (among.has(from) && among.has(to))) this.unblock(from, to);
    }
  }

  get anyBlocked(): boolean {
    return this.blocked.size > 0;
  }

  reaches(from: string, to: string): boolean {
    return !this.blocked.has(`${from}>${to}`);
  }

  /** Calls back when `from` reaches `to`: now, or when the block ends. */
  whenReaches(from: string, to: string, callback: () => void): void {
    if (this.reaches(from, to)) callback();
    else this.waiting.push({ from, to, callback });
  }

  /** Resets all streams between two addresses, as a middlebox may. */
  breakSessions(one: string, other: string): void {
    for (const session of this.sessions) {
      const { a, b } = session;
      if (
        (a.ownAddress === one && b.ownAddress === other) ||
        (a.ownAddress === other && b.ownAddress === one)
      )
        this.breakSession(session);
    }
  }

  /** Each end hears of it on its own, a little later. */
  breakSession(session: Session): void {
    if (session.broken) return;
    session.broken = true;
    this.sessions.delete(session);
    for (const end of [session.a, session.b]) end.sessionBroken(session);
  }

  register(transport: SimTransport): void {
    this.transports.set(transport.ownAddress, transport);
  }

  unregister(transport: SimTransport): void {
    if (this.transports.get(transport.ownAddress) === transport) this.transports.delete(transport.ownAddress);
    for (const session of this.sessions)
      if (session.a === transport || session.b === transport) this.breakSession(session);
  }

  /** Who listens at an address now. */
  listener(address: string): SimTransport | null {
    return this.transports.get(address) ?? null;
  }

  sessionBetween(one: SimTransport, other: SimTransport): Session | null {
    for (const session of this.sessions) {
      if ((session.a === one && session.b === other) || (session.a === other && session.b === one))
        return session;
    }
    return null;
  }

  /** A stopped process says nothing: the others give it up after a while. */
  watchPaused(transport: SimTransport): void {
    const { pauses } = transport.host;
    this.scheduler.after(this.livenessMs, () => {
      if (!transport.alive || !transport.host.paused || transport.host.pauses !== pauses) return;
      for (const session of this.sessions)
        if (session.a === transport || session.b === transport) this.breakSession(session);
    });
  }

  connect(a: SimTransport, b: SimTransport): Session {
    const session: Session = { a, b, broken: false };
    this.sessions.add(session);
    return session;
  }
}
