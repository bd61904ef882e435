// The language of *.scenario files: who calls whom, what goes wrong, what the analyzer must say. One sentence a line.
// In: text. Out: a scenario as a value; a line that is no sentence of the language is an error that quotes it.
//   service cart takes 6ms calls db:carts, pricing + tax, ads? instances 3
//       calls one after another; `+` at the same time; `?` the caller lives with a failure
//   service ads takes 5ms versions v1 v2 | silent        (silent = sends no spans, but passes the trace on)
//   users call frontend 20/s                             sidecars          (several entries are several lines)
//   inject 80s to 120s: instance cart-2 slower by 200ms | fails 40%      (service, version cart@v2, instance, database, edge a -> b)
//   inject 80s to 120s: edge a -> b fails 40% flag FI    (a flag: the caller's proxy answers, the call never arrives)
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
}

export interface Fault {
  readonly from: number;
  readonly to: number;
  readonly kind: "service" | "version" | "instance" | "database" | "edge";
  readonly place: string;
  readonly slowerMs: number;
  readonly failRatio: number;
  readonly flag: string;
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
  /^service (\S+) takes ([\d.]+)ms(?: calls (.+?))?(?: versions ((?:v\d+ ?)+))?(?: instances (\d+))?( silent)?$/;
const FAULT =
  /^inject (\d+)s to (\d+)s: (service|version|instance|database|edge) (.+?) (?:slower by (\d+)ms|fails ([\d.]+)%(?: flag (\w+))?)$/;
const EXPECT = /^expect (?:incident (\d+) )?(.+)$/;

/** Reads a scenario; throws with the line that it does not understand. */
export function parseScenario(name: string, text: string): Scenario {
  const services = new Map<string, Service>();
  const faults: Fault[] = [];
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
        silent: m[6] !== undefined,
      });
    } else if ((m = /^users call (\S+) ([\d.]+)\/s$/.exec(line))) {
      entries.push({ service: m[1]!, perSecond: Number(m[2]) });
    } else if ((m = FAULT.exec(line))) {
      faults.push({
        from: Number(m[1]),
        to: Number(m[2]),
        kind: m[3] as Fault["kind"],
        place: m[4]!,
        slowerMs: Number(m[5] ?? 0),
        failRatio: Number(m[6] ?? 0) / 100,
        flag: m[7] ?? "",
      });
    } else if ((m = /^deliver ([\d.]+)% of the spans (\d+)s late$/.exec(line))) {
      [lateRatio, lateSeconds] = [Number(m[1]) / 100, Number(m[2])];
    } else if ((m = /^restart the analyzer at (\d+)s$/.exec(line))) restartAt = Number(m[1]);
    else if ((m = EXPECT.exec(line))) expectations.push({ text: line, incident: Number(m[1] ?? 0), claim: m[2]! });
    else throw new Error(`${name}: not a sentence of the language: "${line}"`);
  }
  for (const { service } of entries) if (!services.has(service)) throw new Error(`${name}: no service "${service}"`);
  if (expectations.length === 0) throw new Error(`${name}: expects nothing`);
  return { name, services, entries, sidecars, faults, lateRatio, lateSeconds, restartAt, expectations };
}
