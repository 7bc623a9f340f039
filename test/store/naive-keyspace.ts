import { latin1Bytes, latin1Text } from "../../src/base/bytes.js";
import { type HashKey, hashHigh, keyedHash } from "../../src/base/keyed-hash.js";
import { SeededRandom } from "../../src/base/random.js";
import { slotOf } from "../../src/base/slot.js";
import { elementBytes } from "../../src/store/charge.js";
import type {
  ByteSlice,
  CollectionKind,
  ElementCursor,
  Encoding,
  Handle,
  KeyCursor,
  Keyspace,
  ValueKind,
} from "../../src/store/keyspace.js";

/** An element: bytes as latin1 text, with a hash field's value or a score. */
interface Element {
  readonly member: string;
  value: string;
  score: number;
  readonly hash: number;
}

interface Entry {
  key: string;
  readonly kind: ValueKind;
  text: string;
  /** In canonical order. */
  elements: Element[];
  deadlineMs: number;
  revision: number;
}

const none = "";

function sliceOf(text: string): ByteSlice {
  const bytes = latin1Bytes(text);
  return { bytes, offset: 0, length: bytes.length };
}

/**
 * A keyspace of plain JavaScript values, too simple to be wrong: the model that the real one and the commands are
 * compared with. Its charge is a rough one that follows the same rules.
 */
export class NaiveKeyspace implements Keyspace {
  nowMs = 0;
  estimateMs = 0;
  revision = 0;
  limitBytes = Number.POSITIVE_INFINITY;
  readonly valueLimitBytes: number;
  private readonly hashKey: HashKey;
  private readonly keys = new Map<string, Handle>();
  private readonly entries = new Map<Handle, Entry>();
  private nextHandle = 1;
  private generator = new SeededRandom(0);
  private changed = new Set<Entry>();

  constructor(hashKey: HashKey, valueLimitBytes: number) {
    this.hashKey = hashKey;
    this.valueLimitBytes = valueLimitBytes;
  }

  beginEntry(nowMs: number, seed: number): void {
    this.nowMs = nowMs;
    this.estimateMs = nowMs;
    this.generator = new SeededRandom(seed);
    this.changed = new Set();
  }
  beginRead(estimateMs: number): void {
    this.estimateMs = Math.max(this.nowMs, estimateMs);
  }
  sweep(): void {
    for (const [key, handle] of [...this.keys]) if (this.expired(this.entry(handle))) this.drop(key);
  }

  // Entries ------------------------------------------------------------------------------------------------------

  private entry(handle: Handle): Entry {
    const entry = this.entries.get(handle);
    if (entry === undefined) throw new Error(`handle ${handle} names nothing`);
    return entry;
  }
  private expired(entry: Entry): boolean {
    return entry.deadlineMs !== 0 && entry.deadlineMs <= this.nowMs;
  }
  private put(entry: Entry): Handle {
    const handle = this.nextHandle++;
    this.entries.set(handle, entry);
    return handle;
  }
  private drop(key: string): void {
    const handle = this.keys.get(key);
    if (handle === undefined) return;
    this.keys.delete(key);
    this.entries.delete(handle);
  }
  private place(handle: Handle, key: string): Handle {
    this.drop(key);
    this.keys.set(key, handle);
    this.entry(handle).key = key;
    this.change(handle);
    return handle;
  }
  private change(handle: Handle): Handle {
    const entry = this.entry(handle);
    if (this.keys.get(entry.key) !== handle || this.changed.has(entry)) return handle;
    this.changed.add(entry);
    entry.revision = ++this.revision;
    return handle;
  }

  random(): number {
    return this.generator.u32();
  }
  find(key: Uint8Array, start: number, end: number): Handle {
    const handle = this.keys.get(latin1Text(key, start, end)) ?? 0;
    return handle === 0 || this.expired(this.entry(handle)) ? 0 : handle;
  }
  kindOf(handle: Handle): ValueKind {
    return this.entry(handle).kind;
  }
  keyOf(handle: Handle): ByteSlice {
    return sliceOf(this.entry(handle).key);
  }
  encodingOf(handle: Handle): Encoding {
    const { kind, text, elements } = this.entry(handle);
    const small = (count: number): boolean =>
      elements.length <= count &&
      elements.every(({ member, value }) => Math.max(member.length, value.length) <= 64);
    switch (kind) {
      case "string":
        if (/^(0|-?[1-9]\d{0,18})$/.test(text) && BigInt.asIntN(64, BigInt(text)) === BigInt(text))
          return "int";
        return text.length <= 44 ? "embstr" : "raw";
      case "list":
        return "quicklist";
      case "hash":
        return small(512) ? "listpack" : "hashtable";
      case "zset":
        return small(128) ? "listpack" : "skiplist";
      case "set":
        return elements.length <= 512 &&
          elements.every(
            ({ member }) =>
              /^(0|-?[1-9]\d{0,18})$/.test(member) && BigInt.asIntN(64, BigInt(member)) === BigInt(member),
          )
          ? "intset"
          : "hashtable";
    }
  }
  /** Nothing is used or counted here. */
  idleMsOf(): number {
    return 0;
  }
  frequencyOf(): number | null {
    return null;
  }
  revisionOf(handle: Handle): number {
    return this.entry(handle).revision;
  }
  deadlineOf(handle: Handle): number {
    return this.entry(handle).deadlineMs;
  }
  stringOf(handle: Handle): ByteSlice {
    return sliceOf(this.entry(handle).text);
  }
  stringCharge(keyLength: number, valueLength: number, hasDeadline: boolean): number {
    return 64 + keyLength + valueLength + (hasDeadline ? 16 : 0);
  }
  chargeOf(handle: Handle): number {
    return this.chargeUnderKey(handle, this.entry(handle).key.length);
  }
  chargeUnderKey(handle: Handle, keyLength: number): number {
    const { kind, text, elements, deadlineMs } = this.entry(handle);
    if (kind === "string") return this.stringCharge(keyLength, text.length, deadlineMs !== 0);
    const bytes = elements.map((each) => 16 + elementBytes(kind, each.member.length, each.value.length));
    return this.stringCharge(keyLength, 0, deadlineMs !== 0) + bytes.reduce((sum, each) => sum + each, 0);
  }
  growthOf(
    _kind: CollectionKind,
    handle: Handle,
    keyLength: number,
    elements: number,
    bytes: number,
  ): number {
    return (handle === 0 ? this.stringCharge(keyLength, 0, false) : 0) + 16 * elements + bytes;
  }
  get chargedBytes(): number {
    let sum = 0;
    for (const handle of this.keys.values()) sum += this.chargeOf(handle);
    return sum;
  }
  makeRoom(growthBytes: number): boolean {
    return growthBytes <= 0 || this.limitBytes === Number.POSITIVE_INFINITY
      ? true
      : this.chargedBytes + growthBytes <= this.limitBytes;
  }

  setString(
    key: Uint8Array,
    keyStart: number,
    keyEnd: number,
    value: Uint8Array,
    valueStart: number,
    valueEnd: number,
    deadlineMs: number,
  ): Handle {
    const text = latin1Text(value, valueStart, valueEnd);
    const handle = this.put({ key: none, kind: "string", text, elements: [], deadlineMs, revision: 0 });
    return this.place(handle, latin1Text(key, keyStart, keyEnd));
  }
  appendString(handle: Handle, bytes: Uint8Array, start: number, end: number): Handle {
    this.entry(handle).text += latin1Text(bytes, start, end);
    return this.change(handle);
  }
  overwriteString(handle: Handle, offset: number, bytes: Uint8Array, start: number, end: number): Handle {
    const entry = this.entry(handle);
    const text = entry.text.padEnd(offset, "\0");
    entry.text = text.slice(0, offset) + latin1Text(bytes, start, end) + text.slice(offset + end - start);
    return this.change(handle);
  }
  setDeadline(handle: Handle, deadlineMs: number): Handle {
    this.entry(handle).deadlineMs = deadlineMs;
    return this.change(handle);
  }
  rename(handle: Handle, key: Uint8Array, keyStart: number, keyEnd: number): Handle {
    this.revision++;
    this.keys.delete(this.entry(handle).key);
    return this.place(handle, latin1Text(key, keyStart, keyEnd));
  }
  copy(handle: Handle, key: Uint8Array, keyStart: number, keyEnd: number): Handle {
    return this.place(this.copyDetached(handle), latin1Text(key, keyStart, keyEnd));
  }
  keysFrom(position: number): KeyCursor {
    const found = [...this.keys]
      .filter(([, handle]) => !this.expired(this.entry(handle)))
      .map(([key, handle]) => ({ handle, key: sliceOf(key), position: this.positionOf(latin1Bytes(key)) }))
      .filter((each) => each.position >= position)
      .sort((a, b) => a.position - b.position);
    let at = -1;
    return {
      next: () => ++at < found.length,
      get handle() {
        return found[at]!.handle;
      },
      get key() {
        return found[at]!.key;
      },
      get position() {
        return found[at]!.position;
      },
    };
  }
  private positionOf(key: Uint8Array): number {
    const low = keyedHash(this.hashKey, key) >>> 0;
    return slotOf(key) * 2 ** 39 + (hashHigh >>> 0) * 128 + (low >>> 25);
  }
  randomKey(): Handle {
    const cursor = this.keysFrom(0);
    const handles: Handle[] = [];
    while (cursor.next()) handles.push(cursor.handle);
    return handles.length === 0 ? 0 : handles[this.random() % handles.length]!;
  }
  remove(handle: Handle): void {
    this.drop(this.entry(handle).key);
    this.revision++;
  }
  clear(): void {
    this.keys.clear();
    this.entries.clear();
    this.revision++;
  }
  get size(): number {
    return this.keys.size;
  }

  // Collections --------------------------------------------------------------------------------------------------

  lengthOf(handle: Handle): number {
    return this.entry(handle).elements.length;
  }
  elements(handle: Handle, from: number, reverse: boolean): ElementCursor {
    const { elements } = this.entry(handle);
    const part = reverse ? elements.slice(0, from + 1).reverse() : elements.slice(from);
    return cursorOver(part);
  }
  scan(handle: Handle, hash: number): ElementCursor {
    const { elements } = this.entry(handle);
    return cursorOver(elements.filter((each) => each.hash >= hash).sort(byHash));
  }
  createCollection(key: Uint8Array, keyStart: number, keyEnd: number, kind: CollectionKind): Handle {
    return this.place(this.createDetached(kind), latin1Text(key, keyStart, keyEnd));
  }
  createDetached(kind: CollectionKind): Handle {
    return this.put({ key: none, kind, text: "", elements: [], deadlineMs: 0, revision: 0 });
  }
  copyDetached(handle: Handle): Handle {
    return this.put(structuredClone(this.entry(handle)));
  }
  attach(detached: Handle, key: Uint8Array, keyStart: number, keyEnd: number): Handle {
    return this.place(detached, latin1Text(key, keyStart, keyEnd));
  }
  discard(detached: Handle): void {
    this.entries.delete(detached);
  }
  dropIfEmpty(handle: Handle): boolean {
    const entry = this.entry(handle);
    if (entry.elements.length > 0) return false;
    this.drop(entry.key);
    return true;
  }

  private element(member: string, value = "", score = 0): Element {
    return { member, value, score, hash: keyedHash(this.hashKey, latin1Bytes(member)) >>> 0 };
  }
  private found(handle: Handle, bytes: Uint8Array, start: number, end: number): Element | undefined {
    const member = latin1Text(bytes, start, end);
    return this.entry(handle).elements.find((each) => each.member === member);
  }
  private take(handle: Handle, element: Element | undefined): boolean {
    if (element === undefined) return false;
    const { elements } = this.entry(handle);
    elements.splice(elements.indexOf(element), 1);
    this.change(handle);
    return true;
  }
  private insert(handle: Handle, element: Element, order: (a: Element, b: Element) => number): void {
    const { elements } = this.entry(handle);
    const at = elements.findIndex((each) => order(element, each) < 0);
    elements.splice(at < 0 ? elements.length : at, 0, element);
    this.change(handle);
  }

  listPush(handle: Handle, atHead: boolean, bytes: Uint8Array, start: number, end: number): void {
    this.listInsert(handle, atHead ? 0 : this.lengthOf(handle), bytes, start, end);
  }
  listInsert(handle: Handle, index: number, bytes: Uint8Array, start: number, end: number): void {
    this.entry(handle).elements.splice(index, 0, this.element(latin1Text(bytes, start, end)));
    this.change(handle);
  }
  listSet(handle: Handle, index: number, bytes: Uint8Array, start: number, end: number): void {
    this.entry(handle).elements[index] = this.element(latin1Text(bytes, start, end));
    this.change(handle);
  }
  listRemove(handle: Handle, index: number, count: number): void {
    if (count === 0) return;
    this.entry(handle).elements.splice(index, count);
    this.change(handle);
  }

  setHas(handle: Handle, bytes: Uint8Array, start: number, end: number): boolean {
    return this.found(handle, bytes, start, end) !== undefined;
  }
  setAdd(handle: Handle, bytes: Uint8Array, start: number, end: number): boolean {
    if (this.setHas(handle, bytes, start, end)) return false;
    this.insert(handle, this.element(latin1Text(bytes, start, end)), byHash);
    return true;
  }
  setRemove(handle: Handle, bytes: Uint8Array, start: number, end: number): boolean {
    return this.take(handle, this.found(handle, bytes, start, end));
  }

  hashGet(handle: Handle, bytes: Uint8Array, start: number, end: number): ByteSlice | null {
    const found = this.found(handle, bytes, start, end);
    return found === undefined ? null : sliceOf(found.value);
  }
  hashSet(
    handle: Handle,
    field: Uint8Array,
    fieldStart: number,
    fieldEnd: number,
    value: Uint8Array,
    valueStart: number,
    valueEnd: number,
  ): boolean {
    const text = latin1Text(value, valueStart, valueEnd);
    const found = this.found(handle, field, fieldStart, fieldEnd);
    if (found === undefined) {
      this.insert(handle, this.element(latin1Text(field, fieldStart, fieldEnd), text), byHash);
      return true;
    }
    found.value = text;
    this.change(handle);
    return false;
  }
  hashRemove(handle: Handle, bytes: Uint8Array, start: number, end: number): boolean {
    return this.take(handle, this.found(handle, bytes, start, end));
  }

  zsetScore(handle: Handle, bytes: Uint8Array, start: number, end: number): number {
    return this.found(handle, bytes, start, end)?.score ?? Number.NaN;
  }
  zsetRank(handle: Handle, bytes: Uint8Array, start: number, end: number): number {
    const found = this.found(handle, bytes, start, end);
    return found === undefined ? -1 : this.entry(handle).elements.indexOf(found);
  }
  zsetSet(handle: Handle, score: number, bytes: Uint8Array, start: number, end: number): boolean {
    const found = this.found(handle, bytes, start, end);
    if (found?.score === score) return false;
    this.take(handle, found);
    this.insert(handle, this.element(latin1Text(bytes, start, end), "", score), byScore);
    return found === undefined;
  }
  zsetRemove(handle: Handle, bytes: Uint8Array, start: number, end: number): boolean {
    return this.take(handle, this.found(handle, bytes, start, end));
  }
  zsetRemoveRange(handle: Handle, rank: number, count: number): void {
    this.listRemove(handle, rank, count);
  }
  zsetCountBelow(handle: Handle, score: number, orEqual: boolean): number {
    return this.entry(handle).elements.filter(
      (each) => each.score < score || (orEqual && each.score === score),
    ).length;
  }
  zsetCountBelowLex(handle: Handle, bytes: Uint8Array, start: number, end: number, orEqual: boolean): number {
    const text = latin1Text(bytes, start, end);
    return this.entry(handle).elements.filter(({ member }) => member < text || (orEqual && member === text))
      .length;
  }
}

function byHash(a: Element, b: Element): number {
  return a.hash - b.hash || byText(a.member, b.member);
}
function byScore(a: Element, b: Element): number {
  return a.score < b.score ? -1 : a.score > b.score ? 1 : byText(a.member, b.member);
}
function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function cursorOver(elements: readonly Element[]): ElementCursor {
  let at = -1;
  return {
    next: () => ++at < elements.length,
    get member() {
      return sliceOf(elements[at]!.member);
    },
    get value() {
      return sliceOf(elements[at]!.value);
    },
    get score() {
      return elements[at]!.score;
    },
    get hash() {
      return elements[at]!.hash;
    },
  };
}
