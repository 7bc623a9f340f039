/** V8's .cpuprofile, as far as it is read here. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  /** Microseconds before each sample. */
  readonly timeDeltas: readonly number[];
}

export interface SelfTime {
  readonly name: string;
  readonly ms: number;
  /** Of all time that wasn't idle. */
  readonly share: number;
}

type CallFrame = CpuProfile["nodes"][number]["callFrame"];

/** What times are summed by: functions, or where they stand (layers of ours, packages, parts of Node, native code). */
export type Grouping = (frame: CallFrame) => string;

/** Sums of own time, hottest first, within a window of the profile's time in µs from its start. */
export function selfTimes(
  profile: CpuProfile,
  grouping: Grouping = byFunction,
  fromUs = 0,
  toUs = Number.POSITIVE_INFINITY,
): SelfTime[] {
  const nameOf = new Map(profile.nodes.map(({ id, callFrame }) => [id, grouping(callFrame)]));
  const sums = new Map<string, number>();
  let busyUs = 0;
  let atUs = 0;
  profile.samples.forEach((id, i) => {
    const deltaUs = profile.timeDeltas[i] ?? 0;
    atUs += deltaUs;
    const name = nameOf.get(id) ?? "?";
    if (name === "(idle)" || atUs < fromUs || atUs > toUs) return;
    busyUs += deltaUs;
    sums.set(name, (sums.get(name) ?? 0) + deltaUs);
  });
  return [...sums]
    .map(([name, us]) => ({ name, ms: us / 1000, share: us / busyUs }))
    .toSorted((a, b) => b.ms - a.ms);
}

export function byFunction(frame: CallFrame): string {
  const name = frame.functionName === "" ? "(anonymous)" : frame.functionName;
  if (frame.url === "") return name;
  const place = frame.url.replace(/^.*\/(dist|node_modules)\//, "");
  return `${name} ${place}:${frame.lineNumber + 1}`;
}

export function byPlace({ functionName, url }: CallFrame): string {
  if (url === "") return functionName.startsWith("(") ? functionName : "(native)";
  const packaged = /^.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url);
  if (packaged !== null) return packaged[1]!;
  const layer = /\/dist\/(edge\/[^/]+|[^/]+)\//.exec(url);
  if (layer !== null) return `src/${layer[1]}`;
  return url.replace(/^(node:(?:internal\/)?[^/]+).*$/, "$1");
}
