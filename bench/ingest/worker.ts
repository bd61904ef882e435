// A measured process: does one work, round by round, and says what each round cost it.
// In: argv: the work or a command line of the service, as JSON; then messages. Out: an answer a message, over IPC.
// Bounds: CPU is user and system time of all threads, garbage collection included; heap is what V8's sampling profiler saw allocated,
// collected or not, without the memory outside of the heap (payloads, columns).
import { Session } from "node:inspector/promises";
import { main as runService } from "../../service/main.ts";
import { prepareWork, type Round, type Work } from "./works.ts";

/** What a measured process is: a work of the benchmark, or the service itself. */
export type Task =
  | { readonly task: "work"; readonly work: Work }
  | { readonly task: "service"; readonly args: readonly string[] };

/** What it is asked. */
export type Question = "round" | "usage" | "heap-start" | "heap-stop";

/** What it answers: the spans of the round; CPU so far, the peak of its memory, bytes allocated since `heap-start`. */
export interface Answer {
  readonly spans: number;
  readonly cpuUs: number;
  readonly peakRssBytes: number;
  readonly heapBytes: number;
  readonly error: string | null;
}

const SAMPLING_INTERVAL_BYTES = 8 << 10;

const inspector = new Session();

async function answer(question: Question, round: Round | null): Promise<Answer> {
  let spans = 0;
  let heapBytes = 0;
  const before = cpuUs();
  if (question === "round" && round !== null) spans = await round();
  if (question === "heap-start") {
    inspector.connect();
    await inspector.post("HeapProfiler.startSampling", {
      samplingInterval: SAMPLING_INTERVAL_BYTES,
      includeObjectsCollectedByMajorGC: true,
      includeObjectsCollectedByMinorGC: true,
    } as object);
  }
  if (question === "heap-stop") {
    const { profile } = await inspector.post("HeapProfiler.stopSampling");
    heapBytes = sizeOf(profile.head);
    inspector.disconnect();
  }
  const spent = question === "round" ? cpuUs() - before : cpuUs();
  return { spans, cpuUs: spent, peakRssBytes: process.resourceUsage().maxRSS * 1024, heapBytes, error: null };
}

interface HeapNode {
  readonly selfSize: number;
  readonly children: readonly HeapNode[];
}

function sizeOf(node: HeapNode): number {
  return node.children.reduce((sum, child) => sum + sizeOf(child), node.selfSize);
}

function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

const task = JSON.parse(process.argv[2] ?? "null") as Task;
let round: Round | null = null;
if (task.task === "work") round = await prepareWork(task.work);
else void runService(task.args).then((code) => process.exit(code));

process.on("message", (question: Question) => {
  answer(question, round).then(
    (done) => process.send?.(done),
    (error: unknown) =>
      process.send?.({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
});
// The service says itself when it is ready; a work is ready now.
if (task.task === "work") process.send?.({ error: null });
process.once("disconnect", () => process.exit(0));
