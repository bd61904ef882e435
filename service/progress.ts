// Shows how far something is: a bar on a terminal, a plain line every tenth elsewhere.
// In: ratios from 0 to 1. Out: text on the given stream.
// Bounds: at most ten redraws a second on a terminal, ten lines in all elsewhere.

/** A running display. `note` is shown beside the ratio; `end` leaves the last state standing. */
export interface Progress {
  update(ratio: number, note: string): void;
  end(): void;
}

/** Where it is shown; stderr fits. */
export interface ProgressStream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

const BAR_CELLS = 30;
const REDRAW_MS = 100;

/** Starts a display; `now` is in milliseconds. */
export function showProgress(title: string, stream: ProgressStream, now: () => number): Progress {
  let lastDrawnMs = -Infinity;
  let lastTenth = -1;
  let lastLine = "";
  return {
    update(ratio, note) {
      if (stream.isTTY === true) {
        lastLine = `${title} ${bar(ratio)} ${Math.floor(ratio * 100)} % ${note}`;
        if (now() - lastDrawnMs < REDRAW_MS && ratio < 1) return;
        lastDrawnMs = now();
        stream.write(`\r\x1b[2K${lastLine}`);
      } else if (Math.floor(ratio * 10) > lastTenth) {
        lastTenth = Math.floor(ratio * 10);
        stream.write(`${title}: ${lastTenth * 10} % ${note}\n`);
      }
    },
    end() {
      if (stream.isTTY === true && lastLine !== "") stream.write(`\r\x1b[2K${lastLine}\n`);
    },
  };
}

function bar(ratio: number): string {
  const full = Math.round(Math.min(1, Math.max(0, ratio)) * BAR_CELLS);
  return "█".repeat(full) + "░".repeat(BAR_CELLS - full);
}
