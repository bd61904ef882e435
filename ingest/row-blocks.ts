// How the blocks of each signal are made, for every way in: the writers of the role, Kafka, replays of dead letters.
// In: the limits of decoding and the rules on names. Out: one maker a signal; blocks that share a memory are filled one at a time.
// Bounds: those of the blocks.
import type { RowBlock } from "./otlp/block.ts";
import type { DecodeLimits } from "./otlp/limits.ts";
import { LogBlock } from "./otlp/logs.ts";
import { MetricBlock } from "./otlp/metrics.ts";
import type { ResourceMemory } from "./otlp/resource-memory.ts";
import { TraceBlock } from "./otlp/traces.ts";
import type { SenderRules } from "./sender-rules.ts";
import type { Signal } from "./signal.ts";

/** Makes empty blocks. */
export function createRowBlocks(
  decode: DecodeLimits,
  rules?: SenderRules,
): Readonly<Record<Signal, (memory: ResourceMemory) => RowBlock>> {
  const under = (memory: ResourceMemory): ResourceMemory => (rules === undefined ? memory : memory.under(rules));
  return {
    traces: (memory) => new TraceBlock(decode, under(memory)),
    logs: (memory) => new LogBlock(decode, under(memory)),
    metrics: (memory) => new MetricBlock(decode, under(memory)),
  };
}
