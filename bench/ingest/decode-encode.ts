// Decode+encode: payloads to Native blocks, beside the naive path on the same payloads: to the same columns, and to the Collector's 22 only.
// In: a corpus file. Out: CPU a span of each, ratios, bytes of heap a span.
// Bounds: processes of their own, asked in turn; each round gives one ratio and the median counts. The naive process gets memory enough for its objects.
import { type MeasuredProcess, startMeasured } from "./measured-process.ts";
import { median } from "./median.ts";
import type { Answer } from "./worker.ts";

/** CPU in µs a span, heap in bytes a span; medians. */
export interface DecodeResult {
  readonly fastUs: number;
  readonly naiveUs: number;
  readonly naive22Us: number;
  readonly ratio: number;
  readonly ratio22: number;
  readonly fastHeapBytes: number;
  readonly naiveHeapBytes: number;
}

/** Rounds, the spans of a round on either side, how often the fast one goes over its own, and how often before the first round. */
export interface DecodePlan {
  readonly rounds: number;
  readonly spans: number;
  readonly naiveSpans: number;
  readonly fastRepeats: number;
  readonly fastWarmUps: number;
}

const NAIVE_MEMORY = ["--max-old-space-size=6144"];

/** Measures one corpus. */
export async function measureDecode(corpus: string, plan: DecodePlan): Promise<DecodeResult> {
  const maxSpans = plan.naiveSpans;
  const fast = await startMeasured({ task: "work", work: { kind: "decode", corpus, maxSpans: plan.spans } });
  const naive = await startMeasured({ task: "work", work: { kind: "naive", corpus, maxSpans } }, NAIVE_MEMORY);
  const naive22 = await startMeasured({ task: "work", work: { kind: "naive-22", corpus, maxSpans } }, NAIVE_MEMORY);
  try {
    const rounds: { readonly fastUs: number; readonly naiveUs: number; readonly naive22Us: number }[] = [];
    // What a process does first compiles its code.
    await repeated(fast, plan.fastWarmUps);
    await naive.ask("round");
    await naive22.ask("round");
    for (let i = 0; i < plan.rounds; i++) {
      const before = await repeated(fast, plan.fastRepeats);
      const naiveUs = perSpan(await naive.ask("round"));
      const between = await repeated(fast, plan.fastRepeats);
      const naive22Us = perSpan(await naive22.ask("round"));
      const after = await repeated(fast, plan.fastRepeats);
      rounds.push({ fastUs: median([before, between, after]), naiveUs, naive22Us });
    }
    return {
      fastUs: median(rounds.map(({ fastUs }) => fastUs)),
      naiveUs: median(rounds.map(({ naiveUs }) => naiveUs)),
      naive22Us: median(rounds.map((round) => round.naive22Us)),
      ratio: median(rounds.map(({ fastUs, naiveUs }) => naiveUs / fastUs)),
      ratio22: median(rounds.map((round) => round.naive22Us / round.fastUs)),
      fastHeapBytes: await heapPerSpan(fast),
      naiveHeapBytes: await heapPerSpan(naive),
    };
  } finally {
    await Promise.all([fast.stop(), naive.stop(), naive22.stop()]);
  }
}

async function repeated(process: MeasuredProcess, times: number): Promise<number> {
  let cpuUs = 0;
  let spans = 0;
  for (let i = 0; i < times; i++) {
    const answer = await process.ask("round");
    cpuUs += answer.cpuUs;
    spans += answer.spans;
  }
  return cpuUs / spans;
}

function perSpan({ cpuUs, spans }: Answer): number {
  return cpuUs / spans;
}

async function heapPerSpan(process: MeasuredProcess): Promise<number> {
  await process.ask("heap-start");
  const { spans } = await process.ask("round");
  const { heapBytes } = await process.ask("heap-stop");
  return heapBytes / spans;
}
