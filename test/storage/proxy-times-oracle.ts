// Time in proxies as its definition reads, span by span.
// In: spans by hand or by a generator. Out: nanoseconds by edge between instances and bucket.
// Bounds: quadratic in the spans of a trace; spans of one id are one span.
import { groupBy } from "../../model/group-by.ts";
import type { TestSpan } from "../golden/span-rows.ts";

const SECOND = 1_000_000_000n;

function isReached(parent: TestSpan, child: TestSpan): boolean {
  const after = child.startNs - parent.startNs;
  const length = BigInt(parent.durationNs);
  const longReach = length + 5n * SECOND < 60n * SECOND ? length + 5n * SECOND : 60n * SECOND;
  return after >= -5n * SECOND && after <= (length > 5n * SECOND ? longReach : 10n * SECOND);
}

/** An entry below a caller: another service's span, or any server below a client. */
function isEntry(caller: TestSpan, child: TestSpan): boolean {
  if (caller.kind === "Producer" || !isReached(caller, child)) return false;
  if (child.kind === "Server") return caller.kind === "Client" || caller.service !== child.service;
  return child.kind === "Client" && caller.service !== child.service;
}

/** Nanoseconds that at least one of the spans covers. */
function covered(spans: readonly TestSpan[]): bigint {
  let [sum, end] = [0n, 0n];
  for (const span of spans.toSorted((a, b) => Number(a.startNs - b.startNs))) {
    const to = span.startNs + BigInt(span.durationNs);
    const from = span.startNs > end ? span.startNs : end;
    if (to > from) [sum, end] = [sum + to - from, to];
  }
  return sum;
}

/** "bucket caller's instance > callee's instance protocol" → nanoseconds, without zeros. */
export function expectedProxyTimes(spans: readonly TestSpan[]): Record<string, number> {
  const times: Record<string, number> = {};
  const add = (from: TestSpan, to: TestSpan, bucketOf: TestSpan, ns: bigint): void => {
    if (ns <= 0n) return;
    const bucket = (bucketOf.startNs / (10n * SECOND)) * 10n;
    const edge = `${bucket} ${from.instance ?? ""} > ${to.instance ?? ""} ${to.protocol ?? ""}`;
    times[edge] = (times[edge] ?? 0) + Number(ns);
  };
  const byTrace = groupBy(spans, ({ trace }) => trace);
  for (const trace of byTrace.values()) {
    for (const outer of trace) {
      const below = trace.filter((span) => span.parent === outer.id);
      const inner = below.filter((span) => span.kind === outer.kind && span.service === outer.service);
      if (outer.kind === "Client" && outer.proxy !== true && BigInt(outer.durationNs) <= 9n * SECOND) {
        const attempts = inner.filter(
          (span) =>
            span.proxy === true &&
            span.startNs >= outer.startNs - SECOND &&
            span.startNs <= outer.startNs + 9n * SECOND,
        );
        const last = attempts.toSorted((a, b) => Number(a.startNs - b.startNs)).at(-1);
        const entries = trace.filter((span) => last !== undefined && span.parent === last.id && isEntry(last, span));
        const rank = (span: TestSpan): number => (span.kind === "Server" ? 1 : 0);
        const entry = entries.toSorted((a, b) => rank(a) - rank(b) || Number(a.startNs - b.startNs)).at(-1);
        if (last !== undefined && entry !== undefined)
          add(last, entry, last, BigInt(outer.durationNs) - covered(attempts));
      }
      const caller = trace.find((span) => span.id === outer.parent);
      if (outer.kind === "Server" && outer.proxy === true && caller !== undefined && isEntry(caller, outer)) {
        const own = inner.filter((span) => span.proxy !== true && isReached(outer, span));
        if (own.length > 0) add(caller, outer, outer, BigInt(outer.durationNs) - covered(own));
      }
    }
  }
  return times;
}
