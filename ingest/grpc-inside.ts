// What bounding a request needs of grpc-js and grpc-js does not offer: each piece as it arrives, decompression of our own, a real end.
// In: the innermost call of an interceptor chain. Out: these three, by its private fields `stream` and `incomingEncoding` (grpc-js 1.14).
// Bounds: grpc-js itself keeps all that arrives up to the largest request, and what it decompresses, before anybody may look. Where a
// version has these fields no more, the test of the bounds says so, and requests are bounded by their number and size alone.
import type { ServerInterceptingCallInterface } from "@grpc/grpc-js";

/** Encodings of requests that are decompressed by us. */
export type RequestEncoding = "gzip" | "deflate";

/** One call from inside. */
export interface CallInside {
  /** The encoding of the request, null when it is sent plain; known when it has arrived. */
  encoding(): RequestEncoding | null;
  /** Tells the size of each piece of the request. */
  onPiece(take: (bytes: number) => void): void;
  /** Ends the stream even if its sender would go on; a status must have been sent. */
  close(): void;
}

interface RequestStream {
  prependListener(event: "data", listener: (piece: Uint8Array) => void): void;
  close(code: number): void;
}

/** Reaches into a call that nobody has read from. */
export function insideOf(call: ServerInterceptingCallInterface): CallInside {
  const stream: unknown = Reflect.get(call, "stream");
  const sent: unknown = Reflect.get(call, "incomingEncoding");
  let encoding: RequestEncoding | null = null;
  if (sent === "gzip" || sent === "deflate") {
    // It is asked for only when the message says that it is compressed; by this answer it is handed on as it is.
    const get = (): string => {
      encoding = sent;
      return "identity";
    };
    Object.defineProperty(call, "incomingEncoding", { get });
  }
  return {
    encoding: () => encoding,
    onPiece: (take) => {
      if (isStream(stream)) stream.prependListener("data", (piece) => take(piece.length));
    },
    close: () => {
      if (isStream(stream)) stream.close(0);
    },
  };
}

function isStream(value: unknown): value is RequestStream {
  return typeof value === "object" && value !== null && "prependListener" in value && "close" in value;
}
