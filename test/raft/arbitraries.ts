import fc from "fast-check";
import type { NodeRecord, RecordSection } from "../../src/raft/record.js";
import {
  type Configuration,
  type Entry,
  type EntryType,
  type HardState,
  type Message,
  type MessageType,
  messageTypes,
  type SnapshotMeta,
} from "../../src/raft/types.js";

/** Values as they can occur, for round trips and laws. */

const number = fc.oneof(
  fc.nat(200),
  fc.maxSafeNat(),
  fc.constantFrom(0, 127, 128, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER),
);
const data = fc.uint8Array({ maxLength: 20 });

/** Valid by construction: each replica has one place. Joint about half of the time. */
export function configurations(maxReplica: number): fc.Arbitrary<Configuration> {
  const places = fc.constantFrom("none", "voter", "outgoing", "both", "learner");
  return fc
    .tuple(fc.array(places, { minLength: 1, maxLength: maxReplica }), fc.boolean())
    .map(([drawn, joint]) => {
      const voters: number[] = [];
      const outgoing: number[] = [];
      const learners: number[] = [];
      drawn.forEach((place, i) => {
        if (place === "voter" || place === "both") voters.push(i + 1);
        if (place === "learner") learners.push(i + 1);
        if (joint && (place === "outgoing" || place === "both")) outgoing.push(i + 1);
      });
      return { voters, outgoing: voters.length === 0 ? [] : outgoing, learners };
    });
}

export const entryRuns: fc.Arbitrary<readonly Entry[]> = fc
  .tuple(
    fc.integer({ min: 1, max: 2 ** 52 }),
    fc.nat(2 ** 31),
    fc.array(fc.tuple(fc.nat(3), fc.constantFrom<EntryType>(0, 1, 2), data), { maxLength: 5 }),
  )
  .map(([first, firstTerm, drawn]) => {
    let term = firstTerm;
    return drawn.map(([step, type, bytes], i) => {
      term += step;
      return { term, index: first + i, type, data: bytes };
    });
  });

export const snapshotMetas: fc.Arbitrary<SnapshotMeta> = fc.record({
  index: number,
  term: number,
  configuration: configurations(6),
});

export const messages: fc.Arbitrary<Message> = fc.record({
  type: fc.constantFrom<MessageType>(...Object.values(messageTypes)),
  range: number,
  from: number,
  to: number,
  term: number,
  index: number,
  logTerm: number,
  commit: number,
  match: number,
  reject: fc.boolean(),
  force: fc.boolean(),
  hintIndex: number,
  hintTerm: number,
  round: number,
  entries: entryRuns,
  snapshot: fc.option(snapshotMetas),
  context: data,
});

const hardStates: fc.Arbitrary<HardState> = fc.record({ term: number, vote: number, commit: number });

const sections: fc.Arbitrary<RecordSection> = fc.record({
  range: number,
  replica: number,
  reset: fc.option(snapshotMetas),
  hardState: fc.option(hardStates),
  entries: entryRuns,
  configuration: fc.option(configurations(6)),
  mark: fc.constantFrom("none", "created", "fenced", "removed"),
});

export const records: fc.Arbitrary<NodeRecord> = fc.record({
  sequence: number,
  sections: fc.array(sections, { maxLength: 4 }),
});
