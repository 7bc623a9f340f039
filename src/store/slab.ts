import { assert } from "../base/assert.js";
import { classBytes, sizeClassOf } from "./size-class.js";

/** Names a block: page * 2^20 + offset. */
export type BlockRef = number;

const offsetSpan = 2 ** 20;
/** Larger blocks have a page of their own. */
const largestSharedBytes = 32 * 1024;
const sharedClasses = sizeClassOf(largestSharedBytes) + 1;
const noBlock = 0xffff_ffff;

/** One buffer cut into blocks of one class; freed blocks form a list through their first four bytes. */
interface Page {
  readonly bytes: Uint8Array;
  readonly sizeClass: number;
  used: number;
  /** Offset of the first block never handed out. */
  fresh: number;
  firstFree: number;
  /** Place in its class's list of pages with room, or -1. */
  place: number;
}

/**
 * Bytes outside the JS heap in blocks of size classes. Refs are local to a replica: nothing observable depends
 * on where a block lies.
 */
export class Slab {
  private readonly pages: (Page | null)[] = [];
  private readonly freePages: number[] = [];
  /** Per class, the pages that have room. */
  private readonly open: number[][] = Array.from({ length: sharedClasses }, () => []);

  /** The page of a block; it stays valid until the block is freed. */
  bytesOf(ref: BlockRef): Uint8Array {
    return this.pages[Math.floor(ref / offsetSpan)]!.bytes;
  }

  offsetOf(ref: BlockRef): number {
    return ref % offsetSpan;
  }

  allocate(length: number): BlockRef {
    const sizeClass = sizeClassOf(length);
    if (sizeClass >= sharedClasses) return this.addPage(sizeClass, classBytes(sizeClass)) * offsetSpan;
    const blockBytes = classBytes(sizeClass);
    const open = this.open[sizeClass]!;
    let index = open.length > 0 ? open[open.length - 1]! : -1;
    if (index < 0) {
      const pageBytes = Math.min(256 * 1024, Math.max(4 * 1024, blockBytes * 32));
      index = this.addPage(sizeClass, pageBytes - (pageBytes % blockBytes));
      this.pages[index]!.place = open.push(index) - 1;
    }
    const page = this.pages[index]!;
    let offset = page.firstFree;
    if (offset !== noBlock) page.firstFree = readWord(page.bytes, offset);
    else {
      offset = page.fresh;
      page.fresh += blockBytes;
    }
    page.used++;
    if (page.firstFree === noBlock && page.fresh >= page.bytes.length) this.close(page);
    return index * offsetSpan + offset;
  }

  free(ref: BlockRef): void {
    const index = Math.floor(ref / offsetSpan);
    const page = this.pages[index]!;
    page.used--;
    assert(page.used >= 0, "a block is freed once");
    if (page.sizeClass >= sharedClasses) {
      this.dropPage(index);
      return;
    }
    const offset = ref % offsetSpan;
    writeWord(page.bytes, offset, page.firstFree);
    page.firstFree = offset;
    const open = this.open[page.sizeClass]!;
    if (page.place < 0) page.place = open.push(index) - 1;
    // One empty page per class is kept: a key that comes and goes would else allocate a page each time.
    if (page.used === 0 && open.length > 1) {
      this.close(page);
      this.dropPage(index);
    }
  }

  private addPage(sizeClass: number, bytes: number): number {
    const page: Page = {
      bytes: new Uint8Array(bytes),
      sizeClass,
      used: sizeClass >= sharedClasses ? 1 : 0,
      fresh: 0,
      firstFree: noBlock,
      place: -1,
    };
    const index = this.freePages.pop() ?? this.pages.length;
    this.pages[index] = page;
    return index;
  }

  private dropPage(index: number): void {
    this.pages[index] = null;
    this.freePages.push(index);
  }

  /** Takes a page off its class's list; the last of the list takes its place. */
  private close(page: Page): void {
    const open = this.open[page.sizeClass]!;
    const last = open.pop()!;
    if (page.place < open.length) {
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
