import { assert } from "../base/assert.js";
import { bufferBytes, giveBuffer, takeBuffer } from "./buffer-pool.js";
import { classBytes, sizeClassOf } from "./size-class.js";

/** Names a block: page * 2^12 + offset / 8, in 32 bits. 0 is none. */
export type BlockRef = number;

const pageBytes = 32 * 1024;
const arenaPages = bufferBytes / pageBytes;
const firstArenaPages = 4;
/** Larger blocks have a buffer of their own. */
const largestSharedBytes = 4 * 1024;
const sharedClasses = sizeClassOf(largestSharedBytes) + 1;
const noOffset = 0xffff_ffff;
const maxCredit = 16 * 1024 * 1024;
/** In front of each block: its owner, by which it is found when it moves; 0 while it is free. */
export const blockHeadBytes = 4;

/** Pages of one buffer; which class a page serves changes with what is needed. */
interface Arena {
  readonly bytes: Uint8Array;
  /** Numbers of all its pages, and of the free ones. */
  readonly pages: number[];
  readonly freePages: number[];
  /** Place in the list of arenas with free pages, or -1. */
  place: number;
}

/** A buffer cut into blocks of one class; freed blocks form a list through the four bytes after their head. */
interface Page {
  bytes: Uint8Array;
  readonly start: number;
  readonly arena: Arena | null;
  /** -1 while it serves none. */
  sizeClass: number;
  used: number;
  /** Offset in the page of the first block never handed out. */
  fresh: number;
  firstFree: number;
  /** Place in its class's list of pages with room, or -1. */
  place: number;
}

/** Tells the owner of a block that it lies elsewhere now. */
export type BlockMoved = (owner: number, ref: BlockRef) => void;

/**
 * Bytes outside the JS heap in blocks of size classes. A page that became empty serves any class, and sparse pages
 * are emptied by moving their blocks (`compact`), so that a change of value sizes strands no memory. Refs are local
 * to a replica: nothing observable depends on where a block lies.
 */
export class Slab {
  private readonly pages: (Page | null)[] = [];
  private readonly freeNumbers: number[] = [];
  private readonly openArenas: Arena[] = [];
  private arenas = 0;
  private freePages = 0;
  /** The arena that is being emptied: nothing is taken from it. */
  private draining: Arena | null = null;
  /** Bytes that may be moved: what was freed pays for it, so moving never takes more than a share of the work. */
  private credit = 0;
  /** Per class: the pages that have room, and how many bytes of blocks are free in its pages. */
  private readonly open: number[][] = Array.from({ length: sharedClasses }, () => []);
  private readonly freeBytes = new Float64Array(sharedClasses);
  private readonly heldBytes = new Float64Array(sharedClasses);
  private compactClass = 0;
  /** Bytes of buffers held. */
  reservedBytes = 0;

  constructor() {
    // Ref 0 names no block.
    this.pages.push(null);
  }

  /** The buffer that holds a block. */
  bytesOf(ref: BlockRef): Uint8Array {
    return this.pages[ref >>> 12]!.bytes;
  }

  /** Where the block's content begins in it. */
  offsetOf(ref: BlockRef): number {
    return this.pages[ref >>> 12]!.start + ((ref & 0xfff) << 3) + blockHeadBytes;
  }

  /** A block for `length` bytes of content, not cleared. `owner` > 0. */
  allocate(length: number, owner: number): BlockRef {
    const sizeClass = sizeClassOf(length + blockHeadBytes);
    if (sizeClass >= sharedClasses) return this.allocateAlone(classBytes(sizeClass), owner);
    const blockBytes = classBytes(sizeClass);
    const open = this.open[sizeClass]!;
    const number = open.length > 0 ? open[open.length - 1]! : this.openPage(sizeClass);
    const page = this.pages[number]!;
    let offset = page.firstFree;
    if (offset !== noOffset) page.firstFree = readWord(page.bytes, page.start + offset + blockHeadBytes);
    else {
      offset = page.fresh;
      page.fresh += blockBytes;
    }
    page.used++;
    this.freeBytes[sizeClass]! -= blockBytes;
    if (page.firstFree === noOffset && page.fresh + blockBytes > pageBytes) this.close(number, page);
    writeWord(page.bytes, page.start + offset, owner);
    return ((number << 12) | (offset >>> 3)) >>> 0;
  }

  free(ref: BlockRef): void {
    const number = ref >>> 12;
    const page = this.pages[number]!;
    page.used--;
    assert(page.used >= 0, "a block is freed once");
    if (page.arena === null) {
      this.reservedBytes -= page.bytes.length;
      this.pages[number] = null;
      this.freeNumbers.push(number);
      return;
    }
    const offset = (ref & 0xfff) << 3;
    writeWord(page.bytes, page.start + offset, 0);
    writeWord(page.bytes, page.start + offset + blockHeadBytes, page.firstFree);
    page.firstFree = offset;
    this.freeBytes[page.sizeClass]! += classBytes(page.sizeClass);
    this.credit = Math.min(this.credit + 2 * classBytes(page.sizeClass), maxCredit);
    const open = this.open[page.sizeClass]!;
    if (page.place < 0) page.place = open.push(number) - 1;
    if (page.used === 0) this.releasePage(number, page);
  }

  /** Whether blocks for two lengths are of one size. */
  sameClass(a: number, b: number): boolean {
    return sizeClassOf(a + blockHeadBytes) === sizeClassOf(b + blockHeadBytes);
  }

  /** Gives a block to another owner. */
  setOwner(ref: BlockRef, owner: number): void {
    const page = this.pages[ref >>> 12]!;
    writeWord(page.bytes, page.start + ((ref & 0xfff) << 3), owner);
  }

  /**
   * Empties at most one page, moving its blocks: of a class of which more than an eighth is free, or of the arena with
   * most free pages when more than a tenth of all bytes are free pages. Holders of a block learn of it by `moved`.
   */
  compact(moved: BlockMoved): void {
    if (this.credit < pageBytes) return;
    this.credit -= pageBytes;
    if (!this.drainArena(moved)) this.compactClasses(moved);
  }

  private compactClasses(moved: BlockMoved): void {
    for (let i = 0; i < sharedClasses; i++) {
      const sizeClass = this.compactClass;
      if (this.compactPage(sizeClass, moved)) return;
      this.compactClass = (sizeClass + 1) % sharedClasses;
    }
  }

  private compactPage(sizeClass: number, moved: BlockMoved): boolean {
    const open = this.open[sizeClass]!;
    const blockBytes = classBytes(sizeClass);
    if (open.length < 2 || this.freeBytes[sizeClass]! * 8 < this.heldBytes[sizeClass]!) return false;
    // The sparsest of a few: the list is in no order that says more.
    let number = open[0]!;
    for (let i = 1; i < open.length && i < 16; i++)
      if (this.pages[open[i]!]!.used < this.pages[number]!.used) number = open[i]!;
    const page = this.pages[number]!;
    if (this.freeBytes[sizeClass]! < pageBytes + page.used * blockBytes) return false;
    this.evacuate(number, page, moved);
    return true;
  }

  /** @returns whether a page was emptied. */
  private drainArena(moved: BlockMoved): boolean {
    if (this.draining === null) this.draining = this.sparseArena();
    const arena = this.draining;
    if (arena === null) return false;
    for (const number of arena.pages) {
      const page = this.pages[number]!;
      if (page.sizeClass < 0) continue;
      this.evacuate(number, page, moved);
      return true;
    }
    return false;
  }

  /** The arena with most free pages of a few, when there are many free pages; it is taken off the list. */
  private sparseArena(): Arena | null {
    const open = this.openArenas;
    if (open.length < 3 || this.freePages < 4 * arenaPages) return null;
    if (this.freePages * 10 * pageBytes < this.reservedBytes) return null;
    let arena = open[0]!;
    for (let i = 1; i < open.length && i < 64; i++)
      if (open[i]!.freePages.length > arena.freePages.length) arena = open[i]!;
    this.hide(arena);
    return arena;
  }

  /** Moves all blocks of a page elsewhere and gives the page back. */
  private evacuate(number: number, page: Page, moved: BlockMoved): void {
    const { bytes, start, sizeClass } = page;
    const blockBytes = classBytes(sizeClass);
    if (page.place >= 0) this.close(number, page);
    for (let offset = 0, left = page.used; left > 0; offset += blockBytes) {
      const owner = readWord(bytes, start + offset);
      if (owner === 0) continue;
      left--;
      const ref = this.allocate(blockBytes - blockHeadBytes, owner);
      const from = start + offset + blockHeadBytes;
      const to = this.bytesOf(ref);
      const at = this.offsetOf(ref);
      for (let i = 0; i < blockBytes - blockHeadBytes; i++) to[at + i] = bytes[from + i]!;
      moved(owner, ref);
    }
    this.freeBytes[sizeClass]! += page.used * blockBytes;
    page.used = 0;
    this.releasePage(number, page);
  }

  private allocateAlone(bytes: number, owner: number): BlockRef {
    const number = this.addPage({
      bytes: new Uint8Array(bytes),
      start: 0,
      arena: null,
      sizeClass: sharedClasses,
      used: 1,
      fresh: bytes,
      firstFree: noOffset,
      place: -1,
    });
    this.reservedBytes += bytes;
    writeWord(this.pages[number]!.bytes, 0, owner);
    return (number << 12) >>> 0;
  }

  private addPage(page: Page): number {
    const number = this.freeNumbers.pop() ?? this.pages.length;
    assert(number < 2 ** 20, "a range holds at most 32 GiB of blocks");
    this.pages[number] = page;
    return number;
  }

  /** Takes a free page for a class. */
  private openPage(sizeClass: number): number {
    if (this.openArenas.length === 0) this.addArena();
    const arena = this.openArenas[this.openArenas.length - 1]!;
    const number = arena.freePages.pop()!;
    this.freePages--;
    if (arena.freePages.length === 0) this.hide(arena);
    const page = this.pages[number]!;
    page.sizeClass = sizeClass;
    page.used = 0;
    page.fresh = 0;
    page.firstFree = noOffset;
    page.place = this.open[sizeClass]!.push(number) - 1;
    const usable = pageBytes - (pageBytes % classBytes(sizeClass));
    this.freeBytes[sizeClass]! += usable;
    this.heldBytes[sizeClass]! += usable;
    return number;
  }

  private addArena(): void {
    const count = this.arenas === 0 ? firstArenaPages : arenaPages;
    const bytes = new Uint8Array(count === arenaPages ? takeBuffer() : new ArrayBuffer(count * pageBytes));
    const arena: Arena = { bytes, pages: [], freePages: [], place: this.openArenas.length };
    for (let i = count - 1; i >= 0; i--) {
      const number = this.addPage({
        bytes,
        start: i * pageBytes,
        arena,
        sizeClass: -1,
        used: 0,
        fresh: 0,
        firstFree: noOffset,
        place: -1,
      });
      arena.pages.push(number);
      arena.freePages.push(number);
    }
    this.openArenas.push(arena);
    this.arenas++;
    this.freePages += count;
    this.reservedBytes += bytes.length;
  }

  /** An empty page goes back to its arena, and an empty arena goes when there is another with room. */
  private releasePage(number: number, page: Page): void {
    if (page.place >= 0) this.close(number, page);
    const usable = pageBytes - (pageBytes % classBytes(page.sizeClass));
    this.freeBytes[page.sizeClass]! -= usable;
    this.heldBytes[page.sizeClass]! -= usable;
    page.sizeClass = -1;
    const arena = page.arena!;
    arena.freePages.push(number);
    this.freePages++;
    if (arena !== this.draining && arena.place < 0) arena.place = this.openArenas.push(arena) - 1;
    if (arena.freePages.length < arena.pages.length) return;
    if (arena === this.draining) this.draining = null;
    else if (this.openArenas.length < 2) return;
    else this.hide(arena);
    for (const free of arena.freePages) {
      this.pages[free] = null;
      this.freeNumbers.push(free);
    }
    if (arena.pages.length === arenaPages) giveBuffer(arena.bytes.buffer as ArrayBuffer);
    this.freePages -= arena.pages.length;
    this.arenas--;
    this.reservedBytes -= arena.bytes.length;
  }

  /** Takes an arena off the list of those with free pages. */
  private hide(arena: Arena): void {
    const last = this.openArenas.pop()!;
    if (last !== arena) {
      this.openArenas[arena.place] = last;
      last.place = arena.place;
    }
    arena.place = -1;
  }

  /** Takes a page off its class's list; the last of the list takes its place. */
  private close(number: number, page: Page): void {
    const open = this.open[page.sizeClass]!;
    const last = open.pop()!;
    if (last !== number) {
      open[page.place] = last;
      this.pages[last]!.place = page.place;
    }
    page.place = -1;
  }
}

function readWord(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}

function writeWord(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}
