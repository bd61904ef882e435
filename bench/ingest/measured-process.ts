// The parent's side of a measured process: starts it, asks it, ends it.
// In: a task. Out: its answers. Bounds: one question at a time; it dies with this process.
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Answer, Question, Task } from "./worker.ts";

/** A process that does one task. */
export interface MeasuredProcess {
  ask(question: Question): Promise<Answer>;
  /** Resolves with the first match of `pattern` in what it has said; rejects when it ends before. */
  said(pattern: RegExp): Promise<string>;
  stop(): Promise<void>;
}

const WORKER = fileURLToPath(new URL("./worker.js", import.meta.url));
const STOP_TIMEOUT_MS = 15_000;

/** Starts a process and resolves when its work is prepared; the service is only started. */
export async function startMeasured(task: Task, nodeOptions: readonly string[] = []): Promise<MeasuredProcess> {
  const child = fork(WORKER, [JSON.stringify(task)], {
    execArgv: [...nodeOptions],
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    env: withoutSettings(process.env),
  });
  let output = "";
  const keep = (text: Buffer): void => void (output = (output + text.toString()).slice(-20_000));
  child.stdout?.on("data", keep);
  child.stderr?.on("data", keep);
  const ended = new Promise<never>((_, reject) => {
    child.once("exit", (code, signal) => {
      reject(new Error(`the measured process ended with ${code ?? signal ?? "?"}:\n${output}`));
    });
  });
  ended.catch(() => {});
  const next = (): Promise<Answer> =>
    Promise.race([
      ended,
      new Promise<Answer>((resolve, reject) => {
        child.once("message", (message) => {
          const answer = message as Answer;
          if (answer.error === null) resolve(answer);
          else reject(new Error(answer.error));
        });
      }),
    ]);
  if (task.task === "work") await next();
  return {
    ask(question) {
      const answer = next();
      child.send(question);
      return answer;
    },
    said(pattern) {
      return Promise.race([
        ended,
        new Promise<string>((resolve) => {
          const look = (): void => {
            const found = pattern.exec(output)?.[1];
            if (found === undefined) return;
            child.stdout?.off("data", look);
            child.stderr?.off("data", look);
            resolve(found);
          };
          child.stdout?.on("data", look);
          child.stderr?.on("data", look);
          look();
        }),
      ]);
    },
    stop: () => stop(child, task.task === "service"),
  };
}

/** Settings of whoever runs the benchmark are not those of what is measured. */
function withoutSettings(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) => !name.startsWith("FAULTLINE_") && name !== "NODE_OPTIONS"),
  );
}

async function stop(child: ChildProcess, politely: boolean): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill(politely ? "SIGTERM" : "SIGKILL");
  const force = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
  await gone;
  clearTimeout(force);
}
