// The language of *.scenario files: who calls whom, what goes wrong, what the analyzer must say. One sentence a line.
// In: text. Out: a scenario as a value; a line that is no sentence of the language is an error that quotes it.
//   service cart takes 6ms calls db:carts, pricing + tax, ads? instances 3    (one after another; `+` at once; `?` lives with a failure)
//   service ads takes 5ms versions v1 v2 | silent        (silent = sends no spans, but passes the trace on)
//   service door takes 1ms calls frontend gateway        (a proxy with one span a request, which names whom it called)
//   service tax takes 5ms cluster west nodes n1 n2       (instances lie on the nodes in turn; the cluster is east where it is not said)
//   users call frontend 20/s                             sidecars          (several entries are several lines)
//   inject 80s to 120s: instance cart-2 slower by 200ms | fails 40%      (service, version cart@v2, instance, database, edge a -> b)
//   inject 80s to 120s: edge a -> b fails 40% flag FI | slower by 50ms flag DI | cut off after 5ms   (a flag: the caller's proxy answers)
//   inject 80s to 120s: service cart (edge a -> b) refuses 50% with 403 | node n1 slower by 50ms | link east - west slower by 50ms
//   inject 80s to 120s: entry frontend 3 times as many | instance cart-1 takes 90% | service cart falls silent
//   change at 79s: Deployment cart: image a → b          event at 85s: OOMKilled on cart-1
//   deliver 20% of the spans 25s late                    restart the analyzer at 110s
//   expect no incident | expect 2 incidents | expect nothing was withdrawn | expect the same after a replay
//   expect incident 1 starts at 80s within 2s | is closed by 160s | blames instance cart-2 as LATENCY with 0.6 | blames nobody
// Bounds: times are seconds from the scenario's start; the order of the lines does not matter.

export interface Call {
  readonly target: string;
  readonly tolerated: boolean;
}

export interface Service {
  readonly name: string;
  readonly takesMs: number;
  /** Groups of calls, one after another; the calls of a group run at the same time. */
  readonly calls: readonly (readonly Call[])[];
  readonly versions: readonly string[];
  readonly instances: number;
  readonly silent: boolean;
  readonly isGateway: boolean;
  readonly cluster: string;
  /** Nodes of the instances, in turn; empty: none is known. */
  readonly nodes: readonly string[];
}

export type FaultPlace = "service" | "version" | "instance" | "database" | "edge" | "node" | "link" | "entry";

export interface Fault {
  readonly from: number;
  readonly to: number;
  readonly kind: FaultPlace;
  readonly place: string;
  readonly slowerMs: number;
  readonly failRatio: number;
  readonly flag: string;
  /** Share of the requests that are refused, and the status. */
  readonly refuseRatio: number;
  readonly code: number;
  /** The caller gives up after so long; 0 = never. */
  readonly cutOffMs: number;
  /** Users send so many times the requests. */
  readonly times: number;
  /** Share of the requests that an instance takes; 0 = its own. */
  readonly takes: number;
  readonly isSilent: boolean;
}

/** A change that is told of, whether it did anything or not. */
export interface ToldChange {
  readonly at: number;
  readonly kind: string;
  readonly name: string;
  readonly what: string;
}

/** A Kubernetes event about a pod. */
export interface ToldEvent {
  readonly at: number;
  readonly reason: string;
  readonly pod: string;
}

export interface Expectation {
  readonly text: string;
  /** Number of the incident by start, from 1; 0 = the whole. */
  readonly incident: number;
  readonly claim: string;
}

export interface Scenario {
  readonly name: string;
  readonly services: ReadonlyMap<string, Service>;
  readonly entries: readonly { readonly service: string; readonly perSecond: number }[];
  readonly sidecars: boolean;
  readonly faults: readonly Fault[];
  readonly changes: readonly ToldChange[];
  readonly events: readonly ToldEvent[];
  readonly lateRatio: number;
  readonly lateSeconds: number;
  readonly restartAt: number | null;
  readonly expectations: readonly Expectation[];
}

function parseCalls(text: string): Call[][] {
  if (text === "") return [];
  return text.split(",").map((group) =>
    group.split("+").map((one) => {
      const name = one.trim();
      return { target: name.replace(/\?$/, ""), tolerated: name.endsWith("?") };
    }),
  );
}

const SERVICE =
  /^service (\S+) takes ([\d.]+)ms(?: calls (.+?))?(?: versions ((?:v\d+ ?)+))?(?: instances (\d+))?(?: cluster (\w+))?(?: nodes ([\w -]+?))?( silent| gateway)?$/;
const FAULT =
  /^inject (\d+)s to (\d+)s: (service|version|instance|database|edge|node|link|entry) (.+?) (slower by|fails|refuses|cut off after|takes|falls silent|[\d.]+ times as many)(?: ([\d.]+)(?:ms|%))?(?: flag (\w+))?(?: with (\d+))?$/;
const EXPECT = /^expect (?:incident (\d+) )?(.+)$/;

function faultOf(m: RegExpExecArray): Fault {
  const [verb, amount] = [m[5]!, Number(m[6] ?? 0)];
  return {
    from: Number(m[1]),
    to: Number(m[2]),
    kind: m[3] as FaultPlace,
    place: m[4]!,
    slowerMs: verb === "slower by" ? amount : 0,
    failRatio: verb === "fails" ? amount / 100 : 0,
    refuseRatio: verb === "refuses" ? amount / 100 : 0,
    cutOffMs: verb === "cut off after" ? amount : 0,
    takes: verb === "takes" ? amount / 100 : 0,
    times: verb.endsWith("times as many") ? Number.parseFloat(verb) : 1,
    isSilent: verb === "falls silent",
    flag: m[7] ?? "",
    code: Number(m[8] ?? 0),
  };
}

/** Reads a scenario; throws with the line that it does not understand. */
export function parseScenario(name: string, text: string): Scenario {
  const services = new Map<string, Service>();
  const faults: Fault[] = [];
  const changes: ToldChange[] = [];
  const events: ToldEvent[] = [];
  const expectations: Expectation[] = [];
  const entries: { service: string; perSecond: number }[] = [];
  let [sidecars, lateRatio, lateSeconds] = [false, 0, 0];
  let restartAt: number | null = null;
  for (const line of text.split("\n").map((raw) => raw.replace(/#.*/, "").trim())) {
    let m: RegExpExecArray | null;
    if (line === "") continue;
    if (line === "sidecars") sidecars = true;
    else if ((m = SERVICE.exec(line))) {
      services.set(m[1]!, {
        name: m[1]!,
        takesMs: Number(m[2]),
        calls: parseCalls(m[3] ?? ""),
        versions: m[4]?.trim().split(" ") ?? ["v1"],
        instances: Number(m[5] ?? 1),
        cluster: m[6] ?? "east",
        nodes: m[7]?.trim().split(" ") ?? [],
        silent: m[8] === " silent",
        isGateway: m[8] === " gateway",
      });
    } else if ((m = /^users call (\S+) ([\d.]+)\/s$/.exec(line))) {
      entries.push({ service: m[1]!, perSecond: Number(m[2]) });
    } else if ((m = FAULT.exec(line))) {
      faults.push(faultOf(m));
    } else if ((m = /^change at (\d+)s: (\w+) (\S+): (.+)$/.exec(line))) {
      changes.push({ at: Number(m[1]), kind: m[2]!, name: m[3]!, what: m[4]! });
    } else if ((m = /^event at (\d+)s: (\w+) on (\S+)$/.exec(line))) {
      events.push({ at: Number(m[1]), reason: m[2]!, pod: m[3]! });
    } else if ((m = /^deliver ([\d.]+)% of the spans (\d+)s late$/.exec(line))) {
      [lateRatio, lateSeconds] = [Number(m[1]) / 100, Number(m[2])];
    } else if ((m = /^restart the analyzer at (\d+)s$/.exec(line))) restartAt = Number(m[1]);
    else if ((m = EXPECT.exec(line))) expectations.push({ text: line, incident: Number(m[1] ?? 0), claim: m[2]! });
    else throw new Error(`${name}: not a sentence of the language: "${line}"`);
  }
  for (const { service } of entries) if (!services.has(service)) throw new Error(`${name}: no service "${service}"`);
  if (expectations.length === 0) throw new Error(`${name}: expects nothing`);
  return {
    name,
    services,
    entries,
    sidecars,
    faults,
    changes,
    events,
    lateRatio,
    lateSeconds,
    restartAt,
    expectations,
  };
}
