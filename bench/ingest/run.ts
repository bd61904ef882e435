// The ingest benchmark: what a span costs from the wire to storage, beside the naive path and beside the engine alone.
// In: how large. Out: figures with the bounds that the product promises.
// Bounds: CPU time, never wall time; every ratio is of works that took turns in one run; a corpus is made once and read by all.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Figure, figure } from "../report.ts";
import { measureCollector } from "./collector-path.ts";
import { writeCorpus } from "./corpus-file.ts";
import { type DecodePlan, measureDecode } from "./decode-encode.ts";
import { measureKafka } from "./kafka-path.ts";
import type { FieldOrder } from "./otlp-writer.ts";
import { measureStoragePaths, type PathResult } from "./storage-path.ts";

/** How large to run: `smoke` only shows that everything works. */
export interface IngestPlan {
  readonly smoke: boolean;
  /** Null: all parts. */
  readonly part: IngestPart | null;
  /** A Collector's binary to compare with; null: none is here. */
  readonly collector: string | null;
}

/** What can be run by itself. */
export const INGEST_PARTS = ["decode", "storage", "kafka", "collector"] as const;
export type IngestPart = (typeof INGEST_PARTS)[number];

const SEED = 1;
const STORED_SPANS = 80_000;
const STORAGE_ROUNDS = 9;
const SMOKE_STORED_SPANS = 4_000;
const MB = 1e6;
/** Least and most spans a payload; the bound on the ratio holds from 500 spans on. */
const SIZES = [
  { name: "mix", payloadSpans: [500, 8000], isBounded: true },
  { name: "b512", payloadSpans: [512, 512], isBounded: true },
  { name: "b8192", payloadSpans: [8192, 8192], isBounded: true },
  { name: "b65536", payloadSpans: [65536, 65536], isBounded: true },
  { name: "b8", payloadSpans: [8, 8], isBounded: false },
] as const;
const ORDERS: readonly FieldOrder[] = ["ascending", "descending"];

/** Runs all scenarios; `tell` gets a line when one is done. */
export async function runIngest(plan: IngestPlan, tell: (line: string) => void): Promise<Record<string, Figure>> {
  const folder = mkdtempSync(join(tmpdir(), "faultline-bench-corpus-"));
  try {
    const runs = (part: IngestPart): boolean => plan.part === null || plan.part === part;
    return {
      ...(runs("decode") ? await decodeFigures(folder, plan, tell) : {}),
      ...(runs("storage") ? await storageFigures(folder, plan, tell) : {}),
      ...(runs("kafka") ? await kafkaFigures(folder, plan, tell) : {}),
      ...(runs("collector") ? await collectorFigures(folder, plan, tell) : {}),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function decodeFigures(
  folder: string,
  { smoke }: IngestPlan,
  tell: (line: string) => void,
): Promise<Record<string, Figure>> {
  const maxSpans = smoke ? 2_000 : 16_384;
  const figures: Record<string, Figure> = {};
  for (const { name, payloadSpans, isBounded } of smoke ? SIZES.slice(0, 2) : SIZES) {
    for (const order of ORDERS) {
      const corpus = join(folder, `${name}-${order}`);
      const made = writeCorpus(corpus, { name, payloadSpans, order, spans: maxSpans, seed: SEED });
      // Short rounds in quick alternation: a neighbour's load meets both sides alike.
      const isLong = made.spans > maxSpans * 2;
      const decode: DecodePlan = smoke
        ? { rounds: 1, spans: maxSpans, naiveSpans: maxSpans, fastRepeats: 1, fastWarmUps: 1 }
        : {
            rounds: isLong ? 3 : 9,
            spans: maxSpans,
            naiveSpans: maxSpans / 2,
            fastRepeats: 2,
            fastWarmUps: isLong ? 8 : 30,
          };
      const result = await measureDecode(corpus, decode);
      rmSync(corpus);
      const of = `${name}_${order}`;
      const note = `${made.payloads} payloads, ${Math.round(made.bytes / made.spans)} B/span`;
      figures[`decode_encode_${of}`] = figure(result.fastUs, "µs/span", null, note);
      figures[`naive_decode_encode_${of}`] = figure(result.naiveUs, "µs/span", null, "the same columns");
      figures[`naive_22_decode_encode_${of}`] = figure(result.naive22Us, "µs/span", null, "the Collector's 22 columns");
      figures[`decode_encode_ratio_${of}`] = figure(result.ratio, "x less", isBounded && !smoke ? ">= 20" : null);
      figures[`decode_encode_ratio_22_${of}`] = figure(
        result.ratio22,
        "x less",
        null,
        "against the naive path's 22 columns",
      );
      figures[`decode_encode_heap_${of}`] = figure(
        result.fastHeapBytes,
        "B/span",
        isBounded && !smoke ? "<= 150" : null,
      );
      figures[`naive_decode_encode_heap_${of}`] = figure(result.naiveHeapBytes, "B/span");
      tell(
        `decode+encode ${of}: ${result.fastUs.toFixed(2)} µs/span, naive ${result.naiveUs.toFixed(1)}: ${result.ratio.toFixed(1)}x (22 columns ${result.naive22Us.toFixed(1)}: ${result.ratio22.toFixed(1)}x)`,
      );
    }
  }
  return figures;
}

async function storageFigures(
  folder: string,
  { smoke }: IngestPlan,
  tell: (line: string) => void,
): Promise<Record<string, Figure>> {
  const corpus = join(folder, "mix");
  // As a Collector sends it.
  const spec = { name: "mix", payloadSpans: [500, 8000], order: "descending", seed: SEED } as const;
  writeCorpus(corpus, { ...spec, spans: smoke ? SMOKE_STORED_SPANS : STORED_SPANS });
  const result = await measureStoragePaths(corpus, smoke ? 1 : STORAGE_ROUNDS);
  tell(
    `engine alone ${result.engineOnlyUs.toFixed(2)} µs/span, decode+insert ${result.insert.ratio.toFixed(2)}x, HTTP ${result.http.ratio.toFixed(2)}x`,
  );
  return {
    engine_only: figure(result.engineOnlyUs, "µs/span", null, "ready-made Native blocks, all views, no merges"),
    ...pathFigures("decode_insert", result.insert, smoke ? UNBOUNDED : { ratio: "<= 1.4", rssMb: null }),
    ...pathFigures("http", result.http, smoke ? UNBOUNDED : { ratio: "<= 1.9", rssMb: "<= 200" }),
    ...pathFigures("naive_insert", result.naiveInsert, UNBOUNDED),
  };
}

async function kafkaFigures(
  folder: string,
  { smoke }: IngestPlan,
  tell: (line: string) => void,
): Promise<Record<string, Figure>> {
  const corpus = join(folder, "kafka");
  // A message of Kafka is a megabyte at most.
  const spec = { name: "kafka", payloadSpans: [500, 1_200], order: "descending", seed: SEED } as const;
  writeCorpus(corpus, { ...spec, spans: smoke ? SMOKE_STORED_SPANS : STORED_SPANS });
  const kafka = await measureKafka(corpus, smoke ? 1 : STORAGE_ROUNDS);
  tell(kafka === null ? "Kafka: skipped, it needs Java and Maven" : `Kafka ${kafka.ratio.toFixed(2)}x`);
  if (kafka === null) return { kafka: figure(null, "", null, "skipped: Java and Maven are not here") };
  return pathFigures("kafka", kafka, smoke ? UNBOUNDED : { ratio: null, rssMb: "<= 320" });
}

async function collectorFigures(
  folder: string,
  { smoke, collector }: IngestPlan,
  tell: (line: string) => void,
): Promise<Record<string, Figure>> {
  if (collector === null) {
    tell("Collector: skipped, --collector names no binary");
    return { collector: figure(null, "", null, "skipped: --collector names no binary") };
  }
  const corpus = join(folder, "collector");
  const spec = { name: "mix", payloadSpans: [500, 8000], order: "descending", seed: SEED } as const;
  writeCorpus(corpus, { ...spec, spans: smoke ? SMOKE_STORED_SPANS : STORED_SPANS });
  const result = await measureCollector(collector, corpus, smoke ? 1 : STORAGE_ROUNDS);
  tell(
    `Collector ${result.collectorUs.toFixed(2)} µs/span, ours ${result.ownUs.toFixed(2)}: ${result.ratio.toFixed(1)}x`,
  );
  return {
    collector_own: figure(result.collectorUs, "µs/span", null, "CPU of the Collector, HTTP to ClickHouse, no queue"),
    collector_ours: figure(result.ownUs, "µs/span", null, "CPU of our ingest role, same sender and engine"),
    collector_ratio: figure(result.ratio, "x less", smoke ? null : ">= 4"),
    collector_engine: figure(result.collectorEngineUs, "µs/span", null, "CPU of ClickHouse for the Collector's tables"),
    collector_rss_peak: figure(result.collectorPeakRssBytes / MB, "MB"),
  };
}

interface Bounds {
  readonly ratio: string | null;
  readonly rssMb: string | null;
}

/** What a few thousand spans cost in cold processes keeps no bound. */
const UNBOUNDED: Bounds = { ratio: null, rssMb: null };

function pathFigures(name: string, path: PathResult, bounds: Bounds): Record<string, Figure> {
  return {
    [`${name}_own`]: figure(path.ownUs, "µs/span", null, "CPU of our process"),
    [`${name}_engine`]: figure(path.engineUs, "µs/span", null, "CPU of ClickHouse"),
    [`${name}_ratio`]: figure(path.ratio, "x engine alone", bounds.ratio),
    [`${name}_heap`]: figure(path.heapBytes, "B/span"),
    [`${name}_rss_peak`]: figure(path.peakRssBytes / MB, "MB", bounds.rssMb),
  };
}
