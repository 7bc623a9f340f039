import { slotOf } from "../../base/slot.js";
import type { Slot } from "../../base/units.js";
import { type ConsistencyLevel, consistencyLevels } from "../../commands/command-codec.js";
import type { CommandDefinition } from "../../commands/define-command.js";
import type { ReadFreshness, Service } from "../../node/service.js";
import type { MutableHeader } from "./resp-context.js";
import type { RespParser } from "./resp-parser.js";
import { SessionMarks } from "./session-marks.js";

/** How fresh the reads of one connection must be, as QUORATE.READ chose. */
export class ReadConsistency {
  private level: ConsistencyLevel = consistencyLevels.linearizable;
  private boundMs = 0;
  private readonly marks = new SessionMarks();

  constructor(private readonly service: Service) {}

  /** A session begins here: it has seen nothing yet. */
  choose(level: ConsistencyLevel, boundMs: number): void {
    this.level = level;
    this.boundMs = boundMs;
    this.marks.clear();
  }

  /**
   * Fills the header's consistency for the parser's command; returns the key slot that its reply must be remembered by,
   * or -1.
   */
  prepare(definition: CommandDefinition, command: RespParser, header: MutableHeader): Slot {
    header.level = consistencyLevels.linearizable;
    header.levelA = 0;
    header.levelB = 0;
    const level = this.level;
    if (level === consistencyLevels.linearizable) return -1;
    if (level === consistencyLevels.session) return this.prepareSession(definition, command, header);
    if (definition.access !== "read") return -1;
    header.level = level;
    if (level === consistencyLevels.bounded) header.levelA = this.boundMs;
    return -1;
  }

  /** A reply was read as `freshness` says from the range of `slot`. */
  remember(slot: Slot, freshness: ReadFreshness): void {
    if (slot < 0 || this.level !== consistencyLevels.session) return;
    const [first, last] = this.rangeOf(slot);
    this.marks.saw(first, last, freshness.revision, freshness.logTimeMs);
  }

  /** Marks of several ranges can't be put into one header: such reads are linearizable. */
  private prepareSession(definition: CommandDefinition, command: RespParser, header: MutableHeader): Slot {
    const { keys, access } = definition;
    const writes = access === "write";
    if (keys === null) {
      if (writes) this.marks.wroteEverywhere();
      return -1;
    }
    const last = keys.last < 0 ? command.count + keys.last : keys.last;
    let slot = -1;
    let several = false;
    for (let i = keys.first; i <= last && i < command.count; i += keys.step) {
      const own = slotOf(command.bytes, command.start(i), command.end(i));
      several ||= slot >= 0 && own !== slot;
      slot = own;
      if (writes) this.marks.wrote(...this.rangeOf(own));
    }
    if (writes || several || slot < 0 || !this.marks.load(slot)) return -1;
    header.level = consistencyLevels.session;
    header.levelA = this.marks.revision;
    header.levelB = this.marks.logTimeMs;
    return slot;
  }

  /** First and last slot of the range; of the slot alone while no range is known. */
  private rangeOf(slot: Slot): readonly [Slot, Slot] {
    for (const range of this.service.topology().ranges)
      if (slot >= range.slots[0] && slot <= range.slots[1]) return range.slots;
    return [slot, slot];
  }
}
