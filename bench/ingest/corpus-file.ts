// A corpus on disk, so that every measured process reads the same bytes and none spends time on making them.
// In: a corpus specification, or a file. Out: a file, or its payloads.
// Bounds: [spans, length: uint32 LE][payload] one behind the other; a file is read whole.
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { type CorpusPayload, type CorpusSpec, createPayloads } from "./corpus.ts";

const HEAD_BYTES = 8;

/** Writes the corpus to `path`; returns how many spans and bytes it has. */
export function writeCorpus(
  path: string,
  spec: CorpusSpec,
): { readonly spans: number; readonly bytes: number; readonly payloads: number } {
  const file = openSync(path, "w");
  let spans = 0;
  let bytes = 0;
  let payloads = 0;
  try {
    for (const payload of createPayloads(spec)) {
      const head = new Uint8Array(HEAD_BYTES);
      const view = new DataView(head.buffer);
      view.setUint32(0, payload.spans, true);
      view.setUint32(4, payload.bytes.length, true);
      writeSync(file, head);
      writeSync(file, payload.bytes);
      spans += payload.spans;
      bytes += payload.bytes.length;
      payloads++;
    }
  } finally {
    closeSync(file);
  }
  return { spans, bytes, payloads };
}

/** The payloads of a file, each in a buffer of its own, as a transport would hand them over. */
export function readCorpus(path: string): CorpusPayload[] {
  const file = readFileSync(path);
  const payloads: CorpusPayload[] = [];
  for (let at = 0; at < file.length;) {
    const length = file.readUInt32LE(at + 4);
    const start = at + HEAD_BYTES;
    payloads.push({ spans: file.readUInt32LE(at), bytes: Uint8Array.from(file.subarray(start, start + length)) });
    at = start + length;
  }
  return payloads;
}
