import type { Observation } from "./workload.js";

/** The histories of single keys, in order of invocation. */
export function byKey(observations: readonly Observation[]): ReadonlyMap<string, readonly Observation[]> {
  const histories = new Map<string, Observation[]>();
  for (const each of observations) {
    const key = each.operation.args[0]!;
    const history = histories.get(key);
    if (history === undefined) histories.set(key, [each]);
    else history.push(each);
  }
  return histories;
}

/** The histories of objects of several keys, named by the hash tag that these share. */
export function byTag(observations: readonly Observation[]): ReadonlyMap<string, readonly Observation[]> {
  const histories = new Map<string, Observation[]>();
  for (const each of observations) {
    const tag = tagOf(each.operation.args[0]!);
    const history = histories.get(tag);
    if (history === undefined) histories.set(tag, [each]);
    else history.push(each);
  }
  return histories;
}

/** `{tag}` of the key `{tag}rest`. */
export function tagOf(key: string): string {
  return key.slice(0, key.indexOf("}") + 1);
}

/**
 * A tag for an object that is followed by another one after `span` operations of the class: the longer a history, the
 * dearer its check.
 */
export function tagFor(name: string, key: number, number: number, span: number): string {
  return `{${name}:${key}:${Math.floor(number / span)}}`;
}

/** The keys or tags that were asked about, each once. */
export function namesIn(
  asked: readonly Observation[],
  nameOf: (key: string) => string = (key) => key,
): readonly string[] {
  return [...new Set(asked.map(({ operation }) => nameOf(operation.args[0]!)))];
}

export function isLinearizable({ operation }: Observation): boolean {
  return operation.level === 0;
}
