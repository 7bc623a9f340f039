import type { Addition, Parts, Read, Removal } from "./queue-parts.js";

/** What is known of an element that was added once. */
interface Life {
  readonly isTail: boolean;
  /** null: no answer names it. */
  readonly removal: Removal | null;
  /** The last read that shows it, and where; null: none. */
  readonly shown: { readonly read: Read; readonly at: number } | null;
  /** By when an answer shows that it was added; infinite: none does. */
  readonly addedByNs: number;
}

/**
 * What the answers tell of the order of elements, where each was added once: between two of which both were there at a time,
 * the one nearer to the head never changes.
 */
export class QueueOrder {
  /** By the elements' numbers; null for those that were added more or less often than once. */
  private readonly lifes: readonly (Life | null)[];
  /** When the first unknown operation began that may take the head or the tail. */
  private unknownHeadNs = Number.POSITIVE_INFINITY;
  private unknownTailNs = Number.POSITIVE_INFINITY;

  constructor({ of, elements }: Parts) {
    const additions = new Array<Addition | null>(elements).fill(null);
    const counts = new Uint32Array(elements);
    const removals = new Array<Removal | null>(elements).fill(null);
    const shown = new Array<Life["shown"]>(elements).fill(null);
    const addedByNs = new Array<number>(elements).fill(Number.POSITIVE_INFINITY);
    const isSeen = (element: number, { endNs }: Removal | Read): void => {
      addedByNs[element] = Math.min(addedByNs[element]!, endNs);
    };
    for (const part of of.values()) {
      if (part.kind === "add") {
        additions[part.element] = part;
        counts[part.element]!++;
      } else if (part.kind === "read") {
        for (const [at, each] of (part.elements ?? []).entries()) {
          isSeen(each, part);
          if (shown[each] === null || shown[each]!.read.invokedNs <= part.invokedNs)
            shown[each] = { read: part, at };
        }
      } else if (part.element !== null) {
        isSeen(part.element, part);
        removals[part.element] = part;
      } else if (!part.isKnown) this.unknownFrom(part);
    }
    this.lifes = additions.map((addition, each) =>
      addition === null || counts[each] !== 1
        ? null
        : {
            isTail: addition.isTail,
            removal: removals[each]!,
            shown: shown[each]!,
            addedByNs: addedByNs[each]!,
          },
    );
  }

  private unknownFrom({ isHead, invokedNs }: Removal): void {
    if (isHead) this.unknownHeadNs = Math.min(this.unknownHeadNs, invokedNs);
    else this.unknownTailNs = Math.min(this.unknownTailNs, invokedNs);
  }

  /** Whether an answer names it, so that nobody else can have taken it. */
  isTaken(element: number): boolean {
    return (this.lifes[element]?.removal ?? null) !== null;
  }

  /** By when an answer shows that it was added, in ns; null: none does, or it was added more often. */
  addedByNs(element: number): number | null {
    const byNs = this.lifes[element]?.addedByNs ?? Number.POSITIVE_INFINITY;
    return byNs === Number.POSITIVE_INFINITY ? null : byNs;
  }

  /** Whether `added` may stand beside those that are there already: each of them must still find its way out. */
  isFitting(there: readonly number[], added: number, isTail: boolean): boolean {
    const life = this.lifes[added]!;
    if (life === null) return true;
    const count = Math.min(reach, there.length);
    for (let i = 0; i < count; i++) {
      const other = this.lifes[there[isTail ? there.length - 1 - i : i]!]!;
      if (other === null) continue;
      if (isTail ? !this.mayStand(other, life) : !this.mayStand(life, other)) return false;
    }
    return true;
  }

  /** Whether `left` may be nearer to the head than `right`, where both are there at a time. */
  private mayStand(left: Life, right: Life): boolean {
    if (left.shown !== null && left.shown.read === right.shown?.read && left.shown.at > right.shown.at)
      return false;
    const [first, last] = [left.removal, right.removal];
    // Who goes by the head goes after all that are left of it, who goes by the tail after all that are right of it.
    if (last?.isHead === true && !mayGoBefore(last, first, this.unknownHeadNs)) return false;
    return !(first?.isHead === false && !mayGoBefore(first, last, this.unknownTailNs));
  }

  /**
   * Whether `first` has to be added before `second` is, if both are: else it would stand behind it on its way out, though
   * it goes sooner.
   */
  mustComeFirst(first: number, second: number): boolean {
    const [one, other] = [this.lifes[first]!, this.lifes[second]!];
    if (one === null || other === null || one === other) return false;
    if (one.shown !== null && one.shown.read === other.shown?.read)
      return one.isTail ? one.shown.at < other.shown.at : one.shown.at > other.shown.at;
    const isThrough = one.removal !== null && one.removal.isHead === one.isTail;
    const lastNs = other.removal?.invokedNs ?? other.shown?.read.invokedNs ?? Number.NEGATIVE_INFINITY;
    return isThrough && one.removal.endNs < lastNs;
  }

  /** Whether `first` is likelier to have been added before `second`, as both go out then in the order of their ways. */
  shouldComeFirst(first: number, second: number): boolean {
    const [one, other] = [this.lifes[first]!, this.lifes[second]!];
    if (one === null || other === null || one === other) return false;
    const isLater = goneNs(one) > goneNs(other);
    if (isLater) return other.removal !== null && other.removal.isHead !== one.isTail;
    return one.removal !== null && one.removal.isHead === one.isTail && goneNs(one) < goneNs(other);
  }
}

function goneNs({ removal }: Life): number {
  return removal === null ? Number.POSITIVE_INFINITY : (removal.invokedNs + removal.endNs) / 2;
}

/** How many neighbours are looked at; further away the order shows seldom. */
const reach = 64;

function mayGoBefore({ isHead, endNs }: Removal, before: Removal | null, unknownNs: number): boolean {
  if (before === null) return unknownNs <= endNs;
  return before.isHead === isHead && before.invokedNs <= endNs;
}
